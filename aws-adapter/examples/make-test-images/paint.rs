//! The painter's tools: light, noise, and a canvas that asks a scene for the light at each place.
//!
//! A scene is a function of `x` and `y`, where `y` goes from 0 at the top to 1 at the bottom and `x` from 0 at the
//! left to the aspect ratio at the right. It answers in linear light, 1 being white.

use crate::picture::Picture;
use std::ops::{Add, Mul};
use std::thread;

/// Linear red, green and blue.
#[derive(Clone, Copy, Default)]
pub(crate) struct Light(pub(crate) f64, pub(crate) f64, pub(crate) f64);

impl Add for Light {
    type Output = Light;
    fn add(self, other: Light) -> Light {
        Light(self.0 + other.0, self.1 + other.1, self.2 + other.2)
    }
}

impl Mul<f64> for Light {
    type Output = Light;
    fn mul(self, by: f64) -> Light {
        Light(self.0 * by, self.1 * by, self.2 * by)
    }
}

impl Mul for Light {
    type Output = Light;
    fn mul(self, by: Light) -> Light {
        Light(self.0 * by.0, self.1 * by.1, self.2 * by.2)
    }
}

/// The light of a color written as in CSS: `0xRRGGBB`.
pub(crate) fn hex(color: u32) -> Light {
    let channel = |shift: u32| {
        let v = f64::from(color >> shift & 255) / 255.0;
        // Close to the curve of sRGB, and cheap enough to call for each pixel.
        v * (v * (v * 0.305306 + 0.682171) + 0.012523)
    };
    Light(channel(16), channel(8), channel(0))
}

pub(crate) fn mix(a: Light, b: Light, t: f64) -> Light {
    let t = t.clamp(0.0, 1.0);
    a * (1.0 - t) + b * t
}

/// A smooth run of colors through stops at ascending places.
pub(crate) fn gradient(stops: &[(f64, u32)], at: f64) -> Light {
    let (first, last) = (stops[0], stops[stops.len() - 1]);
    if at <= first.0 {
        return hex(first.1);
    }
    for pair in stops.windows(2) {
        if at < pair[1].0 {
            return mix(hex(pair[0].1), hex(pair[1].1), smooth(pair[0].0, pair[1].0, at));
        }
    }
    hex(last.1)
}

/// 0 below `from`, 1 above `to`, an S between them; `from` may be the greater one.
pub(crate) fn smooth(from: f64, to: f64, at: f64) -> f64 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bell of height 1 around 0.
pub(crate) fn bell(distance: f64, width: f64) -> f64 {
    (-(distance / width).powi(2)).exp()
}

