//! Starting a process, reading what it prints, waiting for its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::Signal;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::tree::{COOKIE_VARIABLE, ProcessTree, cookie};
use super::usage;
use crate::driver::random;
use crate::exec::{
    BoxFuture, ExecError, ExecEvent, ExecSignal, ExecSpec, ExecUsage, Execution, Executor, ExitStatus,
};

/// The most bytes in one [`ExecEvent::Output`].
const READ_LEN: usize = 64 * 1024;

/// Runs steps as local processes.
///
/// Each is the leader of a process group of its own, with standard input closed and standard output and standard
/// error on one pipe, so that their order is kept. When the leader ends, everything that it left behind is killed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessExecutor;

impl Executor for ProcessExecutor {
    fn start(&self, spec: ExecSpec) -> BoxFuture<'_, Result<Box<dyn Execution>, ExecError>> {
        Box::pin(async move { ProcessExecution::start(&spec).map(|execution| Box::new(execution) as _) })
    }
}

/// A running process and all of its descendants.
struct ProcessExecution {
    child: Child,
    tree: ProcessTree,
    output: pipe::Receiver,
    progress: Progress,
    /// Of the control group, when this began.
    throttled_ms: Option<u64>,
}

/// How far the reading is. The end is told after the last byte.
#[derive(Clone, Copy)]
enum Progress {
    Running,
    Draining(ExitStatus),
    Ended,
}

impl ProcessExecution {
    fn start(spec: &ExecSpec) -> Result<Self, ExecError> {
        let doing = || {
            let program = spec.argv.first().map_or("", String::as_str);
            format!("start {program:?} in {}", spec.cwd.display())
        };
        let fail = |source| ExecError::new(doing(), source);
        let Some((program, arguments)) = spec.argv.split_first() else {
            return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "no program is named")));
        };
        let (reader, writer) = io::pipe().map_err(fail)?;
        let name = random::name().map_err(|error| fail(io::Error::other(error)))?;
        let cookie = cookie(spec.mark.as_deref(), &name);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(spec.env.iter().map(|(name, value)| (name, value.expose())))
            .env(COOKIE_VARIABLE, &cookie)
            .current_dir(&spec.cwd)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(fail)?)
            .stderr(writer);
        let child = command.spawn().map_err(fail)?;
        // The command holds this side's copies of the write end; the pipe must end with the last process.
        drop(command);
        let tree = ProcessTree::new(child.id().unwrap_or(0), &cookie);
        let output = pipe::Receiver::from_owned_fd(reader.into()).map_err(fail)?;
        Ok(Self { child, tree, output, progress: Progress::Running, throttled_ms: usage::throttled_ms() })
    }

    async fn next_event(&mut self) -> Result<ExecEvent, ExecError> {
        loop {
            match self.progress {
                Progress::Ended => return std::future::pending().await,
                Progress::Draining(status) => match read_now(&self.output) {
                    Ok(Some(bytes)) if !bytes.is_empty() => return Ok(ExecEvent::Output(bytes)),
                    // At the end of the pipe, or empty: whoever could still write has been killed.
                    Ok(_) => {
                        self.progress = Progress::Ended;
                        return Ok(ExecEvent::Exited(status));
                    }
                    Err(source) => return Err(ExecError::new("read what a command prints", source)),
                },
                Progress::Running => tokio::select! {
                    biased;
                    readable = self.output.readable() => {
                        readable.map_err(|source| ExecError::new("read what a command prints", source))?;
                        match read_now(&self.output) {
                            Ok(Some(bytes)) if bytes.is_empty() => self.exited().await?,
                            Ok(Some(bytes)) => return Ok(ExecEvent::Output(bytes)),
                            Ok(None) => {}
                            Err(source) => return Err(ExecError::new("read what a command prints", source)),
                        }
                    }
                    status = self.child.wait() => {
                        let status = status.map_err(|source| ExecError::new("wait for a command", source))?;
                        self.end_tree(status);
                    }
                },
            }
        }
    }

    /// Standard output and standard error are closed, yet the leader may still run.
    async fn exited(&mut self) -> Result<(), ExecError> {
        let status =
            self.child.wait().await.map_err(|source| ExecError::new("wait for a command", source))?;
        self.end_tree(status);
        Ok(())
    }

    fn end_tree(&mut self, status: std::process::ExitStatus) {
        self.tree.end();
        let status = match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, signal) => ExitStatus::Signal(signal.unwrap_or(0)),
        };
        self.progress = Progress::Draining(status);
    }
}

