//! The document that the policy sees.
//!
//! Each fact is filled in once, from what will be executed; where the documented shape has it twice (the commit's hash,
//! the run's id) both come from the same field. Nothing here reads a message, a clock or the environment.
//!
//! Source: Spacelift, concepts, run, user-provided metadata: the one public sample of this document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::builtins::sanitized;

/// What a policy may judge a run by. Whoever has a run fills it in; [`document`](Self::document) gives it its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyInput {
    /// The image in which commands will run; empty for the executor's default, or no container at all.
    pub docker_image: String,
    /// The version of the launcher.
    pub worker_version: String,
    /// The run.
    pub run: RunInput,
    /// Its stack or module.
    pub stack: StackInput,
    /// The command of a task; empty otherwise.
    pub command: String,
    /// The commands of a custom workflow.
    pub workflow: WorkflowInput,
    /// Commands around the commands.
    pub hooks: HooksInput,
    /// The run's own environment, the same that the commands will get.
    pub environment: BTreeMap<String, EnvironmentValue>,
}

/// The run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInput {
    /// Its ULID.
    pub id: String,
    /// Its type as Spacelift writes it, such as `TRACKED`.
    pub run_type: String,
    /// The state in which the worker got it, such as `PREPARING` or `PREPARING_APPLY`.
    pub state: String,
    /// A line for people.
    pub title: String,
    /// Unix nanoseconds.
    pub created_at: u64,
    /// Unix nanoseconds.
    pub updated_at: u64,
    /// Who triggered it, such as `api::01FEGXFB7TWQ2NNF95W7HPRE2E`.
    pub triggered_by: String,
    /// The commit that is run.
    pub commit: CommitInput,
    /// Metadata given by people: at the trigger first, at the confirmation second.
    pub user_provided_metadata: Vec<String>,
    /// Whether it looks for drift.
    pub drift_detection: bool,
    /// Whether the source is a person's local workspace and not a commit.
    pub based_on_local_workspace: bool,
}

/// The commit of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitInput {
    /// Who wrote it.
    pub author: String,
    /// On which branch.
    pub branch: String,
    /// Unix nanoseconds.
    pub created_at: u64,
    /// Its hash.
    pub hash: String,
    /// What it says.
    pub message: String,
}

/// The stack or module of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackInput {
    /// Its slug.
    pub slug: String,
    /// The account it belongs to.
    pub account_name: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// The space it lives in.
    pub space: String,
    /// Whether plans are applied without a confirmation.
    pub auto_deploy: bool,
    /// The folder of the source in which commands run; empty for its root.
    pub project_root: String,
    /// Where the source comes from.
    pub repository_path: String,
    /// Whether it is a module.
    pub module: bool,
}

/// The commands of a custom workflow; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowInput {
    /// Initializes.
    pub init: String,
    /// Computes the changes.
    pub plan: String,
    /// Makes the changes.
    pub apply: String,
    /// Destroys everything.
    pub destroy: String,
    /// The tool that the commands call; empty where that is not known.
    pub vendor: String,
}

/// Commands around the commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HooksInput {
    /// Before initializing.
    pub before_init: Vec<String>,
    /// After initializing.
    pub after_init: Vec<String>,
    /// Before planning.
    pub before_plan: Vec<String>,
    /// After planning.
    pub after_plan: Vec<String>,
    /// Before applying.
    pub before_apply: Vec<String>,
    /// After applying.
    pub after_apply: Vec<String>,
    /// Before the command of a task.
    pub before_perform: Vec<String>,
    /// After the command of a task.
    pub after_perform: Vec<String>,
    /// Before destroying.
    pub before_destroy: Vec<String>,
    /// After destroying.
    pub after_destroy: Vec<String>,
    /// After the run on this worker, however it ended.
    pub after_run: Vec<String>,
}

/// The value of a variable, as far as a policy may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentValue(String);

impl EnvironmentValue {
    /// A value that is no secret: the policy sees it as it is.
    pub fn plain(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// A secret: the policy sees what `sanitized` makes of it, and this type keeps nothing else. So a policy can still
    /// demand a known value (`environment_variables.X == sanitized("…")`), and calling a variable secret does not
    /// hide it from a policy that admits known values alone. Eight hexadecimal digits of a hash do not give a secret
    /// away, but they do let a guess be checked: a secret that can be guessed is not safe in a sampled input.
    pub fn secret(value: &str) -> Self {
        Self(sanitized(value))
    }
}

impl PolicyInput {
    /// The document in the documented shape: its four keys, all keys of the public sample below them, and what a policy
    /// may need beyond the sample: `run` has `branch`, `command`, `commit.hash`, `drift_detection`, `runtime_config`,
    /// `title` and `type`; `static_run_environment` has every hook, `module`, `stack_space` and `workflow`.
    pub fn document(&self) -> Value {
        json!({
            "docker_image": self.docker_image,
            "run": self.run_document(),
            "static_run_environment": self.environment_document(),
            "worker_version": self.worker_version,
        })
    }

