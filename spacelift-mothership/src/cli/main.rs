//! From the command line to an exit code.

use std::error::Error;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use super::args::{Cli, CommandArgs};
use super::ask::{AskError, Person, Terminal};
use super::client::{Client, ClientError};
use super::output::Output;
use super::pool::PoolFileError;
use super::run::WaitError;
use super::stack::VariableError;
use super::{pool, run, stack, worker};
use crate::serve::ServeConfig;
use crate::source::SourceError;
use crate::store::DataDir;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Nobody consented.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The server did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A pool's files cannot be used.
    #[error(transparent)]
    PoolFile(#[from] PoolFileError),
    /// The source code cannot be packed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A variable cannot be taken.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// A run did not come where it was waited for.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The result cannot be shown.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// The command was ended from outside.
    #[error("the command was interrupted")]
    Ended,
}

/// The whole program: reads the command line, does what it says, and gives the exit code. `serve` runs the control plane.
pub fn main<S, F, E>(serve: S) -> ExitCode
where
    S: FnOnce(ServeConfig) -> F,
    F: Future<Output = Result<(), E>>,
    E: Error + 'static,
{
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors for clap either: they go to standard output with code 0.
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let Cli { data, json, command } = cli;
    match command {
        CommandArgs::Serve(args) => {
            let filter = match EnvFilter::try_new(&args.log) {
                Ok(filter) => filter,
                Err(error) => {
                    say(&format!("--log {}: {error}", args.log));
                    return ExitCode::from(2);
                }
            };
            let colours = io::stderr().is_terminal();
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_writer(io::stderr)
                .with_ansi(colours)
                .init();
            match runtime.block_on(serve(args.config(&data))) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            }
        }
        command => {
            let mut stdout = io::stdout();
            let mut output = Output { writer: &mut stdout, json };
            let done = runtime.block_on(perform(&DataDir::at(data), command, &mut Terminal, &mut output));
            match done {
                // Whoever reads has seen enough, such as `head`.
                Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    ExitCode::SUCCESS
                }
                Err(error) => failed(&error),
                Ok(()) => ExitCode::SUCCESS,
            }
        }
    }
}

/// Every command but `serve`.
pub(super) async fn perform(
    data: &DataDir,
    command: CommandArgs,
    person: &mut (dyn Person + Send),
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let client = Client::find(data)?;
    match command {
        // `main` takes this one before.
        CommandArgs::Serve(_) => Ok(()),
        CommandArgs::Pool(args) => pool::run(&client, args, person, output).await,
        CommandArgs::Stack(command) => stack::run(&client, command, false, output).await,
        CommandArgs::Module(command) => stack::run(&client, command, true, output).await,
        CommandArgs::Run(args) => run::run(&client, args, output).await,
        CommandArgs::Worker(args) => worker::run(&client, args, output).await,
        CommandArgs::Queue { pool } => worker::queue(&client, &pool, output).await,
        CommandArgs::UsedBy { pool } => stack::used_by(&client, &pool, output).await,
    }
}

/// The error and its causes, on one line.
fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(&format!(": {error}"));
        source = error.source();
    }
    say(&line);
    ExitCode::FAILURE
}

fn say(line: &str) {
    // There is nowhere else to complain about a standard error that is closed.
    writeln!(io::stderr(), "mothership: {}", line.replace('\n', " ")).ok();
}
