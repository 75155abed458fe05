//! One run on this worker, from assignment to outcome: what happens, in which order, and when it is ended.
//!
//! ```text
//!  offer payload ── Assignment::new ──> Assignment ── Plan::new ──> Plan ── Supervisor::new ──> Supervisor
//!
//!  PREPARING: policy -> fetch -> each step: enter its state, start its script -> seal -> outputs -> after_run -> flush -> report
//! ```
//!
//! Everything is decided here and nothing is performed: no process, no file, no connection. The driver performs each
//! [`Effect`] and answers with a `handle`d call, with the time as an argument.

mod assignment;
mod environment;
mod outcome;
mod outputs;
mod plan;
mod policy_input;
mod script;
mod settings;
mod supervisor;
mod variables;

pub use assignment::{Assignment, AssignmentError, Fetch, Hints};
pub use environment::RunEnvironment;
pub use outcome::RunOutcome;
pub use outputs::{Inputs, InputsError, MAX_OUTPUTS_LEN, Outputs, OutputsError};
pub use plan::{Plan, Step};
pub use settings::{RunSettings, RunTimeouts};
pub use supervisor::{Effect, Supervisor, Verdict};
