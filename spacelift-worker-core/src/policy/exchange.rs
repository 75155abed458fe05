//! A policy that is judged in another process: what is asked, and what is answered.
//!
//! One question a process. [`serve`] is the other process's whole work; [`ask`] is the near end. Neither starts a process or
//! looks at a clock: the driver does, and ends the other one when its time is over. Programs of `exec` are run at the near
//! end, which the other asks for them.
//!
//! A frame is its length in four bytes, big-endian, and that many bytes: JSON, or the input of an evaluation.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decision::{Decision, Failure, FailureKind};
use super::engine::{self, Depth, Input};
use super::evaluation::Evaluation;
use super::options::PolicyOptions;
use super::problem::{PolicyError, Problem, ProblemCode, RegoVersion};
use super::programs::{AllowedPrograms, ProgramError, ProgramOutput, Programs};

/// Bytes of a frame. An input has 8 MiB at most.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// What is asked about a policy.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The name that stands for the file.
    pub name: &'a str,
    /// The text of the policy.
    pub text: &'a str,
    /// What it may do.
    pub options: &'a PolicyOptions,
    /// The input to judge, as JSON, and the time in Unix nanoseconds. Absent: whether the policy is valid.
    pub judge: Option<(&'a str, u64)>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The input was judged.
    Decided(Decision),
    /// The policy is not valid.
    Invalid(PolicyError),
    /// The policy is valid.
    Valid(RegoVersion),
}

/// Asks the process at the other end of two pipes, and runs programs for it.
///
/// # Errors
/// When the pipes end before there is an answer, or what comes is none.
pub fn ask(
    question: &Question<'_>,
    programs: Option<&dyn Programs>,
    from: &mut impl Read,
    to: &mut impl Write,
) -> io::Result<Answer> {
    let Question { name, text, options, judge } = question;
    write(
        to,
        &Asked {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
            time_limit: options.time_limit,
            programs: options.programs.paths().map(str::to_owned).collect(),
            strict: options.strict,
            now_unix_ns: judge.map(|(_, now)| now),
        },
    )?;
    if let Some((input, _)) = judge {
        write_frame(to, input.as_bytes())?;
    }
    to.flush()?;
    loop {
        let reply = read(from)?;
        if let Reply::Run(argv) = reply {
            let allowed = argv.first().is_some_and(|program| options.programs.allows(program));
            let ran = match programs {
                Some(programs) if allowed => programs.run(&argv),
                _ => Err(ProgramError::Start("it is not allowed".to_owned())),
            };
            write(to, &Ran::from(ran))?;
            to.flush()?;
            continue;
        }
        return reply.into_answer(name, text).ok_or_else(damaged);
    }
}

/// Answers one question. Programs are asked for at the other end.
///
/// # Errors
/// When the pipes end before the question does, or what comes is none.
pub fn serve(mut from: impl Read + Send + 'static, to: impl Write + Send + 'static) -> io::Result<()> {
    let asked: Asked = read(&mut from)?;
    let programs = AllowedPrograms::new(asked.programs).map_err(|_| damaged())?;
    let options = PolicyOptions { time_limit: asked.time_limit, programs, strict: asked.strict };
    let input = match asked.now_unix_ns {
        Some(now) => Some((String::from_utf8(read_frame(&mut from)?).map_err(|_| damaged())?, now)),
        None => None,
    };
    let pipes = Arc::new(Mutex::new(Pipes { from, to }));
    let depth = if input.is_some() { Depth::Read } else { Depth::Tried };
    let reply = match (engine::prepare(&asked.name, &asked.text, &options, depth), input) {
        (Err(error), _) => Reply::from(error),
        (Ok(prepared), None) => Reply::Valid(is_v0(prepared.version())),
        (Ok(prepared), Some((input, now))) => {
            let evaluation = Evaluation::new(now, Some(Arc::new(Elsewhere(pipes.clone()))));
            Reply::from(prepared.decide(Input::Text(input), evaluation, &options))
        }
    };
    // The pipes are held while a program runs, and an evaluation that is over may still wait for one.
    let mut pipes = pipes.try_lock().map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    write(&mut pipes.to, &reply)?;
    pipes.to.flush()
}

