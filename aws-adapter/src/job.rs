//! The only business flow: a job in, an outcome out.
//!
//! ```text
//! read the record -> ask HEAD if the event does not say all -> decide -> claim -> get, probe, plan, convert -> put renditions -> record
//! ```
//!
//! Events come twice, late, and in any order; workers die anywhere. What holds it together: every write of a record is conditional on the
//! record still being as it was read; a rendition's key is a function of its content; renditions come first and the record last.
//! A picture is `REJECTED` as soon as one of its renditions cannot be made of it: the same bytes and recipe would fail again.

mod picture;

use std::sync::Arc;

use crate::budget::Budget;
use crate::catalog::{Records, Write};
use crate::config::Config;
use crate::error::{Code, Error};
use crate::event::{Job, Kind, Stage};
use crate::identity::{image_id, rendition_prefix};
use crate::record::{Entry, Failure, Record, Status};
use crate::store::{Objects, list_all};
use crate::time::{Clock, Random, SystemClock, SystemRandom, Timestamp};
use crate::workers::{RemoteWorkers, Workers};

/// How long a job may take. Default of [`Flow::deadline_ms`].
pub const DEADLINE_MS: i64 = 5 * 60 * 1000;

/// A lease outlives its job's deadline by this much.
const LEASE_AFTER_DEADLINE_MS: i64 = 10_000;

/// How often a job starts again when somebody else wrote its record in between.
const ATTEMPTS: u32 = 8;

/// The flow and all that it works with: two buckets, the records, and what a test wants to own.
pub struct Flow<I, O, R> {
    /// Where pictures come from.
    pub input: I,
    /// Where renditions go.
    pub output: O,
    /// What is known of the pictures.
    pub records: R,
    /// What is made of them.
    pub config: Config,
    /// The memory that all workers share.
    pub budget: Budget,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Names claims.
    pub random: Arc<dyn Random>,
    /// Knows whose claims are void.
    pub workers: Arc<dyn Workers>,
    /// How long a job may take where nobody says otherwise, in milliseconds. Default: 5 minutes.
    pub deadline_ms: i64,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Work was done, and the record says how it ended: in any state but `RUNNING`.
    Written(Box<Record>),
    /// The record describes this version already; nothing was done.
    Unchanged(Box<Record>),
    /// The job is older than what is known, or a duplicate.
    Dropped,
    /// Somebody else works on it: back to the queue.
    Busy,
    /// The picture could be rendered, and this is what was found in it; nothing was written.
    Valid(Box<Record>),
}

impl Outcome {
    /// Whether the job goes back to the queue.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Written(record) => record.error.as_ref().and_then(|e| Code::parse(&e.code)).is_some_and(Code::is_retryable),
            Self::Unchanged(_) | Self::Dropped | Self::Valid(_) => false,
        }
    }

    /// The record, where the job was about it.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Written(record) | Self::Unchanged(record) | Self::Valid(record) => Some(record),
            Self::Dropped | Self::Busy => None,
        }
    }
}

/// What the job is about.
enum Target {
    /// This version of the object.
    Version { version: String, size: Option<u64> },
    /// An object that is no more.
    Gone,
    /// An object that could not be asked for.
    Unknown(Error),
}

/// What is to be done, in the order of the rules.
enum Decision {
    Drop,
    WaitForLease,
    KeepFinal,
    DropFinal,
    Claim,
}

impl<I: Objects, O: Objects, R: Records> Flow<I, O, R> {
    /// A flow with the machine's clock and randomness, workers of whom nothing is known, and the configured budget.
    pub fn new(input: I, output: O, records: R, config: Config) -> Self {
        Self {
            budget: Budget::new(config.memory_bytes),
            input,
            output,
            records,
            config,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            workers: Arc::new(RemoteWorkers),
            deadline_ms: DEADLINE_MS,
        }
    }

    /// Carries out a job. Repeating it is harmless, at any time and in any order.
    ///
    /// # Errors
    /// Where the records or the storage do not answer, so that nothing could be recorded: back to the queue.
    pub async fn run(&self, job: &Job) -> Result<Outcome, Error> {
        self.run_until(job, self.deadline()).await
    }

