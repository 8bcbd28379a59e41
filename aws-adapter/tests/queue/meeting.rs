//! Functions that meet at one key: all orders of their steps, one after the other.

use std::fmt;

use aws_adapter::batch::Batch;

use super::paths::Paths;
use super::{Message, VISIBILITY_MS, deliver_all, invoke, shown_again, written};
use crate::world::truth::assert_holds;
use crate::world::turns::{Call, Stage};
use crate::world::{KEY, Steps, Stop, World, png};

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// A picture of this color is put.
    Put(u8),
    Delete,
}

/// Does it, and gives what S3 says of it.
pub(crate) async fn act(world: &World, act: Act, sequencer: u64) -> String {
    match act {
        Act::Put(color) => world.put_event(KEY, &png(color), sequencer).await,
        Act::Delete => world.delete_event(KEY, sequencer).await,
    }
}

/// Does one after the other.
pub(crate) async fn acts(world: &World, acts: &[Act]) -> Vec<String> {
    let mut events = Vec::new();
    for (number, next) in acts.iter().enumerate() {
        events.push(act(world, *next, number as u64 + 1).await);
    }
    events
}

/// What functions and the world around them may do in any order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What has happened and was worked on.
    pub(crate) before: &'static [Act],
    /// What has happened since, and is told by an event each.
    pub(crate) acts: &'static [Act],
    /// How many of these happen while the functions work.
    pub(crate) late: usize,
    /// The events that each function has in its batch.
    pub(crate) batches: &'static [&'static [usize]],
    /// Whether all leases run out at one moment, any moment.
    pub(crate) leases_end: bool,
    /// How many functions die, anywhere.
    pub(crate) deaths: usize,
    /// How often a function that could go on is set aside for another, where all orders are too many.
    pub(crate) switches: Option<usize>,
}

/// Two functions, each with one of two events.
pub(crate) const SCENARIO: Scenario =
    Scenario { name: "", before: &[], acts: &[], late: 0, batches: &[&[0], &[1]], leases_end: false, deaths: 0, switches: None };

/// Goes all ways through a scenario, and counts them.
pub(crate) async fn explore(scenario: Scenario) -> usize {
    let mut paths = Paths::default();
    let (mut ways, mut longest) = (0, 0);
    loop {
        Meeting::new(scenario).await.go(&mut paths).await;
        ways += 1;
        longest = longest.max(paths.len());
        if !paths.next() {
            break;
        }
    }
    eprintln!("{}: {ways} orders of up to {longest} choices", scenario.name);
    ways
}

/// What comes next.
#[derive(Clone, Copy)]
enum Choice {
    /// A function goes on with its next call.
    Go(usize, Call),
    /// A function dies after it.
    Die(usize, Call),
    /// The next of the late acts happens.
    Happen,
    EndLeases,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go(function, call) => write!(f, "{function}: {call:?}"),
            Self::Die(function, call) => write!(f, "{function}: {call:?} and death"),
            Self::Happen => f.write_str("an act"),
            Self::EndLeases => f.write_str("all leases end"),
        }
    }
}

/// One way through a scenario.
struct Meeting {
    world: World,
    /// What is left of the scenario.
    left: Scenario,
    events: Vec<String>,
    sequencer: u64,
    to_begin: Vec<(usize, &'static [usize])>,
    /// Gives what was received, and what became of it.
    stage: Stage<(Vec<Message>, Option<Batch>)>,
    again: Vec<Message>,
    written: usize,
    /// The function that went on last.
    last: Option<usize>,
    /// Whether a function has died, or its lease has ended.
    is_disturbed: bool,
    /// All that was chosen.
    way: String,
}

impl Meeting {
    async fn new(scenario: Scenario) -> Self {
        let mut meeting = Self {
            world: World::small(),
            left: scenario,
            events: Vec::new(),
            sequencer: 0,
            to_begin: scenario.batches.iter().copied().enumerate().collect(),
            stage: Stage::new(),
            again: Vec::new(),
            written: 0,
            last: None,
            is_disturbed: false,
            way: String::new(),
        };
        for act in scenario.before {
            let event = meeting.happen(*act).await;
            deliver_all(&meeting.world, Message::all([event]), 1, scenario.name).await;
        }
        while meeting.left.acts.len() > scenario.late {
            meeting.happen_next().await;
        }
        meeting
    }

