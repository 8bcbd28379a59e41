//! The runner on one machine: lists a folder, sends itself an event for each picture, and works on all cores.
//!
//! The event is the one that S3 would send, so that parsing, order, leases and outcomes are those of the cloud. A second run sends newer
//! events for the same versions, which change nothing.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::catalog::{Counter, Records};
use crate::error::{Code, Error};
use crate::event::{self, Job};
use crate::identity::image_id;
use crate::job::{Flow, Outcome};
use crate::record::{Record, Status};
use crate::store::{Listed, Objects, list_all};

/// Waits between the tries of a job that failed and may pass.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// How long to wait for another process that works on the same picture, and how often to look.
const BUSY: (u32, Duration) = (240, Duration::from_millis(250));

/// Files that stand beside pictures and are none. Whatever else there is is judged by its bytes.
const DOCUMENTS: [&str; 8] = ["csv", "html", "json", "md", "py", "toml", "tsv", "txt"];

/// The pictures of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What goes through the pipeline, in key order.
    pub pictures: Vec<Listed>,
    /// What does not: names that are not UTF-8, links, hidden files, documents.
    pub skipped: Vec<String>,
}

/// What became of one picture.
#[derive(Debug)]
pub struct Finished {
    /// Its key.
    pub key: String,
    /// What its job came to.
    pub result: Result<Outcome, Error>,
    /// Its record now.
    pub record: Option<Record>,
    /// How long it took, waiting included.
    pub elapsed: Duration,
}

impl Finished {
    /// Whether there was nothing to do, since it was done before.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.result, Ok(Outcome::Unchanged(_) | Outcome::Dropped))
    }

    /// Whether the pipeline itself failed, as opposed to the picture.
    pub fn is_failure(&self) -> bool {
        match &self.result {
            Err(_) | Ok(Outcome::Busy) => true,
            Ok(outcome) => outcome.record().is_some_and(|record| record.status == Status::Failed),
        }
    }
}

/// Lists what is to go through the pipeline.
///
/// # Errors
/// `storage_unavailable` where the folder cannot be read.
pub async fn pictures(input: &impl Objects) -> Result<Listing, Error> {
    let all = list_all(input, "").await?;
    let (pictures, others): (Vec<_>, Vec<_>) = all.objects.into_iter().partition(|object| is_picture(&object.key));
    let mut skipped = all.skipped;
    skipped.extend(others.into_iter().map(|object| object.key));
    skipped.sort();
    Ok(Listing { pictures, skipped })
}

/// Whether a key may be a picture's: not hidden, and no document by its extension.
pub fn is_picture(key: &str) -> bool {
    let is_hidden = key.split('/').any(|part| part.starts_with('.'));
    let extension = key.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    !is_hidden && !extension.is_some_and(|extension| DOCUMENTS.contains(&extension.as_str()))
}

/// Puts all these pictures through the pipeline, `workers` at a time, and tells each as it is done.
pub async fn run<I, O, R>(flow: &Arc<Flow<I, O, R>>, keys: Vec<String>, workers: usize, progress: impl FnMut(&Finished)) -> Vec<Finished>
where
    I: Objects,
    O: Objects,
    R: Records + Counter,
{
    each(flow, keys, workers, |flow, key| async move { submit(&flow, &key).await }, progress).await
}

/// How many pictures to work on at once: one for each core.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Puts one picture through the pipeline as it is now.
pub async fn submit<I: Objects, O: Objects, R: Records + Counter>(flow: &Flow<I, O, R>, key: &str) -> Finished {
    let begun = Instant::now();
    let result = match created(flow, key).await {
        Ok(Some(job)) => carry_out(flow, &job).await,
        // Gone since it was listed.
        Ok(None) => carry_out(flow, &Job::check(flow.input.bucket(), key)).await,
        Err(error) => Err(error),
    };
    finished(flow, key, result, begun).await
}

/// Tells the pipeline that a picture is gone.
pub async fn remove<I: Objects, O: Objects, R: Records + Counter>(flow: &Flow<I, O, R>, key: &str) -> Finished {
    let begun = Instant::now();
    let result = async {
        let sequencer = flow.records.next_sequencer().await?;
        let event = event::object_removed(flow.input.bucket(), key, &sequencer, flow.clock.now());
        carry_out(flow, &only_job(&event)?).await
    };
    let result = result.await;
    finished(flow, key, result, begun).await
}

