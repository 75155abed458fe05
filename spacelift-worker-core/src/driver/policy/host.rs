//! One policy of a launcher, wherever it is evaluated.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::{MEMORY_LIMIT, PolicyProgram};
use super::programs::LocalPrograms;
use crate::policy::{
    Answer, Decision, FailureKind, InitializationPolicy, PolicyError, PolicyOptions, Programs, Question,
    Surroundings, ask, input_text, sample_line,
};

/// How much longer than its limit an evaluation in another process is waited for: what starting it takes.
const GRACE: Duration = Duration::from_millis(300);

/// Where a policy is evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyIsolation {
    /// In a process of its own, where the program's `main` has called [`main_if_asked`](super::main_if_asked); else on a
    /// thread, and the launcher says so when it starts.
    #[default]
    Automatic,
    /// In a process of its own, with memory of its own.
    Process(PolicyProgram),
    /// On a thread of this process, which shares its memory.
    Thread,
}

/// A policy, ready to judge.
#[derive(Clone, Debug)]
pub(crate) struct PolicyHost {
    name: String,
    text: String,
    pub(super) options: PolicyOptions,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Process(PolicyProgram),
    Thread(Box<InitializationPolicy>),
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyHostError {
    #[error(transparent)]
    Invalid(#[from] PolicyError),
    #[error("the process that reads the policy {0}")]
    Process(String),
}

impl PolicyHost {
    /// Reads and tries a policy.
    pub(crate) fn open(
        name: &str,
        text: &str,
        options: PolicyOptions,
        isolation: PolicyIsolation,
    ) -> Result<Self, PolicyHostError> {
        let program = match isolation {
            PolicyIsolation::Process(program) => Some(program),
            PolicyIsolation::Automatic => PolicyProgram::this(),
            PolicyIsolation::Thread => None,
        };
        let place = match program {
            None => Place::Thread(Box::new(InitializationPolicy::with_options(name, text, options.clone())?)),
            Some(program) => {
                let question = Question { name, text, options: &options, judge: None };
                match ask_process(&program, &question, None).map_err(PolicyHostError::from)? {
                    Answer::Valid(_) => Place::Process(program),
                    Answer::Invalid(error) => return Err(error.into()),
                    _ => return Err(PolicyHostError::Process("answered something else".to_owned())),
                }
            }
        };
        Ok(Self { name: name.to_owned(), text: text.to_owned(), options, place })
    }

    /// Whether it is evaluated on a thread of this process.
    pub(crate) fn shares_memory(&self) -> bool {
        matches!(self.place, Place::Thread(_))
    }

    /// Judges a run; blocks up to half a second longer than the time limit. What goes wrong denies it.
    pub(crate) fn evaluate(&self, input: &Value, now_unix_ns: u64) -> Decision {
        let programs = LocalPrograms {
            environment: self.options.programs.environment().clone(),
            deadline: Instant::now() + self.options.time_limit,
        };
        let program = match &self.place {
            Place::Thread(policy) => {
                let programs: Arc<dyn Programs> = Arc::new(programs);
                return policy.evaluate_in(input, Surroundings { now_unix_ns, programs: Some(programs) });
            }
            Place::Process(program) => program,
        };
        let input = match input_text(input) {
            Ok(input) => input,
            Err(too_large) => return too_large,
        };
        let judge = Some((input.as_str(), now_unix_ns));
        let question = Question { name: &self.name, text: &self.text, options: &self.options, judge };
        match ask_process(program, &question, Some(&programs)) {
            Ok(Answer::Decided(decision)) => decision,
            Ok(_) => {
                Decision::failed(FailureKind::Process, "its process gave another answer than a decision")
            }
            Err(Failed::Timeout) => Decision::failed(
                FailureKind::Timeout,
                format!("it took longer than {} s", self.options.time_limit.as_secs_f64()),
            ),
            Err(failed) => Decision::failed(FailureKind::Process, format!("its process {}", failed.words())),
        }
    }

    /// The line of a sampled evaluation.
    pub(crate) fn sample_line(
        &self,
        input: &Value,
        decision: &Decision,
        now_unix_ns: u64,
        random: u128,
    ) -> Value {
        sample_line(&self.text, input, decision, now_unix_ns, random)
    }
}

/// Why a process gave no answer.
enum Failed {
    Start(io::Error),
    Timeout,
    Ended(String),
}

impl Failed {
    /// Follows "the process" in a sentence.
    fn words(&self) -> String {
        match self {
            Self::Start(error) => format!("could not be started: {error}"),
            Self::Timeout => "took too long".to_owned(),
            Self::Ended(how) => format!(
                "ended without an answer ({how}); mostly a policy then needs more memory than {} MiB, or a deeper stack",
                MEMORY_LIMIT / 1024 / 1024
            ),
        }
    }
}

impl From<Failed> for PolicyHostError {
    fn from(failed: Failed) -> Self {
        Self::Process(failed.words())
    }
}

/// Asks a fresh process, which is ended when its time is over.
fn ask_process(
    program: &PolicyProgram,
    question: &Question<'_>,
    programs: Option<&dyn Programs>,
) -> Result<Answer, Failed> {
    let deadline = Instant::now() + question.options.time_limit.saturating_add(GRACE);
    let mut running = Running(program.start().map_err(Failed::Start)?);
    let (Some(mut to), Some(mut from)) = (running.0.stdin.take(), running.0.stdout.take()) else {
        return Err(Failed::Ended("without pipes".to_owned()));
    };
    // Reading and writing block until the process ends, which the deadline sees to from here.
    thread::scope(|scope| {
        let (done, answer) = channel();
        scope.spawn(move || {
            let _ = done.send(ask(question, programs, &mut from, &mut to));
        });
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Failed::Ended(running.end())),
            Err(RecvTimeoutError::Timeout) => {
                running.end();
                Err(Failed::Timeout)
            }
        }
    })
}

/// A process, which ends when this is dropped.
struct Running(Child);

impl Running {
    /// Ends it, and tells how it ended.
    fn end(&mut self) -> String {
        let _ = self.0.kill();
        self.0.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
