//! The metadata that application segments carry: EXIF, XMP, ICC and IPTC, within the limits.

use super::super::Blocks;
use super::segments::{APP1, APP2, APP13, Segment};
use crate::limits::Limits;
use crate::report::Warning;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const IPTC_RESOURCE: u16 = 0x0404;

/// Blocks as they are found, still in the file.
#[derive(Debug, Default)]
pub(super) struct Metadata<'a> {
    exif: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
    /// Number, of how many, and the part itself.
    icc: Vec<(u8, u8, &'a [u8])>,
    photoshop: Vec<&'a [u8]>,
    many_pictures: bool,
}

impl<'a> Metadata<'a> {
    pub(super) fn hear(&mut self, segment: &Segment<'a>) {
        let body = segment.body;
        match segment.marker {
            APP1 if body.starts_with(EXIF) => self.exif = self.exif.or(body.get(EXIF.len()..)),
            APP1 if body.starts_with(XMP) => self.xmp = self.xmp.or(body.get(XMP.len()..)),
            APP2 if body.starts_with(b"MPF\0") => self.many_pictures = true,
            APP2 => {
                // One more than can be right is enough to know that it is wrong.
                if let Some([number, count, part @ ..]) = body.strip_prefix(ICC).filter(|_| self.icc.len() <= 255) {
                    self.icc.push((*number, *count, part));
                }
            }
            APP13 => self.photoshop.extend(body.strip_prefix(PHOTOSHOP)),
            _ => {}
        }
    }

    /// The ICC profile alone.
    pub(super) fn icc(&self, limits: &Limits) -> Option<Vec<u8>> {
        Metadata { icc: self.icc.clone(), ..Metadata::default() }.collect(limits, &mut Vec::new()).icc
    }

    /// The blocks, each a copy; what is too large or broken stays behind with a warning.
    pub(super) fn collect(mut self, limits: &Limits, warnings: &mut Vec<Warning>) -> Blocks {
        let mut budget = limits.max_metadata_bytes;
        let mut take = |name: &str, parts: &[&[u8]]| {
            let bytes: u64 = parts.iter().map(|part| part.len() as u64).sum();
            if bytes > limits.max_metadata_block_bytes.min(budget) {
                warnings.push(Warning::new("metadata_dropped", format!("the {name} block has {bytes} bytes, more than the limits allow")));
                return None;
            }
            budget -= bytes;
            Some(parts.concat())
        };

        let exif = self.exif.and_then(|block| take("EXIF", &[block]));
        let xmp = self.xmp.and_then(|block| take("XMP", &[block]));
        let iptc = take("Photoshop", &self.photoshop).as_deref().and_then(iptc_of);
        self.icc.sort_by_key(|(number, ..)| *number);
        let parts: Vec<&[u8]> = self.icc.iter().map(|(.., part)| *part).collect();
        let is_right =
            |(at, (number, count, _)): (usize, &(u8, u8, &[u8]))| usize::from(*number) == at && usize::from(*count) == parts.len();
        let is_whole = (1..).zip(&self.icc).all(is_right);
        let icc = if parts.is_empty() || !is_whole { None } else { take("ICC", &parts) };
        if !is_whole {
            warnings.push(Warning::new("profile_ignored", "parts of the ICC profile are missing, doubled or wrongly numbered"));
        }
        if self.many_pictures && xmp.as_deref().is_some_and(|xmp| xmp.windows(5).any(|word| word == b"hdrgm")) {
            warnings.push(Warning::new("gain_map_dropped", "the gain map is not read: the picture has its standard range"));
        }
        Blocks { icc, exif, xmp, iptc }
    }
}

