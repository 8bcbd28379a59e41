//! A queue as SQS is one: it gives up to ten messages at a time in no order, shows again what was not acknowledged, and puts what was
//! received too often among the dead letters. And the function that works on its batches.

pub(crate) mod meeting;
mod paths;
pub(crate) mod plot;
pub(crate) mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use aws_adapter::batch::{self, Batch};
use aws_adapter::job::Outcome;
use aws_adapter::time::Timestamp;
use serde_json::{Value, json};

use crate::world::World;

/// How long a function has for a batch.
pub(crate) const FUNCTION_MS: i64 = 10_000;

/// How long a message that was received is not shown to others: six times the function's time, and above every lease.
pub(crate) const VISIBILITY_MS: i64 = 6 * FUNCTION_MS;

/// The largest batch.
pub(crate) const BATCH: usize = 10;

/// A message, and how often it was received.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) receives: u32,
}

impl Message {
    pub(crate) fn new(id: impl Into<String>, body: impl Into<String>) -> Self {
        Self { id: id.into(), body: body.into(), receives: 0 }
    }

    /// The messages `m0`, `m1` and so on.
    pub(crate) fn all(bodies: impl IntoIterator<Item = String>) -> Vec<Self> {
        bodies.into_iter().enumerate().map(|(number, body)| Self::new(format!("m{number}"), body)).collect()
    }
}

/// The event that a function is given for a batch.
pub(crate) fn sqs_event(messages: &[Message]) -> String {
    let record = |message: &Message| -> Value {
        json!({
            "messageId": message.id,
            "receiptHandle": format!("{}/{}", message.id, message.receives),
            "body": message.body,
            "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:1:pictures",
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string()
}

/// Works on a batch until it is done; nothing comes of it if the worker dies.
pub(crate) fn invoke(world: &World, messages: &[Message], workers: usize) -> impl Future<Output = Option<Batch>> + Send + use<> {
    let (flow, steps) = (Arc::clone(&world.flow), Arc::clone(&world.steps));
    let (event, deadline) = (sqs_event(messages), world.now().plus_millis(FUNCTION_MS));
    async move {
        tokio::select! {
            biased;
            () = steps.died.notified() => None,
            batch = batch::handle(&flow, &event, deadline, workers) => Some(unharmed(batch.expect("a batch is an event"))),
        }
    }
}

/// A batch none of whose jobs has panicked: such a job goes back like any that failed, and the test would not see why.
fn unharmed(batch: Batch) -> Batch {
    for done in &batch.done {
        if let Err(error) = &done.result {
            let has_panicked = error.source.as_ref().is_some_and(|source| source.is::<tokio::task::JoinError>());
            assert!(!has_panicked, "{error}");
        }
    }
    batch
}

/// The messages that are shown again after this: all of a batch whose function died, and else those that it names.
pub(crate) fn shown_again(batch: Option<&Batch>, messages: Vec<Message>) -> Vec<Message> {
    let Some(batch) = batch else { return messages };
    let failures = batch.failures();
    assert!(failures.iter().all(|id| messages.iter().any(|message| message.id == *id)), "only what was received is returned");
    messages.into_iter().filter(|message| failures.contains(message.id.as_str())).collect()
}

/// How many jobs were worked on.
pub(crate) fn written(batch: &Batch) -> usize {
    batch.done.iter().filter(|done| matches!(done.result, Ok(Outcome::Written(_)))).count()
}

/// Delivers again until all is acknowledged.
pub(crate) async fn deliver_all(world: &World, mut messages: Vec<Message>, workers: usize, why: &str) {
    for _ in 0..5 {
        if messages.is_empty() {
            return;
        }
        let batch = invoke(world, &messages, workers).await;
        messages = shown_again(batch.as_ref(), messages);
        world.pass(VISIBILITY_MS);
    }
    assert!(messages.is_empty(), "{why}: {messages:?} would go to the dead letters");
}

/// What was sent and is not acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    max_receives: u32,
    sent: u64,
    /// What is sent later, or shown again: by time, and then in the order in which it was hidden.
    later: BTreeMap<(Timestamp, u64), Message>,
    hidden: u64,
    ready: Vec<Message>,
    in_flight: usize,
    dead: BTreeSet<String>,
}

impl Queue {
    pub(crate) fn new(max_receives: u32) -> Self {
        Self { max_receives, ..Self::default() }
    }

    /// Sends a message that arrives at this time, and gives its name.
    pub(crate) fn send(&mut self, body: String, at: Timestamp) -> String {
        let id = format!("m{}", self.sent);
        self.sent += 1;
        self.hide(Message::new(id.clone(), body), at);
        id
    }

    fn hide(&mut self, message: Message, until: Timestamp) {
        self.hidden += 1;
        self.later.insert((until, self.hidden), message);
    }

    /// Shows what has arrived and what is to be seen again.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
            let message = first.remove();
            self.in_flight -= usize::from(message.receives > 0);
            self.ready.push(message);
        }
    }

    /// Gives at most so many messages, any of those that are there; what was received too often dies instead.
    pub(crate) fn receive(&mut self, at_most: usize, mut pick: impl FnMut(usize) -> usize) -> Vec<Message> {
        let mut received = Vec::new();
        while received.len() < at_most && !self.ready.is_empty() {
            let picked = pick(self.ready.len());
            let mut message = self.ready.swap_remove(picked);
            if message.receives == self.max_receives {
                self.dead.insert(message.id);
            } else {
                message.receives += 1;
                received.push(message);
            }
        }
        self.in_flight += received.len();
        received
    }

    /// Forgets so many messages that were received.
    pub(crate) fn acknowledge(&mut self, messages: usize) {
        self.in_flight -= messages;
    }

    /// Shows a message again at this time.
    pub(crate) fn give_back(&mut self, message: Message, at: Timestamp) {
        self.hide(message, at);
    }

    /// When something changes by itself.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.later.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn sent(&self) -> usize {
        usize::try_from(self.sent).unwrap()
    }

    /// How many were received, and are neither acknowledged nor shown again.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn dead(&self) -> &BTreeSet<String> {
        &self.dead
    }
}