#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    name: String,
    text: String,
    time_limit: Duration,
    programs: Vec<String>,
    strict: bool,
    /// An input follows in a frame of its own.
    now_unix_ns: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Decided {
        deny: Vec<String>,
        sample: bool,
        warnings: Vec<String>,
    },
    Failed {
        kind: FailureKind,
        detail: String,
        warnings: Vec<String>,
    },
    Invalid {
        v0: bool,
        problems: Vec<(u32, u32, ProblemCode, String)>,
    },
    Run(Vec<String>),
    /// Whether it is Rego v0.
    Valid(bool),
}

#[derive(Debug, Serialize, Deserialize)]
enum Ran {
    Output { status: i64, stdout: Vec<u8>, stderr: Vec<u8> },
    Failed(ProgramError),
}

impl From<Result<ProgramOutput, ProgramError>> for Ran {
    fn from(ran: Result<ProgramOutput, ProgramError>) -> Self {
        match ran {
            Ok(ProgramOutput { status, stdout, stderr }) => Self::Output { status, stdout, stderr },
            Err(error) => Self::Failed(error),
        }
    }
}

impl From<Decision> for Reply {
    fn from(decision: Decision) -> Self {
        let warnings = decision.warnings().to_vec();
        match decision.failure() {
            Some(Failure { kind, detail }) => Self::Failed { kind: *kind, detail: detail.clone(), warnings },
            None => Self::Decided { deny: decision.reasons().to_vec(), sample: decision.sampled(), warnings },
        }
    }
}

impl From<PolicyError> for Reply {
    fn from(error: PolicyError) -> Self {
        let PolicyError::Invalid { version, problems, .. } = error;
        let problem = |problem: Problem| (problem.line, problem.column, problem.code, problem.message);
        Self::Invalid { v0: is_v0(version), problems: problems.into_iter().map(problem).collect() }
    }
}

impl Reply {
    fn into_answer(self, name: &str, text: &str) -> Option<Answer> {
        let version = |v0| if v0 { RegoVersion::V0 } else { RegoVersion::V1 };
        match self {
            Self::Decided { deny, sample, warnings } => {
                Some(Answer::Decided(Decision::made_elsewhere(deny, sample).with_warnings(warnings)))
            }
            Self::Failed { kind, detail, warnings } => {
                Some(Answer::Decided(Decision::failed(kind, detail).with_warnings(warnings)))
            }
            Self::Invalid { v0, problems } => {
                let problem = |(line, column, code, message)| Problem { line, column, code, message };
                let problems = problems.into_iter().map(problem).collect();
                Some(Answer::Invalid(PolicyError::invalid(name, version(v0), text, problems)))
            }
            Self::Valid(v0) => Some(Answer::Valid(version(v0))),
            Self::Run(_) => None,
        }
    }
}

fn is_v0(version: RegoVersion) -> bool {
    version == RegoVersion::V0
}

struct Pipes<R, W> {
    from: R,
    to: W,
}

/// Programs that run at the other end of the pipes.
struct Elsewhere<R, W>(Arc<Mutex<Pipes<R, W>>>);

impl<R: Read + Send, W: Write + Send> Programs for Elsewhere<R, W> {
    fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
        let lost = || ProgramError::Start("the launcher does not answer".to_owned());
        let mut pipes = self.0.lock().map_err(|_| lost())?;
        let ran = write(&mut pipes.to, &Reply::Run(argv.to_vec()))
            .and_then(|()| pipes.to.flush())
            .and_then(|()| read(&mut pipes.from));
        match ran.map_err(|_| lost())? {
            Ran::Output { status, stdout, stderr } => Ok(ProgramOutput { status, stdout, stderr }),
            Ran::Failed(error) => Err(error),
        }
    }
}