    fn run_document(&self) -> Value {
        let (run, commit) = (&self.run, &self.run.commit);
        json!({
            "based_on_local_workspace": run.based_on_local_workspace,
            "branch": commit.branch,
            "changes": [],
            "command": self.command,
            "commit": {
                "author": commit.author,
                "branch": commit.branch,
                "created_at": commit.created_at,
                "hash": commit.hash,
                "message": commit.message,
            },
            "created_at": run.created_at,
            "drift_detection": run.drift_detection,
            "id": run.id,
            "runtime_config": {
                "before_init": self.hooks.before_init,
                "project_root": self.stack.project_root,
                "runner_image": self.docker_image,
                "terraform_version": "",
            },
            "state": run.state,
            "title": run.title,
            "triggered_by": run.triggered_by,
            "type": run.run_type,
            "updated_at": run.updated_at,
            "user_provided_metadata": run.user_provided_metadata,
        })
    }

    fn environment_document(&self) -> Value {
        let (run, stack, hooks) = (&self.run, &self.stack, &self.hooks);
        let variables: Map<String, Value> =
            self.environment.iter().map(|(name, value)| (name.clone(), json!(value.0))).collect();
        let mut document = json!({
            "account_name": stack.account_name,
            "auto_deploy": stack.auto_deploy,
            "command": self.command,
            "commit_branch": run.commit.branch,
            "commit_sha": run.commit.hash,
            "endpoint_logs": "",
            "endpoint_registry": "",
            "environment_variables": variables,
            "module": stack.module,
            "project_root": stack.project_root,
            "refresh_state": true,
            "repository_path": stack.repository_path,
            "run_type": run.run_type,
            "run_ulid": run.id,
            "skip_init": false,
            "stack_labels": stack.labels,
            "stack_slug": stack.slug,
            "stack_space": stack.space,
            "terraform_version": "",
            "vendor_specific_config": {
                "vendor": if self.workflow.vendor.is_empty() { "custom" } else { self.workflow.vendor.as_str() },
                "typed_config": { "use_terragrunt": false, "use_infracost": false },
            },
            "workflow": {
                "init": self.workflow.init,
                "plan": self.workflow.plan,
                "apply": self.workflow.apply,
                "destroy": self.workflow.destroy,
            },
        });
        let hooks = [
            ("before_init", &hooks.before_init),
            ("after_init", &hooks.after_init),
            ("before_plan", &hooks.before_plan),
            ("after_plan", &hooks.after_plan),
            ("before_apply", &hooks.before_apply),
            ("after_apply", &hooks.after_apply),
            ("before_perform", &hooks.before_perform),
            ("after_perform", &hooks.after_perform),
            ("before_destroy", &hooks.before_destroy),
            ("after_destroy", &hooks.after_destroy),
            ("after_run", &hooks.after_run),
        ];
        for (name, commands) in hooks {
            document[name] = json!(commands);
        }
        document
    }
}

/// The public sample, for trying a policy on something.
pub(super) fn documented() -> Result<Value, serde_json::Error> {
    serde_json::from_str(include_str!("documented_input.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key of `expected` is in `actual`, with a value of the same kind.
    fn assert_covers(actual: &Value, expected: &Value, path: &str) {
        match (actual, expected) {
            (Value::Object(actual), Value::Object(expected)) => {
                for (name, value) in expected {
                    let path = format!("{path}.{name}");
                    assert_covers(
                        actual.get(name).unwrap_or_else(|| panic!("{path} is missing")),
                        value,
                        &path,
                    );
                }
            }
            // The sample has `null` for lists without elements.
            (Value::Array(_), Value::Null) => {}
            _ => assert_eq!(std::mem::discriminant(actual), std::mem::discriminant(expected), "{path}"),
        }
    }

    #[test]
    fn every_key_of_the_public_sample_is_there_with_its_kind() {
        assert_covers(&PolicyInput::default().document(), &documented().unwrap(), "input");
    }

    #[test]
    fn the_top_has_the_four_documented_keys_and_no_others() {
        let document = PolicyInput::default().document();
        let keys: Vec<_> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["docker_image", "run", "static_run_environment", "worker_version"]);
    }

    #[test]
    fn what_is_executed_stands_in_the_document() {
        let mut input = PolicyInput { command: "rm -rf /".to_owned(), ..PolicyInput::default() };
        input.hooks.before_apply = vec!["curl evil".to_owned()];
        input.workflow.apply = "apply".to_owned();
        input.run.created_at = 1_630_588_655_754_344_000;
        input.environment.insert("A".to_owned(), EnvironmentValue::plain("1"));
        let document = input.document();
        let environment = &document["static_run_environment"];
        assert_eq!(environment["command"], "rm -rf /");
        assert_eq!(environment["before_apply"], json!(["curl evil"]));
        assert_eq!(environment["workflow"]["apply"], "apply");
        assert_eq!(environment["environment_variables"], json!({ "A": "1" }));
        assert_eq!(document["run"]["created_at"], 1_630_588_655_754_344_000_u64);
    }

    #[test]
    fn a_secret_is_sanitized_before_it_is_kept() {
        let value = EnvironmentValue::secret("mysql");
        assert_eq!(format!("{value:?}"), "EnvironmentValue(\"eae35047\")");
    }
}
