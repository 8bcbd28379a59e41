//! The marker segments of a file, in order, up to its end of image. What follows that belongs to nobody.
//!
//! As forgiving as libjpeg: bytes that are no marker are passed over between segments.

use memchr::memchr;

use super::{malformed, truncated};
use crate::error::Error;

pub(super) const SOF0: u8 = 0xC0;
pub(super) const SOF2: u8 = 0xC2;
pub(super) const DHT: u8 = 0xC4;
pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DQT: u8 = 0xDB;
/// "Define number of lines": the height of a picture whose frame header does not say it.
pub(super) const DNL: u8 = 0xDC;
pub(super) const DRI: u8 = 0xDD;
pub(super) const APP0: u8 = 0xE0;
pub(super) const APP1: u8 = 0xE1;
pub(super) const APP2: u8 = 0xE2;
pub(super) const APP13: u8 = 0xED;
pub(super) const APP14: u8 = 0xEE;
const COM: u8 = 0xFE;

/// A marker and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// What follows the length.
    pub(super) body: &'a [u8],
    /// After a scan's header: its entropy-coded data, restart markers among them.
    pub(super) data: &'a [u8],
}

/// Walks over the segments.
#[derive(Debug, Clone)]
pub(super) struct Segments<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// For a file that begins with a start of image.
    pub(super) fn new(input: &'a [u8]) -> Segments<'a> {
        Segments { input, at: 2 }
    }

    /// The next segment; None at the end of the image.
    ///
    /// # Errors
    /// `truncated` where the file ends without one, `malformed` for what cannot be a segment.
    pub(super) fn next(&mut self) -> Result<Option<Segment<'a>>, Error> {
        let marker = self.marker()?;
        if marker == EOI {
            return Ok(None);
        }
        if marker == SOI {
            return Err(malformed("a second start of image"));
        }
        let length = match self.input.get(self.at..self.at + 2) {
            Some(bytes) => usize::from(u16::from_be_bytes([bytes[0], bytes[1]])),
            None => return Err(truncated("a segment has no length")),
        };
        // Comments with a length of 0 exist; libjpeg reads over them, and over all else that it has no use for.
        if length < 2 && !matches!(marker, DNL | APP0..=0xEF | COM) {
            return Err(malformed(format!("segment FF{marker:02X} has the length {length}")));
        }
        let body =
            self.input.get(self.at + 2..self.at + length.max(2)).ok_or_else(|| truncated(format!("segment FF{marker:02X} is cut")))?;
        self.at += length.max(2);
        let data = if marker == SOS { self.entropy_coded() } else { &[] };
        Ok(Some(Segment { marker, body, data }))
    }

    /// Passes over all that is left.
    ///
    /// # Errors
    /// `truncated` where there is no end of image.
    pub(super) fn pass_to_end(mut self) -> Result<(), Error> {
        while self.next()?.is_some() {}
        Ok(())
    }

    /// The number of lines that a DNL segment straight behind the next scan tells; 0 where none does.
    ///
    /// # Errors
    /// `truncated` where the file ends before that, `malformed` for what cannot be a segment.
    pub(super) fn lines_behind_scan(mut self) -> Result<u16, Error> {
        while let Some(segment) = self.next()? {
            if segment.marker == SOS {
                return Ok(match self.next()? {
                    Some(Segment { marker: DNL, body: [high, low], .. }) => u16::from_be_bytes([*high, *low]),
                    _ => 0,
                });
            }
        }
        Ok(0)
    }

    /// The next marker that a segment can begin with.
    fn marker(&mut self) -> Result<u8, Error> {
        loop {
            let rest = self.input.get(self.at..).unwrap_or_default();
            let Some(found) = memchr(0xFF, rest) else { break };
            match rest.get(found + 1) {
                // A fill byte: the next one begins the marker.
                Some(0xFF) => self.at += found + 1,
                Some(&marker) => {
                    self.at += found + 2;
                    if begins_segment(marker) {
                        return Ok(marker);
                    }
                }
                None => break,
            }
        }
        Err(truncated("there is no end of image"))
    }

    /// All up to the next marker that is no restart.
    fn entropy_coded(&mut self) -> &'a [u8] {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let mut end = 0;
        while let Some(found) = memchr(0xFF, &rest[end..]) {
            end += found;
            match rest.get(end + 1) {
                Some(&marker) if begins_segment(marker) => break,
                Some(0xFF) => end += 1,
                Some(_) => end += 2,
                None => end = rest.len(),
            }
        }
        if !rest[end..].contains(&0xFF) {
            end = rest.len();
        }
        self.at += end;
        &rest[..end]
    }
}

