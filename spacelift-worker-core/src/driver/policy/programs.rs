//! Programs of `exec`: started without a shell, bounded in time and output, and ended with everything that they started.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::policy::{MAX_PROGRAM_OUTPUT, ProgramError, ProgramOutput, Programs};

/// Runs programs until a deadline.
#[derive(Debug)]
pub(super) struct LocalPrograms {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) deadline: Instant,
}

impl Programs for LocalPrograms {
    fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
        let start = |error: io::Error| ProgramError::Start(error.to_string());
        let Some((program, args)) = argv.split_first() else {
            return Err(ProgramError::Start("there is no program".to_owned()));
        };
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .envs(&self.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let mut running = Running(child);
        let (sender, pieces) = channel();
        if let Some(stdout) = running.0.stdout.take() {
            read_apart(stdout, Stream::Out, sender.clone()).map_err(start)?;
        }
        if let Some(stderr) = running.0.stderr.take() {
            read_apart(stderr, Stream::Err, sender).map_err(start)?;
        }
        let mut output = ProgramOutput::default();
        // Until nobody holds the other ends of the streams any more.
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let (stream, piece) = match pieces.recv_timeout(left) {
                Ok(piece) => piece,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(ProgramError::Timeout),
            };
            let kept = match stream {
                Stream::Out => &mut output.stdout,
                Stream::Err => &mut output.stderr,
            };
            if kept.len() + piece.len() > MAX_PROGRAM_OUTPUT {
                return Err(ProgramError::Output);
            }
            kept.extend(piece);
        }
        let status = running.wait_until(self.deadline).map_err(start)?.ok_or(ProgramError::Timeout)?;
        output.status = number(status);
        Ok(output)
    }
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Out,
    Err,
}

/// Sends what a stream brings, piece by piece. The thread ends with the stream, or when nobody listens.
fn read_apart(
    mut stream: impl Read + Send + 'static,
    which: Stream,
    pieces: Sender<(Stream, Vec<u8>)>,
) -> io::Result<()> {
    let read = move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            if pieces.send((which, buffer.get(..len).unwrap_or_default().to_vec())).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("policy-program".to_owned()).spawn(read).map(drop)
}

/// As a shell has it: 128 and the number of the signal for a program that a signal ended.
fn number(status: ExitStatus) -> i64 {
    match (status.code(), status.signal()) {
        (Some(code), _) => i64::from(code),
        (None, Some(signal)) => 128 + i64::from(signal),
        (None, None) => -1,
    }
}

/// A program, which ends with its group when this is dropped.
struct Running(Child);

impl Running {
    /// How it ended, or none when it is still there at the deadline although its streams have ended.
    fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::park_timeout(std::time::Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // Fails when nobody is left in the group, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(seconds: u64, argv: &[&str]) -> Result<ProgramOutput, ProgramError> {
        let environment = BTreeMap::from([("GREETING".to_owned(), "hello world".to_owned())]);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
        LocalPrograms { environment, deadline }.run(&argv)
    }

    #[test]
    fn arguments_are_not_read_by_a_shell_and_status_and_streams_come_back() {
        let output = run(
            10,
            &["/bin/sh", "-c", "printf '%s|' \"$0\" \"$@\"; echo no >&2; exit 3", "$(id)", "a b", "*"],
        );
        let output = output.unwrap();
        assert_eq!((output.status, output.stderr.as_slice()), (3, &b"no\n"[..]));
        assert_eq!(output.stdout, b"$(id)|a b|*|");
    }

    #[test]
    fn the_environment_has_the_listed_variables_and_no_others() {
        let output = run(10, &["/usr/bin/env"]).unwrap();
        assert_eq!(output.stdout, b"GREETING=hello world\n");
    }

    #[test]
    fn a_program_that_is_missing_is_told() {
        assert!(matches!(run(10, &["/nowhere/program"]), Err(ProgramError::Start(_))));
    }

    #[test]
    fn a_program_that_prints_too_much_is_ended() {
        assert_eq!(run(10, &["/bin/sh", "-c", "while :; do echo too much; done"]), Err(ProgramError::Output));
    }

    #[test]
    fn a_program_is_ended_at_the_deadline_with_what_it_started() {
        let before = Instant::now();
        let started = ["/bin/sh", "-c", "exec 2>&-; (trap '' TERM; exec sleep 600) & exec sleep 600"];
        let environment = BTreeMap::new();
        let deadline = Instant::now() + Duration::from_millis(100);
        let argv = started.map(str::to_owned);
        assert_eq!(LocalPrograms { environment, deadline }.run(&argv), Err(ProgramError::Timeout));
        assert!(before.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_signal_is_a_status_from_128_on() {
        assert_eq!(run(10, &["/bin/sh", "-c", "kill -KILL $$"]).unwrap().status, 137);
    }
}