/// A number from 0 to 1 that belongs to a cell and a seed.
pub(crate) fn chance(x: i64, y: i64, seed: u32) -> f64 {
    let mut h = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        ^ u64::from(seed).wrapping_mul(0x1656_67B1_9E37_79F9);
    h = (h ^ (h >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    h = (h ^ (h >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((h ^ (h >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Smooth noise around 0, roughly from -1 to 1, one bump a unit.
pub(crate) fn noise(x: f64, y: f64, seed: u32) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (x - left, y - top);
    let corner = |dx: f64, dy: f64| {
        let (cx, cy) = ((left + dx) as i64, (top + dy) as i64);
        let (gx, gy) = (chance(cx, cy, seed) - 0.5, chance(cx, cy, seed ^ 0x5BD1) - 0.5);
        gx * (u - dx) + gy * (v - dy)
    };
    let fade = |t: f64| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (s, t) = (fade(u), fade(v));
    let top = corner(0.0, 0.0) * (1.0 - s) + corner(1.0, 0.0) * s;
    let bottom = corner(0.0, 1.0) * (1.0 - s) + corner(1.0, 1.0) * s;
    (top * (1.0 - t) + bottom * t) * 2.6
}

/// Noise of several sizes, each half as large and half as strong as the one before.
pub(crate) fn fractal(x: f64, y: f64, octaves: u32, seed: u32) -> f64 {
    let (mut sum, mut scale, mut weight) = (0.0, 1.0, 0.5);
    for octave in 0..octaves {
        sum += noise(x * scale, y * scale, seed.wrapping_add(octave)) * weight;
        scale *= 2.03;
        weight *= 0.5;
    }
    sum
}

/// Noise with sharp crests, from 0 to about 1.
pub(crate) fn crests(x: f64, y: f64, octaves: u32, seed: u32) -> f64 {
    let (mut sum, mut scale, mut weight) = (0.0, 1.0, 0.5);
    for octave in 0..octaves {
        sum += (1.0 - noise(x * scale, y * scale, seed.wrapping_add(octave)).abs() * 1.6) * weight;
        scale *= 2.07;
        weight *= 0.5;
    }
    sum
}

/// What a scene has painted: linear light, multiplied by its alpha.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<(Light, f64)>,
}

/// Paints an opaque scene.
pub(crate) fn paint(width: u32, height: u32, scene: impl Fn(f64, f64) -> Light + Sync) -> Canvas {
    paint_alpha(width, height, |x, y| (scene(x, y), 1.0))
}

/// Paints a scene that answers light (not multiplied) and alpha. Each pixel is the mean of four places.
pub(crate) fn paint_alpha(width: u32, height: u32, scene: impl Fn(f64, f64) -> (Light, f64) + Sync) -> Canvas {
    let pixel = |index: usize| {
        let (column, row) = (index % width as usize, index / width as usize);
        let mut sum = (Light::default(), 0.0);
        for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let scale = f64::from(height);
            let (light, alpha) = scene((column as f64 + dx) / scale, (row as f64 + dy) / scale);
            // What shines stays within what paper can show before it is averaged, or edges turn jagged.
            sum = (sum.0 + shoulder(light) * (alpha / 4.0), sum.1 + alpha / 4.0);
        }
        sum
    };
    let mut pixels = vec![(Light::default(), 0.0); (width * height) as usize];
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = pixels.len().div_ceil(threads);
    thread::scope(|scope| {
        for (part, places) in pixels.chunks_mut(share).enumerate() {
            let pixel = &pixel;
            scope.spawn(move || {
                for (i, place) in places.iter_mut().enumerate() {
                    *place = pixel(part * share + i);
                }
            });
        }
    });
    Canvas { width, height, pixels }
}

/// Bends what is brighter than paper white towards it, as film does.
fn shoulder(light: Light) -> Light {
    let bend = |v: f64| if v < 0.7 { v.max(0.0) } else { 1.0 - 0.3 * (-(v - 0.7) / 0.3).exp() };
    Light(bend(light.0), bend(light.1), bend(light.2))
}

impl Canvas {
    /// The finished picture with film grain of so many levels of 255, the same in all three channels.
    pub(crate) fn picture(&self, grain: f64) -> Picture {
        Picture::from_fn(self.width, self.height, |x, y| {
            let speck = (0..3).map(|i| chance(x.into(), y.into(), 77 + i)).sum::<f64>() - 1.5;
            let [r, g, b, a] = self.encoded(x, y);
            let level = |v: f64| (v * 255.0 + speck * grain + 0.5).clamp(0.0, 255.0) as u8;
            [level(r), level(g), level(b), (a * 255.0 + 0.5) as u8]
        })
    }

    /// The finished picture as big-endian RGB of 16 bits a sample.
    pub(crate) fn rgb16(&self) -> Vec<u8> {
        let places = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let samples = places.flat_map(|(x, y)| self.encoded(x, y).into_iter().take(3));
        samples.flat_map(|v| ((v * 65535.0 + 0.5) as u16).to_be_bytes()).collect()
    }

    /// Straight, with the curve of sRGB, from 0 to 1.
    fn encoded(&self, x: u32, y: u32) -> [f64; 4] {
        let (light, alpha) = self.pixels[(y * self.width + x) as usize];
        let curve = |v: f64| {
            let v = (v / alpha.max(1e-9)).clamp(0.0, 1.0);
            if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
        };
        [curve(light.0), curve(light.1), curve(light.2), alpha.clamp(0.0, 1.0)]
    }
}
