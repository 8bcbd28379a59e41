//! Cuts a rectangle of whole pixels out of a raster.

use crate::geometry::Region;
use crate::pixels::{Raster, Samples};

/// The region must lie inside the raster; what lies outside is left out.
pub(crate) fn crop(raster: &Raster, region: Region) -> Raster {
    let channels = raster.layout.channels();
    let (start, len) = (region.left as usize * channels, region.width as usize * channels);
    let rows = raster.bytes().chunks_exact(raster.stride()).skip(region.top as usize).take(region.height as usize);
    let samples = rows.flat_map(|row| &row[start..start + len]).copied().collect();
    Raster { width: region.width, height: region.height, layout: raster.layout, samples: Samples::U8(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Layout;

    #[test]
    fn a_crop_is_the_rows_and_columns_asked_for() {
        let raster = Raster { width: 3, height: 2, layout: Layout::GrayAlpha, samples: Samples::U8((0..12).collect()) };
        let cut = crop(&raster, Region { left: 1, top: 1, width: 2, height: 1 });
        assert_eq!(cut.bytes(), [8, 9, 10, 11]);
    }
}
