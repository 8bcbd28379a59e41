//! A long run: pictures come, are replaced and deleted; their events are doubled, late and shuffled; functions die and stores refuse.
//!
//! One seed decides everything: between two steps all functions stand still, and what comes next is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_adapter::batch::Batch;
use aws_adapter::identity::{RENDITIONS, image_id};
use aws_adapter::job::Outcome;
use aws_adapter::time::Timestamp;

use super::{BATCH, Message, Queue, VISIBILITY_MS, invoke, shown_again};
use crate::world::turns::{Call, Stage};
use crate::world::{BUCKET, OUTPUT, Steps, Stop, World, png};

/// How long a call takes.
const CALL_MS: i64 = 25;

/// What is drawn, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) objects: usize,
    /// How many events in 100 are sent two to five times.
    pub(crate) doubled: u64,
    /// How many messages in 100 are no event of the input's.
    pub(crate) poison: u64,
    /// How many steps in 10,000 are a function's last, before or after their work.
    pub(crate) kills: u64,
    /// How many calls in 100 are refused; and as many fail after their work was done.
    pub(crate) refusals: u64,
    /// Whether all objects are replaced and deleted all the time, rather than some.
    pub(crate) is_hot: bool,
    /// How many functions work at once.
    pub(crate) functions: usize,
    pub(crate) max_receives: u32,
}

/// Numbers that look like chance: SplitMix64.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    fn millis(&mut self, below: i64) -> i64 {
        i64::try_from(self.below(below.unsigned_abs())).unwrap()
    }
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What happens outside: to an object, or to the queue.
#[derive(Debug)]
enum Act {
    Put(usize, usize),
    Delete(usize),
    Poison(usize),
}

/// How things stand after a step: after a call, or a batch that was received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) finals: usize,
    pub(crate) in_flight: usize,
    pub(crate) kills: usize,
    pub(crate) dead: usize,
}

/// What is counted.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) messages: usize,
    pub(crate) batches: usize,
    pub(crate) calls: usize,
    pub(crate) written: usize,
    pub(crate) unchanged: usize,
    pub(crate) dropped: usize,
    pub(crate) busy: usize,
    pub(crate) refused: usize,
    /// Deaths, by the step and its side.
    pub(crate) kills: BTreeMap<(Call, Stop), usize>,
    /// How many messages were acknowledged, by how often they had been received.
    pub(crate) receives: BTreeMap<u32, usize>,
    pub(crate) poison: BTreeSet<String>,
    pub(crate) dead: BTreeSet<String>,
    pub(crate) samples: Vec<Sample>,
    /// A hash of every step: the same for the same story.
    pub(crate) trace: u64,
}

impl Tally {
    pub(crate) fn deaths(&self) -> usize {
        self.kills.values().sum()
    }

    fn outcomes(&mut self, batch: &Batch) {
        for done in &batch.done {
            match &done.result {
                Ok(Outcome::Written(_)) => self.written += 1,
                Ok(Outcome::Unchanged(_)) => self.unchanged += 1,
                Ok(Outcome::Dropped) => self.dropped += 1,
                Ok(Outcome::Busy) => self.busy += 1,
                Ok(Outcome::Valid(_)) | Err(_) => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, batches, calls, written, unchanged, dropped, busy, refused, kills, receives, .. } = self;
        let (poison, dead) = (self.poison.len(), self.dead.len());
        writeln!(f, "{messages} messages in {batches} batches of {calls} calls in all; {poison} poison, {dead} dead")?;
        writeln!(f, "{written} jobs written, {unchanged} unchanged, {dropped} dropped, {busy} busy; {refused} calls refused")?;
        writeln!(f, "{} deaths: {kills:?}", self.deaths())?;
        write!(f, "messages by receives: {receives:?}")
    }
}

/// A batch that a function works on.
struct Invocation {
    messages: Vec<Message>,
    visible_at: Timestamp,
}

struct Story<'a> {
    plan: &'a Plan,
    world: &'a World,
    dice: Dice,
    contents: Vec<Vec<u8>>,
    /// What is still to happen, the next at the end.
    acts: Vec<(Timestamp, Act)>,
    sequencer: u64,
    queue: Queue,
    stage: Stage<Option<Batch>>,
    working: BTreeMap<usize, Invocation>,
    tally: Tally,
}

