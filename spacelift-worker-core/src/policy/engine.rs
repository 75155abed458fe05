//! The Rego engine under limits: a thread of its own with a large stack, a time limit inside and a wait outside, and
//! nothing that it does wrong ends the process or allows a run.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use regorus::unstable::Module;
use regorus::utils::limits::{ExecutionTimerConfig, PolicyLengthConfig};
use regorus::{Engine, LimitError, Value};
use serde::Deserialize as _;

use super::apart::{Apart, Broken};
use super::builtins::Functions;
use super::checks::check;
use super::decision::{Decision, FailureKind};
use super::evaluation::{Evaluation, Notes};
use super::forks;
use super::input::documented;
use super::kinds;
use super::normal::Normal;
use super::options::PolicyOptions;
use super::outline::Outline;
use super::prelude::{aliases, prelude};
use super::prescan::{MAX_BYTES, is_v1, prescan};
use super::problem::{PolicyError, Problem, ProblemCode, RegoVersion};
use super::programs::Tried;
use super::safety::{self, Around};

use super::validate::outline;

/// How much longer than the engine's own limit the outer wait is. The engine looks at its clock between steps only, so
/// that one long step of a built-in function must be waited out.
const GRACE: Duration = Duration::from_millis(300);

/// Steps between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(64).unwrap();

/// Bytes of a file in normal form.
const MAX_REWRITTEN: usize = 4 * MAX_BYTES;

/// When a policy is tried: at the end of the documented sample's run.
const TRIAL_UNIX_NS: u64 = 1_630_588_656_197_898_500;

/// How the engine knows the file; its own messages have this name in front of their place.
const FILE: &str = "policy";

/// Patterns of each kind that are kept compiled, in the whole process: a policy has a few, and each may take megabytes.
const PATTERNS: regorus::cache::Config = regorus::cache::Config { regex: 32, glob: 32 };

/// What is judged.
pub(super) enum Input {
    /// As JSON.
    Text(String),
    /// As a value of the engine's.
    Read(Value),
}

impl Input {
    /// A document that is not nested deep.
    pub(super) fn read(document: &serde_json::Value) -> Result<Self, serde_json::Error> {
        Value::deserialize(document).map(Self::Read)
    }
}

/// A valid policy, ready to be evaluated.
#[derive(Clone)]
pub(super) struct Prepared {
    engine: Engine,
    normal: Arc<Normal>,
    version: RegoVersion,
    threads: Arc<Apart>,
}

impl Prepared {
    pub(super) fn version(&self) -> RegoVersion {
        self.version
    }

    /// Judges one input.
    pub(super) fn decide(&self, input: Input, evaluation: Evaluation, options: &PolicyOptions) -> Decision {
        let (engine, limit) = (self.engine.clone(), options.time_limit);
        let decided = self.threads.run(limit.saturating_add(GRACE), move || {
            let mut engine = engine;
            let decided = evaluation.within(|| evaluate(&mut engine, input, limit));
            (decided, engine)
        });
        match decided {
            Ok((result, notes)) => {
                decision(result.map_err(|error| error.in_file(&self.normal)), notes, options)
            }
            Err(broken) => undecided(&broken, limit),
        }
    }
}

/// Nobody decided, so the run is denied.
fn undecided(broken: &Broken, limit: Duration) -> Decision {
    match broken {
        Broken::Timeout => timed_out(limit),
        Broken::Panic => Decision::failed(FailureKind::Panic, "the engine broke down on this input"),
        Broken::Thread => Decision::failed(FailureKind::Thread, "no thread could be started for it"),
    }
}

fn decision(result: Result<Decision, EvalError>, notes: Notes, options: &PolicyOptions) -> Decision {
    let warnings: Vec<String> = notes.undefined.into_iter().collect();
    let strict = warnings.first().filter(|_| options.strict).cloned();
    let decision = match (result, notes.refused.or(strict)) {
        (Err(EvalError { kind: FailureKind::Timeout, .. }), _) => timed_out(options.time_limit),
        (Err(error), _) => Decision::failed(error.kind, error.to_string()),
        // Whatever the rules made of it.
        (Ok(_), Some(why)) => Decision::failed(FailureKind::Error, why),
        (Ok(decision), None) => decision,
    };
    decision.with_warnings(warnings)
}

