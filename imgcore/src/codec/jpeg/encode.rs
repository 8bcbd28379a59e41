//! From pixels to a file, by `jpeg-encoder`: JFIF, greyscale or YCbCr.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, EncodingError, SamplingFactor};

use super::super::{Blocks, Format};
use super::interleave::interleaved;
use crate::error::Error;
use crate::pixels::{Layout, Picture, Pixels};
use crate::plan::EncodePlan;
use crate::recipe::{ChromaSubsampling, Effort};

pub(in super::super) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    let raster = match picture.frames.first().map(|frame| &frame.pixels) {
        Some(Pixels::Raster(raster)) => raster,
        _ => return Err(Error::internal("a JPEG is encoded from a raster")),
    };
    let color = match raster.layout {
        Layout::Gray => ColorType::Luma,
        Layout::Rgb => ColorType::Rgb,
        other => return Err(Error::internal(format!("a JPEG is encoded from grey or RGB, not {other:?}"))),
    };
    if plan.effort == Effort::Small {
        return Err(Error::unsupported("effort `small` for JPEG"));
    }
    let side = |side: u32| u16::try_from(side).map_err(|_| Error::unsupported(format!("a JPEG side of {side} pixels")));
    let (width, height) = (side(raster.width)?, side(raster.height)?);

    let failed = |error: EncodingError| Error::encode_failed(Format::Jpeg, error);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, plan.quality);
    encoder.set_sampling_factor(match plan.chroma_subsampling {
        ChromaSubsampling::Cs420 => SamplingFactor::F_2_2,
        ChromaSubsampling::Cs422 => SamplingFactor::F_2_1,
        ChromaSubsampling::Cs444 => SamplingFactor::F_1_1,
    });
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_progressive(plan.progressive);
    encoder.set_optimized_huffman_tables(plan.effort == Effort::Balanced);
    if let (true, Some(exif)) = (plan.exif, &blocks.exif) {
        encoder.add_app_segment(1, [b"Exif\0\0", exif.as_slice()].concat()).map_err(failed)?;
    }
    if let (true, Some(icc)) = (plan.icc, &blocks.icc) {
        encoder.add_icc_profile(icc).map_err(failed)?;
    }
    encoder.encode(raster.bytes(), width, height, color).map_err(failed)?;
    let has_scans = plan.effort == Effort::Balanced && !plan.progressive && color == ColorType::Rgb;
    // A table without a code that padding needs is the one thing in the way; the file is right without.
    Ok(if has_scans { interleaved(&file).unwrap_or(file) } else { file })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pixels::Raster;

    /// A picture with edges, a gradient and colors.
    pub(in super::super) fn picture(width: u32, height: u32, layout: Layout) -> Picture {
        let pixel =
            |x: u32, y: u32| [x * 5 + y, 255 - y * 3, if (x / 8 + y / 8).is_multiple_of(2) { 40 } else { 200 }].map(|v| (v % 256) as u8);
        let channels = layout.channels();
        let samples = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y).into_iter().take(channels))).collect();
        Picture::still(Raster::from_u8(width, height, layout, samples).expect("as many samples as there are"))
    }

    /// Every way of writing a picture, each with a name.
    pub(in super::super) fn plans(layout: Layout) -> Vec<(String, EncodePlan)> {
        let mut plans = Vec::new();
        for (effort, progressive) in [(Effort::Fast, false), (Effort::Balanced, false), (Effort::Fast, true), (Effort::Balanced, true)] {
            for chroma_subsampling in [ChromaSubsampling::Cs420, ChromaSubsampling::Cs422, ChromaSubsampling::Cs444] {
                let format = Format::Jpeg;
                let plan = EncodePlan {
                    format,
                    layout,
                    quality: 90,
                    effort,
                    progressive,
                    chroma_subsampling,
                    lossless: false,
                    icc: false,
                    exif: false,
                };
                plans.push((format!("{effort:?} {chroma_subsampling:?} {}", if progressive { "progressive" } else { "sequential" }), plan));
            }
        }
        plans
    }

    pub(in super::super) fn written(picture: &Picture, plan: &EncodePlan) -> Vec<u8> {
        encode(picture, &Blocks::default(), plan).expect("a file")
    }

    #[test]
    fn a_file_says_what_was_asked_for() {
        for layout in [Layout::Gray, Layout::Rgb] {
            for (name, plan) in plans(layout) {
                let file = written(&picture(33, 18, layout), &plan);
                let found = super::super::probe(&file, &crate::limits::Limits::default()).expect("a header");
                assert_eq!(
                    (found.size.width, found.size.height, found.layout, found.progressive),
                    (33, 18, layout, plan.progressive),
                    "{name}"
                );
                let chroma = match plan.chroma_subsampling {
                    _ if layout == Layout::Gray => None,
                    ChromaSubsampling::Cs420 => Some("4:2:0"),
                    ChromaSubsampling::Cs422 => Some("4:2:2"),
                    ChromaSubsampling::Cs444 => Some("4:4:4"),
                };
                assert_eq!(found.chroma_subsampling, chroma, "{name}");
                assert_eq!((found.blocks, found.warnings), (Blocks::default(), vec![]), "{name}");
            }
        }
    }

    #[test]
    fn the_profile_goes_along_in_parts_when_planned() {
        let icc: Vec<u8> = (0..150_000u32).map(|v| (v % 251) as u8).collect();
        let blocks = Blocks { icc: Some(icc), exif: Some(b"II*\0".to_vec()), ..Blocks::default() };
        let (_, plan) = plans(Layout::Rgb).remove(0);
        let with = encode(&picture(3, 2, Layout::Rgb), &blocks, &EncodePlan { icc: true, ..plan.clone() }).expect("a file");
        let found = super::super::probe(&with, &crate::limits::Limits::default()).expect("a header");
        assert_eq!((found.blocks.icc, found.blocks.exif), (blocks.icc.clone(), None));
        assert_eq!(encode(&picture(3, 2, Layout::Rgb), &blocks, &plan).expect("a file"), written(&picture(3, 2, Layout::Rgb), &plan));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let (_, plan) = plans(Layout::Gray).remove(0);
        let code = |picture: &Picture, plan: &EncodePlan| encode(picture, &Blocks::default(), plan).expect_err("refused").code();
        assert_eq!(code(&picture(1, 1, Layout::Gray), &EncodePlan { effort: Effort::Small, ..plan.clone() }), "unsupported");
        assert_eq!(code(&picture(65_536, 1, Layout::Gray), &plan), "unsupported");
    }
}
