//! `mothership run …`

use clap::{Args, Subcommand, ValueEnum};
use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::RunState;

use crate::api::TriggerType;

/// `mothership run …`
#[derive(Clone, Debug, Subcommand)]
pub enum RunArgs {
    /// Trigger a run of a stack or module
    Trigger {
        /// The slug of the stack or module
        stack: String,
        /// tracked, proposed, task, destroy or drift for a stack; testing for a module
        #[arg(long = "type", value_enum)]
        trigger: Option<TriggerType>,
        /// The command of a task
        #[arg(long, default_value = "")]
        command: String,
        /// A line for people
        #[arg(long, default_value = "")]
        title: String,
        /// Metadata for policies
        #[arg(long)]
        metadata: Option<String>,
        /// Go ahead of the others
        #[arg(long)]
        prioritize: bool,
        /// Who triggers it
        #[command(flatten)]
        who: WhoArgs,
    },
    /// Confirm the plan of an unconfirmed run
    Confirm {
        /// The run's id
        run: RunId,
        /// A word to people
        #[arg(long)]
        note: Option<String>,
        /// Metadata for policies
        #[arg(long)]
        metadata: Option<String>,
        /// Who confirms
        #[command(flatten)]
        who: WhoArgs,
    },
    /// Discard the plan of an unconfirmed run
    Discard(ActionArgs),
    /// Ask a run to end; one that waits is canceled
    Stop(ActionArgs),
    /// End a run at once
    Kill(ActionArgs),
    /// A run and every state that it was in
    Show {
        /// The run's id
        run: RunId,
    },
    /// The runs of a stack or module, newest first
    List {
        /// The slug of the stack or module
        stack: String,
    },
    /// The log of a run
    Logs {
        /// The run's id
        run: RunId,
        /// Go on until the run has ended
        #[arg(long)]
        follow: bool,
        /// Show each state as a line of its own
        #[arg(long)]
        states: bool,
    },
    /// Wait until a run is in one of some states; fails when it ends in another one
    Wait {
        /// The run's id
        run: RunId,
        /// Which states, such as UNCONFIRMED,FINISHED
        #[arg(long = "state", value_name = "STATE[,STATE]", required = true, value_delimiter = ',', value_parser = state)]
        states: Vec<RunState>,
        /// How long to wait, in seconds
        #[arg(long, default_value_t = 600)]
        timeout: u64,
    },
}

/// What is done with a run.
#[derive(Clone, Debug, Args)]
pub struct ActionArgs {
    /// The run's id
    pub run: RunId,
    /// A word to people
    #[arg(long)]
    pub note: Option<String>,
    /// Who asks
    #[command(flatten)]
    pub who: WhoArgs,
}

/// Who asks.
#[derive(Clone, Debug, Args)]
pub struct WhoArgs {
    /// Who asks, for the record
    #[arg(
        long = "as",
        env = "USER",
        hide_env_values = true,
        default_value = "somebody",
        value_name = "NAME"
    )]
    pub name: String,
}

impl ValueEnum for TriggerType {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Tracked, Self::Proposed, Self::Task, Self::Destroy, Self::Testing, Self::Drift]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Destroy => "destroy",
            Self::Drift => "drift",
            Self::Proposed => "proposed",
            Self::Task => "task",
            Self::Testing => "testing",
            Self::Tracked => "tracked",
        }))
    }
}

fn state(text: &str) -> Result<RunState, String> {
    let name = serde_json::Value::String(text.trim().to_ascii_uppercase());
    serde_json::from_value(name)
        .map_err(|_| "this is no state of a run; UNCONFIRMED is one, FINISHED another".into())
}