fn timed_out(limit: Duration) -> Decision {
    Decision::failed(FailureKind::Timeout, format!("it took longer than {} s", limit.as_secs_f64()))
}

/// How far a policy is looked at before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Parsed and checked.
    Read,
    /// And evaluated once, on the documented sample.
    Tried,
}

/// Parses and checks a policy, and tries it.
pub(super) fn prepare(
    name: &str,
    text: &str,
    options: &PolicyOptions,
    depth: Depth,
) -> Result<Prepared, PolicyError> {
    let invalid = |version, problems| PolicyError::invalid(name, version, text, problems);
    let problems = prescan(text);
    if !problems.is_empty() {
        return Err(invalid(RegoVersion::V1, problems));
    }
    let (owned, limit) = (text.to_owned(), options.time_limit);
    let settings = options.clone();
    let whole = |message: &str| vec![Problem::new((1, 1), ProblemCode::Parse, message)];
    let reading = move || (prepare_here(&owned, &settings, depth), ());
    match Apart::default().run(limit.saturating_add(GRACE), reading) {
        Ok(Ok(prepared)) => Ok(prepared),
        Ok(Err((version, problems))) => Err(invalid(version, problems)),
        Err(Broken::Panic) => Err(invalid(RegoVersion::V1, whole("the engine broke down on this file"))),
        Err(Broken::Thread) => {
            Err(invalid(RegoVersion::V1, whole("no thread could be started to read this file")))
        }
        Err(Broken::Timeout) => {
            Err(invalid(RegoVersion::V1, whole("reading this file took too long; make it simpler")))
        }
    }
}

type Invalid = (RegoVersion, Vec<Problem>);

fn prepare_here(text: &str, options: &PolicyOptions, depth: Depth) -> Result<Prepared, Invalid> {
    let (mut read, version) = parse(text)?;
    let invalid =
        |problems: Vec<Problem>| if problems.is_empty() { Ok(()) } else { Err((version, problems)) };
    let broken = |message: String| (version, vec![Problem::new((1, 1), ProblemCode::Parse, message)]);

    let Some(module) = read.get_modules().first().cloned() else {
        return Err(broken("nothing was read".to_owned()));
    };
    let outline = outline(&module);
    let functions = Functions { version, programs: &options.programs };
    invalid(judge(&module, &outline, &functions))?;

    let normal = Arc::new(Normal::new(&module, text));
    let mut engine = empty(RegoVersion::V1);
    let defined = functions.register(&mut engine, &outline, &normal.text).map_err(broken)?;
    for (name, text) in [(FILE, normal.text.clone()), ("prelude", prelude(&outline, &defined))] {
        engine.add_policy(name.to_owned(), text).map_err(|error| {
            let error = EvalError::read(&error, error.downcast_ref()).in_file(&normal);
            (version, vec![Problem::new(error.place.unwrap_or((1, 1)), ProblemCode::Parse, error.message)])
        })?;
    }
    engine.set_strict_builtin_errors(true);
    // Otherwise what a policy prints goes to standard error, past the masker.
    engine.set_gather_prints(true);

    if depth == Depth::Read {
        return Ok(Prepared { engine, normal, version, threads: Arc::default() });
    }
    let sample = documented().map_err(|error| broken(error.to_string()))?.to_string();
    set_limit(&mut engine, options.time_limit);
    let trial = Evaluation::new(TRIAL_UNIX_NS, Some(Arc::new(Tried)));
    let (result, notes) = trial.within(|| results(&mut engine, Input::Text(sample)));
    let failed = match (result, notes.refused) {
        (Err(error), _) => {
            let error = error.in_file(&normal);
            Some((error.place, error.message))
        }
        (Ok(_), Some(why)) => Some((None, why)),
        (Ok(_), None) => None,
    };
    match failed {
        Some((place, why)) => {
            // A function of ours fails in the prelude; it is named in what it says.
            let calls = || outline.calls.iter().find(|call| why.starts_with(&format!("`{}` ", call.name)));
            let place = place.or_else(|| calls().map(|call| call.place));
            let message = format!("on the documented sample of an input: {why}");
            let problem = Problem::new(place.unwrap_or((1, 1)), ProblemCode::DryRun, message);
            Err((version, vec![problem]))
        }
        None => Ok(Prepared { engine, normal, version, threads: Arc::default() }),
    }
}

