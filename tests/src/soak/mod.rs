//! The whole system as processes under faults: broker, control plane and launchers are killed and come back, the network between
//! them fails, and many short runs go through it. What must hold at the end is judged by [`violations`].

mod dice;
mod faults;
mod ledger;
mod scene;
mod wire;

pub use dice::Dice;
pub use faults::{Fault, schedule};
pub use ledger::{RunSeen, growth_an_hour, violations};
pub use scene::{Report, soak};
pub use wire::FaultyWire;

use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long faults go on.
    pub time: Duration,
    /// What the faults are drawn from.
    pub seed: u64,
    /// How many launchers there are; the first one is never killed, so that its memory can be watched.
    pub launchers: usize,
}
