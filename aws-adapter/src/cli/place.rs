//! What `run`, `serve` and `reconcile` have in common: where pictures come from, where results go, and what is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_adapter::config::Config;
use aws_adapter::local::{self, LocalFlow};
use aws_adapter::store::Signer;

use super::{Failure, words};

/// The project's own pictures, where the program runs beside its source.
const TEST_IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-images");

/// The options of every command that works on a folder.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// Where renditions and records go.
    #[arg(long, default_value = "imgcore-data")]
    pub(crate) data: PathBuf,
    /// A JSON file that says what is made of a picture.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The memory that all pictures share, in MiB. Default: 384, or what the config says.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory: Option<u64>,
}

impl Place {
    pub(crate) fn open(&self, folder: &Path, signer: Signer) -> Result<Arc<LocalFlow>, Failure> {
        let flow = local::open(folder, &self.data, self.config()?, signer)?;
        Ok(Arc::new(flow))
    }

    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|e| Failure::io(file, &e))?;
                Config::from_json(&text).map_err(|e| Failure::new(e.code(), format!("{}: {e}", file.display())))?
            }
        };
        if let Some(mib) = self.memory {
            config.memory_bytes = mib << 20;
        }
        Ok(config)
    }

    /// Where the results lie.
    pub(crate) fn results(&self) -> String {
        format!("renditions  {}\nrecords     {}\n", self.data.join("renditions").display(), self.data.join(local::RECORDS).display())
    }
}

/// The folder that was named, else the project's own test images.
pub(crate) fn input(folder: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let own = Path::new(TEST_IMAGES);
    match folder {
        Some(folder) => Ok(folder.clone()),
        None if own.is_dir() => Ok(own.to_owned()),
        None => Err(Failure::new("invalid_request", "name the folder that holds the pictures, as in `imgcore run ~/Pictures`")),
    }
}

/// Runs what waits for disks and sockets.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Failure::new("internal", format!("no threads can be started: {e}")))?;
    runtime.block_on(work)
}

/// What is not worked on, in a line.
pub(crate) fn skipped(names: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    if names.is_empty() {
        return None;
    }
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| super::table::clip(name, 40)).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    Some(format!("left out {}: {}", words::count(names.len() as u64, "file"), shown.join(", ")))
}
