//! What a phase consists of, as data: which states, which scripts, what is fetched and what is sealed. Runs nothing.

#[cfg(test)]
mod tests;

use super::assignment::{Assignment, Fetch};
use super::script::script;
use super::settings::RunSettings;
use super::variables::{self, Variables};
use crate::ids::{Lease, RunId};
use crate::protocol::message::{OfferPayload, Phase, RunState, Upload};

/// A phase, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// The state in which the policy is asked and the workspace is prepared.
    pub preparing: RunState,
    /// The version of that state.
    pub state_version: u64,
    /// What is worked on.
    pub fetch: Fetch,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Where the workspace goes when all went well, sealed; absent where nothing goes on later.
    pub seal_workspace: Option<Upload>,
    /// Where the outputs go when all went well, sealed; absent where no stack could take them.
    pub hand_on_outputs: Option<Upload>,
    /// The image for a container executor; empty for its default.
    pub runner_image: String,
    /// Whether the run may change something in this phase, which decides over mounts.
    pub write_only: bool,
    /// The script of `after_run`, and the variables of every step.
    after_run: Option<String>,
    computed: Variables,
    /// The state of the run after a phase in which all went well.
    next_state: RunState,
}

/// A state of the run, and what runs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The state of the run.
    pub state: RunState,
    /// The version of that state.
    pub state_version: u64,
    /// Hooks and command in one shell session, for `sh -c`. Absent when there is nothing to run; the state is entered
    /// all the same.
    pub script: Option<String>,
    /// Whether the step may change something, which decides over `ro_` and `wo_` variables and over mounts.
    pub write_only: bool,
    /// Whether the step runs although one before it failed.
    pub run_after_failure: bool,
    /// The computed variables, of the highest precedence and no secrets.
    pub variables: Variables,
}

impl Plan {
    /// Plans a phase. `workspace_root` is the absolute path of the workspace as the commands see it.
    pub fn new(assignment: &Assignment, settings: &RunSettings, workspace_root: &str) -> Self {
        let payload = assignment.payload();
        let computed = variables::computed(payload, workspace_root);
        let (preparing, states) = states(payload.phase);
        let hand_on_outputs = payload.uploads.outputs.clone().filter(|_| payload.phase == Phase::Apply);
        let (variable, file) = variables::OUTPUTS;
        let outputs_file =
            hand_on_outputs.as_ref().map(|_| (variable.to_owned(), format!("{workspace_root}/{file}")));
        let steps = states.iter().zip(1..).map(|(state, nth)| Step {
            state: *state,
            state_version: payload.state_version.saturating_add(nth),
            script: script(commands(payload, *state), settings.debug),
            write_only: state.changes_state(),
            // What a test has built is torn down however far it came.
            run_after_failure: payload.phase == Phase::Test && *state == RunState::Destroying,
            variables: variables::in_state(&computed, *state)
                .into_iter()
                .chain(outputs_file.clone())
                .collect(),
        });
        Self {
            run: payload.run.id,
            lease: payload.lease,
            preparing,
            state_version: payload.state_version,
            fetch: assignment.fetch().clone(),
            steps: steps.collect(),
            seal_workspace: payload.uploads.workspace.clone().filter(|_| payload.phase == Phase::Plan),
            hand_on_outputs,
            runner_image: payload.runner_image.clone(),
            write_only: states.iter().any(|state| state.changes_state()),
            after_run: script(texts(&payload.hooks.after_run), settings.debug),
            next_state: next_state(payload),
            computed,
        }
    }

    /// The name of the file in the workspace into which commands write outputs.
    pub fn outputs_file() -> &'static str {
        variables::OUTPUTS.1
    }

    /// The `after_run` hooks in the last state of the phase, when there are any. `ended` is how the phase ended, or
    /// nothing when all went well.
    pub(super) fn after_run(&self, state: RunState, version: u64, ended: Option<RunState>) -> Option<Step> {
        let mut variables = variables::in_state(&self.computed, state);
        let last = variables::published_name(&ended.unwrap_or(self.next_state));
        variables.insert("TF_VAR_spacelift_final_run_state".to_owned(), last);
        Some(Step {
            state,
            state_version: version,
            script: Some(self.after_run.clone()?),
            write_only: state.changes_state(),
            run_after_failure: true,
            variables,
        })
    }
}

/// The states of a phase: the one in which it is prepared, and those with a step each.
fn states(phase: Phase) -> (RunState, &'static [RunState]) {
    use RunState::{Applying, Destroying, Initializing, Performing, Planning, Preparing, PreparingApply};
    match phase {
        Phase::Apply => (PreparingApply, &[Applying]),
        Phase::Destroy => (Preparing, &[Initializing, Destroying]),
        Phase::Plan => (Preparing, &[Initializing, Planning]),
        Phase::Task => (Preparing, &[Initializing, Performing]),
        Phase::Test => (Preparing, &[Initializing, Planning, Applying, Destroying]),
    }
}

/// Hooks and command of a state, in order.
fn commands(payload: &OfferPayload, state: RunState) -> impl Iterator<Item = &str> {
    let OfferPayload { hooks, workflow, command, .. } = payload;
    let (before, command, after): (&[String], Option<&str>, &[String]) = match state {
        RunState::Applying => (&hooks.before_apply, workflow.apply.as_deref(), &hooks.after_apply),
        RunState::Destroying => (&hooks.before_destroy, workflow.destroy.as_deref(), &hooks.after_destroy),
        RunState::Initializing => (&hooks.before_init, workflow.init.as_deref(), &hooks.after_init),
        RunState::Performing => (&hooks.before_perform, Some(command.as_str()), &hooks.after_perform),
        RunState::Planning => (&hooks.before_plan, workflow.plan.as_deref(), &hooks.after_plan),
        _ => (&[], None, &[]),
    };
    texts(before).chain(command).chain(texts(after))
}

fn texts(commands: &[String]) -> impl Iterator<Item = &str> {
    commands.iter().map(String::as_str)
}

/// What follows when all went well. A workspace that is handed on waits for a confirmation, unless none is asked for.
fn next_state(payload: &OfferPayload) -> RunState {
    match (payload.phase, &payload.uploads.workspace) {
        (Phase::Plan, Some(_)) if payload.stack.auto_deploy => RunState::Confirmed,
        (Phase::Plan, Some(_)) => RunState::Unconfirmed,
        _ => RunState::Finished,
    }
}
