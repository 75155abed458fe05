//! A calm end: no more faults, and everything happens in its usual order. Every run must come to its own end.

use crate::laws::{Broken, Law};
use crate::state::{Action, Left, State};
use crate::world::World;

/// Ticks within which everything must have come to its end: a lost apply takes its run timeout, then what waits has its turn.
const MOST_TICKS: u8 = 80;

/// Steps within which it must have. None takes a tenth of them.
const MOST_STEPS: usize = 5_000;

impl World {
    /// Lets a state come to its end. What remains of it says which laws that breaks.
    pub(crate) fn settle(&self, state: &mut State) {
        let broken = self.broken_by_settling(state);
        *state = State { over: true, broken, ..State::default() };
    }

    fn broken_by_settling(&self, state: &State) -> Broken {
        let mut end = State { left: Left::default(), ..*state };
        let mut passed = Vec::new();
        for _ in 0..MOST_STEPS {
            let usual = if end.tick < MOST_TICKS { self.usual(&end) } else { None };
            let Some(action) = usual.filter(|_| end.broken.is_none()) else { break };
            if action == Action::Tick {
                // Most ways meet here: what came to a good end once does so again.
                let fingerprint = end.fingerprint();
                if self.parts.settled.contains(fingerprint) {
                    passed.into_iter().for_each(|passed| self.parts.settled.insert(passed));
                    return Broken::default();
                }
                passed.push(fingerprint);
            }
            end = self.next(&end, action);
        }
        let mut broken = end.broken;
        let (_, finished) = self.verdicts(end.plane);
        broken.note(Law::EveryRunEnds, !self.is_done(&end) || !end.is_silent());
        broken.note(Law::VerdictIsTrue, finished != end.seen.succeeded);
        if broken.is_none() {
            passed.into_iter().for_each(|passed| self.parts.settled.insert(passed));
        }
        broken
    }

    /// The actions of the calm end, for people.
    pub fn calm_end(&self, state: &State) -> Vec<(Action, State)> {
        let mut end = State { over: false, left: Left::default(), ..*state };
        let mut steps = Vec::new();
        while steps.len() < MOST_STEPS
            && end.tick < MOST_TICKS
            && end.broken.is_none()
            && let Some(action) = self.usual(&end)
        {
            end = self.next(&end, action);
            steps.push((action, end));
        }
        steps
    }
}
