use super::*;
use crate::decode::{Collect, DecodePlan};
use crate::geometry::Size;
use crate::pixels::{Raster, Samples};
use crate::recipe::{ChromaSubsampling, Effort};

fn plan(layout: Layout, icc: bool) -> EncodePlan {
    EncodePlan {
        format: Format::Png,
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

/// Pixels without pattern, so that no filter makes rows of zeros.
fn raster(width: u32, height: u32, layout: Layout) -> Raster {
    let mut state = 7_u32;
    let samples = (0..width as usize * height as usize * layout.channels()).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    Raster::from_u8(width, height, layout, samples.collect()).unwrap()
}

fn decode_all(input: &[u8], partial: bool) -> Result<(Raster, Decoded), Error> {
    let mut sink = Collect::new(true);
    let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: true, frames: 0..1, partial };
    let decoded = decode(input, &mut [Want { plan, sink: &mut sink }], &Context::default())?;
    Ok((sink.finish().remove(0).0, decoded))
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = (body.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(kind);
    chunk.extend_from_slice(body);
    chunk.extend_from_slice(&chunks::crc32(&chunk[4..]).to_be_bytes());
    chunk
}

/// A PNG of this size, this depth, color type and interlace method, and these chunks, with stored rows (filter bytes included) as its picture data.
fn file(size: (u32, u32), kind: (u8, u8, u8), before: &[Vec<u8>], rows: &[u8], after: &[Vec<u8>]) -> Vec<u8> {
    let ((width, height), (depth, color, interlace)) = (size, kind);
    let mut ihdr = [width.to_be_bytes(), height.to_be_bytes()].concat();
    ihdr.extend_from_slice(&[depth, color, 0, 0, interlace]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &ihdr));
    before.iter().for_each(|chunk| file.extend(chunk));
    file.extend(chunk(b"IDAT", &fdeflate::compress_to_vec(rows)));
    after.iter().for_each(|chunk| file.extend(chunk));
    file.extend(chunk(b"IEND", b""));
    file
}

fn found(input: &[u8]) -> Found {
    probe(input, &Limits::default()).unwrap()
}

#[test]
fn every_layout_comes_back_as_it_was() {
    for layout in [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba] {
        for (width, height) in [(1, 1), (7, 3), (33, 65), (130, 2)] {
            let raster = raster(width, height, layout);
            let data = encode(&Picture::still(raster.clone()), &Blocks::default(), &plan(layout, false)).unwrap();
            let found = found(&data);
            assert_eq!((found.size, found.layout, found.deep), (Size { width, height }, layout, false));
            assert_eq!(decode_all(&data, false).unwrap().0, raster);
        }
    }
}

#[test]
fn a_profile_goes_along_only_when_it_is_wanted() {
    let icc: Vec<u8> = (0..3000).map(|i| (i * 7 % 251) as u8).collect();
    let blocks = Blocks { icc: Some(icc.clone()), ..Blocks::default() };
    let picture = Picture::still(raster(5, 4, Layout::Rgb));
    let with = encode(&picture, &blocks, &plan(Layout::Rgb, true)).unwrap();
    let without = encode(&picture, &blocks, &plan(Layout::Rgb, false)).unwrap();
    assert_eq!(found(&with).blocks.icc, Some(icc));
    assert_eq!(found(&without).blocks.icc, None);
    assert_eq!(without, encode(&picture, &Blocks::default(), &plan(Layout::Rgb, true)).unwrap());
}

#[test]
fn small_effort_is_not_there_yet() {
    let plan = EncodePlan { effort: Effort::Small, ..plan(Layout::Rgb, false) };
    let error = encode(&Picture::still(raster(1, 1, Layout::Rgb)), &Blocks::default(), &plan).unwrap_err();
    assert_eq!(error.code(), "unsupported");
}

#[test]
fn a_palette_with_transparency_is_rgba() {
    let palette = chunk(b"PLTE", &[255, 0, 0, 0, 255, 0, 0, 0, 255]);
    let rows = [0, 0b00_01_10_00];
    let opaque = file((4, 1), (2, 3, 0), std::slice::from_ref(&palette), &rows, &[]);
    assert_eq!(found(&opaque).layout, Layout::Rgb);
    assert_eq!(decode_all(&opaque, false).unwrap().0.bytes(), [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0]);
    let clear = file((4, 1), (2, 3, 0), &[palette, chunk(b"tRNS", &[0, 128])], &rows, &[]);
    assert_eq!(found(&clear).layout, Layout::Rgba);
    assert_eq!(decode_all(&clear, false).unwrap().0.bytes(), [255, 0, 0, 0, 0, 255, 0, 128, 0, 0, 255, 255, 255, 0, 0, 0]);
}

#[test]
fn sixteen_bits_are_read_high_byte_first() {
    let deep = file((2, 1), (16, 0, 0), &[], &[0, 0x12, 0x34, 0xFF, 0xFE], &[]);
    assert!(found(&deep).deep);
    assert_eq!(decode_all(&deep, false).unwrap().0.samples, Samples::U16(vec![0x1234, 0xFFFE]));
}

#[test]
fn interlaced_rows_find_their_places() {
    // 3x3, eight bits: passes 1 (0,0), 4 has none, 5 is x 2 of row 0, 6 is row 1 ... by the table of Adam7.
    let rows = [0, 1, 0, 3, 0, 7, 9, 0, 2, 0, 8, 0, 4, 5, 6];
    let data = file((3, 3), (8, 0, 1), &[], &rows, &[]);
    assert!(found(&data).progressive);
    assert_eq!(decode_all(&data, false).unwrap().0.bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn frames_are_counted_as_found() {
    let control = |n: u32| chunk(b"fcTL", &[n.to_be_bytes().as_slice(), &[0; 22]].concat());
    let animation = chunk(b"acTL", &[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 5]);
    let rows = [0, 1];
    let one = file((1, 1), (8, 0, 0), std::slice::from_ref(&animation), &rows, &[]);
    assert_eq!((found(&one).frames, found(&one).loops), (1, 0));
    let two = file((1, 1), (8, 0, 0), &[animation.clone(), control(0)], &rows, &[control(1)]);
    assert_eq!((found(&two).frames, found(&two).loops), (2, 5));
    let three = file((1, 1), (8, 0, 0), std::slice::from_ref(&animation), &rows, &[control(0), control(1)]);
    assert_eq!(found(&three).frames, 3);
    let many: Vec<_> = (1..20).map(control).collect();
    let many = file((1, 1), (8, 0, 0), &[animation, control(0)], &rows, &many);
    let limits = Limits { max_frames: 4, ..Limits::default() };
    assert_eq!(probe(&many, &limits).unwrap().frames, 5);
    assert_eq!(decode_all(&many, false).unwrap().0.bytes(), [1]);
}

#[test]
fn metadata_is_read_within_its_limits() {
    // Longer than the window in which its size is found.
    let noise = raster(100, 1250, Layout::Gray).bytes().to_vec();
    let profile = |bytes: &[u8]| chunk(b"iCCP", &[b"p\0\0".as_slice(), &fdeflate::compress_to_vec(bytes)].concat());
    let xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0t\0<x/>");
    let all = [profile(&noise), chunk(b"eXIf", b"Exif\0\0II*\0"), xmp];
    let data = file((1, 1), (8, 0, 0), &all[..2], &[0, 1], &all[2..]);
    let blocks = found(&data).blocks;
    assert_eq!(blocks.icc.as_deref(), Some(noise.as_slice()));
    assert_eq!(blocks.exif.as_deref(), Some(b"II*\0".as_slice()));
    assert_eq!(blocks.xmp.as_deref(), Some(b"<x/>".as_slice()));

    let tight = probe(&data, &Limits { max_metadata_block_bytes: 124_999, ..Limits::default() }).unwrap();
    assert_eq!((tight.blocks.icc, tight.warnings[0].code), (None, "metadata_dropped"));
    let shared = probe(&data, &Limits { max_metadata_bytes: 125_002, ..Limits::default() }).unwrap();
    assert_eq!((shared.blocks.exif, shared.warnings[0].code), (None, "metadata_dropped"));

    let broken = file((1, 1), (8, 0, 0), &[chunk(b"iCCP", b"p\0\0nonsense")], &[0, 1], &[]);
    assert_eq!((found(&broken).blocks.icc, found(&broken).warnings[0].code), (None, "profile_ignored"));
    assert!(decode_all(&broken, false).is_ok());
}

#[test]
fn exif_in_a_text_chunk_is_read_where_there_is_no_other() {
    let text = b"Raw profile type exif\0\nexif\n      10\n4578696600004d\n4d002a\n\xFF";
    let (name, digits) = text.split_at(22);
    let plain = chunk(b"tEXt", text);
    let packed = chunk(b"zTXt", &[name, &[0], &fdeflate::compress_to_vec(digits)].concat());
    for text in [plain.clone(), packed] {
        let data = file((1, 1), (8, 0, 0), &[text], &[0, 1], &[]);
        assert_eq!(found(&data).blocks.exif.as_deref(), Some(b"MM\0*".as_slice()));
    }
    let both = file((1, 1), (8, 0, 0), &[plain], &[0, 1], &[chunk(b"eXIf", b"II*\0")]);
    assert_eq!(found(&both).blocks.exif.as_deref(), Some(b"II*\0".as_slice()));
    let bomb = chunk(b"zTXt", &[name, &[0], &fdeflate::compress_to_vec(&vec![b'0'; 100_000])].concat());
    let bomb = probe(&file((1, 1), (8, 0, 0), &[bomb], &[0, 1], &[]), &Limits { max_metadata_block_bytes: 99_999, ..Limits::default() });
    assert_eq!(bomb.unwrap().warnings[0].code, "metadata_dropped");
}

#[test]
fn too_many_chunks_are_refused() {
    let data = file((1, 1), (8, 0, 0), &vec![chunk(b"tEXt", b"a\0b"); 50], &[0, 1], &[]);
    let error = probe(&data, &Limits { max_segments: 20, ..Limits::default() }).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit: "maxSegments", .. }), "{error}");
    assert!(probe(&data, &Limits::default()).is_ok());
}

