use super::*;
use crate::decode::{Collect, DecodePlan};
use crate::geometry::Size;
use crate::pixels;
use crate::recipe::ChromaSubsampling;

const COLORS: [u8; 12] = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];

fn plan(layout: Layout, icc: bool) -> EncodePlan {
    EncodePlan {
        format: Format::Gif,
        layout,
        quality: 80,
        effort: Effort::Balanced,
        progressive: false,
        chroma_subsampling: ChromaSubsampling::default(),
        lossless: false,
        icc,
        exif: false,
    }
}

fn decode_first(input: &[u8], partial: bool) -> Result<(Raster, Decoded), Error> {
    let mut sink = Collect::new(false);
    let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: false, frames: 0..1, partial };
    let decoded = decode(input, &mut [Want { plan, sink: &mut sink }], &Context::default())?;
    Ok((sink.finish().remove(0).0, decoded))
}

fn found(input: &[u8]) -> Found {
    probe(input, &Limits::default()).unwrap()
}

/// A frame in four colors, by the other encoder's hand.
fn frame_of(left: u16, top: u16, width: u16, height: u16, indices: &[u8]) -> Frame<'_> {
    Frame { left, top, width, height, buffer: indices.into(), ..Frame::default() }
}

fn file(width: u16, height: u16, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut encoder = Encoder::new(&mut data, width, height, &COLORS).unwrap();
    frames.iter().for_each(|frame| encoder.write_frame(frame).unwrap());
    drop(encoder);
    data
}

/// Indices of a four-color picture without pattern.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 30) as u8
    };
    (0..count).map(next).collect()
}

fn colored(indices: &[u8]) -> Vec<u8> {
    indices.iter().flat_map(|&i| COLORS[usize::from(i) * 3..][..3].to_vec()).collect()
}

#[test]
fn few_colors_come_back_as_they_were() {
    for (width, height) in [(1, 1), (7, 3), (33, 65), (300, 200)] {
        let samples: Vec<u8> = noise(width * height).iter().flat_map(|&v| [v * 80, 255 - v, 9]).collect();
        let raster = Raster::from_u8(width as u32, height as u32, Layout::Rgb, samples).unwrap();
        let data = encode(&Picture::still(raster.clone()), &Blocks::default(), &plan(Layout::Rgb, false)).unwrap();
        assert_eq!((found(&data).size, found(&data).layout, found(&data).frames), (raster.size(), Layout::Rgb, 1));
        assert_eq!(decode_first(&data, false).unwrap().0, raster);
    }
}

#[test]
fn alpha_is_all_or_nothing() {
    let raster = Raster::from_u8(4, 1, Layout::GrayAlpha, vec![10, 0, 20, 127, 30, 128, 40, 255]).unwrap();
    let data = encode(&Picture::still(raster), &Blocks::default(), &plan(Layout::GrayAlpha, false)).unwrap();
    assert_eq!(found(&data).layout, Layout::Rgba);
    assert_eq!(decode_first(&data, false).unwrap().0.bytes(), [0, 0, 0, 0, 0, 0, 0, 0, 30, 30, 30, 255, 40, 40, 40, 255]);
}

#[test]
fn long_strings_and_full_tables_are_read() {
    // One color for long strings; noise for a table that fills, and is cleared.
    for indices in [vec![3; 70_000], noise(70_000)] {
        let data = file(350, 200, &[frame_of(0, 0, 350, 200, &indices)]);
        assert_eq!(decode_first(&data, false).unwrap().0.bytes(), colored(&indices));
    }
}

#[test]
fn interlaced_rows_find_their_places() {
    let indices = noise(5 * 19);
    let order: Vec<usize> = [(0, 8), (4, 8), (2, 4), (1, 2)].into_iter().flat_map(|(start, step)| (start..19).step_by(step)).collect();
    let stored: Vec<u8> = order.iter().flat_map(|&y| indices[y * 5..][..5].to_vec()).collect();
    let data = file(5, 19, &[Frame { interlaced: true, ..frame_of(0, 0, 5, 19, &stored) }]);
    assert!(found(&data).progressive);
    assert_eq!(decode_first(&data, false).unwrap().0.bytes(), colored(&indices));
}

#[test]
fn a_frame_stands_on_a_transparent_canvas_and_ends_with_it() {
    let indices = [1, 2, 3, 1, 2, 3];
    for interlaced in [false, true] {
        let data = file(4, 2, &[Frame { interlaced, ..frame_of(2, 1, 3, 2, &indices) }]);
        assert_eq!((found(&data).size, found(&data).layout), (Size { width: 4, height: 2 }, Layout::Rgba));
        let expected = [vec![0; 24], vec![255, 0, 0, 255, 0, 255, 0, 255]].concat();
        assert_eq!(decode_first(&data, false).unwrap().0.bytes(), expected);
    }
    let outside = file(4, 2, &[frame_of(4, 0, 3, 2, &indices)]);
    assert_eq!(probe(&outside, &Limits::default()).unwrap_err().code(), "malformed");
}

