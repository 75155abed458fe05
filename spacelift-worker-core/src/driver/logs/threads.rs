//! A log that threads have for themselves, where the process has another one or none.

use std::cell::RefCell;

use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};

thread_local! {
    /// While it is there, what this thread says goes to one log.
    static LOG: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// From now on what this thread says goes to `log`: for threads of a runtime of one's own, which do nothing else.
pub fn log_on_this_thread(log: &Dispatch) {
    LOG.set(Some(set_default(log)));
}
