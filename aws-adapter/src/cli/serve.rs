//! `imgcore serve [FOLDER]`: the watched folder, the API and the page, until Ctrl-C.

use std::path::PathBuf;

use aws_adapter::pipeline::{self, Finished};
use aws_adapter::serve::{self, Own, Told};
use aws_adapter::store::{Objects, Signer};
use aws_adapter::time::SystemRandom;

use super::place::{self, Place};
use super::{Failure, complain, print, run, table, words};

/// The arguments of `serve`.
#[derive(clap::Args)]
pub(crate) struct Serve {
    /// The folder that is watched, and that uploads go to. Default: `pictures` within the data folder.
    folder: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8787)]
    port: u16,
}

impl Serve {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => {
                let folder = self.place.data.join("pictures");
                std::fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, &e))?;
                folder
            }
        };
        place::wait(async {
            let listener = serve::bind(self.port).await?;
            let port = listener.local_addr().map_err(|e| Failure::new("storage_unavailable", e.to_string()))?.port();
            let origin = Own::new(port).origin();
            let signer = Signer::ephemeral(&origin, &SystemRandom);
            let flow = self.place.open(&folder, signer.clone())?;
            print(format_args!("page        {origin}/\nwatched     {}\n{}Ctrl-C ends it.\n", flow.input.bucket(), self.place.results()))?;
            let stop = async {
                // Without a signal to wait for there is nothing that could end the server.
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            serve::serve(flow, signer, listener, pipeline::cores(), tell, stop).await?;
            Ok(())
        })
    }
}

/// A line for each picture that was worked on, and for each request that could not be answered.
fn tell(told: Told<'_>) {
    match told {
        Told::Picture(finished) => tell_picture(finished),
        Told::Fault(error) => complain(format_args!("a request failed: {error} [{}]", error.code())),
    }
}

fn tell_picture(finished: &Finished) {
    if finished.is_unchanged() {
        return;
    }
    let key = table::plain(&finished.key);
    let time = words::duration(finished.elapsed.as_millis() as u64);
    match run::fault(finished) {
        Some((code, message)) => complain(format_args!("{key}: {}: {} [{code}]", run::status(finished, false), table::plain(&message))),
        None => complain(format_args!("{key}: {}, {time}", run::status(finished, false))),
    }
}
