//! Breadth first, over a set of fingerprints. A broken law is found on a shortest way to it.
//!
//! Each level is a list of states; threads take blocks of it and add what they find to the next. What was seen before is
//! known by a fingerprint of 64 bits: among a hundred million states, the chance that two share one and a state is
//! passed over is about 1 in 4,000.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::state::{Action, State};
use crate::world::World;

const SHARDS: usize = 256;
const BLOCK: usize = 512;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Steps from one state to another, to known ones as well.
    pub steps: usize,
    /// The longest of the shortest ways from the beginning.
    pub depth: usize,
    /// Whether every state was seen.
    pub complete: bool,
    /// The way to the first broken law.
    pub found: Option<Vec<(Action, State)>>,
    /// How long it took.
    pub time: Duration,
}

/// The set of what was seen: each fingerprint with that of the state before it.
struct Known(Vec<Mutex<HashMap<u64, u64>>>);

impl Known {
    fn shard(&self, fingerprint: u64) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.0[fingerprint as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether it is new.
    fn insert(&self, fingerprint: u64, before: u64) -> bool {
        use std::collections::hash_map::Entry;
        match self.shard(fingerprint).entry(fingerprint) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(before);
                true
            }
        }
    }
}

/// Explores a world until every state was seen, a law was broken, or `most` states are known. `tell` hears the depth and
/// the number of states after each level.
pub fn explore(world: &World, threads: usize, most: usize, tell: &mut dyn FnMut(usize, usize)) -> Report {
    let begin = Instant::now();
    let known = Known((0..SHARDS).map(|_| Mutex::default()).collect());
    let first = world.first();
    known.insert(first.fingerprint(), 0);
    let mut level = vec![first];
    let (steps, mut depth, mut states) = (AtomicUsize::new(0), 0, 1);
    let mut broken = (!first.broken.is_none()).then_some(first);
    while !level.is_empty() && broken.is_none() && states < most {
        let next = AtomicUsize::new(0);
        let parts: Vec<(Vec<State>, Option<State>)> = std::thread::scope(|scope| {
            let work = || expand(world, &level, &next, &known, &steps);
            let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
        });
        level = Vec::with_capacity(parts.iter().map(|(states, _)| states.len()).sum());
        for (states, found) in parts {
            level.extend(states);
            broken = broken.or(found);
        }
        depth += usize::from(!level.is_empty());
        states = known.len();
        tell(depth, states);
    }
    let found = broken.map(|state| way(world, &known, &state));
    let steps = steps.into_inner();
    Report { states, steps, depth, complete: level.is_empty(), found, time: begin.elapsed() }
}

fn expand(
    world: &World,
    level: &[State],
    next: &AtomicUsize,
    known: &Known,
    steps: &AtomicUsize,
) -> (Vec<State>, Option<State>) {
    let (mut found, mut broken, mut next_steps, mut taken) = (Vec::new(), None, Vec::new(), 0);
    loop {
        let at = next.fetch_add(BLOCK, Ordering::Relaxed);
        if at >= level.len() {
            break;
        }
        for state in &level[at..level.len().min(at + BLOCK)] {
            let before = state.fingerprint();
            world.steps(state, &mut next_steps);
            taken += next_steps.len();
            for (_, after) in next_steps.drain(..) {
                if known.insert(after.fingerprint(), before) {
                    if !after.broken.is_none() {
                        broken = Some(after);
                    }
                    found.push(after);
                }
            }
        }
    }
    steps.fetch_add(taken, Ordering::Relaxed);
    (found, broken)
}

/// The way from the beginning, found by its fingerprints.
fn way(world: &World, known: &Known, last: &State) -> Vec<(Action, State)> {
    let mut fingerprints = vec![last.fingerprint()];
    while let Some(&before) =
        fingerprints.last().and_then(|last| known.shard(*last).get(last).copied()).as_ref()
        && before != 0
    {
        fingerprints.push(before);
    }
    fingerprints.pop();
    let (mut state, mut steps, mut next_steps) = (world.first(), Vec::new(), Vec::new());
    for wanted in fingerprints.into_iter().rev() {
        world.steps(&state, &mut next_steps);
        let Some((action, after)) = next_steps.drain(..).find(|(_, after)| after.fingerprint() == wanted)
        else {
            break;
        };
        steps.push((action, after));
        state = after;
    }
    steps
}
