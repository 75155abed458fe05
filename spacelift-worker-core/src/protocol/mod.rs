//! The worker's side of the protocol: messages, topics, and a session without I/O.

pub mod message;
pub mod topic;