/// Tells a story to its end: nothing is left to happen, and the queue is empty.
pub(crate) async fn tell(plan: &Plan, world: &World) -> Tally {
    let whole = png(1);
    let mut contents: Vec<_> = (1..=5).map(png).collect();
    contents.extend([b"sorry".to_vec(), whole[..whole.len() / 2].to_vec()]);
    let mut story = Story {
        plan,
        world,
        dice: Dice::new(plan.seed),
        contents,
        acts: Vec::new(),
        sequencer: 0,
        queue: Queue::new(plan.max_receives),
        stage: Stage::new(),
        working: BTreeMap::new(),
        tally: Tally::default(),
    };
    story.foresee();
    while story.goes_on().await {}
    story.sample();
    story.tally.messages = story.queue.sent();
    story.tally.dead = story.queue.dead().clone();
    story.tally
}

impl Story<'_> {
    /// Draws all that will happen to the objects, and when.
    fn foresee(&mut self) {
        let span = 250 * i64::try_from(self.plan.objects).unwrap();
        for object in 0..self.plan.objects {
            let is_hot = self.plan.is_hot || self.dice.below(100) == 0;
            // Half of them in ten waves, so that the queue is now long and now empty.
            let millis = match self.dice.below(2) {
                0 => self.dice.millis(span),
                _ => span * self.dice.millis(10) / 10 + self.dice.millis(span / 50),
            };
            let mut at = self.world.now().plus_millis(millis);
            for content in self.history(is_hot) {
                let act = content.map_or(Act::Delete(object), |content| Act::Put(object, content));
                self.acts.push((at, act));
                let pause = if is_hot { 300 } else { [3000, 60_000][self.dice.index(2)] };
                at = at.plus_millis(self.dice.millis(pause));
            }
        }
        // A hundredth of the messages rather than of the objects.
        let doubled = self.acts.len() as u64 * self.plan.doubled * 5 / 2 / 100;
        let poison = (self.acts.len() as u64 + doubled) * self.plan.poison / 100;
        for number in 0..poison {
            let at = self.world.now().plus_millis(self.dice.millis(span));
            self.acts.push((at, Act::Poison(usize::try_from(number).unwrap())));
        }
        // Stable, so that what happens to an object at one moment stays in order.
        self.acts.sort_by_key(|(at, _)| *at);
        self.acts.reverse();
    }

    /// The contents that one object has, one after the other; nothing where it is deleted.
    fn history(&mut self, is_hot: bool) -> Vec<Option<usize>> {
        if is_hot {
            return (0..8).map(|_| Some(self.dice.index(4)).filter(|picture| *picture > 0)).collect();
        }
        let (one, other) = (Some(self.dice.index(5)), Some(self.dice.index(5)));
        match self.dice.below(100) {
            0..=8 => vec![one, other],
            9..=12 => vec![one, None],
            13..=15 => vec![one, None, one],
            16..=17 => vec![one, other, one],
            18..=19 => vec![one, other, None],
            20..=21 => vec![Some(5 + self.dice.index(2))],
            _ => vec![one],
        }
    }

    /// One step of one function, after all that happens before it. Not when everything is over.
    async fn goes_on(&mut self) -> bool {
        let now = self.world.now();
        while let Some((_, act)) = self.acts.pop_if(|(at, _)| *at <= now) {
            self.happen(act).await;
        }
        self.queue.wake(now);
        while self.working.len() < self.plan.functions && self.queue.has_ready() {
            self.begin();
        }
        for (function, batch) in self.stage.settle().await {
            self.end(function, batch.as_ref());
        }
        let waiting = self.stage.waiting();
        if !waiting.is_empty() {
            self.step(&waiting);
            return true;
        }
        if self.queue.has_ready() {
            return true;
        }
        // All stand idle: time goes on to what happens next.
        let next = self.acts.last().map(|(at, _)| *at).into_iter().chain(self.queue.next_at()).min();
        if let Some(next) = next {
            self.world.pass(i64::try_from(next.millis_since(now)).unwrap());
        }
        next.is_some()
    }

    async fn happen(&mut self, act: Act) {
        self.sequencer += 1;
        match act {
            Act::Put(object, content) => {
                let event = self.world.put_event(&key(object), &self.contents[content], self.sequencer).await;
                self.send(event);
            }
            Act::Delete(object) => {
                let event = self.world.delete_event(&key(object), self.sequencer).await;
                self.send(event);
            }
            Act::Poison(number) => {
                let other = key(self.dice.index(self.plan.objects));
                let id = self.queue.send(poison(number, &other), self.world.now());
                self.tally.poison.insert(id);
            }
        }
    }

    /// Sends an event once or more, soon or late.
    fn send(&mut self, event: String) {
        let is_doubled = self.dice.below(100) < self.plan.doubled;
        let copies = if is_doubled { 2 + self.dice.below(4) } else { 1 };
        for _ in 0..copies {
            let delay = match self.dice.below(10) {
                0 => self.dice.millis(300_000),
                1..=4 => self.dice.millis(3000),
                _ => 0,
            };
            self.queue.send(event.clone(), self.world.now().plus_millis(delay));
        }
    }

    /// A function that has nothing to do receives a batch.
    fn begin(&mut self) {
        let at_most = 1 + self.dice.index(BATCH);
        let messages = self.queue.receive(at_most, |n| self.dice.index(n));
        self.sample();
        if messages.is_empty() {
            return;
        }
        let function = self.tally.batches;
        self.tally.batches += 1;
        let world = self.world.another(Steps::in_turn(self.stage.turn(function)));
        self.stage.begin(function, invoke(&world, &messages, 1));
        let visible_at = self.world.now().plus_millis(VISIBILITY_MS);
        self.working.insert(function, Invocation { messages, visible_at });
    }

    /// A function is done with its batch, or has died.
    fn end(&mut self, function: usize, batch: Option<&Batch>) {
        let Invocation { messages, visible_at } = self.working.remove(&function).expect("it was begun");
        if let Some(batch) = batch {
            self.tally.outcomes(batch);
        }
        let mut acknowledged: BTreeMap<_, _> = messages.iter().map(|message| (message.id.clone(), message.receives)).collect();
        for message in shown_again(batch, messages) {
            acknowledged.remove(&message.id);
            self.queue.give_back(message, visible_at);
        }
        self.queue.acknowledge(acknowledged.len());
        for (id, receives) in acknowledged {
            assert!(!self.tally.poison.contains(&id), "poison is acknowledged");
            *self.tally.receives.entry(receives).or_default() += 1;
        }
    }

    /// Lets one function go on, and decides how its step ends.
    fn step(&mut self, waiting: &[(usize, Call)]) {
        let (function, call) = waiting[self.dice.index(waiting.len())];
        let stop = self.fate();
        match stop {
            Some(Stop::DieBefore | Stop::DieAfter) => *self.tally.kills.entry((call, stop.unwrap())).or_default() += 1,
            Some(_) => self.tally.refused += 1,
            None => {}
        }
        self.tally.trace = mixed(self.tally.trace ^ mixed(function as u64) ^ (call as u64) << 8 ^ stop.map_or(0, |stop| 1 + stop as u64));
        self.stage.go(function, stop);
        self.world.pass(CALL_MS);
        self.tally.calls += 1;
        self.sample();
    }

    fn sample(&mut self) {
        let sample = Sample {
            finals: self.world.watch.finals(),
            in_flight: self.queue.in_flight(),
            kills: self.tally.deaths(),
            dead: self.queue.dead().len(),
        };
        self.tally.samples.push(sample);
    }

    fn fate(&mut self) -> Option<Stop> {
        if self.dice.below(10_000) < self.plan.kills {
            return Some([Stop::DieBefore, Stop::DieAfter][self.dice.index(2)]);
        }
        match self.dice.below(100) {
            refused if refused < self.plan.refusals => Some(Stop::FailBefore),
            failed if failed < 2 * self.plan.refusals => Some(Stop::FailAfter),
            _ => None,
        }
    }
}

fn key(object: usize) -> String {
    format!("uploads/a b+{object}.png")
}

/// A message that is no event of the input's, of every kind in turn.
pub(crate) fn poison(number: usize, key: &str) -> String {
    let event = |bucket: &str, key: &str| {
        let object = serde_json::json!({ "key": key, "size": 9, "eTag": "e", "sequencer": "0055AED6DCD90281E5" });
        serde_json::json!({ "Records": [{
            "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": bucket }, "object": object },
        }]})
        .to_string()
    };
    match number % 6 {
        0 => "sorry".to_owned(),
        1 => r#"{"hello":"world"}"#.to_owned(),
        2 => event(OUTPUT, &format!("{RENDITIONS}{}/one.0123456789abcdef.png", image_id(BUCKET, key))),
        3 => r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#.to_owned(),
        4 => event(BUCKET, "%FF%FE.png"),
        _ => event("elsewhere", key),
    }
}
