//! What a fork must not come between: the engine keeps compiled patterns behind locks of the whole process, and a lock that
//! another thread holds at a fork stays locked in the child.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Read by whoever may take one of the engine's locks, and written to by whoever forks.
static GATE: RwLock<()> = RwLock::new(());

/// Keeps forks away.
pub(super) fn held_off() -> RwLockReadGuard<'static, ()> {
    GATE.read().unwrap_or_else(PoisonError::into_inner)
}

/// See [`policies_rest`].
#[derive(Debug)]
#[must_use = "policies go on as soon as it is dropped"]
pub struct PoliciesRest {
    _gate: RwLockWriteGuard<'static, ()>,
}

/// Waits until no thread is where a fork would leave a lock behind, and keeps them all from getting there. The thread that forks
/// calls this before, and drops it after, in the child as well: policies are then judged there as here.
///
/// It waits for as long as matching a pattern takes. A process that never forks needs none of it.
pub fn policies_rest() -> PoliciesRest {
    PoliciesRest { _gate: GATE.write().unwrap_or_else(PoisonError::into_inner) }
}
