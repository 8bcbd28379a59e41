//! gif.
use super::{Blocks, Found};
use crate::decode::{Decoded, Want};
use crate::error::Error;
use crate::limits::{Context, Limits};
use crate::pixels::Picture;
use crate::plan::EncodePlan;

pub(super) fn probe(_input: &[u8], _limits: &Limits) -> Result<Found, Error> {
    Err(Error::unsupported("gif"))
}

pub(super) fn decode(_input: &[u8], _wants: &mut [Want<'_>], _ctx: &Context) -> Result<Decoded, Error> {
    Err(Error::unsupported("gif"))
}

pub(super) fn encode(_picture: &Picture, _blocks: &Blocks, _plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    Err(Error::unsupported("gif"))
}