#[test]
fn data_behind_the_last_row_is_not_inflated() {
    let mut rows = vec![0; 64 << 20];
    rows[1] = 77;
    let data = file((1, 1), (8, 0, 0), &[], &rows, &[]);
    assert_eq!(decode_all(&data, false).unwrap().0.bytes(), [77]);
}

#[test]
fn a_short_picture_in_a_whole_file_is_truncated() {
    let data = file((4, 3), (8, 0, 0), &[], &[0, 1, 2, 3, 4, 0, 5, 6], &[]);
    assert_eq!(decode_all(&data, false).unwrap_err().code(), "truncated");
    let (raster, decoded) = decode_all(&data, true).unwrap();
    assert_eq!(raster.bytes()[..4], [1, 2, 3, 4]);
    assert_eq!(decoded.warnings[0].code, "truncated");
}

#[test]
fn a_wrong_checksum_of_picture_data_is_malformed() {
    let data = file((2, 1), (8, 0, 0), &[], &[0, 1, 2], &[]);
    let sum = data.len() - 13;
    for (at, code) in [(sum, "malformed"), (20, "malformed"), (data.len() - 1, "ok")] {
        let mut flipped = data.clone();
        flipped[at] ^= 1;
        let code_seen = decode_all(&flipped, false).map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(code_seen, code, "byte {at}");
    }
}