/// All mistakes that can be known without an input.
fn judge(module: &Module, outline: &Outline, functions: &Functions<'_>) -> Vec<Problem> {
    let mut problems = check(outline, functions);
    // What is deeper was not read.
    if outline.too_nested.is_none() {
        let own = outline.arguments();
        let arity = |name: &str| own.get(name).copied().or_else(|| functions.arity(name));
        let names = outline.names().into_iter().chain(["input", "data"]);
        let names = names.chain(aliases(outline).map(|(name, _)| name)).map(str::to_owned);
        let globals = names.chain(outline.imports.iter().cloned()).collect();
        problems
            .extend(safety::check(module, &Around { globals, arity: &arity, version: functions.version }));
        problems.extend(kinds::check(module, &aliases(outline).map(|(name, _)| name).collect::<Vec<_>>()));
    }
    problems
}

/// Reads the file as Rego v1, and as Rego v0 where it is not that. Never the other way round: a file in v1 can be one in
/// v0, too, and mean something else.
fn parse(text: &str) -> Result<(Engine, RegoVersion), Invalid> {
    let mut failed: Vec<(RegoVersion, EvalError)> = Vec::new();
    let versions = [RegoVersion::V1, RegoVersion::V0];
    for version in versions.into_iter().take(if is_v1(text) { 1 } else { 2 }) {
        let mut engine = empty(version);
        match engine.add_policy(FILE.to_owned(), text.to_owned()) {
            Ok(_) => return Ok((engine, version)),
            Err(error) => failed.push((version, EvalError::read(&error, error.downcast_ref()))),
        }
    }
    // The dialect in which more of the file made sense is the one that was meant.
    failed.reverse();
    let furthest = failed.into_iter().max_by_key(|(_, error)| error.place);
    let (version, error) =
        furthest.unwrap_or_else(|| (RegoVersion::V1, EvalError::new(FailureKind::Error, "unreadable")));
    let problem = Problem::new(error.place.unwrap_or((1, 1)), ProblemCode::Parse, error.message);
    Err((version, vec![problem]))
}

fn empty(version: RegoVersion) -> Engine {
    let held_off = forks::held_off();
    regorus::cache::configure(PATTERNS);
    drop(held_off);
    let mut engine = Engine::new();
    engine.set_rego_v0(version == RegoVersion::V0);
    // The prescan has limited the size; lines may be as long as that. Written anew, a file is longer.
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MIN.saturating_add(MAX_REWRITTEN),
        max_lines: NonZeroUsize::MIN.saturating_add(MAX_BYTES),
    });
    engine
}

fn evaluate(engine: &mut Engine, input: Input, limit: Duration) -> Result<Decision, EvalError> {
    set_limit(engine, limit);
    results(engine, input)
}

fn set_limit(engine: &mut Engine, limit: Duration) {
    engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL });
}