    async fn go(mut self, paths: &mut Paths) {
        loop {
            self.begin();
            for (_, (messages, batch)) in self.stage.settle().await {
                self.written += batch.as_ref().map_or(0, written);
                self.again.extend(shown_again(batch.as_ref(), messages));
            }
            let choices = self.choices();
            if choices.is_empty() {
                break;
            }
            self.choose(choices[paths.choose(choices.len())]).await;
        }
        let why = format!("{}: {}", self.left.name, self.way);
        if self.events.len() == 1 && !self.is_disturbed {
            assert_eq!(self.written, 1, "{why}: one event is worked on once");
        }
        self.world.pass(VISIBILITY_MS);
        deliver_all(&self.world, self.again, 1, &why).await;
        assert_holds(&self.world, &why).await;
    }

    /// Begins what has all its events.
    fn begin(&mut self) {
        let events = &self.events;
        for (function, batch) in self.to_begin.extract_if(.., |(_, batch)| batch.iter().all(|event| *event < events.len())) {
            let messages = Message::all(batch.iter().map(|event| events[*event].clone()));
            let own = self.world.another(Steps::in_turn(self.stage.turn(function)));
            let work = invoke(&own, &messages, 2);
            self.stage.begin(function, async move { (messages, work.await) });
        }
    }

    fn choices(&self) -> Vec<Choice> {
        let mut waiting = self.stage.waiting();
        let is_last = |&(function, _): &(usize, Call)| Some(function) == self.last;
        if self.left.switches == Some(0) && waiting.iter().any(is_last) {
            waiting.retain(is_last);
        }
        let mut choices: Vec<_> = waiting.iter().map(|(function, call)| Choice::Go(*function, *call)).collect();
        if self.left.deaths > 0 {
            choices.extend(waiting.iter().map(|(function, call)| Choice::Die(*function, *call)));
        }
        if !self.left.acts.is_empty() {
            choices.push(Choice::Happen);
        }
        // A lease outlives its job by ten seconds, so that no request is under way when it ends. A put that is late after all is harmless,
        // since its key says what it holds; a delete is not, and looks at the lease right before it: hence none is under way here.
        if self.left.leases_end && !waiting.is_empty() && self.stage.waiting().iter().all(|(_, call)| *call != Call::Delete) {
            choices.push(Choice::EndLeases);
        }
        choices
    }

    async fn choose(&mut self, choice: Choice) {
        self.way += &format!("{choice}; ");
        self.is_disturbed |= matches!(choice, Choice::Die(..) | Choice::EndLeases);
        match choice {
            Choice::Go(function, _) => self.turn_to(function, None),
            Choice::Die(function, _) => {
                self.left.deaths -= 1;
                self.turn_to(function, Some(Stop::DieAfter));
            }
            Choice::Happen => self.happen_next().await,
            Choice::EndLeases => {
                self.left.leases_end = false;
                self.world.pass(VISIBILITY_MS);
            }
        }
    }

    fn turn_to(&mut self, function: usize, stop: Option<Stop>) {
        let could_go_on = self.stage.waiting().iter().any(|(other, _)| Some(*other) == self.last);
        if could_go_on && self.last != Some(function) {
            self.left.switches = self.left.switches.map(|left| left - 1);
        }
        self.last = Some(function);
        self.stage.go(function, stop);
    }

    async fn happen_next(&mut self) {
        let (next, rest) = self.left.acts.split_first().expect("something is left to happen");
        self.left.acts = rest;
        let event = self.happen(*next).await;
        self.events.push(event);
    }

    async fn happen(&mut self, next: Act) -> String {
        self.sequencer += 1;
        act(&self.world, next, self.sequencer).await
    }
}
