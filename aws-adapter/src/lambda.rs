//! The Lambda functions: one program, whose role says which of them it is.
//!
//! | variable | what it says | default |
//! | --- | --- | --- |
//! | `IMGCORE_ROLE` | `process`, `api`, `publish` or `analyse` | |
//! | `IMGCORE_INPUT_BUCKET` | where pictures come from | |
//! | `IMGCORE_OUTPUT_BUCKET` | where renditions go; never the input | |
//! | `IMGCORE_TABLE` | the table of records | `ImageMetadata` |
//! | `IMGCORE_CONFIG` | `s3://bucket/key?versionId=..`: what is made of a picture | three renditions |
//! | `IMGCORE_EVENT_BUS` | where `publish` tells of finished pictures | `default` |
//! | `IMGCORE_ANALYSES` | what `analyse` asks for: `faces`, `text`, `moderation`, or some of them with commas | |
//! | `IMGCORE_ADMIN_ROLE` | the IAM role whose sessions `api` lets see everybody's pictures | nobody |
//! | `IMGCORE_CDN` | the URL of the distribution that `api` sends readers of renditions to | S3 |
//! | `IMGCORE_CDN_KEY_PAIR` | the id of the public key that the distribution trusts | renditions are public |
//! | `IMGCORE_CDN_SECRET` | the ARN of the secret that holds its private key as PEM | |

pub mod analyse;
pub mod api;
pub mod process;
pub mod publish;
pub mod telemetry;

use std::sync::Arc;

use crate::analysis::Analyses;
use crate::cloud::rekognition::Rekognition;
use crate::cloud::{self, Cdn, Clients, CloudFlow, TABLE};
use crate::config::Config;
use crate::error::{Code, Error};

/// What a function needs beside the pictures' memory, in bytes: the program, its connections and an event.
const BESIDE_PICTURES: u64 = 96 << 20;

/// Starts the function that the environment names, and serves until the service ends it.
///
/// # Errors
/// `invalid_request` where the environment or the config says what cannot be meant: the function does not start.
pub async fn run() -> Result<(), Error> {
    let stopped = |e: lambda_runtime::Error| Error::caused(Code::Internal, "the runtime stopped", e);
    let role = required("IMGCORE_ROLE")?;
    let clients = Clients::from_environment().await;
    match role.as_str() {
        "process" => process::serve(Arc::new(open(&clients).await?)).await.map_err(stopped),
        "api" => {
            let mut flow = open(&clients).await?;
            flow.output = flow.output.through(cdn(&clients).await?);
            api::serve(Arc::new(flow), optional("IMGCORE_ADMIN_ROLE")).await.map_err(stopped)
        }
        "publish" => {
            let bus = optional("IMGCORE_EVENT_BUS").unwrap_or_else(|| "default".to_owned());
            publish::serve(clients.events(), bus).await.map_err(stopped)
        }
        "analyse" => {
            let wanted = Analyses::parse(&required("IMGCORE_ANALYSES")?)?;
            let analyst = Rekognition::new(clients.rekognition(), wanted);
            analyse::serve(Arc::new(open(&clients).await?), Arc::new(analyst)).await.map_err(stopped)
        }
        other => Err(invalid(&format!("IMGCORE_ROLE: `{other}` is none of process, api, publish, analyse"))),
    }
}

/// The distribution that the environment describes.
async fn cdn(clients: &Clients) -> Result<Option<Cdn>, Error> {
    let Some(base) = optional("IMGCORE_CDN") else { return Ok(None) };
    match (optional("IMGCORE_CDN_KEY_PAIR"), optional("IMGCORE_CDN_SECRET")) {
        (None, None) => Ok(Some(Cdn::public(&base))),
        (Some(id), Some(secret)) => Ok(Some(Cdn::signed(&base, &id, &clients.secret(&secret).await?)?)),
        _ => Err(invalid("IMGCORE_CDN_KEY_PAIR and IMGCORE_CDN_SECRET must be set together")),
    }
}

/// The flow that the environment describes. Clients are built once.
///
/// # Errors
/// Those of [`run`].
async fn open(clients: &Clients) -> Result<CloudFlow, Error> {
    let (input, output) = (required("IMGCORE_INPUT_BUCKET")?, required("IMGCORE_OUTPUT_BUCKET")?);
    let table = optional("IMGCORE_TABLE").unwrap_or_else(|| TABLE.to_owned());
    let mut config = match optional("IMGCORE_CONFIG") {
        Some(place) => cloud::read_config(clients, &place).await?,
        None => Config::default(),
    };
    if let Some(memory) = optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mib| mib.parse::<u64>().ok()) {
        config.memory_bytes = config.memory_bytes.min((memory << 20).saturating_sub(BESIDE_PICTURES));
    }
    cloud::open(clients, &input, &output, &table, config)
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