#[test]
fn no_prefix_gives_another_picture() {
    let palette = chunk(b"PLTE", &[255, 0, 0, 0, 255, 0, 0, 0, 255]);
    let rows: Vec<u8> = (0..20).flat_map(|y| [vec![y % 2], vec![0b00_01_10_00; 5]].concat()).collect();
    let files = [
        encode(&Picture::still(raster(9, 8, Layout::Rgba)), &Blocks::default(), &plan(Layout::Rgba, false)).unwrap(),
        file((20, 20), (2, 3, 0), &[palette.clone(), chunk(b"tRNS", &[0, 128])], &rows, &[]),
        file((3, 3), (8, 0, 1), &[], &[0, 1, 0, 3, 0, 7, 9, 0, 2, 0, 8, 0, 4, 5, 6], &[]),
    ];
    for data in files {
        let whole = decode_all(&data, false).unwrap().0;
        for end in 0..data.len() {
            let prefix = &data[..end];
            let probed = probe(prefix, &Limits::default());
            match decode_all(prefix, false) {
                Ok((raster, _)) => assert_eq!(raster, whole, "cut at {end}"),
                Err(error) => assert_eq!(error.code(), "truncated", "cut at {end}"),
            }
            assert_eq!(probed.is_ok(), chunks::head(prefix, &Limits::default()).is_ok());
            if let Ok((raster, _)) = decode_all(prefix, true) {
                assert_eq!(raster.size(), whole.size());
            }
        }
    }
}

#[test]
fn no_flipped_bit_panics() {
    let icc = Blocks { icc: Some(vec![1, 2, 3, 4, 5, 6]), ..Blocks::default() };
    let palette = chunk(b"PLTE", &[255, 0, 0, 0, 255, 0]);
    let files = [
        encode(&Picture::still(raster(5, 3, Layout::GrayAlpha)), &icc, &plan(Layout::GrayAlpha, true)).unwrap(),
        file((9, 2), (1, 3, 1), &[palette, chunk(b"tRNS", &[7])], &[0; 24], &[chunk(b"eXIf", b"MM\0*")]),
    ];
    let limits = Limits { max_input_pixels: 10_000, ..Limits::default() };
    for data in files {
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // As plan() does: a canvas beyond the limits is never decoded.
            if let Ok(found) = probe(&flipped, &limits)
                && u64::from(found.size.width) * u64::from(found.size.height) <= limits.max_input_pixels
                && let Ok((raster, _)) = decode_all(&flipped, bit % 2 == 0)
            {
                assert_eq!((raster.size(), raster.layout), (found.size, found.layout));
            }
        }
    }
}