/// Not stuffing, not a fill byte, not a restart, and not one of the reserved codes that only damage brings forth.
fn begins_segment(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF | 0xD8..=0xFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markers(input: &[u8]) -> (Vec<u8>, Result<(), &'static str>) {
        let mut segments = Segments::new(input);
        let mut markers = Vec::new();
        loop {
            match segments.next() {
                Ok(Some(segment)) => markers.push(segment.marker),
                Ok(None) => return (markers, Ok(())),
                Err(error) => return (markers, Err(error.code())),
            }
        }
    }

    /// A name, a file, the markers in it and how it ends.
    type Case = (&'static str, &'static [u8], &'static [u8], Result<(), &'static str>);

    #[test]
    fn segments_are_found_as_libjpeg_finds_them() {
        let cases: [Case; 12] = [
            ("nothing", b"\xFF\xD8", b"", Err("truncated")),
            ("no picture", b"\xFF\xD8\xFF\xD9", b"", Ok(())),
            ("a comment", b"\xFF\xD8\xFF\xFE\x00\x04hi\xFF\xD9", b"\xFE", Ok(())),
            ("fill bytes", b"\xFF\xD8\xFF\xFF\xFF\xFE\x00\x02\xFF\xFF\xD9", b"\xFE", Ok(())),
            ("garbage", b"\xFF\xD8xyz\xFF\x00\xFF\x02\xFF\xFE\x00\x02\xFF\xD9", b"\xFE", Ok(())),
            ("a comment of length 0", b"\xFF\xD8\xFF\xFE\x00\x00\xFF\xD9", b"\xFE", Ok(())),
            ("a table of length 1", b"\xFF\xD8\xFF\xDB\x00\x01\xFF\xD9", b"", Err("malformed")),
            ("a second start", b"\xFF\xD8\xFF\xD8\xFF\xD9", b"", Err("malformed")),
            ("a length that is cut", b"\xFF\xD8\xFF\xFE\x00", b"", Err("truncated")),
            ("a body that is cut", b"\xFF\xD8\xFF\xFE\x00\x05hi", b"", Err("truncated")),
            ("a marker that is cut", b"\xFF\xD8\xFF\xFE\x00\x02\xFF", b"\xFE", Err("truncated")),
            ("what follows the end", b"\xFF\xD8\xFF\xD9\xFF\xFE\x00\x02", b"", Ok(())),
        ];
        for (name, input, expected, end) in cases {
            assert_eq!(markers(input), (expected.to_vec(), end), "{name}");
        }
    }

    #[test]
    fn a_scan_holds_its_restarts_and_stuffing_and_ends_at_the_next_segment() {
        let input = b"\xFF\xD8\xFF\xDA\x00\x02ab\xFF\x00c\xFF\xD0d\xFF\x03e\xFF\xFF\xD9";
        let mut segments = Segments::new(input);
        let scan = segments.next().expect("a scan").expect("a scan");
        assert_eq!(scan.data, b"ab\xFF\x00c\xFF\xD0d\xFF\x03e\xFF");
        assert_eq!(segments.next().expect("an end"), None);
    }

    #[test]
    fn lines_are_told_straight_behind_the_next_scan() {
        let lines = |behind: &[u8]| {
            let file = [b"\xFF\xD8\xFF\xFE\x00\x04hi\xFF\xDA\x00\x02ab\xFF\x00\xFF\xD0c", behind].concat();
            Segments::new(&file).lines_behind_scan().map_err(|error| error.code())
        };
        let cases: [(&[u8], Result<u16, &str>); 11] = [
            (b"\xFF\xDC\x00\x04\x01\x02", Ok(258)),
            (b"\xFF\xFF\xDC\x00\x04\x01\x02\xFF\xD9", Ok(258)),
            (b"\xFF\xDC\x00\x04\x00\x00\xFF\xD9", Ok(0)),
            (b"\xFF\xDC\x00\x03\x09\xFF\xD9", Ok(0)),
            (b"\xFF\xDC\x00\x05\x00\x09\x00\xFF\xD9", Ok(0)),
            (b"\xFF\xDC\x00\x00\xFF\xD9", Ok(0)),
            (b"\xFF\xFE\x00\x02\xFF\xDC\x00\x04\x01\x02\xFF\xD9", Ok(0)),
            (b"\xFF\xDA\x00\x02\xFF\xDC\x00\x04\x01\x02\xFF\xD9", Ok(0)),
            (b"\xFF\xD9", Ok(0)),
            (b"", Err("truncated")),
            (b"\xFF\xDC\x00\x04\x01", Err("truncated")),
        ];
        for (behind, expected) in cases {
            assert_eq!(lines(behind), expected, "{behind:02X?}");
        }
        assert_eq!(Segments::new(b"\xFF\xD8\xFF\xDC\x00\x04\x00\x09\xFF\xD9").lines_behind_scan().expect("no scan"), 0);
    }

    #[test]
    fn a_scan_may_be_all_that_is_left() {
        let mut segments = Segments::new(b"\xFF\xD8\xFF\xDA\x00\x02ab\xFF");
        assert_eq!(segments.next().expect("a scan").expect("a scan").data, b"ab\xFF");
        assert_eq!(segments.next().expect_err("no end").code(), "truncated");
    }
}