    /// [`Flow::run`] for a worker that will be stopped at `deadline`: the conversion ends there, and the lease a little later.
    ///
    /// # Errors
    /// Those of `run`.
    pub async fn run_until(&self, job: &Job, deadline: Timestamp) -> Result<Outcome, Error> {
        if job.bucket != self.input.bucket() {
            let message = format!("bucket `{}` is not the one that is worked on", job.bucket);
            return Err(Error::new(Code::InvalidRequest, message));
        }
        if job.stage == Stage::Validate {
            return self.validate(job, deadline).await.map(Outcome::Valid);
        }
        for _ in 0..ATTEMPTS {
            if let Some(outcome) = self.attempt(job, deadline).await? {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Busy)
    }

    /// Deletes what lies under a final record's prefix without being named by it.
    ///
    /// # Errors
    /// Where the records or the storage do not answer.
    pub async fn tidy_image(&self, image_id: &str) -> Result<(), Error> {
        match self.records.get(image_id).await? {
            Some(mut entry) if entry.record.status.is_final() && !self.is_held(&entry) => self.tidy(&mut entry, self.deadline()).await,
            _ => Ok(()),
        }
    }

    /// Whether a worker who may be alive holds a claim on the entry.
    pub fn is_held(&self, entry: &Entry) -> bool {
        let is_gone = entry.claim.as_deref().is_some_and(|claim| self.workers.is_gone(claim));
        entry.is_leased(self.clock.now()) && !is_gone
    }

    /// One reading of the record and what follows from it; nothing if somebody else wrote it in between.
    async fn attempt(&self, job: &Job, deadline: Timestamp) -> Result<Option<Outcome>, Error> {
        let now = self.clock.now();
        let id = image_id(&job.bucket, &job.key);
        let stored = self.records.get(&id).await?;
        let entry = stored.unwrap_or_else(|| Entry::new(Record::new(&job.bucket, &job.key, now)));
        // The rules that need no version come first, since a HEAD costs a request.
        if let Some(early) = self.decide_early(job, &entry) {
            return self.act(early, job, entry, Target::Gone, deadline).await;
        }
        let target = self.target(job).await;
        if let Target::Gone = target
            && job.sequencer.is_none()
            && (entry.revision == 0 || entry.expires_at.is_some())
        {
            // Nobody said that there was an object, or one is still awaited.
            return Ok(Some(Outcome::Dropped));
        }
        let decision = self.decide(job, &entry, &target);
        self.act(decision, job, entry, target, deadline).await
    }

    /// Rules 1 and 2.
    fn decide_early(&self, job: &Job, entry: &Entry) -> Option<Decision> {
        if let (Some(new), Some(known)) = (&job.sequencer, &entry.record.sequencer) {
            let names_another = matches!((&job.version, &entry.record.source_version), (Some(new), Some(known)) if new != known);
            if new < known || (new == known && names_another) {
                return Some(Decision::Drop);
            }
        }
        self.is_held(entry).then_some(Decision::WaitForLease)
    }

    /// The version that an event names; the one that is there for a deletion, and for whoever does not know.
    async fn target(&self, job: &Job) -> Target {
        if let (Kind::Created, Some(version), Some(_)) = (job.kind, &job.version, &job.sequencer) {
            return Target::Version { version: version.clone(), size: job.size };
        }
        match self.input.head(&job.key).await {
            Ok(head) => Target::Version { version: head.version, size: Some(head.size) },
            Err(error) if error.code == Code::SourceMissing => Target::Gone,
            Err(error) => Target::Unknown(error),
        }
    }

    /// Rules 3 to 5.
    fn decide(&self, job: &Job, entry: &Entry, target: &Target) -> Decision {
        let record = &entry.record;
        let is_described = match target {
            Target::Version { version, .. } => {
                record.source_version.as_ref() == Some(version)
                    && matches!(record.status, Status::Succeeded | Status::Rejected)
                    && self.config.is_current(record)
            }
            Target::Gone => record.status == Status::Deleted,
            Target::Unknown(_) => false,
        };
        if is_described {
            Decision::KeepFinal
        } else if job.sequencer.is_some() && job.sequencer == record.sequencer && record.status.is_final() {
            Decision::DropFinal
        } else {
            Decision::Claim
        }
    }

    async fn act(
        &self,
        decision: Decision,
        job: &Job,
        mut entry: Entry,
        target: Target,
        deadline: Timestamp,
    ) -> Result<Option<Outcome>, Error> {
        match decision {
            Decision::Drop => Ok(Some(Outcome::Dropped)),
            Decision::WaitForLease => Ok(Some(Outcome::Busy)),
            Decision::KeepFinal => {
                let newer = job.sequencer.as_ref().filter(|new| Some(*new) > entry.record.sequencer.as_ref());
                if let Some(newer) = newer {
                    entry.record.sequencer = Some(newer.clone());
                    entry.record.updated_at = self.clock.now();
                    if self.records.write(&mut entry).await? == Write::Lost {
                        return Ok(None);
                    }
                }
                self.tidy(&mut entry, deadline).await?;
                Ok(Some(Outcome::Unchanged(Box::new(entry.record))))
            }
            Decision::DropFinal => {
                self.tidy(&mut entry, deadline).await?;
                Ok(Some(Outcome::Dropped))
            }
            Decision::Claim => {
                if self.claim(&mut entry, job, &target, deadline).await? == Write::Lost {
                    return Ok(None);
                }
                self.work(entry, target, deadline).await.map(Some)
            }
        }
    }

    /// Rule 5. What was found in another version is forgotten; the renditions stay until there are new ones.
    async fn claim(&self, entry: &mut Entry, job: &Job, target: &Target, deadline: Timestamp) -> Result<Write, Error> {
        let now = self.clock.now();
        let mut record = entry.record.forgotten(now);
        record.status = Status::Running;
        if let Target::Version { version, size } = target {
            record.source_version = Some(version.clone());
            record.size = size.or(record.size);
        }
        record.sequencer = job.sequencer.clone().or(record.sequencer);
        entry.record = record;
        entry.expires_at = None;
        self.lease(entry, deadline);
        self.records.write(entry).await
    }

    fn lease(&self, entry: &mut Entry, deadline: Timestamp) {
        entry.claim = Some(self.workers.claim(self.random.token()));
        entry.lease_until = Some(deadline.plus_millis(LEASE_AFTER_DEADLINE_MS));
    }

    /// The deadline of work that begins now.
    fn deadline(&self) -> Timestamp {
        self.clock.now().plus_millis(self.deadline_ms)
    }

    /// The work of a job that holds the claim.
    async fn work(&self, mut entry: Entry, target: Target, deadline: Timestamp) -> Result<Outcome, Error> {
        let begun = self.clock.now();
        let result = match target {
            Target::Version { version, size } => self.picture(&mut entry.record, &version, size, begun, deadline).await,
            Target::Gone => Err(Error::new(Code::SourceMissing, "the object was deleted")),
            Target::Unknown(error) => Err(error),
        };
        let total = self.clock.now().millis_since(begun);
        entry.record.duration_ms.insert("total".to_owned(), total);
        let status = match &result {
            Ok(()) => Status::Succeeded,
            Err(error) if error.code == Code::SourceMissing => Status::Deleted,
            Err(error) if error.code == Code::SourceChanged => Status::Pending,
            Err(error) if error.code.is_rejection() => Status::Rejected,
            Err(_) => Status::Failed,
        };
        if let (Status::Rejected | Status::Failed, Err(error)) = (status, &result) {
            entry.record.error = Some(Failure::from(error));
        }
        if status == Status::Deleted {
            entry.record = Record { duration_ms: entry.record.duration_ms.clone(), ..entry.record.forgotten(begun) };
        } else {
            entry.record.config_hash = Some(self.config.hash().to_owned());
            entry.record.output_revision = Some(imgcore::OUTPUT_REVISION);
        }
        self.finish(entry, status).await
    }

    /// Writes the outcome, and deletes what it does not name.
    async fn finish(&self, mut entry: Entry, status: Status) -> Result<Outcome, Error> {
        let mut orphans = Vec::new();
        entry.record.status = status;
        if status.is_final() {
            match self.unnamed(&entry.record).await {
                Ok(unnamed) => orphans = unnamed,
                Err(error) => {
                    entry.record.status = Status::Failed;
                    entry.record.renditions.clear();
                    entry.record.error = Some(Failure::from(&error));
                }
            }
        }
        entry.record.updated_at = self.clock.now();
        let lease_until = entry.lease_until;
        // While there is something to delete the claim stays: nobody may make renditions under the broom.
        if orphans.is_empty() {
            entry.release();
        }
        if self.records.write(&mut entry).await? == Write::Lost {
            return Ok(Outcome::Busy);
        }
        if !orphans.is_empty() {
            self.sweep(&mut entry, &orphans, lease_until).await?;
        }
        Ok(Outcome::Written(Box::new(entry.record)))
    }

    /// Deletes what a final record does not name, under a claim that leaves its state as it is.
    async fn tidy(&self, entry: &mut Entry, deadline: Timestamp) -> Result<(), Error> {
        let orphans = self.unnamed(&entry.record).await?;
        if orphans.is_empty() {
            return Ok(());
        }
        self.lease(entry, deadline);
        if self.records.write(entry).await? == Write::Lost {
            return Ok(());
        }
        self.sweep(entry, &orphans, entry.lease_until).await
    }

    /// What lies under a record's prefix without being named by it.
    async fn unnamed(&self, record: &Record) -> Result<Vec<String>, Error> {
        let found = list_all(&self.output, &rendition_prefix(&record.image_id)).await?;
        let keys = found.objects.into_iter().map(|object| object.key);
        Ok(keys.filter(|key| record.renditions.iter().all(|named| named.key != *key)).collect())
    }

    /// Deletes objects while the lease holds, and ends the claim.
    async fn sweep(&self, entry: &mut Entry, orphans: &[String], lease_until: Option<Timestamp>) -> Result<(), Error> {
        let mut swept = Ok(());
        for key in orphans {
            if swept.is_err() || lease_until.is_none_or(|until| self.clock.now() >= until) {
                break;
            }
            swept = self.output.delete(key).await;
        }
        entry.release();
        // Lost means that the lease ran out and that somebody else has it now.
        let _ = self.records.write(entry).await?;
        swept
    }
}
