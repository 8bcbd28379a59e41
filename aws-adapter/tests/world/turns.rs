//! Workers that take turns: every call of every worker waits until the test lets it go on, and the test decides how it ends.
//!
//! Between two turns all workers stand still, so that the order of the calls, and with it the whole run, is the test's choice alone.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::Stop;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Head,
    Get,
    Put,
    List,
    Delete,
    ReadRecord,
    WriteRecord,
    ListRecords,
    RemoveRecord,
}

/// A call that waits, and where it is told how to end.
type Waiting = (Call, oneshot::Sender<Option<Stop>>);

#[derive(Debug, Default)]
struct Turns {
    /// By worker: one each, since a worker does one thing at a time.
    waiting: Mutex<BTreeMap<usize, Waiting>>,
    changed: Notify,
}

/// A worker's place among the others.
#[derive(Debug)]
pub(crate) struct Turn {
    worker: usize,
    turns: Arc<Turns>,
}

impl Turn {
    /// Waits until this worker may go on, and how.
    pub(crate) async fn wait(&self, call: Call) -> Option<Stop> {
        let (sender, receiver) = oneshot::channel();
        let other = self.turns.waiting.lock().unwrap().insert(self.worker, (call, sender));
        assert!(other.is_none(), "worker {} does two things at a time", self.worker);
        self.turns.changed.notify_one();
        match receiver.await {
            Ok(stop) => stop,
            // The test has ended.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Where workers take turns.
#[derive(Debug)]
pub(crate) struct Stage<T> {
    turns: Arc<Turns>,
    running: JoinSet<(usize, T)>,
}

impl<T: Send + 'static> Stage<T> {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::default(), running: JoinSet::new() }
    }

    /// The place of a worker that is about to begin.
    pub(crate) fn turn(&self, worker: usize) -> Turn {
        Turn { worker, turns: Arc::clone(&self.turns) }
    }

    pub(crate) fn begin(&mut self, worker: usize, work: impl Future<Output = T> + Send + 'static) {
        self.running.spawn(async move { (worker, work.await) });
    }

    /// How many have not ended.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Waits until each worker waits for its turn or has ended, and gives those that have.
    pub(crate) async fn settle(&mut self) -> Vec<(usize, T)> {
        let mut ended = Vec::new();
        while self.turns.waiting.lock().unwrap().len() < self.running.len() {
            tokio::select! {
                biased;
                Some(worker) = self.running.join_next() => ended.push(worker.unwrap()),
                () = self.turns.changed.notified() => {}
            }
        }
        ended.sort_by_key(|(worker, _)| *worker);
        ended
    }

    /// Who may go on, and with what.
    pub(crate) fn waiting(&self) -> Vec<(usize, Call)> {
        self.turns.waiting.lock().unwrap().iter().map(|(worker, (call, _))| (*worker, *call)).collect()
    }

    /// Lets a worker go on to its next call.
    pub(crate) fn go(&self, worker: usize, stop: Option<Stop>) {
        let (_, sender) = self.turns.waiting.lock().unwrap().remove(&worker).expect("the worker waits");
        sender.send(stop).expect("the worker lives");
    }
}
