//! One evaluation, as the helpers see it: the time, the programs, and what they could not do.
//!
//! The engine calls a helper with its arguments alone, on the thread that evaluates; so the evaluation is kept with that
//! thread. A helper that fails is either undefined, as in Open Policy Agent, and noted; or it refuses the run, whatever the
//! engine then makes of the error (in a function with several bodies it may forget it).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::programs::{ProgramOutput, Programs};

/// How many notes are kept.
const MAX_NOTES: usize = 20;

/// What a helper may ask for.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    now_unix_ns: u64,
    programs: Option<Arc<dyn Programs>>,
    ran: BTreeMap<Vec<String>, ProgramOutput>,
    notes: Notes,
}

/// What helpers could not do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Why the run is refused.
    pub(super) refused: Option<String>,
    /// Helpers that were undefined, with the reason.
    pub(super) undefined: BTreeSet<String>,
}

thread_local! {
    static CURRENT: RefCell<Option<Evaluation>> = const { RefCell::new(None) };
}

impl Evaluation {
    pub(super) fn new(now_unix_ns: u64, programs: Option<Arc<dyn Programs>>) -> Self {
        Self { now_unix_ns, programs, ran: BTreeMap::new(), notes: Notes::default() }
    }

    /// Evaluates on this thread, and gives what the helpers noted.
    pub(super) fn within<T>(self, evaluate: impl FnOnce() -> T) -> (T, Notes) {
        CURRENT.set(Some(self));
        let value = evaluate();
        let notes = CURRENT.take().map(|evaluation| evaluation.notes).unwrap_or_default();
        (value, notes)
    }
}

fn current<T>(f: impl FnOnce(&mut Evaluation) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(f))
}

/// The time, in Unix nanoseconds; none outside of an evaluation.
pub(super) fn now_unix_ns() -> Option<u64> {
    current(|evaluation| evaluation.now_unix_ns)
}

/// Notes that a helper is undefined.
pub(super) fn undefined(helper: &str, why: &str) {
    current(|Evaluation { notes, .. }| {
        if notes.undefined.len() < MAX_NOTES {
            notes.undefined.insert(format!("`{helper}` is undefined: {why}"));
        }
    });
}

/// Refuses the run.
pub(super) fn refuse(why: &str) {
    current(|Evaluation { notes, .. }| notes.refused.get_or_insert_with(|| why.to_owned()).len());
}

/// Runs a program, or says again what it said before.
pub(super) fn run_program(argv: Vec<String>) -> Result<ProgramOutput, String> {
    let (before, programs) =
        current(|evaluation| (evaluation.ran.get(&argv).cloned(), evaluation.programs.clone()))
            .unwrap_or_default();
    if let Some(output) = before {
        return Ok(output);
    }
    let programs = programs.ok_or("is switched off")?;
    // Nothing is borrowed while it runs.
    let output = programs.run(&argv).map_err(|error| error.to_string())?;
    current(|evaluation| evaluation.ran.insert(argv, output.clone()));
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::policy::programs::ProgramError;

    struct Counting(AtomicUsize);

    impl Programs for Counting {
        fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
            let stdout = format!("{argv:?} {}", self.0.fetch_add(1, Ordering::Relaxed)).into_bytes();
            Ok(ProgramOutput { stdout, ..ProgramOutput::default() })
        }
    }

    #[test]
    fn a_program_runs_once_for_its_arguments() {
        let programs = Arc::new(Counting(AtomicUsize::new(0)));
        let run = |name: &str| run_program(vec![name.to_owned()]).map(|output| output.stdout);
        let (outputs, _) = Evaluation::new(0, Some(programs.clone()))
            .within(|| [run("a"), run("a"), run("b"), run("a")].map(Result::unwrap));
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(outputs[0], outputs[3]);
        assert_ne!(outputs[0], outputs[2]);
        let (output, _) = Evaluation::new(0, Some(programs)).within(|| run("a"));
        assert_ne!(output.unwrap(), outputs[0], "another evaluation asks anew");
    }

    #[test]
    fn notes_are_kept_once_and_end_with_their_evaluation() {
        let ((), notes) = Evaluation::new(7, None).within(|| {
            assert_eq!(now_unix_ns(), Some(7));
            (0..50).for_each(|number| undefined("f", &format!("{}", number % 25)));
            refuse("first");
            refuse("second");
            assert_eq!(run_program(vec![]), Err("is switched off".to_owned()));
        });
        assert_eq!(notes.undefined.len(), MAX_NOTES);
        assert_eq!(notes.refused.as_deref(), Some("first"));
        assert_eq!(now_unix_ns(), None);
        undefined("f", "outside");
    }
}
