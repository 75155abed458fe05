//! Run initialization policies beside Open Policy Agent: the corpus, mutations of its inputs, and the oracle.

mod comparison;
mod corpus;
mod edits;
mod mutation;
mod oracle;
mod programs;

pub use comparison::{Difference, Key, differences, documents, known_differences, load};
pub use corpus::{Case, Corpus, LoadCase, NOW_UNIX_NS, inputs, load_cases, read_json};
pub use edits::edits;
pub use mutation::{Mutation, mutations};
pub use oracle::{Oracle, OracleProgram, Outcome};
pub use programs::{StandIns, allowed};
