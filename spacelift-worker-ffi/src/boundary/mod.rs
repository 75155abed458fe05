//! Everything that stands between a C caller and safe code.
//!
//! | file | guards against |
//! | --- | --- |
//! | `call` | panics, outputs that were never set, texts that are no UTF-8, buffers that overlap |
//! | `slot` | handles of another type, handles that were freed, two threads in one exclusive handle, a handle after its panic |
//! | `fork` | runtimes and sessions in a child process, whose threads are gone |

mod call;
mod fork;
mod slot;

pub(crate) use call::Call;
#[cfg(feature = "session")]
pub(crate) use fork::generation;
pub(crate) use slot::{Exclusive, Handle, Shared, free};
