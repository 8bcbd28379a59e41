//! `imgcore reconcile [FOLDER]`: what does not fit together, and with `--apply` its mending.

use std::path::PathBuf;

use aws_adapter::pipeline;
use aws_adapter::reconcile::{self, Applied, Findings};
use aws_adapter::store::Signer;
use aws_adapter::time::SystemRandom;

use super::place::{self, Place};
use super::run::progress;
use super::{Failure, print, table, words};

/// The arguments of `reconcile`.
#[derive(clap::Args)]
pub(crate) struct Reconcile {
    /// The folder that holds the pictures. Default: the project's own test images.
    folder: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Also render anew what another configuration or version has made.
    #[arg(long)]
    stale: bool,
    /// Mend what was found. Without it nothing is changed.
    #[arg(long)]
    apply: bool,
}

impl Reconcile {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let folder = place::input(self.folder.as_ref())?;
        let flow = self.place.open(&folder, Signer::ephemeral("", &SystemRandom))?;
        place::wait(async {
            let findings = reconcile::find(&flow).await?;
            print(self.found(&findings))?;
            let stale = if self.stale { findings.stale.len() } else { 0 };
            if findings.is_clean() && stale == 0 {
                return print("nothing to mend\n");
            }
            if !self.apply {
                return print("nothing was changed; --apply mends it\n");
            }
            let bar = progress(findings.unrecorded.len() + findings.gone.len() + stale);
            let applied = reconcile::apply(&flow, &findings, self.stale, pipeline::cores(), |_| bar.inc(1)).await?;
            bar.finish_and_clear();
            print(mended(&applied))?;
            match applied.pictures.iter().filter(|finished| finished.is_failure()).count() {
                0 => Ok(()),
                n => Err(Failure::new("internal", format!("{} could not be carried through", words::count(n as u64, "picture")))),
            }
        })
    }

    fn found(&self, findings: &Findings) -> String {
        let stale = if self.stale || findings.stale.is_empty() { "" } else { " (--stale renders them anew)" };
        let orphans = format!("{} ({})", findings.orphans.len(), words::bytes(findings.orphan_bytes()));
        let items = [
            ("pictures", findings.objects.to_string()),
            ("without a true record", findings.unrecorded.len().to_string()),
            ("made by another configuration", format!("{}{stale}", findings.stale.len())),
            ("records whose picture is gone", findings.gone.len().to_string()),
            ("renditions that no record names", orphans),
            ("uploads that never came", findings.expired.len().to_string()),
        ];
        table::list(&items.map(|(name, value)| (name.to_owned(), value)), table::has_color())
    }
}

fn mended(applied: &Applied) -> String {
    format!(
        "looked again at {}, deleted {} ({}), forgot {}\n",
        words::count(applied.pictures.len() as u64, "picture"),
        words::count(applied.deleted as u64, "rendition"),
        words::bytes(applied.deleted_bytes),
        words::count(applied.expired as u64, "upload"),
    )
}
