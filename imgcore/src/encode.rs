//! A raster, the metadata to keep and a plan into the bytes of a file.

use crate::codec::{self, Blocks};
use crate::decode::contain;
use crate::error::Error;
use crate::limits::{Context, Stage};
use crate::pixels::Picture;
use crate::plan::EncodePlan;

/// Writes the file that the plan names.
pub(crate) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan, ctx: &Context) -> Result<Vec<u8>, Error> {
    ctx.go_on(Stage::Encode)?;
    contain(|| codec::encode(picture, blocks, plan))
}
