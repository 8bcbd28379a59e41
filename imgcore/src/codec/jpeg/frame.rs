//! The frame header: size, components, and the blocks that follow from them.

use super::super::Space;
use super::malformed;
use super::segments::{APP0, APP14, SOF0, SOF2, Segment, Segments};
use crate::error::Error;
use crate::geometry::Size;

/// A color component. Samples lie in blocks of 8 by 8.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Component {
    /// Its place among the components.
    pub(super) index: usize,
    pub(super) id: u8,
    /// Sampling factors, 1 to 4: blocks in an interleaved unit, across and down.
    pub(super) h: usize,
    pub(super) v: usize,
    /// The quantization table.
    pub(super) table: usize,
    /// Samples that are picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks held: those of whole interleaved units.
    pub(super) blocks_across: usize,
    pub(super) blocks_down: usize,
}

/// What a frame header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    /// Interleaved units, across and down.
    pub(super) units_across: usize,
    pub(super) units_down: usize,
}

impl Frame {
    /// Whether a marker begins a frame header of any kind.
    pub(super) fn is_begun_by(marker: u8) -> bool {
        matches!(marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
    }

    /// Reads a frame header; `rest` is what comes behind it.
    pub(super) fn parse(segment: &Segment<'_>, rest: &Segments<'_>) -> Result<Frame, Error> {
        match segment.marker {
            SOF0..=SOF2 => {}
            0xC3 => return Err(Error::unsupported("lossless JPEG")),
            0xC9..=0xCB => return Err(Error::unsupported("JPEG with arithmetic coding")),
            _ => return Err(Error::unsupported("hierarchical JPEG")),
        }
        let [precision, h1, h0, w1, w0, count, specs @ ..] = segment.body else {
            return Err(malformed("the frame header is too short"));
        };
        if *precision != 8 {
            return Err(Error::unsupported(format!("JPEG of {precision} bits a sample")));
        }
        let height = match u16::from_be_bytes([*h1, *h0]) {
            // Not known yet when the header was written.
            0 => rest.clone().lines_behind_scan()?,
            height => height,
        };
        let size = Size::new(u32::from(u16::from_be_bytes([*w1, *w0])), u32::from(height));
        if size.height == 0 {
            return Err(malformed(format!(
                "the picture is {}x0 pixels, and no DNL segment behind the first scan says otherwise",
                size.width
            )));
        }
        if size.width == 0 {
            return Err(malformed(format!("the picture is 0x{} pixels", size.height)));
        }
        if specs.len() != usize::from(*count) * 3 {
            return Err(malformed(format!("the frame header is too short or too long for {count} components")));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::unsupported(format!("JPEG of {count} components")));
        }
        Frame::new(size, segment.marker == SOF2, specs)
    }

    fn new(size: Size, progressive: bool, specs: &[u8]) -> Result<Frame, Error> {
        let single = specs.len() == 3;
        let factors = |byte: u8| match (usize::from(byte >> 4), usize::from(byte & 15)) {
            // The only component of a picture is never interleaved, whatever its factors.
            (1..=4, 1..=4) if single => Ok((1, 1)),
            (h @ 1..=4, v @ 1..=4) => Ok((h, v)),
            (h, v) => Err(malformed(format!("the sampling factors are {h}x{v}"))),
        };
        let sampling = specs.chunks_exact(3).map(|spec| factors(spec[1])).collect::<Result<Vec<_>, _>>()?;
        let h_max = sampling.iter().map(|s| s.0).max().unwrap_or(1);
        let v_max = sampling.iter().map(|s| s.1).max().unwrap_or(1);
        let (width, height) = (size.width as usize, size.height as usize);
        let (units_across, units_down) = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
        let components = specs
            .chunks_exact(3)
            .zip(sampling)
            .enumerate()
            .map(|(index, (spec, (h, v)))| Component {
                index,
                id: spec[0],
                h,
                v,
                table: usize::from(spec[2]),
                width: (width * h).div_ceil(h_max),
                height: (height * v).div_ceil(v_max),
                blocks_across: units_across * h,
                blocks_down: units_down * v,
            })
            .collect();
        Ok(Frame { size, progressive, components, h_max, v_max, units_across, units_down })
    }

    /// The usual word for how much less chroma there is than luma.
    pub(super) fn subsampling(&self) -> Option<&'static str> {
        let [luma, blue, red, ..] = &self.components[..] else { return None };
        if (blue.h, blue.v) != (red.h, red.v) || luma.h % blue.h != 0 || luma.v % blue.v != 0 {
            return None;
        }
        Some(match (luma.h / blue.h, luma.v / blue.v) {
            (1, 1) => "4:4:4",
            (2, 1) => "4:2:2",
            (2, 2) => "4:2:0",
            (1, 2) => "4:4:0",
            (4, 1) => "4:1:1",
            (4, 2) => "4:1:0",
            (1, 4) => "4:4:1",
            _ => return None,
        })
    }
}

/// What application segments say of the colors.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Colors {
    jfif: bool,
    adobe: Option<u8>,
}

