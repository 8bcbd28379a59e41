//! The picture that all benches read: made by code, the same on every machine.
//!
//! Layers of value noise, each twice as fine and somewhat weaker than the one before, over a gradient, with grain on top:
//! about as hard to compress as a photograph, and nobody's.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use imgcore::{Context, Encode, Error, Layout, Picture, Raster, Recipe, convert_pixels};

/// 12 megapixels, as from a phone.
pub const WIDTH: u32 = 4_000;
/// See [`WIDTH`].
pub const HEIGHT: u32 = 3_000;

/// The picture as a JPEG of quality 90 with halved chroma; kept in the folder `cache`, since making it takes a moment.
///
/// # Errors
/// What [`convert_pixels`] says, which is nothing for this picture.
pub fn photo(cache: &Path) -> Result<Vec<u8>, Error> {
    let path = cache.join(format!("photo-{WIDTH}x{HEIGHT}-revision-{}.jpg", imgcore::OUTPUT_REVISION));
    if let Ok(bytes) = fs::read(&path) {
        return Ok(bytes);
    }
    let jpeg = convert_pixels(pixels(WIDTH, HEIGHT)?, &Recipe::default().encode(Encode::jpeg().quality(90)), &Context::default())?.data;
    // Without a cache the next run makes it again. The rename keeps a run that was cut short from leaving half a file.
    let partial = path.with_extension("partial");
    let _ = fs::write(&partial, &jpeg).and_then(|()| fs::rename(&partial, &path));
    Ok(jpeg)
}

/// The picture as pixels, of any size.
///
/// # Errors
/// `invalid_recipe` where a side is 0.
pub fn pixels(width: u32, height: u32) -> Result<Picture, Error> {
    let mut samples = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let light = 96 + 96 * y / height.max(1) + layers(x, y, 0, 9);
            let tint = layers(x, y, 1, 5) / 2;
            let grain = hash(x, y, 99) % 13;
            samples.extend([light + tint, light + 24, light + 64 - tint].map(|v| (v + grain).saturating_sub(100).min(255) as u8));
        }
    }
    Raster::from_u8(width, height, Layout::Rgb, samples).map(Picture::still)
}

/// Noise of up to nine layers, 0 to about 220.
fn layers(x: u32, y: u32, seed: u32, count: u32) -> u32 {
    const STRENGTH: [u32; 9] = [50, 36, 28, 24, 22, 20, 18, 16, 14];
    (0..count).zip(STRENGTH).map(|(layer, strength)| noise(x, y, 9 - layer, seed * 16 + layer) * strength / 255).sum()
}

/// Noise from 0 to 255 between the points of a grid of `1 << step` pixels.
fn noise(x: u32, y: u32, step: u32, seed: u32) -> u32 {
    let (column, row) = (x >> step, y >> step);
    let (across, down) = (x & ((1 << step) - 1), y & ((1 << step) - 1));
    let mix = |from: u32, to: u32, at: u32| ((from * ((1 << step) - at)) + to * at) >> step;
    let line = |row| mix(hash(column, row, seed) & 255, hash(column + 1, row, seed) & 255, across);
    mix(line(row), line(row + 1), down)
}

fn hash(x: u32, y: u32, seed: u32) -> u32 {
    let mixed = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D);
    (mixed ^ (mixed >> 12)).wrapping_mul(0x297A_2D39) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_uses_most_of_the_range_and_is_not_flat() {
        let picture = pixels(640, 480).unwrap();
        let imgcore::Pixels::Raster(raster) = &picture.frames[0].pixels else { panic!("a raster was made") };
        let (low, high) = (raster.bytes().iter().min().unwrap(), raster.bytes().iter().max().unwrap());
        assert!(*low < 60 && *high > 220, "{low} to {high}");
        let different = raster.bytes().windows(4).filter(|w| w[0] != w[3]).count();
        assert!(different > raster.bytes().len() / 2, "{different}");
    }
}
