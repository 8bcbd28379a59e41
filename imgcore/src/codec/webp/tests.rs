use super::*;
use crate::decode::{Collect, DecodePlan};
use crate::geometry::Size;
use crate::pixels::Raster;
use crate::recipe::ChromaSubsampling;

/// A picture of 2x2 red pixels, lossy.
const LOSSY: &[u8] = &[
    0xD0, 0x01, 0x00, 0x9D, 0x01, 0x2A, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x34, 0x25, 0xA0, 0x02, 0x74, 0xBA, 0x01, 0xF8, 0x00, 0x03,
    0xB0, 0x00, 0xFE, 0xF0, 0xC4, 0x0B, 0xFF, 0x20, 0xB9, 0x61, 0x75, 0xC8, 0xD7, 0xFF, 0x20, 0x3F, 0xE4, 0x07, 0xFC, 0x80, 0xFF, 0xF8,
    0xF2, 0x00, 0x00, 0x00,
];

fn plan(layout: Layout, icc: bool) -> EncodePlan {
    EncodePlan {
        format: Format::Webp,
        layout,
        quality: 80,
        effort: Effort::Balanced,
        progressive: false,
        chroma_subsampling: ChromaSubsampling::default(),
        lossless: true,
        icc,
        exif: false,
    }
}

fn raster(width: u32, height: u32, layout: Layout) -> Raster {
    let mut state = 7_u32;
    let samples = (0..width as usize * height as usize * layout.channels()).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    Raster::from_u8(width, height, layout, samples.collect()).unwrap()
}

fn decode_first(input: &[u8], partial: bool) -> Result<Raster, Error> {
    let mut sink = Collect::new(false);
    let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: false, frames: 0..1, partial };
    decode(input, &mut [Want { plan, sink: &mut sink }], &Context::default())?;
    Ok(sink.finish().remove(0).0)
}

fn found(input: &[u8]) -> Found {
    probe(input, &Limits::default()).unwrap()
}

fn encoded(raster: &Raster, icc: Option<Vec<u8>>) -> Vec<u8> {
    let blocks = Blocks { icc: icc.clone(), ..Blocks::default() };
    encode(&Picture::still(raster.clone()), &blocks, &plan(raster.layout, icc.is_some())).unwrap()
}

/// The lossless bits of a raster.
fn bits(raster: &Raster) -> Vec<u8> {
    encoded(raster, None)[20..].to_vec()
}

/// An ANMF chunk's body.
fn frame(left: u32, top: u32, raster: &Raster) -> Vec<u8> {
    let u24 = |n: u32| n.to_le_bytes()[..3].to_vec();
    let mut body = [u24(left / 2), u24(top / 2), u24(raster.width - 1), u24(raster.height - 1), u24(40), vec![0]].concat();
    body.extend_from_slice(&container(&[(b"VP8L", &bits(raster))])[12..]);
    body
}

