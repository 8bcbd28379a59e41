//! The pipeline's parts in AWS: two buckets and a table, behind one set of clients.

pub mod cdn;
mod clients;
pub mod inventory;
pub mod rekognition;

use crate::catalog::DynamoRecords;
use crate::config::{Config, check_places};
use crate::error::{Code, Error};
use crate::job::Flow;
use crate::store::{Objects, S3Objects};

pub use cdn::Cdn;
pub use clients::Clients;

/// The flow between two buckets.
pub type CloudFlow = Flow<S3Objects, S3Objects, DynamoRecords>;

/// The table of records, where nobody says otherwise.
pub const TABLE: &str = "ImageMetadata";

/// The largest config that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The flow from one bucket to another.
///
/// # Errors
/// `invalid_request` where they are the same.
pub fn open(clients: &Clients, input: &str, output: &str, table: &str, config: Config) -> Result<CloudFlow, Error> {
    check_places(input, output)?;
    let s3 = clients.s3();
    let records = DynamoRecords::new(clients.dynamodb(), table);
    Ok(Flow::new(S3Objects::new(s3.clone(), input), S3Objects::new(s3, output), records, config))
}

/// Reads a config from `s3://bucket/key`, with `?versionId=..` as that version was.
///
/// # Errors
/// `invalid_request` where the place or the config cannot be meant; those of [`Objects::get`].
pub async fn read_config(clients: &Clients, place: &str) -> Result<Config, Error> {
    let read = async {
        let data = read(clients, place, MAX_CONFIG_BYTES).await?;
        let text = String::from_utf8(data).map_err(|e| Error::caused(Code::InvalidRequest, "the config is not UTF-8", e))?;
        Config::from_json(&text)
    };
    read.await.map_err(|error| Error { message: format!("the config at {place}: {}", error.message), ..error })
}

/// Reads a small object.
async fn read(clients: &Clients, place: &str, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let Some((bucket, key, version)) = parse_place(place) else {
        return Err(Error::new(Code::InvalidRequest, "is not s3://bucket/key or s3://bucket/key?versionId=id"));
    };
    let objects = S3Objects::new(clients.s3(), bucket);
    let object = match version {
        Some(id) => objects.get_version(key, id, max_bytes).await?,
        None => objects.get(key, None, max_bytes).await?,
    };
    Ok(object.data)
}

fn parse_place(place: &str) -> Option<(&str, &str, Option<&str>)> {
    let (place, version) = match place.split_once("?versionId=") {
        Some((place, version)) => (place, Some(version)),
        None => (place, None),
    };
    let (bucket, key) = place.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty() && version != Some("")).then_some((bucket, key, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_its_place_and_version() {
        assert_eq!(parse_place("s3://b/a/c.json"), Some(("b", "a/c.json", None)));
        assert_eq!(parse_place("s3://b/c.json?versionId=x.1"), Some(("b", "c.json", Some("x.1"))));
        for place in ["", "b/c", "s3://b", "s3://b/", "s3:///c", "s3://b/c?versionId="] {
            assert_eq!(parse_place(place), None, "{place}");
        }
    }
}
