//! What can be typed. Nothing here does anything.

mod pool;
mod run;
mod serve;
mod stack;
mod worker;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use pool::{CredentialArgs, PoolArgs};
pub use run::{ActionArgs, RunArgs, WhoArgs};
pub use serve::{LateArgs, OutsideArgs, ServeArgs};
pub use stack::{EnvironmentArgs, HookArgs, StackArgs, StackCommand, WorkflowArgs};
pub use worker::WorkerArgs;

/// A control plane for private workers, for development, tests and pools of one's own
#[derive(Clone, Debug, Parser)]
#[command(name = "mothership", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// The folder of its database, keys and blobs
    #[arg(
        long,
        global = true,
        env = "MOTHERSHIP_DATA",
        default_value = "./mothership-data",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// Print JSON, one document a line, instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: CommandArgs,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum CommandArgs {
    /// Run the control plane until it is asked to end
    Serve(Box<ServeArgs>),
    /// Worker pools
    #[command(subcommand)]
    Pool(PoolArgs),
    /// Stacks
    #[command(subcommand)]
    Stack(StackCommand),
    /// Modules: stacks whose runs are tests
    #[command(subcommand)]
    Module(StackCommand),
    /// Runs
    #[command(subcommand)]
    Run(RunArgs),
    /// Workers
    #[command(subcommand)]
    Worker(WorkerArgs),
    /// What a pool does: what is under way, what runs next, and what the rest waits for
    Queue {
        /// The pool's id or name
        pool: String,
    },
    /// Stacks and modules that use a pool
    UsedBy {
        /// The pool's id or name
        pool: String,
    },
}