#[test]
fn color_comes_back_as_it_was_and_grey_as_color() {
    for layout in [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba] {
        for (width, height) in [(1, 1), (7, 3), (33, 65), (130, 2)] {
            let raster = raster(width, height, layout);
            let data = encoded(&raster, None);
            assert_eq!((found(&data).size, found(&data).layout), (Size { width, height }, Layout::of(false, layout.has_alpha())));
            let expected: Vec<u8> = match layout {
                Layout::Gray => raster.bytes().iter().flat_map(|&v| [v, v, v]).collect(),
                Layout::GrayAlpha => raster.bytes().chunks(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
                _ => raster.bytes().to_vec(),
            };
            assert_eq!(decode_first(&data, false).unwrap().bytes(), expected);
        }
    }
}

#[test]
fn a_profile_goes_along_only_when_it_is_wanted() {
    let raster = raster(5, 4, Layout::Rgba);
    let icc = vec![3; 127];
    let with = encoded(&raster, Some(icc.clone()));
    assert_eq!(found(&with).blocks.icc, Some(icc));
    assert_eq!(decode_first(&with, false).unwrap(), raster);
    assert_eq!(found(&encoded(&raster, None)).blocks, Blocks::default());
}

#[test]
fn what_is_not_there_yet_is_unsupported() {
    let picture = Picture::still(raster(1, 1, Layout::Rgb));
    let plan = plan(Layout::Rgb, false);
    let lossy = EncodePlan { lossless: false, ..plan.clone() };
    let small = EncodePlan { effort: Effort::Small, ..plan };
    for plan in [lossy, small] {
        assert_eq!(encode(&picture, &Blocks::default(), &plan).unwrap_err().code(), "unsupported");
    }
}

#[test]
fn lossy_pictures_are_read() {
    let data = container(&[(b"VP8 ", LOSSY)]);
    assert_eq!((found(&data).layout, found(&data).chroma_subsampling), (Layout::Rgb, Some("4:2:0")));
    let red = decode_first(&data, false).unwrap();
    assert!(red.bytes().chunks(3).all(|p| p[0] > 245 && p[1] < 10 && p[2] < 10), "{red:?}");

    // Alpha as plain bytes, in an extended file.
    let alpha = [0, 10, 20, 30, 40];
    let data = container(&[(b"VP8X", &extended(0x10, 2, 2)), (b"ALPH", &alpha), (b"VP8 ", LOSSY)]);
    assert_eq!(found(&data).layout, Layout::Rgba);
    let alphas: Vec<u8> = decode_first(&data, false).unwrap().bytes().chunks(4).map(|p| p[3]).collect();
    assert_eq!(alphas, [10, 20, 30, 40]);
}

#[test]
fn the_first_frame_stands_on_a_transparent_canvas() {
    let first = raster(2, 1, Layout::Rgb);
    let anim = [0, 0, 0, 0, 7, 0];
    let (a, b) = (frame(2, 2, &first), frame(0, 0, &raster(5, 4, Layout::Rgb)));
    let data = container(&[(b"VP8X", &extended(2, 5, 4)), (b"ANIM", &anim), (b"ANMF", &a), (b"ANMF", &b)]);
    let found = found(&data);
    assert_eq!((found.size, found.frames, found.loops, found.layout), (Size { width: 5, height: 4 }, 2, 7, Layout::Rgba));
    let canvas = decode_first(&data, false).unwrap();
    for (i, pixel) in canvas.bytes().chunks(4).enumerate() {
        let expected = match (i % 5, i / 5) {
            (x @ 2..4, 2) => [&first.bytes()[(x - 2) * 3..][..3], &[255]].concat(),
            _ => vec![0; 4],
        };
        assert_eq!(pixel, expected, "pixel {i}");
    }
    let limits = Limits { max_frames: 1, ..Limits::default() };
    let many = container(&[(b"VP8X", &extended(2, 5, 4)), (b"ANMF", &a), (b"ANMF", &b), (b"ANMF", &b), (b"ANMF", &b)]);
    assert_eq!(probe(&many, &limits).unwrap().frames, 2);
}

#[test]
fn metadata_is_read_within_its_limits() {
    let bits = bits(&raster(2, 2, Layout::Rgb));
    let data = container(&[
        (b"VP8X", &extended(0x2C, 2, 2)),
        (b"ICCP", &[5; 300]),
        (b"VP8L", &bits),
        (b"EXIF", b"Exif\0\0II*\0"),
        (b"XMP ", b"<x/>"),
    ]);
    let blocks = found(&data).blocks;
    assert_eq!(blocks.icc.as_deref(), Some([5; 300].as_slice()));
    assert_eq!(blocks.exif.as_deref(), Some(b"II*\0".as_slice()));
    assert_eq!(blocks.xmp.as_deref(), Some(b"<x/>".as_slice()));
    let tight = probe(&data, &Limits { max_metadata_block_bytes: 299, ..Limits::default() }).unwrap();
    assert_eq!((tight.blocks.icc, tight.warnings[0].code), (None, "metadata_dropped"));
    assert!(tight.blocks.exif.is_some());
}

#[test]
fn a_canvas_that_is_not_the_picture_s_is_malformed() {
    let bits = bits(&raster(2, 2, Layout::Rgb));
    let data = container(&[(b"VP8X", &extended(0, 3, 2)), (b"VP8L", &bits)]);
    assert_eq!(decode_first(&data, false).unwrap_err().code(), "malformed");
}

#[test]
fn no_prefix_gives_another_picture() {
    let raster = raster(9, 8, Layout::Rgba);
    let extended_file = container(&[(b"VP8X", &extended(0x18, 9, 8)), (b"VP8L", &bits(&raster)), (b"EXIF", b"II*\0\x08\0\0\0\0\0")]);
    for data in [encoded(&raster, None), container(&[(b"VP8 ", LOSSY)]), extended_file] {
        for end in 12..data.len() {
            assert_eq!(decode_first(&data[..end], false).unwrap_err().code(), "truncated", "cut at {end}");
            if let Err(error) = decode_first(&data[..end], true) {
                assert_eq!(error.code(), "truncated", "cut at {end}");
            }
        }
    }
}

#[test]
fn no_flipped_bit_panics() {
    let lossless = encoded(&raster(5, 3, Layout::Rgba), Some(vec![1, 2, 3]));
    let alpha = container(&[(b"VP8X", &extended(0x10, 2, 2)), (b"ALPH", &[0, 10, 20, 30, 40]), (b"VP8 ", LOSSY)]);
    let animated = container(&[(b"VP8X", &extended(2, 5, 4)), (b"ANMF", &frame(2, 2, &raster(2, 1, Layout::Rgb)))]);
    for data in [lossless, alpha, animated] {
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // As plan() does: a canvas beyond the limits is never decoded.
            if let Ok(found) = probe(&flipped, &Limits::default())
                && u64::from(found.size.width) * u64::from(found.size.height) <= 1_000_000
                && let Ok(raster) = decode_first(&flipped, bit % 2 == 0)
            {
                assert_eq!((raster.size(), raster.layout), (found.size, found.layout));
            }
        }
    }
}
