//! `spacelift_worker._native`: the library behind the Python package.
//!
//! Conversion over the public root of `spacelift-worker-core` and nothing else: what a Python person sees, documentation
//! included, stands in the pure-Python package `spacelift_worker`.
//!
//! | rule | where it is kept |
//! | --- | --- |
//! | no panic goes through an interpreter, work of 2 KiB and more lets other threads run | `work` |
//! | bytes are borrowed from `bytes` and copied from whatever else may change meanwhile | `buffers` |
//! | errors are classes of the Python package | `failure` |
//! | what launchers say waits until Python takes it | `log` |

mod buffers;
mod cobblestone;
mod config;
mod context;
mod failure;
mod keys;
mod log;
mod mask;
mod module;
mod policy;
mod preflight;
mod protocol;
mod runtime;
mod seal;
mod session;
mod stream;
mod token;
mod unseal;
mod work;
