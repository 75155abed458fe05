//! What the policy sees of an assignment: the same fields that are executed, so that it cannot be shown one command and
//! another be run.

use super::assignment::Assignment;
use super::variables::published_name;
use crate::policy::{
    CommitInput, EnvironmentValue, HooksInput, PolicyInput, RunInput, StackInput, WorkflowInput,
};
use crate::protocol::message::{Hooks, OfferPayload, RunDetails, Workflow};

impl Assignment {
    /// The policy's input, in a launcher of this version.
    pub fn policy_input(&self, worker_version: &str) -> PolicyInput {
        let payload = self.payload();
        let inputs = payload.inputs.iter().flat_map(|inputs| &inputs.variables);
        let inputs = inputs.map(|variable| (variable.name.clone(), EnvironmentValue::secret("")));
        let supplied = payload.environment.iter().map(|variable| {
            let value = if variable.secret {
                EnvironmentValue::secret(&variable.value)
            } else {
                EnvironmentValue::plain(&variable.value)
            };
            (variable.name.clone(), value)
        });
        PolicyInput {
            docker_image: payload.runner_image.clone(),
            worker_version: worker_version.to_owned(),
            run: run(&payload.run),
            stack: stack(payload),
            command: payload.command.clone(),
            workflow: workflow(&payload.workflow),
            hooks: hooks(&payload.hooks),
            // What is fetched later has no value yet: a policy sees the name, as that of a secret. Of one name it is what counts
            // when the run is executed, so it comes last.
            environment: supplied.chain(inputs).collect(),
        }
    }
}

fn run(run: &RunDetails) -> RunInput {
    RunInput {
        id: run.id.to_string(),
        run_type: published_name(&run.run_type),
        state: published_name(&run.state),
        title: run.title.clone(),
        created_at: run.created_at,
        updated_at: run.updated_at,
        triggered_by: run.triggered_by.clone(),
        commit: CommitInput {
            author: run.commit.author.clone(),
            branch: run.commit.branch.clone(),
            created_at: run.commit.created_at,
            hash: run.commit.hash.clone(),
            message: run.commit.message.clone(),
        },
        user_provided_metadata: run.user_provided_metadata.clone(),
        drift_detection: run.drift_detection,
        based_on_local_workspace: run.based_on_local_workspace,
    }
}

fn stack(payload: &OfferPayload) -> StackInput {
    let stack = &payload.stack;
    StackInput {
        slug: stack.slug.clone(),
        account_name: payload.account_name.clone(),
        labels: stack.labels.clone(),
        space: stack.space.clone(),
        auto_deploy: stack.auto_deploy,
        project_root: stack.project_root.clone(),
        repository_path: stack.repository_path.clone(),
        module: stack.module,
    }
}

fn workflow(workflow: &Workflow) -> WorkflowInput {
    WorkflowInput {
        init: workflow.init.clone().unwrap_or_default(),
        plan: workflow.plan.clone().unwrap_or_default(),
        apply: workflow.apply.clone().unwrap_or_default(),
        destroy: workflow.destroy.clone().unwrap_or_default(),
        vendor: workflow.vendor.clone(),
    }
}

fn hooks(hooks: &Hooks) -> HooksInput {
    HooksInput {
        before_init: hooks.before_init.clone(),
        after_init: hooks.after_init.clone(),
        before_plan: hooks.before_plan.clone(),
        after_plan: hooks.after_plan.clone(),
        before_apply: hooks.before_apply.clone(),
        after_apply: hooks.after_apply.clone(),
        before_perform: hooks.before_perform.clone(),
        after_perform: hooks.after_perform.clone(),
        before_destroy: hooks.before_destroy.clone(),
        after_destroy: hooks.after_destroy.clone(),
        after_run: hooks.after_run.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::assignment::tests::{hints, payload};
    use super::*;
    use crate::protocol::message::{EnvironmentVariable, Phase};

    #[test]
    fn every_command_that_is_run_is_seen_by_the_policy() {
        let mut payload = payload(Phase::Task);
        payload.command = "do-task".into();
        payload.environment =
            vec![EnvironmentVariable { name: "TOKEN".into(), value: "hunter2-hunter2".into(), secret: true }];
        let mut commands = vec!["do-task".to_owned()];
        let mut hooks = serde_json::to_value(&payload.hooks).unwrap();
        for (name, hook) in hooks.as_object_mut().unwrap() {
            *hook = serde_json::json!([format!("first-{name}"), format!("second-{name}")]);
            commands.extend([format!("first-{name}"), format!("second-{name}")]);
        }
        payload.hooks = serde_json::from_value(hooks).unwrap();
        assert_eq!(commands.len(), 1 + 2 * 11);
        let workflow = serde_json::to_value(&payload.workflow).unwrap();
        commands.extend(
            workflow.as_object().unwrap().values().map(|command| command.as_str().unwrap().to_owned()),
        );
        let assignment = Assignment::new(payload, hints(Phase::Task)).unwrap();
        let document = assignment.policy_input("1.2.3").document().to_string();
        for command in commands {
            assert!(document.contains(&command), "{command} is hidden from the policy");
        }
        assert!(!document.contains("hunter2"), "a secret stands in the policy's input");
    }

    #[test]
    fn a_name_that_another_stack_s_output_takes_shows_no_value_that_is_not_executed() {
        let mut payload = payload(Phase::Task);
        payload.command = "do-task".into();
        payload.environment =
            vec![EnvironmentVariable { name: "ROLE".into(), value: "allowed".into(), secret: false }];
        let inputs = serde_json::json!([{
            "stack": "network", "run": "01HQZX3V6MS8ZJH3YDFG5N4R7K", "url": "https://store/outputs", "len": 1,
            "sha256": "0".repeat(64), "phase": "apply", "state_version": 1,
            "variables": [{"output": "role", "name": "ROLE"}],
        }]);
        payload.inputs = serde_json::from_value(inputs).unwrap();
        let assignment = Assignment::new(payload, hints(Phase::Task)).unwrap();
        let input = assignment.policy_input("1.2.3");
        assert!(!input.document().to_string().contains("allowed"), "{}", input.document());
    }
}
