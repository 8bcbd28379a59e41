//! One file an operation on pixels: decided integers in, pixels out; no recipe in sight.

pub(crate) mod crop;
pub(crate) mod extend;
pub(crate) mod flatten;
pub(crate) mod profile;
pub(crate) mod resize;
pub(crate) mod turn;

#[cfg(test)]
pub(crate) mod testing {
    use crate::pixels::{Layout, Raster, Samples};

    /// A raster whose samples all differ from their neighbors, the same each time.
    pub(crate) fn patterned(width: u32, height: u32, layout: Layout) -> Raster {
        let count = width * height * layout.channels() as u32;
        let samples = (0..count).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        Raster { width, height, layout, samples: Samples::U8(samples) }
    }
}