impl Colors {
    pub(super) fn hear(&mut self, segment: &Segment<'_>) {
        match (segment.marker, segment.body) {
            (APP0, body) if body.len() >= 14 && body.starts_with(b"JFIF\0") => self.jfif = true,
            (APP14, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => self.adobe = Some(*transform),
            _ => {}
        }
    }

    /// Adobe's programs store what an ink leaves of the light, not the ink.
    pub(super) fn is_inverted(self) -> bool {
        self.adobe.is_some()
    }

    /// The colors of a frame, decided as libjpeg does.
    pub(super) fn space(self, frame: &Frame) -> Space {
        let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
        match (frame.components.len(), self.adobe) {
            (1, _) => Space::Gray,
            (3, _) if self.jfif => Space::YCbCr,
            (3, Some(0)) => Space::Rgb,
            (3, None) if ids == *b"RGB" => Space::Rgb,
            (3, _) => Space::YCbCr,
            (_, None | Some(0)) => Space::Cmyk,
            _ => Space::Ycck,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(marker: u8, body: &[u8]) -> Result<Frame, Error> {
        Frame::parse(&Segment { marker, body, data: &[] }, &Segments::new(b"\xFF\xD8\xFF\xD9"))
    }

    #[test]
    fn each_kind_of_frame_is_read_or_refused_by_name() {
        let gray = b"\x08\x00\x09\x00\x11\x01\x01\x22\x00";
        let cases: [(u8, &[u8], &str); 13] = [
            (0xC0, gray, "17x9"),
            (0xC1, gray, "17x9"),
            (0xC2, gray, "17x9"),
            (0xC3, gray, "lossless JPEG is not supported"),
            (0xC5, gray, "hierarchical JPEG is not supported"),
            (0xC9, gray, "JPEG with arithmetic coding is not supported"),
            (0xCA, gray, "JPEG with arithmetic coding is not supported"),
            (0xC1, b"\x0C\x00\x09\x00\x11\x01\x01\x22\x00", "JPEG of 12 bits a sample is not supported"),
            (
                0xC0,
                b"\x08\x00\x00\x00\x11\x01\x01\x22\x00",
                "the JPEG file is damaged: the picture is 17x0 pixels, and no DNL segment behind the first scan says otherwise",
            ),
            (0xC0, b"\x08\x00\x09\x00\x00\x01\x01\x22\x00", "the JPEG file is damaged: the picture is 0x9 pixels"),
            (0xC0, b"\x08\x00\x09\x00\x11\x02\x01\x22\x00\x02\x11\x00", "JPEG of 2 components is not supported"),
            (0xC0, b"\x08\x00\x09\x00\x11\x01\x01\x52\x00", "the JPEG file is damaged: the sampling factors are 5x2"),
            (
                0xC0,
                b"\x08\x00\x09\x00\x11\x03\x01\x22\x00",
                "the JPEG file is damaged: the frame header is too short or too long for 3 components",
            ),
        ];
        for (marker, body, expected) in cases {
            let got = frame(marker, body).map_or_else(|e| e.to_string(), |f| format!("{}x{}", f.size.width, f.size.height));
            assert_eq!(got, expected, "FF{marker:02X}");
        }
    }

    #[test]
    fn blocks_follow_from_size_and_sampling() {
        let f = frame(0xC0, b"\x08\x00\x09\x00\x11\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01").expect("a frame");
        let shape = |c: &Component| (c.width, c.height, c.blocks_across, c.blocks_down);
        assert_eq!((f.units_across, f.units_down), (2, 1));
        assert_eq!(f.components.iter().map(shape).collect::<Vec<_>>(), [(17, 9, 4, 2), (9, 5, 2, 1), (9, 5, 2, 1)]);
        assert_eq!(f.subsampling(), Some("4:2:0"));
    }

    #[test]
    fn colors_are_told_as_libjpeg_tells_them() {
        let of = |ids: &[u8], jfif: bool, adobe: Option<u8>| {
            let specs: Vec<u8> = ids.iter().flat_map(|id| [*id, 0x11, 0]).collect();
            Colors { jfif, adobe }.space(&Frame::new(Size::new(1, 1), false, &specs).expect("a frame"))
        };
        assert_eq!(of(&[1], true, Some(1)), Space::Gray);
        assert_eq!(of(&[1, 2, 3], false, None), Space::YCbCr);
        assert_eq!(of(b"RGB", false, None), Space::Rgb);
        assert_eq!(of(b"RGB", true, None), Space::YCbCr);
        assert_eq!(of(&[1, 2, 3], false, Some(0)), Space::Rgb);
        assert_eq!(of(&[1, 2, 3], true, Some(0)), Space::YCbCr);
        assert_eq!(of(&[1, 2, 3, 4], false, None), Space::Cmyk);
        assert_eq!(of(&[1, 2, 3, 4], false, Some(0)), Space::Cmyk);
        assert_eq!(of(&[1, 2, 3, 4], false, Some(2)), Space::Ycck);
    }
}
