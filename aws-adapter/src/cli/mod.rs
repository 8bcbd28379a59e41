//! The commands, a file each. Results go to standard output, everything else to standard error.
//!
//! Exit status: 0 also when pictures were rejected, 1 when a command failed, 2 for wrong use.

mod convert;
mod cost;
mod inspect;
mod place;
mod reconcile;
mod run;
mod serve;
mod table;
mod words;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use imgcore::Limits;

#[derive(Parser)]
#[command(
    name = "imgcore",
    version,
    about = "Pictures in, renditions and records out.",
    after_help = "Without a command, the project's own test images are run.",
    infer_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Put every picture of a folder through the pipeline.
    Run(run::Run),
    /// Watch a folder, and serve the API and a page of its pictures.
    Serve(serve::Serve),
    /// Print what a file says of itself: format, size, colors, camera.
    Inspect(inspect::Inspect),
    /// Convert one file, by options or by a recipe.
    Convert(convert::Convert),
    /// Find what does not fit together: pictures without a record, renditions without a picture.
    Reconcile(reconcile::Reconcile),
    /// Tell what pictures cost in AWS, and how that is reckoned.
    Cost(cost::Cost),
}

/// Reads the arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    let done = match Cli::parse().command.unwrap_or_else(|| Command::Run(run::Run::parse_from(["imgcore"]))) {
        Command::Run(run) => run.run(),
        Command::Serve(serve) => serve.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Convert(convert) => convert.run(),
        Command::Reconcile(reconcile) => reconcile.run(),
        Command::Cost(cost) => cost.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Told { sentence, code }) => {
            complain(format_args!("{sentence} [{code}]"));
            ExitCode::FAILURE
        }
    }
}

/// Why a command ends without its result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One sentence and its code.
    Told { sentence: String, code: &'static str },
    /// Standard output was closed.
    Closed,
}

impl Failure {
    pub(crate) fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Told { sentence: sentence.into(), code }
    }

    /// The core's error about a file.
    pub(crate) fn of(file: &Path, error: &imgcore::Error) -> Self {
        Self::new(error.code(), format!("{}: {error}", file.display()))
    }

    /// What the operating system says about a file.
    pub(crate) fn io(file: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::NotFound => "source_missing",
            io::ErrorKind::PermissionDenied => "source_forbidden",
            _ => "storage_unavailable",
        };
        Self::new(code, format!("{}: {error}", file.display()))
    }
}

impl From<aws_adapter::error::Error> for Failure {
    fn from(error: aws_adapter::error::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Prints a sentence for people.
pub(crate) fn complain(sentence: impl fmt::Display) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(io::stderr(), "imgcore: {sentence}");
}

/// Prints a result.
pub(crate) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(|_| Failure::Closed)
}

/// Reads a file of at most `maxInputBytes`.
pub(crate) fn read(file: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    let max = limits.max_input_bytes;
    File::open(file).and_then(|opened| opened.take(max.saturating_add(1)).read_to_end(&mut data)).map_err(|e| Failure::io(file, &e))?;
    if data.len() as u64 > max {
        let value = std::fs::metadata(file).map_or(data.len() as u64, |found| found.len());
        return Err(Failure::of(file, &imgcore::Error::LimitExceeded { limit: "maxInputBytes", value, max }));
    }
    Ok(data)
}

/// Prints what was odd but harmless about a file.
pub(crate) fn warn(file: &Path, warnings: &[imgcore::Warning]) {
    for warning in warnings {
        complain(format_args!("{}: warning: {} [{}]", file.display(), warning.message, warning.code));
    }
}
