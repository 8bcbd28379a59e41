//! Changes a raster's size: the only user of `fast_image_resize`.
//!
//! The bytes of a resize are defined as that crate's on the whole picture, in 8 bits, with alpha premultiplied before and divided
//! out after. Its 8-bit paths give the same result on every CPU; the kernels are given to it from here, since the standard
//! library's sine is not the same on every platform.

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{Filter, FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::error::Error;
use crate::geometry::{Axis, Ratio, Size};
use crate::pixels::{Layout, Raster, Samples};
use crate::plan::ResizeSpec;
use crate::recipe::Kernel;

/// The part of the raster that the axes cover, at their counts. The raster is only read.
pub(crate) fn resize(raster: &mut Raster, spec: &ResizeSpec) -> Result<Raster, Error> {
    // Each kind of pixels and each kind of image is compiled anew in hundreds of variants: four kinds of pixels rather than the thirteen of
    // the crate's dynamic images, and for source and target the same kind of image, which borrows mutably.
    let samples = match raster.layout {
        Layout::Gray => resize_pixels::<U8>(raster, spec),
        Layout::GrayAlpha => resize_pixels::<U8x2>(raster, spec),
        Layout::Rgb => resize_pixels::<U8x3>(raster, spec),
        Layout::Rgba => resize_pixels::<U8x4>(raster, spec),
    }?;
    Ok(Raster { width: spec.x.count, height: spec.y.count, layout: raster.layout, samples: Samples::U8(samples) })
}

/// As [`resize`], where the axes may begin or end outside the raster: its edges go on.
pub(crate) fn resize_edged(raster: &mut Raster, spec: &ResizeSpec) -> Result<Raster, Error> {
    let Some([left, right, top, bottom]) = outside(spec, raster.size()) else { return resize(raster, spec) };
    let size = Size::new(left + raster.width + right, top + raster.height + bottom);
    let channels = raster.layout.channels();
    let mut samples = Vec::with_capacity(size.pixels() as usize * channels);
    for y in 0..size.height {
        let y = y.saturating_sub(top).min(raster.height - 1) as usize;
        let row = &raster.bytes()[y * raster.stride()..][..raster.stride()];
        (0..left).for_each(|_| samples.extend_from_slice(&row[..channels]));
        samples.extend_from_slice(row);
        (0..right).for_each(|_| samples.extend_from_slice(&row[row.len() - channels..]));
    }
    let mut edged = Raster { width: size.width, height: size.height, layout: raster.layout, samples: Samples::U8(samples) };
    let moved = |axis: &Axis, by: u32| Axis { from: axis.from.plus(Ratio::whole(by)), ..*axis };
    resize(&mut edged, &ResizeSpec { x: moved(&spec.x, left), y: moved(&spec.y, top), kernel: spec.kernel })
}

/// How many samples of what the axes cover lie left, right, above and below; None where they cover nothing outside.
fn outside(spec: &ResizeSpec, size: Size) -> Option<[u32; 4]> {
    let before = |axis: &Axis| Ratio::whole(0).minus(axis.from).ceil().max(0) as u32;
    let behind = |axis: &Axis, side: u32| (axis.from.plus(axis.length()).ceil() - i64::from(side)).max(0) as u32;
    let sides = [before(&spec.x), behind(&spec.x, size.width), before(&spec.y), behind(&spec.y, size.height)];
    (sides != [0; 4]).then_some(sides)
}

/// What [`resize_edged`] holds of a plane with its edges, in bytes.
pub(crate) fn edged(spec: &ResizeSpec, size: Size) -> u64 {
    let whole = |[left, right, top, bottom]: [u32; 4]| Size::new(left + size.width + right, top + size.height + bottom).pixels();
    outside(spec, size).map_or(0, whole)
}

fn resize_pixels<P: PixelTrait>(raster: &mut Raster, spec: &ResizeSpec) -> Result<Vec<u8>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::internal(format!("resize: {e}"));
    let mut samples = vec![0; spec.x.count as usize * spec.y.count as usize * raster.layout.channels()];
    let Samples::U8(bytes) = &mut raster.samples else { return Err(failed(&"16-bit samples")) };
    let source = TypedImage::<P>::from_buffer(raster.width, raster.height, bytes).map_err(|e| failed(&e))?;
    let mut target = TypedImage::<P>::from_buffer(spec.x.count, spec.y.count, &mut samples).map_err(|e| failed(&e))?;
    let (left, width) = window(&spec.x, raster.width);
    let (top, height) = window(&spec.y, raster.height);
    let options = ResizeOptions::new().resize_alg(algorithm(spec.kernel)).crop(left, top, width, height);
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
    Ok(samples)
}

/// Where an axis begins and how long it is, as floats that stay inside the picture.
fn window(axis: &Axis, side: u32) -> (f64, f64) {
    let side = f64::from(side);
    let from = axis.from.to_f64().clamp(0.0, side);
    let mut length = axis.length().to_f64();
    // The two roundings may add up to a step over the edge, which would be refused.
    while from + length > side {
        length = length.next_down();
    }
    (from, length)
}

/// The tables of weights that the crate makes for both axes, in bytes: a float and an integer for each sample under the kernel.
pub(crate) fn weights(spec: &ResizeSpec) -> u64 {
    let support: i64 = match spec.kernel {
        Kernel::Nearest => return 0,
        Kernel::Box | Kernel::Linear | Kernel::Hamming => 1,
        Kernel::Cubic | Kernel::Mitchell | Kernel::Lanczos2 => 2,
        Kernel::Lanczos3 => 3,
    };
    let axis = |axis: &Axis| {
        let reach = axis.scale.max(Ratio::whole(1)).times(Ratio::new(support, 1)).ceil() as u64;
        u64::from(axis.count) * ((2 * reach + 1) * 12 + 64)
    };
    axis(&spec.x) + axis(&spec.y)
}

