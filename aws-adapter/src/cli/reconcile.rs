//! `imgcore reconcile [FOLDER]`: what does not fit together, and with `--apply` its mending. With the feature `aws` also of `s3://bucket`.

use std::path::PathBuf;
use std::sync::Arc;

use aws_adapter::catalog::Records;
use aws_adapter::cost;
use aws_adapter::job::Flow;
use aws_adapter::pipeline;
use aws_adapter::reconcile::{self, Applied, Findings, Look};
use aws_adapter::store::{Objects, Signer};
use aws_adapter::time::SystemRandom;

use super::place::{self, Place};
use super::run::progress;
use super::{Failure, cost::dollars, print, table, words};

/// The arguments of `reconcile`.
#[derive(clap::Args)]
pub(crate) struct Reconcile {
    /// The folder that holds the pictures, or s3://bucket. Default: the project's own test images.
    folder: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Also render anew what another configuration or version has made.
    #[arg(long)]
    stale: bool,
    /// Mend what was found. Without it nothing is changed.
    #[arg(long)]
    apply: bool,
    /// Look only at pictures whose keys come after this one: where an earlier look was stopped.
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// How many pictures are rendered at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: Option<u16>,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    cloud: Cloud,
}

/// What a bucket needs beside its name.
#[cfg(feature = "aws")]
#[derive(clap::Args)]
struct Cloud {
    /// The bucket of the renditions, for a picture folder that is s3://bucket.
    #[arg(long, value_name = "BUCKET")]
    output: Option<String>,
    /// The table of the records.
    #[arg(long, default_value = aws_adapter::cloud::TABLE)]
    table: String,
    /// The manifest.json of an S3 Inventory of the bucket, read instead of listing it: s3://bucket/prefix/manifest.json.
    #[arg(long, value_name = "PLACE")]
    inventory: Option<String>,
}

impl Reconcile {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let look = Look { objects: None, after: self.after.clone() };
        if let Some(bucket) = self.bucket_name() {
            return self.bucket(bucket, look);
        }
        let folder = place::input(self.folder.as_ref())?;
        let flow = self.place.open(&folder, Signer::ephemeral("", &SystemRandom))?;
        place::wait(self.reconcile(flow, look))
    }

    fn bucket_name(&self) -> Option<&str> {
        let name = self.folder.as_ref()?.to_str()?.strip_prefix("s3://")?;
        Some(name.trim_end_matches('/'))
    }

    /// How many pictures are rendered at once.
    fn workers(&self) -> usize {
        self.concurrency.map_or_else(pipeline::cores, usize::from)
    }

    #[cfg(feature = "aws")]
    fn bucket(&self, bucket: &str, mut look: Look) -> Result<(), Failure> {
        use aws_adapter::cloud::{self, Clients, inventory};
        let Cloud { output, table, inventory } = &self.cloud;
        let Some(output) = output else {
            return Err(Failure::new("invalid_request", "name the bucket of the renditions with --output"));
        };
        let config = self.place.config()?;
        place::wait(async {
            let clients = Clients::from_environment().await;
            if let Some(manifest) = inventory {
                look.objects = Some(inventory::pictures(&clients, manifest, bucket).await?);
            }
            let flow = cloud::open(&clients, bucket, output.trim_start_matches("s3://"), table, config)?;
            self.reconcile(Arc::new(flow), look).await
        })
    }

    #[cfg(not(feature = "aws"))]
    fn bucket(&self, bucket: &str, _: Look) -> Result<(), Failure> {
        Err(Failure::new("unsupported", format!("bucket `{bucket}`: this program was built without the feature `aws`")))
    }

    async fn reconcile<I: Objects, O: Objects, R: Records>(&self, flow: Arc<Flow<I, O, R>>, look: Look) -> Result<(), Failure> {
        let bar = progress(0);
        let mut last = self.after.clone();
        let findings = reconcile::find_in(&flow, look, |(done, count), key| {
            bar.set_length(count as u64);
            bar.set_position(done as u64);
            bar.set_message(table::clip(key, 40));
            last = Some(key.to_owned());
        });
        let findings = findings.await.map_err(|error| match last {
            Some(last) => Failure::new(error.code(), format!("{error}; go on with --after '{last}'")),
            None => error.into(),
        })?;
        bar.finish_and_clear();
        print(self.found(&findings, flow.config.renditions.len()))?;
        let stale = if self.stale { findings.stale.len() } else { 0 };
        if findings.is_clean() && stale == 0 {
            return print("nothing to mend\n");
        }
        if !self.apply {
            return print("nothing was changed; --apply mends it\n");
        }
        let bar = progress(findings.unrecorded.len() + findings.gone.len() + stale);
        let applied = reconcile::apply(&flow, &findings, self.stale, self.workers(), |_| bar.inc(1)).await?;
        bar.finish_and_clear();
        print(mended(&applied))?;
        match applied.pictures.iter().filter(|finished| finished.is_failure()).count() {
            0 => Ok(()),
            n => Err(Failure::new("internal", format!("{} could not be carried through", words::count(n as u64, "picture")))),
        }
    }

    fn found(&self, findings: &Findings, renditions: usize) -> String {
        let hint = if self.stale || findings.stale.is_empty() { "" } else { ": --stale renders them anew" };
        let counted = |keys: &[String], bytes| match keys.len() {
            0 => "0".to_owned(),
            n => format!("{n} ({})", words::bytes(bytes)),
        };
        let orphans = format!("{} ({})", findings.orphans.len(), words::bytes(findings.orphan_bytes()));
        let mut items = vec![
            ("pictures", findings.objects.to_string()),
            ("without a true record", counted(&findings.unrecorded, findings.unrecorded_bytes)),
            ("made by another configuration", counted(&findings.stale, findings.stale_bytes) + hint),
            ("records whose picture is gone", findings.gone.len().to_string()),
            ("renditions that no record names", orphans),
            ("uploads that never came", findings.expired.len().to_string()),
        ];
        items.extend(self.plan(findings, renditions).map(|plan| ("to render them", plan)));
        let items: Vec<_> = items.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        table::list(&items, table::has_color())
    }

    /// What mending takes; nothing where nothing is to be rendered. Only a bucket has a price: that of the stack's own functions.
    fn plan(&self, findings: &Findings, renditions: usize) -> Option<String> {
        let (mut objects, mut bytes) = (findings.unrecorded.len() as u64, findings.unrecorded_bytes);
        if self.stale {
            (objects, bytes) = (objects + findings.stale.len() as u64, bytes + findings.stale_bytes);
        }
        let workers = self.workers();
        let plan = cost::backfill(objects, bytes, renditions, workers);
        let dollars = self.bucket_name().map(|_| format!("{} and ", dollars(plan.dollars))).unwrap_or_default();
        (objects > 0).then(|| format!("about {dollars}{} with {workers} at once", words::hours(plan.hours)))
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
