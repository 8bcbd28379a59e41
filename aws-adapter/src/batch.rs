//! An event in, and what goes back to the queue out: the function `process`, but for Lambda itself.
//!
//! A message is returned alone, so that one bad picture takes none of its neighbours back with it. Jobs for one key wait for each other;
//! all others share the machine and its memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::catalog::Records;
use crate::error::{Code, Error};
use crate::event::{self, Job};
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
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    for delivery in deliveries {
        let jobs = match delivery.jobs {
            Ok(jobs) => jobs,
            Err(error) => {
                let message_id = delivery.message_id;
                done.push((done.len() + running.len(), Done { message_id, job: None, result: Err(error), elapsed: Duration::ZERO }));
                continue;
            }
        };
        for job in jobs {
            let key = Arc::clone(keys.entry(job.key.clone()).or_default());
            let (flow, places, message_id) = (Arc::clone(flow), Arc::clone(&places), delivery.message_id.clone());
            let number = done.len() + running.len();
            running.spawn(async move {
                let _key = key.lock_owned().await;
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                let begun = Instant::now();
                let result = within(&flow, &job, deadline).await;
                (number, Done { message_id, job: Some(job), result, elapsed: begun.elapsed() })
            });
        }
    }
    while let Some(ended) = running.join_next().await {
        // A panic of the flow's own: the pictures' are contained where they happen. Nothing more is known, and all goes back.
        done.push(ended.map_err(|e| Error::caused(Code::Internal, "a job stopped", e))?);
    }
    done.sort_by_key(|(number, _)| *number);
    Ok(Batch { is_queue, done: done.into_iter().map(|(_, done)| done).collect() })
}

async fn within<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, job: &Job, deadline: Timestamp) -> Result<Outcome, Error> {
    let left = deadline.millis_since(flow.clock.now());
    if left < MIN_TIME_MS {
        return Err(Error::new(Code::Cancelled, "no time is left to begin the picture"));
    }
    let work = tokio::time::timeout(Duration::from_millis(left) + GRACE, flow.run_until(job, deadline));
    work.await.unwrap_or_else(|_| Err(Error::new(Code::Cancelled, "the picture was not done before the deadline")))
}
