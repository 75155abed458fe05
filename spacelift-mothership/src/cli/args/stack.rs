//! `mothership stack …` and `mothership module …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `mothership stack …` and `mothership module …`
#[derive(Clone, Debug, Subcommand)]
pub enum StackCommand {
    /// Make one from a folder of source code
    Create(Box<StackArgs>),
    /// Every one
    List,
    /// Let it depend on another stack: each finished run of that one triggers one of this, which takes outputs of it
    Depend {
        /// The slug of the stack that depends
        stack: String,
        /// The slug of the stack on which it depends
        #[arg(long, value_name = "STACK")]
        on: String,
        /// An output, and the variable that is made of it; may be repeated
        #[arg(long = "output", value_name = "OUTPUT=VARIABLE")]
        outputs: Vec<String>,
    },
    /// Let it no longer depend on another stack
    Undepend {
        /// The slug of the stack that depends
        stack: String,
        /// The slug of the stack on which it depends
        #[arg(long, value_name = "STACK")]
        on: String,
    },
    /// On what it depends
    Dependencies {
        /// The slug of the stack
        stack: String,
    },
}

/// A stack or module to be made.
#[derive(Clone, Debug, Args)]
pub struct StackArgs {
    /// For people; the slug is made from it
    #[arg(long)]
    pub name: String,
    /// The id or name of the pool whose workers run it
    #[arg(long)]
    pub pool: String,
    /// The folder of the source code
    #[arg(long, value_name = "DIR")]
    pub source: PathBuf,
    /// The space it lives in
    #[arg(long, default_value = "root")]
    pub space: String,
    /// For people and policies; may be repeated
    #[arg(long = "label", value_name = "LABEL")]
    pub labels: Vec<String>,
    /// The tracked branch
    #[arg(long, default_value = "main")]
    pub branch: String,
    /// The folder in the source in which commands run
    #[arg(long, default_value = "", value_name = "DIR")]
    pub project_root: String,
    /// The image that a container executor runs
    #[arg(long, default_value = "")]
    pub image: String,
    /// The tool that the commands call, such as ansible, which decides over the default image
    #[arg(long, default_value = "")]
    pub vendor: String,
    /// Apply plans without a confirmation
    #[arg(long)]
    pub auto_deploy: bool,
    /// The commands
    #[command(flatten)]
    pub workflow: WorkflowArgs,
    /// Commands around the commands
    #[command(flatten)]
    pub hooks: HookArgs,
    /// Its environment
    #[command(flatten)]
    pub environment: EnvironmentArgs,
}

/// The commands.
#[derive(Clone, Debug, Default, Args)]
pub struct WorkflowArgs {
    /// The command that initializes
    #[arg(long, value_name = "COMMAND")]
    pub init: Option<String>,
    /// The command that computes the changes
    #[arg(long, value_name = "COMMAND")]
    pub plan: Option<String>,
    /// The command that makes the changes
    #[arg(long, value_name = "COMMAND")]
    pub apply: Option<String>,
    /// The command that destroys everything
    #[arg(long, value_name = "COMMAND")]
    pub destroy: Option<String>,
}

/// Commands around the commands, each of which may be repeated.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Hooks, each of which may be repeated")]
pub struct HookArgs {
    /// Before initializing
    #[arg(long, value_name = "COMMAND")]
    pub before_init: Vec<String>,
    /// After initializing
    #[arg(long, value_name = "COMMAND")]
    pub after_init: Vec<String>,
    /// Before planning
    #[arg(long, value_name = "COMMAND")]
    pub before_plan: Vec<String>,
    /// After planning
    #[arg(long, value_name = "COMMAND")]
    pub after_plan: Vec<String>,
    /// Before applying
    #[arg(long, value_name = "COMMAND")]
    pub before_apply: Vec<String>,
    /// After applying
    #[arg(long, value_name = "COMMAND")]
    pub after_apply: Vec<String>,
    /// Before the command of a task
    #[arg(long, value_name = "COMMAND")]
    pub before_perform: Vec<String>,
    /// After the command of a task
    #[arg(long, value_name = "COMMAND")]
    pub after_perform: Vec<String>,
    /// Before destroying
    #[arg(long, value_name = "COMMAND")]
    pub before_destroy: Vec<String>,
    /// After destroying
    #[arg(long, value_name = "COMMAND")]
    pub after_destroy: Vec<String>,
    /// After the run on a worker, however it ended
    #[arg(long, value_name = "COMMAND")]
    pub after_run: Vec<String>,
}

/// The environment.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Environment, each of which may be repeated")]
pub struct EnvironmentArgs {
    /// A variable that everybody may see
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// A variable that is encrypted, and masked in logs. NAME alone takes the value from this command's own environment,
    /// where other users of the machine do not see it
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub secret_env: Vec<String>,
}
