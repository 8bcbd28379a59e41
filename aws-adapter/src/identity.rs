//! The names that are fixed in stored data: `imageId`, rendition keys and their fingerprints, sequencers, `configHash`.
//!
//! Changing a byte here orphans every record and rendition that exists; golden values hold it.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where all renditions lie.
pub const RENDITIONS: &str = "renditions/";

/// The record's key for an object: known before the upload, and the same after an upgrade.
pub fn image_id(bucket: &str, key: &str) -> String {
    let mut id = BASE32_NOPAD.encode(&hash(&[bucket.as_bytes(), b"\0", key.as_bytes()])).to_ascii_lowercase();
    id.truncate(26);
    id
}

/// Whether the text has the form of an `imageId`.
pub fn is_image_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

/// Whether a rendition may have this name: `[a-z0-9-]{1,64}`.
pub fn is_rendition_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// What a rendition's bytes depend on, in 16 hex digits: its key never changes its content.
pub fn fingerprint(source_version: &str, recipe_hash: &str, output_revision: u32) -> String {
    let revision = output_revision.to_string();
    let mut digits = HEXLOWER.encode(&hash(&[source_version.as_bytes(), b"\0", recipe_hash.as_bytes(), b"\0", revision.as_bytes()]));
    digits.truncate(16);
    digits
}

/// The prefix under which an image's renditions lie.
pub fn rendition_prefix(image_id: &str) -> String {
    format!("{RENDITIONS}{image_id}/")
}

/// `renditions/{imageId}/{name}.{fingerprint}.{ext}`.
pub fn rendition_key(image_id: &str, name: &str, fingerprint: &str, extension: &str) -> String {
    format!("{RENDITIONS}{image_id}/{name}.{fingerprint}.{extension}")
}

/// The `imageId` in a rendition's key.
pub fn image_id_of(rendition_key: &str) -> Option<&str> {
    let (id, _) = rendition_key.strip_prefix(RENDITIONS)?.split_once('/')?;
    is_image_id(id).then_some(id)
}

/// SHA-256 of the configured renditions' names and recipe hashes, in name order: `name 0x00 hash 0x00` each.
pub fn config_hash<'a>(renditions: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut renditions: Vec<_> = renditions.into_iter().collect();
    renditions.sort();
    let mut hasher = Sha256::new();
    for part in renditions.iter().flat_map(|(name, hash)| [name, hash]) {
        hasher.update(part);
        hasher.update([0]);
    }
    HEXLOWER.encode(&hasher.finalize())
}

/// SHA-256 in lower-case hex: the version of a local object.
pub fn sha256(data: &[u8]) -> String {
    HEXLOWER.encode(&hash(&[data]))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The order of one key's events: lower-case hex, padded right with zeros to 64 characters, so that text order is the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequencer(String);

impl Sequencer {
    /// The event's own text, normalized.
    pub fn new(text: &str) -> Self {
        Self(format!("{:0<64}", text.to_ascii_lowercase()))
    }

    /// The local store's: a counter as 16 hex digits, padded left, then like any other.
    pub fn from_counter(counter: u64) -> Self {
        Self::new(&format!("{counter:016x}"))
    }

    /// The 64 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Golden values from Python's hashlib and base64.
    const WIDTH_320: &str = "3a8f032c7038df645fcefb849a30781cf01ef2f9fcbfd866aca0660e79cd0bff";
    const HEIGHT_10: &str = "a1b0c3551c8aaf070e35638f72d269b6db35e91a8dd60e97f2bcf069f7679408";

    #[test]
    fn an_image_id_is_base32_of_bucket_and_key() {
        for (bucket, key, id) in [
            ("photos", "a.jpg", "mpjfvx4yb57gobjl7fv2sb6the"),
            ("photos", "summer 2026/Zürich+1.jpg", "pzmdo4p6iu3oikcplew54cc6st"),
            ("/home/ada/pictures", "cat.png", "bhfeullj4tlkiwf7hp4dxwvu7i"),
        ] {
            assert_eq!(image_id(bucket, key), id);
            assert!(is_image_id(id));
        }
        assert!(!is_image_id("../../etc"));
    }

    #[test]
    fn a_fingerprint_depends_on_version_recipe_and_revision() {
        let version = "3HL4kqtJvjVBH40Nrjfkd";
        assert_eq!(fingerprint(version, WIDTH_320, 1), "e9c9ad7828bbd713");
        assert_eq!(fingerprint(version, WIDTH_320, 12), "9c3094d279f86c6f");
    }

    #[test]
    fn a_rendition_key_gives_its_image_id_back() {
        let id = image_id("photos", "a.jpg");
        let key = rendition_key(&id, "thumb", "e9c9ad7828bbd713", "jpg");
        assert_eq!(key, "renditions/mpjfvx4yb57gobjl7fv2sb6the/thumb.e9c9ad7828bbd713.jpg");
        assert!(key.starts_with(&rendition_prefix(&id)));
        assert_eq!(image_id_of(&key), Some(id.as_str()));
        assert_eq!(image_id_of("uploads/a.jpg"), None);
    }

    #[test]
    fn the_config_hash_does_not_depend_on_the_order_of_renditions() {
        let expected = "1b8a99b23ed6a16961524dc7534764f6bff5935c74881f121a82414ebae96073";
        assert_eq!(config_hash([("thumb", WIDTH_320), ("wide", HEIGHT_10)]), expected);
        assert_eq!(config_hash([("wide", HEIGHT_10), ("thumb", WIDTH_320)]), expected);
    }

    #[test]
    fn rendition_names_are_short_and_plain() {
        for name in ["thumb", "w-800", &"a".repeat(64)] {
            assert!(is_rendition_name(name), "{name}");
        }
        for name in ["", "Thumb", "a.b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_rendition_name(name), "{name}");
        }
    }

    #[test]
    fn sequencers_of_unequal_length_compare_by_right_padding() {
        let older = Sequencer::new("0055AED6DCD90281E5");
        let newer = Sequencer::new("0055aed6dcd90281e501");
        assert!(older < newer);
        assert_eq!(older.as_str().len(), 64);
        assert_eq!(older, Sequencer::new("0055aed6dcd90281e500"));
        assert!(Sequencer::from_counter(9) < Sequencer::from_counter(10));
        assert!(Sequencer::from_counter(255) < Sequencer::from_counter(4096));
    }
}