#[test]
fn frames_are_counted_and_written() {
    let frame = |v: u8, delay_ms| pixels::Frame {
        pixels: Pixels::Raster(Raster::from_u8(2, 1, Layout::Rgb, vec![v, 1, 2, 3, 4, v]).unwrap()),
        delay_ms,
    };
    for loops in [0, 1, 2, 40] {
        let picture = Picture { frames: vec![frame(7, 40), frame(9, 125), frame(11, 0)], loops, profile: None };
        let data = encode(&picture, &Blocks::default(), &plan(Layout::Rgb, false)).unwrap();
        assert_eq!((found(&data).frames, found(&data).loops), (3, loops));
        assert_eq!(probe(&data, &Limits { max_frames: 1, ..Limits::default() }).unwrap().frames, 2);
        assert_eq!(decode_first(&data, false).unwrap().0.bytes(), [7, 1, 2, 3, 4, 7]);
        let mut reader = ::gif::DecodeOptions::new().read_info(data.as_slice()).unwrap();
        let delays: Vec<u16> = std::iter::from_fn(|| reader.next_frame_info().unwrap().map(|frame| frame.delay)).collect();
        assert_eq!(delays, [4, 13, 0]);
    }
}

#[test]
fn a_profile_goes_along_only_when_it_is_wanted() {
    let picture = Picture::still(Raster::from_u8(1, 1, Layout::Gray, vec![5]).unwrap());
    let icc: Vec<u8> = (0..700).map(|i| (i % 251) as u8).collect();
    let blocks = Blocks { icc: Some(icc.clone()), ..Blocks::default() };
    let with = encode(&picture, &blocks, &plan(Layout::Gray, true)).unwrap();
    assert_eq!(found(&with).blocks.icc, Some(icc));
    let tight = probe(&with, &Limits { max_metadata_block_bytes: 699, ..Limits::default() }).unwrap();
    assert_eq!((tight.blocks.icc, tight.warnings[0].code), (None, "metadata_dropped"));
    assert_eq!(found(&encode(&picture, &blocks, &plan(Layout::Gray, false)).unwrap()).blocks.icc, None);
}

#[test]
fn an_xmp_packet_ends_before_its_trailer() {
    let mut data = file(1, 1, &[frame_of(0, 0, 1, 1, &[1])]);
    let trailer = data.pop().unwrap();
    data.extend_from_slice(b"!\xFF\x0BXMP DataXMP<x/>\x01");
    data.extend((0..=255).rev());
    data.extend([0, trailer]);
    assert_eq!(found(&data).blocks.xmp.as_deref(), Some(b"<x/>".as_slice()));
}

#[test]
fn data_that_ends_in_order_is_let_pass_with_a_warning() {
    let data = file(2, 2, &[frame_of(0, 0, 2, 2, &[1, 2, 3, 1])]);
    // The descriptor's height is the two bytes before its flags; the frame claims a row more, and the canvas with it.
    let descriptor = data.iter().position(|&b| b == b',').unwrap();
    let mut taller = data.clone();
    taller[descriptor + 7] = 3;
    taller[8] = 3;
    let (raster, decoded) = decode_first(&taller, false).unwrap();
    assert_eq!(raster.bytes(), [colored(&[1, 2, 3, 1]), vec![0; 6]].concat());
    assert_eq!(decoded.warnings[0].code, "truncated");
}

#[test]
fn what_is_behind_the_last_pixel_is_not_looked_at() {
    let data = file(2, 2, &[frame_of(0, 0, 2, 2, &noise(4))]);
    let whole = decode_first(&data, false).unwrap().0;
    // The terminator of the sub-blocks and the trailer, replaced by a block of ones.
    let mut tail = data[..data.len() - 2].to_vec();
    tail.extend([vec![255; 256], vec![0, b';']].concat());
    assert_eq!(decode_first(&tail, false).unwrap().0, whole);
}

#[test]
fn a_frame_far_larger_than_the_canvas_is_refused() {
    let mut data = file(1, 1, &[frame_of(0, 0, 1, 1, &[1])]);
    let descriptor = data.iter().position(|&b| b == b',').unwrap();
    data[descriptor + 5..descriptor + 9].fill(0xFF);
    assert_eq!(decode_first(&data, false).unwrap_err().code(), "limit_exceeded");
}

#[test]
fn no_prefix_gives_another_picture() {
    let indices = noise(20 * 9);
    for interlaced in [false, true] {
        let data = file(20, 9, &[Frame { interlaced, ..frame_of(0, 0, 20, 9, &indices) }, frame_of(0, 0, 1, 1, &[3])]);
        let whole = decode_first(&data, false).unwrap().0;
        let mut shown = 0;
        for end in 6..data.len() {
            match decode_first(&data[..end], false) {
                Ok((raster, _)) => assert_eq!(raster, whole, "cut at {end}"),
                Err(error) => assert_eq!(error.code(), "truncated", "cut at {end}"),
            }
            if let Ok((raster, decoded)) = decode_first(&data[..end], true) {
                assert_eq!(raster.size(), whole.size());
                shown += decoded.warnings.len();
            }
        }
        assert!(shown > 20, "{shown} parts were shown");
    }
}

#[test]
fn no_flipped_bit_panics() {
    let indices = noise(6 * 5);
    for interlaced in [false, true] {
        let frame = Frame { interlaced, transparent: Some(1), ..frame_of(1, 1, 6, 5, &indices) };
        let data = file(7, 6, &[frame, frame_of(0, 0, 1, 1, &[3])]);
        for bit in 48..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // As plan() does: a canvas beyond the limits is never decoded.
            if let Ok(found) = probe(&flipped, &Limits::default())
                && found.size.width * found.size.height <= 1_000_000
                && let Ok((raster, _)) = decode_first(&flipped, bit % 2 == 0)
            {
                assert_eq!((raster.size(), raster.layout), (found.size, found.layout));
            }
        }
    }
}