fn results(engine: &mut Engine, input: Input) -> Result<Decision, EvalError> {
    match input {
        Input::Read(value) => engine.set_input(value),
        Input::Text(text) => {
            engine.set_input_json(&text).map_err(|error| EvalError::read(&error, error.downcast_ref()))?
        }
    }
    let mut rule = |path: &str| {
        engine.eval_rule(path.to_owned()).map_err(|error| EvalError::read(&error, error.downcast_ref()))
    };
    let (deny, sample) = (rule("data.spacelift.deny")?, rule("data.spacelift.sample")?);
    let Value::Set(deny) = deny else {
        return Err(EvalError::new(FailureKind::Results, "`deny` is not a set"));
    };
    let reasons = deny.iter().map(|reason| match reason {
        Value::String(reason) => Ok(reason.to_string()),
        _ => Err(EvalError::new(FailureKind::Results, "`deny` has an element that is not a string")),
    });
    let sampled = match sample {
        Value::Bool(sampled) => sampled,
        Value::Undefined => false,
        _ => return Err(EvalError::new(FailureKind::Results, "`sample` is not a boolean")),
    };
    Ok(Decision::new(reasons.collect::<Result<_, _>>()?, sampled))
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What the engine said went wrong.
struct EvalError {
    kind: FailureKind,
    /// Line and column in the file.
    place: Option<(u32, u32)>,
    message: String,
}

impl EvalError {
    fn new(kind: FailureKind, message: &str) -> Self {
        Self { kind, place: None, message: message.to_owned() }
    }

    /// With its place in the file in place of the one in normal form.
    fn in_file(self, normal: &Normal) -> Self {
        Self { place: self.place.map(|place| normal.place(place)), ..self }
    }

    /// Takes an error of the engine apart: its text, and the limit it ran into.
    fn read(error: &dyn fmt::Display, limit: Option<&LimitError>) -> Self {
        // Such as "\n--> policy:3:5\n  |\n3 | foo(x)\n  | ^\nerror: could not find function foo".
        let text = error.to_string();
        let place = text.split("--> ").find_map(|block| {
            let mut parts = block.lines().next()?.strip_prefix(FILE)?.strip_prefix(':')?.split(':');
            Some((parts.next()?.parse().ok()?, parts.next()?.trim().parse().ok()?))
        });
        let message =
            text.rsplit_once("error: ").map_or(text.as_str(), |(_, message)| message).trim().to_owned();
        // Inside functions the type of the error is lost, and only its text remains.
        let timeout = matches!(limit, Some(LimitError::TimeLimitExceeded { .. }))
            || text.contains("execution exceeded time limit");
        let kind = if timeout { FailureKind::Timeout } else { FailureKind::Error };
        Self { kind, place, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_without_a_result_denies() {
        for (broken, kind) in [
            (Broken::Panic, FailureKind::Panic),
            (Broken::Thread, FailureKind::Thread),
            (Broken::Timeout, FailureKind::Timeout),
        ] {
            let decision = undecided(&broken, DEFAULT);
            assert!(!decision.allowed());
            assert_eq!(decision.failure().map(|failure| failure.kind), Some(kind));
        }
    }

    #[test]
    fn a_note_of_a_helper_denies_whatever_the_rules_made_of_it() {
        let notes = |refused: Option<&str>, undefined: &[&str]| Notes {
            refused: refused.map(str::to_owned),
            undefined: undefined.iter().map(|&why| why.to_owned()).collect(),
        };
        let allowed = || Ok(Decision::allow());
        let (lenient, strict) =
            (PolicyOptions::default(), PolicyOptions { strict: true, ..PolicyOptions::default() });
        assert!(decision(allowed(), notes(None, &["undefined"]), &lenient).allowed());
        for denied in [
            decision(allowed(), notes(Some("refused"), &[]), &lenient),
            decision(allowed(), notes(None, &["undefined"]), &strict),
            decision(Err(EvalError::new(FailureKind::Error, "wrong")), notes(None, &[]), &lenient),
        ] {
            assert!(!denied.allowed() && denied.failure().is_some(), "{denied:?}");
        }
    }

    #[test]
    fn an_error_of_the_engine_is_taken_apart() {
        let text = "\n--> policy:3:5\n  |\n3 | foo(x)\n  |     ^\nerror: could not find function foo";
        let error = EvalError::read(&text, None);
        assert_eq!((error.place, error.message.as_str()), (Some((3, 5)), "could not find function foo"));
        let error = EvalError::read(&"execution exceeded time limit (elapsed=2ns, limit=1ns)", None);
        assert_eq!((error.place, error.kind), (None, FailureKind::Timeout));
    }

    const DEFAULT: Duration = Duration::from_secs(60);
}