fn algorithm(kernel: Kernel) -> ResizeAlg {
    let (name, function, support): (_, fn(f64) -> f64, f64) = match kernel {
        Kernel::Nearest => return ResizeAlg::Nearest,
        Kernel::Box => ("box", square, 0.5),
        Kernel::Linear => ("linear", triangle, 1.0),
        Kernel::Hamming => ("hamming", hamming, 1.0),
        Kernel::Cubic => ("cubic", catmull_rom, 2.0),
        Kernel::Mitchell => ("mitchell", mitchell, 2.0),
        Kernel::Lanczos2 => ("lanczos2", lanczos2, 2.0),
        Kernel::Lanczos3 => ("lanczos3", lanczos3, 3.0),
    };
    let filter = Filter::new(name, function, support).expect("each support is above 0");
    ResizeAlg::Convolution(FilterType::Custom(filter))
}

fn square(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let a = x * std::f64::consts::PI;
    libm::sin(a) / a
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x >= 1.0 { 0.0 } else { sinc(x) * (0.54 + 0.46 * libm::cos(std::f64::consts::PI * x)) }
}

fn lanczos2(x: f64) -> f64 {
    if x.abs() < 2.0 { sinc(x) * sinc(x / 2.0) } else { 0.0 }
}

/// Half the sines of the definition: the one of three times an angle is made from that of the angle.
fn lanczos3(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= 3.0 {
        return 0.0;
    }
    let a = x * (std::f64::consts::PI / 3.0);
    let sine = libm::sin(a);
    let square = sine * sine;
    square * (3.0 - 4.0 * square) / (3.0 * a * a)
}

fn catmull_rom(x: f64) -> f64 {
    cubic(x, 0.0, 0.5)
}

fn mitchell(x: f64) -> f64 {
    cubic(x, 1.0 / 3.0, 1.0 / 3.0)
}

/// The family of cubic filters of Mitchell and Netravali, "Reconstruction Filters in Computer Graphics", 1988.
fn cubic(x: f64, b: f64, c: f64) -> f64 {
    let x = x.abs();
    let (x2, x3) = (x * x, x * x * x);
    let sixth = if x < 1.0 {
        (12.0 - 9.0 * b - 6.0 * c) * x3 + (-18.0 + 12.0 * b + 6.0 * c) * x2 + (6.0 - 2.0 * b)
    } else if x < 2.0 {
        (-b - 6.0 * c) * x3 + (6.0 * b + 30.0 * c) * x2 + (-12.0 * b - 48.0 * c) * x + (8.0 * b + 24.0 * c)
    } else {
        0.0
    };
    sixth / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::patterned;

    const KERNELS: [Kernel; 8] = [
        Kernel::Nearest,
        Kernel::Box,
        Kernel::Linear,
        Kernel::Hamming,
        Kernel::Cubic,
        Kernel::Mitchell,
        Kernel::Lanczos2,
        Kernel::Lanczos3,
    ];

    fn spec(from: (u32, u32), to: (u32, u32), kernel: Kernel) -> ResizeSpec {
        let axis = |length, count| Axis::covering(Ratio::whole(0), Ratio::whole(length), count);
        ResizeSpec { x: axis(from.0, to.0), y: axis(from.1, to.1), kernel }
    }

    #[test]
    fn every_kernel_keeps_a_flat_picture_flat() {
        for kernel in KERNELS {
            for layout in [Layout::Gray, Layout::Rgb] {
                let mut raster = Raster { width: 50, height: 40, layout, samples: Samples::U8(vec![137; 2000 * layout.channels()]) };
                for size in [(7, 5), (50, 13), (121, 90)] {
                    let result = resize(&mut raster, &spec((50, 40), size, kernel)).expect("a plain resize");
                    assert!(result.bytes().iter().all(|&v| v == 137), "{kernel:?} {layout:?} {size:?}");
                }
            }
        }
    }

    #[test]
    fn our_kernels_are_the_crates_own() {
        let mut raster = patterned(97, 61, Layout::Rgb);
        let pairs = [
            (Kernel::Box, FilterType::Box),
            (Kernel::Linear, FilterType::Bilinear),
            (Kernel::Hamming, FilterType::Hamming),
            (Kernel::Cubic, FilterType::CatmullRom),
            (Kernel::Mitchell, FilterType::Mitchell),
            (Kernel::Lanczos3, FilterType::Lanczos3),
        ];
        for (kernel, theirs) in pairs {
            let ours = resize(&mut raster, &spec((97, 61), (40, 77), kernel)).expect("a plain resize");
            let Samples::U8(bytes) = &mut raster.samples else { panic!("8 bits") };
            let source = TypedImage::<U8x3>::from_buffer(97, 61, bytes).expect("a whole raster");
            let mut samples = vec![0; 40 * 77 * 3];
            let mut target = TypedImage::<U8x3>::from_buffer(40, 77, &mut samples).expect("a whole raster");
            let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(theirs)).crop(0.0, 0.0, 97.0, 61.0);
            Resizer::new().resize_typed(&source, &mut target, &options).expect("a plain resize");
            assert_eq!(ours.bytes(), samples, "{kernel:?}");
        }
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        let samples = [255, 0, 0, 255, 0, 255, 0, 0].repeat(32);
        let mut raster = Raster { width: 8, height: 8, layout: Layout::Rgba, samples: Samples::U8(samples) };
        let result = resize(&mut raster, &spec((8, 8), (4, 4), Kernel::Box)).expect("a plain resize");
        assert!(result.bytes().chunks_exact(4).all(|p| p[..3] == [255, 0, 0] && p[3].abs_diff(128) <= 1), "{:?}", result.bytes());
    }
}
