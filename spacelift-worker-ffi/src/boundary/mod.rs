//! Everything that stands between a C caller and safe code.
//!
//! | file | guards against |
//! | --- | --- |
//! | `call` | panics, outputs that were never set, texts that are no UTF-8, buffers that overlap |
//! | `slot` | handles of another type, handles that were freed, two threads in one exclusive handle, a handle after its panic |
//! | `callback` | a callback that runs after it was taken back, or on two threads at once |
//! | `signals` | signals of the host that end up on a thread of the library |
//! | `fork` | runtimes and sessions in a child process, whose threads are gone |

mod call;
#[cfg(feature = "session")]
mod callback;
mod fork;
#[cfg(feature = "session")]
mod signals;
mod slot;

pub(crate) use call::Call;
#[cfg(feature = "session")]
pub(crate) use callback::{Callback, Invoke};
#[cfg(feature = "session")]
#[cfg(feature = "session")]
pub(crate) use fork::generation;
#[cfg(feature = "session")]
pub(crate) use signals::{block_signals, with_signals_blocked};
pub(crate) use slot::{Exclusive, Handle, Shared, free};