/// The IPTC records among Photoshop's image resources.
fn iptc_of(mut resources: &[u8]) -> Option<Vec<u8>> {
    loop {
        let rest = resources.strip_prefix(b"8BIM")?;
        let (id, rest) = rest.split_first_chunk::<2>()?;
        // A name with its length, and a length of data, both padded to an even number of bytes.
        let rest = rest.get((usize::from(*rest.first()?) + 2) & !1..)?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_be_bytes(*size) as usize;
        let data = rest.get(..size)?;
        if u16::from_be_bytes(*id) == IPTC_RESOURCE {
            return Some(data.to_vec());
        }
        resources = rest.get(size + (size & 1)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(segments: &[(u8, &[u8])], limits: &Limits) -> (Blocks, Vec<&'static str>) {
        let mut metadata = Metadata::default();
        for (marker, body) in segments {
            metadata.hear(&Segment { marker: *marker, body, data: &[] });
        }
        let mut warnings = Vec::new();
        let blocks = metadata.collect(limits, &mut warnings);
        (blocks, warnings.into_iter().map(|w| w.code).collect())
    }

    fn part(number: u8, count: u8, data: &[u8]) -> Vec<u8> {
        [ICC, &[number, count], data].concat()
    }

    #[test]
    fn the_first_exif_and_xmp_block_count() {
        let xmp = [XMP, b"<x/>"].concat();
        let (blocks, warnings) = collect(
            &[(APP1, b"Exif\0\0II*\0"), (APP1, b"Exif\0\0MM\0*"), (APP1, &xmp), (APP1, b"http://else"), (APP2, b"Exif\0\0no")],
            &Limits::default(),
        );
        assert_eq!((blocks.exif.as_deref(), blocks.xmp.as_deref()), (Some(&b"II*\0"[..]), Some(&b"<x/>"[..])));
        assert!(warnings.is_empty());
    }

    /// Part numbers and how many parts they say there are; the profile.
    type Case = (&'static [(u8, u8)], Option<&'static [u8]>);

    #[test]
    fn profile_parts_are_joined_in_order_or_not_at_all() {
        let cases: [Case; 7] = [
            (&[(1, 1)], Some(&[1])),
            (&[(2, 2), (1, 2)], Some(&[1, 2])),
            (&[(1, 2)], None),
            (&[(1, 2), (1, 2)], None),
            (&[(0, 1)], None),
            (&[(1, 2), (2, 3)], None),
            (&[(1, 3), (3, 3)], None),
        ];
        for (numbers, expected) in cases {
            let parts: Vec<Vec<u8>> = numbers.iter().map(|(n, count)| part(*n, *count, &[*n])).collect();
            let segments: Vec<(u8, &[u8])> = parts.iter().map(|p| (APP2, &p[..])).collect();
            let (blocks, warnings) = collect(&segments, &Limits::default());
            assert_eq!(blocks.icc.as_deref(), expected, "{numbers:?}");
            assert_eq!(warnings, if expected.is_some() { vec![] } else { vec!["profile_ignored"] }, "{numbers:?}");
        }
    }

    #[test]
    fn blocks_over_the_limits_are_left_unread() {
        let limits = Limits { max_metadata_block_bytes: 10, max_metadata_bytes: 15, ..Limits::default() };
        let (blocks, warnings) = collect(&[(APP1, b"Exif\0\0short"), (APP2, &part(1, 1, b"eleven long"))], &limits);
        assert_eq!((blocks.exif.as_deref(), blocks.icc), (Some(&b"short"[..]), None));
        assert_eq!(warnings, ["metadata_dropped"]);
        let xmp = [XMP, b"0123456789"].concat();
        let (blocks, warnings) = collect(&[(APP1, b"Exif\0\0longer"), (APP1, &xmp)], &limits);
        assert_eq!((blocks.exif.is_some(), blocks.xmp), (true, None));
        assert_eq!(warnings, ["metadata_dropped"]);
    }

    #[test]
    fn iptc_is_found_among_photoshop_resources() {
        let resources = b"Photoshop 3.0\x008BIM\x03\xED\x03abc\x00\x00\x00\x01x\x008BIM\x04\x04\x00\x00\x00\x00\x00\x05\x1C\x02\x05hi";
        assert_eq!(collect(&[(APP13, resources)], &Limits::default()).0.iptc.as_deref(), Some(&b"\x1C\x02\x05hi"[..]));
        for cut in 14..resources.len() {
            assert_eq!(collect(&[(APP13, &resources[..cut])], &Limits::default()).0.iptc, None, "{cut}");
        }
    }

    #[test]
    fn a_gain_map_is_told_and_other_pictures_are_not() {
        let xmp = [XMP, b"<x hdrgm:Version='1.0'/>"].concat();
        assert_eq!(collect(&[(APP1, &xmp), (APP2, b"MPF\0II")], &Limits::default()).1, ["gain_map_dropped"]);
        assert_eq!(collect(&[(APP2, b"MPF\0II")], &Limits::default()).1, [""; 0]);
    }
}
