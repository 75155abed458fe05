//! `mothership stack …`, `module …` and `used-by`

use spacelift_worker_core::protocol::message::{EnvironmentVariable, Hooks, OutputVariable, Workflow};
use tokio_util::io::ReaderStream;

use super::args::{EnvironmentArgs, HookArgs, StackArgs, StackCommand};
use super::client::Client;
use super::main::CommandError;
use super::output::{Output, table, time};
use crate::api::{CreateStack, Depend, DependencyView, StackView};
use crate::source::pack;
use crate::store::{Source, StackCode};

/// Why a variable could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// `--env` without a value.
    #[error("--env {0}: expected NAME=VALUE")]
    NoValue(String),
    /// `--output` without a variable.
    #[error("--output {0}: expected OUTPUT=VARIABLE")]
    NoOutput(String),
    /// `--secret-env NAME` without such a variable.
    #[error(
        "--secret-env {0}: there is no such variable in this command's environment; export it, or say NAME=VALUE"
    )]
    NotSet(String),
    /// The same name twice.
    #[error("the variable {0} is given twice")]
    Twice(String),
}

pub(super) async fn run(
    client: &Client,
    command: StackCommand,
    is_module: bool,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    match command {
        StackCommand::Create(args) => create(client, *args, is_module, output).await,
        StackCommand::List => {
            let stacks: Vec<StackView> = client.get("/stacks").await?;
            let stacks: Vec<_> = stacks.into_iter().filter(|stack| stack.is_module == is_module).collect();
            Ok(output.show(&stacks, |stacks| list(stacks))?)
        }
        StackCommand::Depend { stack, on, outputs } => {
            let outputs = outputs.iter().map(|text| output_variable(text)).collect::<Result<_, _>>()?;
            let path = format!("/stacks/{stack}/dependencies");
            let made: DependencyView = client.post(&path, &Depend { on, outputs }).await?;
            Ok(output.show(&made, |made| dependencies(std::slice::from_ref(made)))?)
        }
        StackCommand::Undepend { stack, on } => {
            let path = format!("/stacks/{stack}/dependencies/{on}");
            let left: Vec<DependencyView> = client.delete(&path).await?;
            Ok(output.show(&left, |left| dependencies(left))?)
        }
        StackCommand::Dependencies { stack } => {
            let all: Vec<DependencyView> = client.get(&format!("/stacks/{stack}/dependencies")).await?;
            Ok(output.show(&all, |all| dependencies(all))?)
        }
    }
}

pub(super) async fn used_by(
    client: &Client,
    pool: &str,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let stacks: Vec<StackView> = client.get(&format!("/pools/{pool}/used-by")).await?;
    Ok(output.show(&stacks, |stacks| list(stacks))?)
}

async fn create(
    client: &Client,
    args: StackArgs,
    is_module: bool,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let environment = variables(&args.environment, |name| std::env::var(name).ok())?;
    let folder = args.source.clone();
    // Packing reads and compresses for as long as the folder is large.
    let packed =
        tokio::task::spawn_blocking(move || pack(&folder)).await.map_err(|_| CommandError::Ended)??;
    let (len, path) = (packed.len, format!("/sources/{}", packed.sha256));
    let file = tokio::fs::File::from_std(packed.into_file());
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 64 * 1024));
    let source: Source = client.put(&path, body, len).await?;
    let request = CreateStack {
        name: args.name,
        pool: args.pool,
        space: args.space,
        labels: args.labels,
        is_module,
        auto_deploy: args.auto_deploy,
        code: StackCode {
            branch: args.branch,
            project_root: args.project_root,
            runner_image: args.image,
            workflow: Workflow {
                init: args.workflow.init,
                plan: args.workflow.plan,
                apply: args.workflow.apply,
                destroy: args.workflow.destroy,
                vendor: args.vendor,
            },
            hooks: hooks(args.hooks),
            source,
        },
        environment,
    };
    let stack: StackView = client.post("/stacks", &request).await?;
    let text = |stack: &StackView| format!("{} {}\n", kind(stack), stack.id);
    Ok(output.show(&stack, text)?)
}

fn output_variable(text: &str) -> Result<OutputVariable, VariableError> {
    let (output, name) = text.split_once('=').ok_or_else(|| VariableError::NoOutput(text.to_owned()))?;
    Ok(OutputVariable { output: output.to_owned(), name: name.to_owned() })
}

fn dependencies(dependencies: &[DependencyView]) -> String {
    let row = |dependency: &DependencyView| {
        let pair = |output: &OutputVariable| format!("{}={}", output.output, output.name);
        let outputs: Vec<String> = dependency.outputs.iter().map(pair).collect();
        [dependency.stack.clone(), dependency.depends_on.clone(), outputs.join(" ")]
    };
    table(["STACK", "DEPENDS ON", "OUTPUTS"], dependencies.iter().map(row))
}

fn kind(stack: &StackView) -> &'static str {
    if stack.is_module { "module" } else { "stack" }
}

fn list(stacks: &[StackView]) -> String {
    let row = |stack: &StackView| {
        [
            stack.id.clone(),
            kind(stack).to_owned(),
            stack.space.clone(),
            stack.worker_pool.to_string(),
            stack.labels.join(","),
            time(stack.created_at),
        ]
    };
    table(["ID", "KIND", "SPACE", "POOL", "LABELS", "CREATED"], stacks.iter().map(row))
}

fn hooks(args: HookArgs) -> Hooks {
    Hooks {
        before_init: args.before_init,
        after_init: args.after_init,
        before_plan: args.before_plan,
        after_plan: args.after_plan,
        before_apply: args.before_apply,
        after_apply: args.after_apply,
        before_perform: args.before_perform,
        after_perform: args.after_perform,
        before_destroy: args.before_destroy,
        after_destroy: args.after_destroy,
        after_run: args.after_run,
    }
}

/// The variables as they were typed; `own` looks one up in this command's environment.
pub(super) fn variables(
    args: &EnvironmentArgs,
    own: impl Fn(&str) -> Option<String>,
) -> Result<Vec<EnvironmentVariable>, VariableError> {
    let mut variables: Vec<EnvironmentVariable> = Vec::new();
    let plain = args.env.iter().map(|text| (text, false));
    for (text, secret) in plain.chain(args.secret_env.iter().map(|text| (text, true))) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None if secret => (text.as_str(), own(text).ok_or_else(|| VariableError::NotSet(text.clone()))?),
            None => return Err(VariableError::NoValue(text.clone())),
        };
        if variables.iter().any(|known| known.name == name) {
            return Err(VariableError::Twice(name.to_owned()));
        }
        variables.push(EnvironmentVariable { name: name.to_owned(), value, secret });
    }
    Ok(variables)
}
