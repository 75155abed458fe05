//! Files on disk: the environment, policies, atomic writes, workspaces as archives.
//!
//! Standard library alone: no async runtime, no network. Everything blocks; an async caller gives it a thread.

pub mod atomic;
mod batch;
pub mod environment;
mod new_file;
pub mod policy_file;
mod pump;
pub mod seal;
pub mod workspace;

pub use atomic::{ReplaceError, replace_atomically};
pub use environment::{Environment, from_env, pairs_from_env};
pub use policy_file::{PolicyFileError, PolicySource, read_policy, read_policy_source};
pub use seal::{SealFileError, SealedFile, seal_file, seal_file_with_digest, unseal_file};
