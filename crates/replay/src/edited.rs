//! Another script on the answers of a recorded run.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{FileAsked, Reading};
use exuvia_tool::{CallId, FileAnswer, HostBounds, NextWait, ToolCall, ToolName, ToolOutcome};

use crate::departure::{Departure, NewCall};
use crate::recorded_run::{CallState, RecordedRun};
use crate::source::{Ending, Kind, Source};

/// How far a clock moves at a reading that is not recorded.
const TICK: Duration = Duration::from_micros(10);

/// Answers each call with the first unused answer of the same tool with the same arguments, and ends at the first call that has none.
/// Clocks and random bytes are those of the record as long as there are any: then clocks tick on, and bytes follow from a fixed seed. A sleep
/// moves the clocks to its end.
pub(crate) struct Edited {
    answers: HashMap<(ToolName, String), VecDeque<ToolOutcome>>,
    wall: Clock,
    monotonic: Clock,
    random: VecDeque<u8>,
    seed: u64,
    found: VecDeque<String>,
    /// The answers to requests to files that were not used, by the request.
    files: HashMap<FileAsked, VecDeque<FileAnswer>>,
}

#[derive(Default)]
struct Clock {
    readings: VecDeque<Duration>,
    last: Duration,
}

impl Clock {
    fn next(&mut self) -> Duration {
        self.last = self.readings.pop_front().unwrap_or(self.last + TICK);
        self.last
    }

    /// What it showed last, or will show first.
    fn now(&self) -> Duration {
        if self.last.is_zero() { self.readings.front().copied().unwrap_or_default() } else { self.last }
    }

    /// Moves to a later time: what is recorded of before is over.
    fn advance(&mut self, to: Duration) {
        self.last = self.last.max(to);
        while self.readings.front().is_some_and(|next| *next < self.last) {
            self.readings.pop_front();
        }
    }
}

impl Edited {
    pub(crate) fn new(run: &Arc<RecordedRun>) -> Self {
        let (answers, wall, monotonic, random, found, files) = Default::default();
        let mut edited = Self { answers, wall, monotonic, random, seed: 1, found, files };
        for (id, call) in &run.calls {
            let outcome = match (run.host_failures.get(id), &call.state) {
                (Some(error), _) => Err(error.clone()),
                (None, CallState::Answered(outcome)) => outcome.clone(),
                (None, CallState::Held | CallState::Unknown) => continue,
            };
            edited.answers.entry((call.name.clone(), call.arguments.clone())).or_default().push_back(outcome);
        }
        for reading in &run.readings {
            match reading {
                Reading::WallClock(time) => edited.wall.readings.push_back(*time),
                Reading::MonotonicClock(time) => edited.monotonic.readings.push_back(*time),
                Reading::Random(bytes) => edited.random.extend(bytes),
                Reading::Found(text) => edited.found.push_back(text.clone()),
                Reading::File { asked, answer } => {
                    edited.files.entry(*asked).or_default().push_back(answer.clone());
                }
                _ => {}
            }
        }
        edited
    }

    fn random(&mut self, bytes: usize) -> Vec<u8> {
        let recorded = self.random.drain(..bytes.min(self.random.len())).collect::<Vec<_>>();
        let made = bytes - recorded.len();
        let more = (0..made).map(|_| {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.seed.to_be_bytes()[0]
        });
        recorded.into_iter().chain(more).collect()
    }
}

impl Source for Edited {
    fn reading(&mut self, kind: Kind) -> Result<Reading, Ending> {
        Ok(match kind {
            Kind::WallClock => Reading::WallClock(self.wall.next()),
            Kind::MonotonicClock => Reading::MonotonicClock(self.monotonic.next()),
            Kind::Random(bytes) => Reading::Random(self.random(bytes)),
            Kind::Wait => Reading::Delivered(Vec::new()),
            Kind::Search => Reading::Found(self.found.pop_front().unwrap_or_default()),
            Kind::File(asked) => match self.files.get_mut(&asked).and_then(VecDeque::pop_front) {
                Some(answer) => Reading::File { asked, answer },
                None => return Err(Departure::FileNotRecorded.into()),
            },
        })
    }

    /// Every call that was made has its answer, or has ended the replay. Without any the wait is a sleep.
    fn wait(&mut self, outstanding: &[CallId]) -> Result<NextWait, Ending> {
        Ok(if outstanding.is_empty() { NextWait::Live } else { NextWait::Recorded(outstanding.to_vec()) })
    }

    /// Both clocks move: with one that stood still, a loop that waits for a time would turn until the clock has ticked up to it.
    fn slept_until(&mut self, deadline: Duration) {
        let next = self.monotonic.readings.front().copied().unwrap_or(self.monotonic.last);
        if next >= deadline {
            // The sleep is one of the record, or was over.
            return;
        }
        let passed = deadline.saturating_sub(self.monotonic.now());
        self.monotonic.advance(deadline);
        self.wall.advance(self.wall.now() + passed);
    }

    fn meet(&mut self, call: &ToolCall) -> Result<Option<ToolOutcome>, Ending> {
        let (name, arguments) = (call.name.clone(), call.arguments.as_str().to_owned());
        let answers = self.answers.get_mut(&(name.clone(), arguments.clone()));
        match answers.and_then(VecDeque::pop_front) {
            Some(outcome) => Ok(Some(outcome)),
            None => Err(Ending::NewCall(NewCall { call: call.id, name, arguments, line: call.line })),
        }
    }

    fn bounds(&mut self, _: CallId) -> HostBounds {
        HostBounds::Passed
    }

    fn blocked_on(&mut self, _: CallId) -> Result<(), Ending> {
        Ok(())
    }

    fn unused(&self) -> Option<Departure> {
        None
    }
}
