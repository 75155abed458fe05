//! Run initialization policies beside Open Policy Agent: the corpus, mutations of its inputs, and the oracle.

mod corpus;
mod mutation;
mod oracle;
mod programs;

pub use corpus::{Case, Corpus, NOW_UNIX_NS, inputs, read_json};
pub use mutation::{Mutation, mutations};
pub use oracle::{Oracle, OracleProgram, Outcome};
pub use programs::{StandIns, allowed};
