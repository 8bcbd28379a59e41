//! An event in, and what goes back to the queue out: the function `process`, but for Lambda itself.
//!
//! A message is returned alone, so that one bad picture takes none of its neighbours back with it. Jobs for one key wait for each other;
//! all others share the machine and its memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;

use crate::catalog::Records;
use crate::error::{Code, Error};
use crate::event::{self, Delivery, Job};
use crate::job::{Flow, Outcome};
use crate::store::Objects;
use crate::time::Timestamp;

/// A job that has less time than this is returned rather than begun, in milliseconds.
const MIN_TIME_MS: u64 = 1000;

/// A job that has not ended this long after its deadline is given up: its lease will run out.
const GRACE: Duration = Duration::from_millis(1500);

/// What became of an event.
#[derive(Debug)]
pub struct Batch {
    /// Whether it came from a queue, which takes single messages back.
    pub is_queue: bool,
    /// What became of each job, in the order of the event; and what could not be read.
    pub done: Vec<Done>,
}

/// What became of a job, or of a message that names none.
#[derive(Debug)]
pub struct Done {
    /// The queue's name for the message.
    pub message_id: Option<String>,
    /// The job; absent where the message could not be read.
    pub job: Option<Job>,
    /// How it ended.
    pub result: Result<Outcome, Error>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Done {
    /// Whether the message goes back: what may pass later, and what is nobody's work here and belongs among the dead letters.
    pub fn goes_back(&self) -> bool {
        self.result.as_ref().map_or(true, Outcome::is_retryable)
    }
}

impl Batch {
    /// The messages that go back to the queue.
    pub fn failures(&self) -> BTreeSet<&str> {
        self.done.iter().filter(|done| done.goes_back()).filter_map(|done| done.message_id.as_deref()).collect()
    }
}

/// Carries out an event's jobs, `workers` at a time, all of them until `deadline`.
///
/// # Errors
/// `invalid_request` for what is no event at all.
pub async fn handle<I: Objects, O: Objects, R: Records>(
    flow: &Arc<Flow<I, O, R>>,
    event: &str,
    deadline: Timestamp,
    workers: usize,
) -> Result<Batch, Error> {
    let deliveries = event::deliveries(event)?;
    let is_queue = deliveries.iter().any(|delivery| delivery.message_id.is_some());
    let places = Arc::new(Semaphore::new(workers.max(1)));
    let mut keys: BTreeMap<String, Arc<Mutex<()>>> = BTreeMap::new();
    let mut begun = Vec::new();
    for Delivery { message_id, jobs } in deliveries {
        let jobs = match jobs {
            Ok(jobs) => jobs,
            Err(error) => {
                begun.push(Begun::Unread(message_id, error));
                continue;
            }
        };
        for job in jobs {
            let key = Arc::clone(keys.entry(job.key.clone()).or_default());
            let (flow, places, own) = (Arc::clone(flow), Arc::clone(&places), job.clone());
            let work = tokio::spawn(async move {
                // In the order of asking, so that the events of one key keep theirs.
                let _key = key.lock_owned().await;
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                let begun = Instant::now();
                (within(&flow, &own, deadline).await, begun.elapsed())
            });
            begun.push(Begun::Job(message_id.clone(), job, Work(work)));
        }
    }
    let mut done = Vec::with_capacity(begun.len());
    for begun in begun {
        done.push(match begun {
            Begun::Unread(message_id, error) => Done { message_id, job: None, result: Err(error), elapsed: Duration::ZERO },
            Begun::Job(message_id, job, mut work) => {
                // The pictures' panics are contained where they happen: this one is ours, and ends this job alone.
                let ended = (&mut work.0).await;
                let (result, elapsed) =
                    ended.unwrap_or_else(|e| (Err(Error::caused(Code::Internal, "the job stopped", e)), Duration::ZERO));
                Done { message_id, job: Some(job), result, elapsed }
            }
        });
    }
    Ok(Batch { is_queue, done })
}

/// What was made of a message.
enum Begun {
    Unread(Option<String>, Error),
    Job(Option<String>, Job, Work),
}

/// A job's task, which ends with the batch that waits for it.
struct Work(JoinHandle<(Result<Outcome, Error>, Duration)>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn within<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, job: &Job, deadline: Timestamp) -> Result<Outcome, Error> {
    let left = deadline.millis_since(flow.clock.now());
    if left < MIN_TIME_MS {
        return Err(Error::new(Code::Cancelled, "no time is left to begin the picture"));
    }
    let work = tokio::time::timeout(Duration::from_millis(left) + GRACE, flow.run_until(job, deadline));
    work.await.unwrap_or_else(|_| Err(Error::new(Code::Cancelled, "the picture was not done before the deadline")))
}