/// Some bytes, no bytes at the end of the pipe, or `None` when there is nothing to read at the moment.
fn read_now(output: &pipe::Receiver) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; READ_LEN];
    match output.try_read(&mut bytes) {
        Ok(len) => {
            bytes.truncate(len);
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

impl Execution for ProcessExecution {
    fn next(&mut self) -> BoxFuture<'_, Result<ExecEvent, ExecError>> {
        Box::pin(self.next_event())
    }

    fn signal(&mut self, signal: ExecSignal) {
        if matches!(self.progress, Progress::Running) {
            self.tree.signal(match signal {
                ExecSignal::Terminate => Signal::TERM,
                ExecSignal::Kill => Signal::KILL,
            });
        }
    }

    fn usage(&mut self) -> BoxFuture<'_, Option<ExecUsage>> {
        let usage = usage::of(self.tree.pids(), self.throttled_ms);
        Box::pin(async move { Some(usage) })
    }
}

impl Drop for ProcessExecution {
    fn drop(&mut self) {
        if matches!(self.progress, Progress::Running) {
            self.tree.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::secret::SecretText;

    fn shell(script: &str) -> ExecSpec {
        let mut spec = ExecSpec::new(vec!["sh".into(), "-c".into(), script.into()], PathBuf::from("/"));
        spec.env.insert("PATH".into(), SecretText::from("/usr/bin:/bin"));
        spec
    }

    async fn run_to_end(execution: &mut dyn Execution) -> (String, ExitStatus) {
        let mut output = Vec::new();
        loop {
            match execution.next().await.unwrap() {
                ExecEvent::Output(bytes) => output.extend(bytes),
                ExecEvent::Exited(status) => return (String::from_utf8(output).unwrap(), status),
            }
        }
    }

    #[tokio::test]
    async fn output_and_errors_come_in_the_order_in_which_they_were_written() {
        let mut execution = ProcessExecutor.start(shell("echo a; echo b >&2; echo c; exit 3")).await.unwrap();
        assert_eq!(run_to_end(&mut *execution).await, ("a\nb\nc\n".into(), ExitStatus::Code(3)));
    }

    #[tokio::test]
    async fn nothing_of_the_launchers_environment_is_inherited() {
        let mut execution = ProcessExecutor.start(shell("env | cut -d= -f1 | sort")).await.unwrap();
        let (output, _) = run_to_end(&mut *execution).await;
        let names: Vec<_> = output.lines().filter(|name| !matches!(*name, "_" | "PWD" | "SHLVL")).collect();
        assert_eq!(names, ["PATH", COOKIE_VARIABLE]);
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_is_killed_when_it_ends() {
        let script = "setsid sleep 1000 & sleep 1000 & echo $!";
        let mut execution = ProcessExecutor.start(shell(script)).await.unwrap();
        let (output, status) = run_to_end(&mut *execution).await;
        assert_eq!(status, ExitStatus::Code(0));
        let pid: i32 = output.trim().parse().unwrap();
        let alive =
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
        assert!(!alive, "the background process outlived its step");
    }

    #[tokio::test]
    async fn a_kill_reaches_processes_that_left_the_group() {
        let script = "setsid sh -c 'echo ready; sleep 1000' & wait";
        let mut execution = ProcessExecutor.start(shell(script)).await.unwrap();
        assert!(matches!(execution.next().await.unwrap(), ExecEvent::Output(_)));
        execution.signal(ExecSignal::Kill);
        let (_, status) = run_to_end(&mut *execution).await;
        assert_eq!(status, ExitStatus::Signal(9));
    }

    #[tokio::test]
    async fn what_a_step_takes_is_counted_with_its_children() {
        let script = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 1000 & echo; wait";
        let mut execution = ProcessExecutor.start(shell(script)).await.unwrap();
        assert!(matches!(execution.next().await.unwrap(), ExecEvent::Output(_)));
        let usage = execution.usage().await.unwrap();
        assert_eq!(usage.processes, 2);
        assert!(usage.cpu_ms > 0 && usage.memory > 100_000, "{usage:?}");
        execution.signal(ExecSignal::Kill);
        run_to_end(&mut *execution).await;
        assert_eq!(execution.usage().await.unwrap().processes, 0);
    }

    #[tokio::test]
    async fn a_missing_program_is_named_and_its_arguments_are_not() {
        let spec = ExecSpec::new(vec!["/no/such/program".into(), "hunter2".into()], PathBuf::from("/"));
        let error = ProcessExecutor.start(spec).await.err().unwrap().to_string();
        assert_eq!(error, r#"cannot start "/no/such/program" in /"#);
    }
}
