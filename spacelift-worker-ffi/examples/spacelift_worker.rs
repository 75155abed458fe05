//! The C library as tests link it, with the features of the whole workspace. `make capi` builds the one that is installed.

pub use spacelift_worker_ffi::*;