fn damaged() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

fn write(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    write_frame(to, &serde_json::to_vec(value)?)
}

fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX_FRAME).ok_or_else(damaged)?;
    to.write_all(&len.to_be_bytes())?;
    to.write_all(bytes)
}

fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    Ok(serde_json::from_slice(&read_frame(from)?)?)
}

fn read_frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| damaged())?;
    if len > MAX_FRAME {
        return Err(damaged());
    }
    let mut bytes = Vec::new();
    from.take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::pipe;
    use std::thread;

    use super::*;

    struct Fake;

    impl Programs for Fake {
        fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
            Ok(ProgramOutput { status: 3, stdout: argv.concat().into_bytes(), stderr: vec![] })
        }
    }

    fn exchange(text: &str, judge: Option<(&str, u64)>) -> io::Result<Answer> {
        let programs = AllowedPrograms::new(["/bin/a".to_owned()]).unwrap();
        let options = PolicyOptions { programs, ..PolicyOptions::default() };
        let ((their_in, mut to), (mut from, their_out)) = (pipe()?, pipe()?);
        let serving = thread::spawn(move || serve(their_in, their_out));
        let answer =
            ask(&Question { name: "p", text, options: &options, judge }, Some(&Fake), &mut from, &mut to);
        serving.join().unwrap()?;
        answer
    }

    #[test]
    fn a_policy_is_judged_elsewhere_as_here_and_its_programs_run_here() {
        let text = r#"package spacelift
            deny contains sprintf("%d%s", [r.status, r.stdout]) if r := exec(["/bin/a", input.word])
            deny contains "token" if io.jwt.decode(input.word)
            sample := true"#;
        let Answer::Decided(decision) = exchange(text, Some((r#"{"word":"b"}"#, 0))).unwrap() else {
            panic!()
        };
        assert_eq!((decision.reasons(), decision.sampled()), (&["3/bin/ab".to_owned()][..], true));
        assert_eq!(decision.warnings().len(), 1);
    }

    #[test]
    fn mistakes_come_back_with_their_places_and_lines() {
        let text = "package spacelift\ndeny contains \"x\" if nope(1)";
        let answer = exchange(text, None).unwrap();
        let Answer::Invalid(error) = answer else { panic!("{answer:?}") };
        let here = engine::prepare("p", text, &PolicyOptions::default(), Depth::Tried).err().unwrap();
        assert_eq!(error, here);
        assert_eq!(
            exchange("package spacelift\nsample := true", None).unwrap(),
            Answer::Valid(RegoVersion::V1)
        );
    }

    #[test]
    fn a_failure_comes_back_as_one() {
        let text = "package spacelift\ndeny contains 1 if input.word";
        let Answer::Decided(decision) = exchange(text, Some((r#"{"word":"b"}"#, 0))).unwrap() else {
            panic!()
        };
        assert_eq!(decision.failure().unwrap().kind, FailureKind::Results);
        assert!(!decision.allowed());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let options = PolicyOptions::default();
        let question = Question { name: "p", text: "", options: &options, judge: None };
        for bytes in [
            &b""[..],
            b"\0\0\0",
            b"\0\0\0\x09{}",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x02{}",
            b"\0\0\0\x07\"Valid\"",
        ] {
            assert!(ask(&question, None, &mut { bytes }, &mut io::sink()).is_err(), "{bytes:?}");
        }
        // Only an answer decides, and a program is asked for before.
        let run = b"\0\0\0\x10{\"Run\":[\"/a/b\"]}\0\0\0\x0f{\"Valid\":false}";
        assert_eq!(
            ask(&question, None, &mut &run[..], &mut io::sink()).unwrap(),
            Answer::Valid(RegoVersion::V1)
        );
    }
}