/// Looks at a picture without an event, as reconciliation does.
pub async fn check<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, key: &str) -> Finished {
    let begun = Instant::now();
    let result = carry_out(flow, &Job::check(flow.input.bucket(), key)).await;
    finished(flow, key, result, begun).await
}

/// Does the same for all keys, `workers` at a time.
pub(crate) async fn each<I, O, R, W, F>(
    flow: &Arc<Flow<I, O, R>>,
    keys: Vec<String>,
    workers: usize,
    work: W,
    mut progress: impl FnMut(&Finished),
) -> Vec<Finished>
where
    I: Objects,
    O: Objects,
    R: Records,
    W: Fn(Arc<Flow<I, O, R>>, String) -> F + Clone + Send + 'static,
    F: Future<Output = Finished> + Send,
{
    let mut all = Vec::with_capacity(keys.len());
    let queue = Arc::new(Mutex::new(VecDeque::from(keys)));
    let (sender, mut receiver) = mpsc::channel(1);
    for _ in 0..workers.max(1) {
        let (flow, queue, sender, work) = (Arc::clone(flow), Arc::clone(&queue), sender.clone(), work.clone());
        tokio::spawn(async move {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some(key) = next() {
                let finished = work(Arc::clone(&flow), key).await;
                if sender.send(finished).await.is_err() {
                    // Nobody listens any more.
                    return;
                }
            }
        });
    }
    drop(sender);
    while let Some(finished) = receiver.recv().await {
        progress(&finished);
        all.push(finished);
    }
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

/// The job for a picture as it is now. The number comes before the look at the content: who has the newest number has seen the newest content.
async fn created<I: Objects, O: Objects, R: Records + Counter>(flow: &Flow<I, O, R>, key: &str) -> Result<Option<Job>, Error> {
    let sequencer = flow.records.next_sequencer().await?;
    let head = match flow.input.head(key).await {
        Err(error) if error.code == Code::SourceMissing => return Ok(None),
        head => head?,
    };
    let event = event::object_created(flow.input.bucket(), key, &head.version, head.size, &sequencer, flow.clock.now());
    only_job(&event).map(Some)
}

fn only_job(event: &str) -> Result<Job, Error> {
    let jobs = event::jobs(event)?;
    jobs.into_iter().next().ok_or_else(|| Error::new(Code::Internal, "an event of our own names no job"))
}

/// What a queue does in the cloud: a job that may pass later is tried again.
async fn carry_out<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, job: &Job) -> Result<Outcome, Error> {
    let mut pauses = PAUSES.iter();
    let mut looks = 0;
    loop {
        let result = flow.run(job).await;
        match &result {
            Ok(Outcome::Busy) if looks < BUSY.0 => {
                looks += 1;
                tokio::time::sleep(BUSY.1).await;
                continue;
            }
            Ok(outcome) if !outcome.is_retryable() => return result,
            Err(error) if !error.code.is_retryable() => return result,
            _ => {}
        }
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return result,
        }
    }
}

async fn finished<I: Objects, O: Objects, R: Records>(
    flow: &Flow<I, O, R>,
    key: &str,
    result: Result<Outcome, Error>,
    begun: Instant,
) -> Finished {
    let mut record = result.as_ref().ok().and_then(Outcome::record).cloned();
    if record.is_none() {
        // An unreadable record is no worse than none here: the result tells what happened.
        let entry = flow.records.get(&image_id(flow.input.bucket(), key)).await.ok().flatten();
        record = entry.map(|entry| entry.record);
    }
    Finished { key: key.to_owned(), result, record, elapsed: begun.elapsed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_and_documents_are_no_pictures() {
        for key in ["a.jpg", "no-extension", "b/c.PNG", "odd.xyz", "a.b/c"] {
            assert!(is_picture(key), "{key}");
        }
        for key in [".DS_Store", "b/.git/c.png", "README.md", "a/config.JSON"] {
            assert!(!is_picture(key), "{key}");
        }
    }
}
