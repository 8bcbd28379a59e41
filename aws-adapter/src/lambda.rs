//! The Lambda functions: one program, whose role says which of them it is.
//!
//! | variable | what it says | default |
//! | --- | --- | --- |
//! | `IMGCORE_ROLE` | `process`, `api` or `publish` | |
//! | `IMGCORE_INPUT_BUCKET` | where pictures come from | |
//! | `IMGCORE_OUTPUT_BUCKET` | where renditions go; never the input | |
//! | `IMGCORE_TABLE` | the table of records | `ImageMetadata` |
//! | `IMGCORE_CONFIG` | `s3://bucket/key?versionId=..`: what is made of a picture | three renditions |
//! | `IMGCORE_EVENT_BUS` | where `publish` tells of finished pictures | `default` |

mod clients;
pub mod api;
pub mod process;
pub mod publish;
pub mod telemetry;

use std::sync::Arc;

use crate::catalog::DynamoRecords;
use crate::config::{Config, check_places};
use crate::error::{Code, Error};
use crate::job::Flow;
use crate::store::{Objects, S3Objects};

pub use clients::Clients;

/// The flow between two buckets.
pub type CloudFlow = Flow<S3Objects, S3Objects, DynamoRecords>;

/// The table of records, where nobody says otherwise.
pub const TABLE: &str = "ImageMetadata";

/// What a function needs beside the pictures' memory, in bytes: the program, its connections and an event.
const BESIDE_PICTURES: u64 = 96 << 20;

/// The largest config that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Starts the function that the environment names, and serves until the service ends it.
///
/// # Errors
/// `invalid_request` where the environment or the config says what cannot be meant: the function does not start.
pub async fn run() -> Result<(), Error> {
    let stopped = |e: lambda_runtime::Error| Error::caused(Code::Internal, "the runtime stopped", e);
    match required("IMGCORE_ROLE")?.as_str() {
        "process" => process::serve(Arc::new(open().await?)).await.map_err(stopped),
        "api" => api::serve(Arc::new(open().await?)).await.map_err(stopped),
        "publish" => {
            let bus = optional("IMGCORE_EVENT_BUS").unwrap_or_else(|| "default".to_owned());
            publish::serve(Clients::from_environment().await.events(), bus).await.map_err(stopped)
        }
        other => Err(invalid(&format!("IMGCORE_ROLE: `{other}` is none of process, api, publish"))),
    }
}

/// The flow that the environment describes. Clients are built once.
///
/// # Errors
/// Those of [`run`].
async fn open() -> Result<CloudFlow, Error> {
    let (input, output) = (required("IMGCORE_INPUT_BUCKET")?, required("IMGCORE_OUTPUT_BUCKET")?);
    check_places(&input, &output)?;
    let table = optional("IMGCORE_TABLE").unwrap_or_else(|| TABLE.to_owned());
    let clients = Clients::from_environment().await;
    let s3 = clients.s3();
    let mut config = match optional("IMGCORE_CONFIG") {
        Some(place) => read_config(&s3, &place).await?,
        None => Config::default(),
    };
    if let Some(memory) = optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mib| mib.parse::<u64>().ok()) {
        config.memory_bytes = config.memory_bytes.min((memory << 20).saturating_sub(BESIDE_PICTURES));
    }
    let records = DynamoRecords::new(clients.dynamodb(), table);
    Ok(Flow::new(S3Objects::new(s3.clone(), input), S3Objects::new(s3, output), records, config))
}

/// Reads the config from an object of this version.
async fn read_config(s3: &aws_sdk_s3::Client, place: &str) -> Result<Config, Error> {
    let Some((bucket, key, version)) = parse_place(place) else {
        return Err(invalid(&format!("IMGCORE_CONFIG: `{place}` is not s3://bucket/key or s3://bucket/key?versionId=id")));
    };
    let objects = S3Objects::new(s3.clone(), bucket);
    let read = async {
        let object = match version {
            Some(id) => objects.get_version(key, id, MAX_CONFIG_BYTES).await?,
            None => objects.get(key, None, MAX_CONFIG_BYTES).await?,
        };
        let text = String::from_utf8(object.data).map_err(|e| Error::caused(Code::InvalidRequest, "the config is not UTF-8", e))?;
        Config::from_json(&text)
    };
    read.await.map_err(|error| Error { message: format!("the config at {place}: {}", error.message), ..error })
}

fn parse_place(place: &str) -> Option<(&str, &str, Option<&str>)> {
    let (place, version) = match place.split_once("?versionId=") {
        Some((place, version)) => (place, Some(version)),
        None => (place, None),
    };
    let (bucket, key) = place.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty() && version != Some("")).then_some((bucket, key, version))
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String, Error> {
    optional(name).ok_or_else(|| invalid(&format!("{name} must be set")))
}

fn invalid(sentence: &str) -> Error {
    Error::new(Code::InvalidRequest, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_named_by_its_place_and_version() {
        assert_eq!(parse_place("s3://b/a/c.json"), Some(("b", "a/c.json", None)));
        assert_eq!(parse_place("s3://b/c.json?versionId=x.1"), Some(("b", "c.json", Some("x.1"))));
        for place in ["", "b/c", "s3://b", "s3://b/", "s3:///c", "s3://b/c?versionId="] {
            assert_eq!(parse_place(place), None, "{place}");
        }
    }
}
