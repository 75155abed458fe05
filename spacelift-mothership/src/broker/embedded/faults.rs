//! Faults on demand, for tests of whoever speaks to the broker. Unless it is asked for one, it has none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::Connect;

/// Connections that are remembered.
const MAX_SEEN: usize = 10_000;

/// What a broker may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Closes a TCP connection as soon as it is accepted.
    RefuseConnection,
    /// Answers a CONNECT with "server unavailable".
    RefuseConnect,
    /// Answers a subscription with 0x80.
    RefuseSubscription,
    /// Knows nothing of a client that comes back.
    ForgetSession,
    /// Keeps the session of a client that comes back and not its subscription, as after a connection that ended between
    /// CONNACK and SUBACK.
    ForgetSubscription,
    /// Acknowledges a message and drops it.
    LoseMessage,
    /// Takes a message and does not acknowledge it.
    LosePuback,
    /// Acknowledges a message twice.
    RepeatPuback,
    /// Delivers a message twice.
    RepeatDelivery,
}

/// What came with a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenConnect {
    /// When.
    pub at: Instant,
    /// The client identifier.
    pub client_id: String,
    /// Seconds.
    pub keep_alive: u16,
    /// Whether an old session was to be dropped.
    pub clean_session: bool,
    /// Whether it left a last will.
    pub has_will: bool,
}

#[derive(Debug, Default)]
struct Asked {
    times: HashMap<Fault, u32>,
    puback_delay: Duration,
    cuts: Vec<u64>,
    seen: Vec<SeenConnect>,
}

/// The faults that a broker is asked for, and what it saw. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Asked>>);

impl Faults {
    /// Asks for a fault the next so many times; 0 for no more of it.
    pub fn ask(&self, fault: Fault, times: u32) {
        self.lock().times.insert(fault, times);
    }

    /// How many times a fault is still to come.
    pub fn left(&self, fault: Fault) -> u32 {
        self.lock().times.get(&fault).copied().unwrap_or(0)
    }

    /// From now on every acknowledgement of a message comes so much later.
    pub fn delay_pubacks(&self, delay: Duration) {
        self.lock().puback_delay = delay;
    }

    /// Cuts the next connection after so many bytes of MQTT from the client.
    pub fn cut_after(&self, bytes: u64) {
        self.lock().cuts.push(bytes);
    }

    /// Every CONNECT so far, oldest first.
    pub fn seen(&self) -> Vec<SeenConnect> {
        self.lock().seen.clone()
    }

    /// Whether a fault is due; it is used up by that.
    pub(super) fn take(&self, fault: Fault) -> bool {
        match self.lock().times.get_mut(&fault) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn puback_delay(&self) -> Duration {
        self.lock().puback_delay
    }

    /// After how many bytes the connection that comes now is cut.
    pub(super) fn cut(&self) -> u64 {
        self.lock().cuts.pop().unwrap_or(u64::MAX)
    }

    pub(super) fn see(&self, connect: &Connect) {
        let seen = &mut self.lock().seen;
        if seen.len() < MAX_SEEN {
            seen.push(SeenConnect {
                at: Instant::now(),
                client_id: connect.client_id.clone(),
                keep_alive: connect.keep_alive,
                clean_session: connect.clean_session,
                has_will: connect.last_will.is_some(),
            });
        }
    }

    /// A panic elsewhere leaves plain numbers behind.
    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
