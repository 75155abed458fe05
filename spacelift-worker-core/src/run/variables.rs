//! The variables that every command of a run is given about its run. None of them is a secret.
//!
//! Source: Spacelift, environment, "Spacelift environment".

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::message::{OfferPayload, RunState};

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// The computed variables of a phase that do not change from step to step.
pub(super) fn computed(payload: &OfferPayload, workspace_root: &str) -> Variables {
    let OfferPayload { run, stack, .. } = payload;
    let mut variables = Variables::new();
    let mut put = |name: &str, value: &str| {
        variables.insert(name.to_owned(), value.to_owned());
    };
    put("SPACELIFT_RUN_ID", &run.id.to_string());
    put("SPACELIFT_STACK_ID", &stack.slug);
    put("TF_VAR_spacelift_account_name", &payload.account_name);
    put("TF_VAR_spacelift_commit_branch", &run.commit.branch);
    put("TF_VAR_spacelift_commit_sha", &run.commit.hash);
    put("TF_VAR_spacelift_local_preview", if run.based_on_local_workspace { "true" } else { "false" });
    put("TF_VAR_spacelift_project_root", &stack.project_root);
    put("TF_VAR_spacelift_repository", &stack.repository_path);
    put("TF_VAR_spacelift_run_id", &run.id.to_string());
    put("TF_VAR_spacelift_run_trigger", &run.triggered_by);
    put("TF_VAR_spacelift_run_type", &published_name(&run.run_type));
    put("TF_VAR_spacelift_space_id", &stack.space);
    // What changes a stack is a commit on its tracked branch; of a proposed run the tracked branch is not known here.
    if run.run_type.changes_state() {
        put("TF_VAR_spacelift_stack_branch", &run.commit.branch);
    }
    put("TF_VAR_spacelift_stack_id", &stack.slug);
    put("TF_VAR_spacelift_stack_labels", &stack.labels.join(","));
    put("TF_VAR_spacelift_stack_labels_list", &hcl_list(&stack.labels));
    put("TF_VAR_spacelift_workspace_root", workspace_root);
    variables
}

/// The same with the state of the run.
pub(super) fn in_state(computed: &Variables, state: RunState) -> Variables {
    let mut variables = computed.clone();
    variables.insert("TF_VAR_spacelift_run_state".to_owned(), published_name(&state));
    variables
}

/// Where a step that changes something may write outputs for other stacks: the name of the variable, and of the file in the
/// workspace.
pub(super) const OUTPUTS: (&str, &str) = ("SPACELIFT_OUTPUTS_FILE", "outputs.json");

/// The name of a type or a state, as it stands in messages.
pub(super) fn published_name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// A list of texts in HCL, whose quoted templates know two sequences more than JSON.
fn hcl_list(texts: &[String]) -> String {
    let json = serde_json::to_string(texts).unwrap_or_default();
    json.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::RunType;

    #[test]
    fn a_list_for_hcl_escapes_templates() {
        let labels = ["a".to_owned(), "x\"${y}%{z}".to_owned()];
        assert_eq!(hcl_list(&labels), r#"["a","x\"$${y}%%{z}"]"#);
    }

    #[test]
    fn states_and_types_have_their_published_names() {
        assert_eq!(published_name(&RunState::PreparingApply), "PREPARING_APPLY");
        for (kind, name) in [
            (RunType::Destroy, "DESTROY"),
            (RunType::Parse, "PARSE"),
            (RunType::Proposed, "PROPOSED"),
            (RunType::Task, "TASK"),
            (RunType::Testing, "TESTING"),
            (RunType::Tracked, "TRACKED"),
        ] {
            assert_eq!(published_name(&kind), name);
        }
    }
}
