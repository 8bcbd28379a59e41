//! An S3 Inventory: a list of a bucket's objects that S3 writes once a day or week, for buckets that are too large to list.
//!
//! The manifest names gzip files of CSV whose columns it names too:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::Clients;
use crate::error::{Code, Error};
use crate::event::percent_decode;
use crate::pipeline::is_picture;
use crate::store::Listed;
use crate::time::Timestamp;

/// The largest manifest and file that are read: S3 writes files of some tens of megabytes.
const MAX_BYTES: u64 = 1 << 30;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    source_bucket: String,
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    key: String,
}

/// The pictures that an inventory of this bucket lists, in key order. `manifest` is the place of its `manifest.json`.
///
/// # Errors
/// `invalid_request` where it is of another bucket or format; those of [`crate::store::Objects::get`].
pub async fn pictures(clients: &Clients, manifest: &str, bucket: &str) -> Result<Vec<Listed>, Error> {
    let named = |error: Error| Error { message: format!("the inventory at {manifest}: {}", error.message), ..error };
    let data = super::read(clients, manifest, MAX_BYTES).await.map_err(named)?;
    let manifest: Manifest = serde_json::from_slice(&data).map_err(|e| named(invalid(e.to_string())))?;
    if manifest.source_bucket != bucket {
        return Err(named(invalid(format!("is one of `{}` and not of `{bucket}`", manifest.source_bucket))));
    }
    if manifest.file_format != "CSV" {
        return Err(named(invalid(format!("is written as {}, and only CSV is read", manifest.file_format))));
    }
    let columns = Columns::of(&manifest.file_schema).map_err(named)?;
    let place = manifest.destination_bucket.trim_start_matches("arn:aws:s3:::");
    let mut all = Vec::new();
    for file in &manifest.files {
        let file = format!("s3://{place}/{}", file.key);
        let data = super::read(clients, &file, MAX_BYTES).await.map_err(named)?;
        rows(&data, &columns, &mut all).map_err(|error| Error { message: format!("{file}: {}", error.message), ..error })?;
    }
    all.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(all)
}

/// Where in a row things stand.
struct Columns {
    key: usize,
    size: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
}

impl Columns {
    fn of(schema: &str) -> Result<Self, Error> {
        let at = |name| schema.split(',').position(|column| column.trim() == name);
        let key = at("Key").ok_or_else(|| invalid("names no column `Key`".to_owned()))?;
        Ok(Self { key, size: at("Size"), is_latest: at("IsLatest"), is_delete_marker: at("IsDeleteMarker") })
    }
}

fn rows(gzip: &[u8], columns: &Columns, all: &mut Vec<Listed>) -> Result<(), Error> {
    let mut text = Vec::new();
    MultiGzDecoder::new(gzip).read_to_end(&mut text).map_err(|e| invalid(format!("is no gzip: {e}")))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
    for row in reader.records() {
        let row = row.map_err(|e| invalid(e.to_string()))?;
        let says = |column: Option<usize>, word: &str| column.and_then(|column| row.get(column)) == Some(word);
        if says(columns.is_latest, "false") || says(columns.is_delete_marker, "true") {
            continue;
        }
        // As in notifications: `+` is a space, then `%xx` are bytes.
        let name = row.get(columns.key).unwrap_or_default();
        let key = percent_decode(&name.replace('+', " ")).ok_or_else(|| invalid(format!("key `{name}` is not UTF-8")))?;
        let size = columns.size.and_then(|column| row.get(column)?.parse().ok()).unwrap_or(0);
        if is_picture(&key) {
            all.push(Listed { key, size, modified: Timestamp::from_millis(0) });
        }
    }
    Ok(())
}

fn invalid(sentence: String) -> Error {
    Error::new(Code::InvalidRequest, sentence)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_newest_versions_are_read_and_their_keys_decoded() {
        let columns = Columns::of("Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag").unwrap();
        let text = "\"b\",\"a+b%2B%C3%A9.jpg\",\"v2\",\"true\",\"false\",\"12\",\"2026-01-01T00:00:00.000Z\",\"e\"\n\
                    \"b\",\"a+b%2B%C3%A9.jpg\",\"v1\",\"false\",\"false\",\"11\",\"2026-01-01T00:00:00.000Z\",\"e\"\n\
                    \"b\",\"gone.jpg\",\"v3\",\"true\",\"true\",\"\",\"2026-01-01T00:00:00.000Z\",\"\"\n\
                    \"b\",\"README.md\",\"v4\",\"true\",\"false\",\"5\",\"2026-01-01T00:00:00.000Z\",\"e\"\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let mut all = Vec::new();
        rows(&gzip.finish().unwrap(), &columns, &mut all).unwrap();
        assert_eq!(all, [Listed { key: "a b+é.jpg".into(), size: 12, modified: Timestamp::from_millis(0) }]);
    }

    #[test]
    fn what_is_no_inventory_is_refused() {
        assert!(Columns::of("Bucket, Size").is_err());
        let columns = Columns::of("Key").unwrap();
        assert!(rows(b"plain", &columns, &mut Vec::new()).is_err());
    }
}
