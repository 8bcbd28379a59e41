//! bmp.
use super::Found;
use crate::decode::{Decoded, Want};
use crate::error::Error;
use crate::limits::{Context, Limits};

pub(super) fn probe(_input: &[u8], _limits: &Limits) -> Result<Found, Error> {
    Err(Error::unsupported("bmp"))
}

pub(super) fn decode(_input: &[u8], _wants: &mut [Want<'_>], _ctx: &Context) -> Result<Decoded, Error> {
    Err(Error::unsupported("bmp"))
}
