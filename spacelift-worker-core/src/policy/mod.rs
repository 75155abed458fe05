//! The run initialization policy: a Rego file that may refuse a run before anything of it was started.
//!
//! A file is judged when the launcher starts, all its mistakes at once; a run is judged at every phase. Nothing fails
//! open: an error, a panic, a timeout and a result of the wrong kind each deny the run and say that the policy could not
//! be evaluated. No policy is [`Decision::allow`].
//!
//! ```
//! use spacelift_worker_core::policy::{InitializationPolicy, PolicyInput};
//!
//! let policy = InitializationPolicy::from_source("policy.rego", r#"
//!     package spacelift
//!     deny contains "no tasks on this worker" if input.run.type == "TASK"
//! "#)?;
//! let mut input = PolicyInput::default();
//! assert!(policy.evaluate(&input, 0).allowed());
//! input.run.run_type = "TASK".to_owned();
//! assert_eq!(policy.evaluate(&input, 0).reasons(), ["no tasks on this worker"]);
//! # Ok::<(), spacelift_worker_core::policy::PolicyError>(())
//! ```
//!
//! Never reads a file, a clock or the environment, and starts nothing but the thread that evaluates.
//!
//! Source: Spacelift, worker pools, "Run initialization policies"; concepts, policy.

mod apart;
mod builtins;
mod checks;
mod decision;
mod engine;
mod evaluation;
mod exchange;
mod forks;
mod initialization;
mod input;
mod kinds;
mod normal;
mod options;
mod outline;
mod patience;
mod prelude;
mod prescan;
mod problem;
mod programs;
mod safety;
mod sample;
#[cfg(test)]
mod tests;
mod validate;

pub use decision::{Decision, Failure, FailureKind};
pub use exchange::{Answer, Question, ask, serve};
pub use forks::{PoliciesRest, policies_rest};
pub use initialization::{InitializationPolicy, Surroundings, input_text};
pub use input::{
    CommitInput, EnvironmentValue, HooksInput, PolicyInput, RunInput, StackInput, WorkflowInput,
};
pub use options::{DEFAULT_TIME_LIMIT, PolicyOptions};
pub use problem::{PolicyError, Problem, ProblemCode, RegoVersion};
pub use programs::{
    AllowedPrograms, MAX_PROGRAM_OUTPUT, ProgramError, ProgramOutput, ProgramPathError, Programs,
};
pub use sample::sample_line;
