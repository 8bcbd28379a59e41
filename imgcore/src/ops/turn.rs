//! Turns and mirrors a raster: the eight orientations.

use crate::geometry::Turn;
use crate::pixels::{Raster, Samples};

/// Rows are read in blocks when they become columns, so that a large picture does not miss the cache at every pixel.
const BLOCK: usize = 32;

/// The raster after the turn.
pub(crate) fn turn(raster: &Raster, turn: Turn) -> Raster {
    let size = turn.size(raster.size());
    let samples = match &raster.samples {
        Samples::U8(samples) => Samples::U8(turned(samples, raster, turn)),
        Samples::U16(samples) => Samples::U16(turned(samples, raster, turn)),
    };
    Raster { width: size.width, height: size.height, layout: raster.layout, samples }
}

fn turned<T: Copy + Default>(samples: &[T], raster: &Raster, turn: Turn) -> Vec<T> {
    match raster.layout.channels() {
        1 => turned_pixels::<T, 1>(samples, raster, turn),
        2 => turned_pixels::<T, 2>(samples, raster, turn),
        3 => turned_pixels::<T, 3>(samples, raster, turn),
        _ => turned_pixels::<T, 4>(samples, raster, turn),
    }
}

fn turned_pixels<T: Copy + Default, const N: usize>(samples: &[T], raster: &Raster, turn: Turn) -> Vec<T> {
    let (width, height) = (raster.width as usize, raster.height as usize);
    let (source, _) = samples.as_chunks::<N>();
    let mut result = vec![T::default(); width * height * N];
    let (target, _) = result.as_chunks_mut::<N>();
    if !turn.transpose {
        for (y, row) in target.chunks_exact_mut(width).enumerate() {
            let from = if turn.flip { height - 1 - y } else { y };
            row.copy_from_slice(&source[from * width..(from + 1) * width]);
            if turn.flop {
                row.reverse();
            }
        }
        return result;
    }
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for y in top..(top + BLOCK).min(height) {
                let column = if turn.flop { height - 1 - y } else { y };
                for x in left..(left + BLOCK).min(width) {
                    let row = if turn.flip { width - 1 - x } else { x };
                    target[row * height + column] = source[y * width + x];
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Region;
    use crate::ops::crop::crop;
    use crate::ops::testing::patterned;
    use crate::pixels::Layout;

    #[test]
    fn each_orientation_shows_the_same_upright_picture() {
        // A 2 by 3 picture as each orientation stores it; see the diagram in geometry.rs.
        let upright = [1, 2, 3, 4, 5, 6];
        let stored: [(u16, u32, [u8; 6]); 8] = [
            (1, 2, [1, 2, 3, 4, 5, 6]),
            (2, 2, [2, 1, 4, 3, 6, 5]),
            (3, 2, [6, 5, 4, 3, 2, 1]),
            (4, 2, [5, 6, 3, 4, 1, 2]),
            (5, 3, [1, 3, 5, 2, 4, 6]),
            (6, 3, [2, 4, 6, 1, 3, 5]),
            (7, 3, [6, 4, 2, 5, 3, 1]),
            (8, 3, [5, 3, 1, 6, 4, 2]),
        ];
        for (orientation, width, samples) in stored {
            let raster = Raster { width, height: 6 / width, layout: Layout::Gray, samples: Samples::U8(samples.to_vec()) };
            let result = turn(&raster, Turn::from_exif(orientation));
            assert_eq!((result.width, result.bytes()), (2, &upright[..]), "orientation {orientation}");
        }
    }

    #[test]
    fn turning_a_crop_is_cropping_the_turned() {
        let region = Region { left: 5, top: 2, width: 31, height: 40 };
        for layout in [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba] {
            let raster = patterned(67, 45, layout);
            for orientation in 1..=8 {
                let t = Turn::from_exif(orientation);
                assert_eq!(
                    turn(&crop(&raster, region), t),
                    crop(&turn(&raster, t), t.region(region, raster.size())),
                    "orientation {orientation}"
                );
            }
        }
    }

    #[test]
    fn a_turn_and_its_inverse_leave_the_picture_as_it_was() {
        let raster = patterned(37, 70, Layout::Rgb);
        for orientation in 1..=8 {
            let t = Turn::from_exif(orientation);
            assert_eq!(turn(&turn(&raster, t), t.inverse()), raster, "orientation {orientation}");
        }
    }
}
