//! What a launcher lets its policy do, and for how long.

use std::time::Duration;

use super::programs::AllowedPrograms;

/// The time that Spacelift gives a policy.
///
/// Source: Spacelift, concepts, policy: "all others 5 s".
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(5);

/// What a launcher lets its policy do, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOptions {
    /// How long one evaluation may take, and the reading of the file. Default [`DEFAULT_TIME_LIMIT`]. A run waits that long
    /// at most; a longer one gives a hostile input more to play with.
    pub time_limit: Duration,
    /// What `exec` may run. Default: nothing, and a policy that calls it is not accepted.
    pub programs: AllowedPrograms,
    /// Whether a function that cannot work on its arguments denies the run. Default: no, as in Open Policy Agent, where it
    /// is undefined, and [`Decision::warnings`](super::Decision::warnings) tells of it.
    pub strict: bool,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self { time_limit: DEFAULT_TIME_LIMIT, programs: AllowedPrograms::default(), strict: false }
    }
}
