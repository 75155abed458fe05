//! What stands beside every policy file in the same package, as the original prepends definitions of its own.

use std::fmt::Write as _;

use super::outline::Outline;

/// Names for parts of the input, as server-side policies have them.
///
/// Source: Spacelift, concepts, policy, run initialization policy: "Aliases".
pub(super) const ALIASES: [(&str, &str); 4] = [
    ("commit", "input.run.commit"),
    ("run", "input.run"),
    ("runtime_config", "input.run.runtime_config"),
    (
        "stack",
        r#"{
    "autodeploy": input.static_run_environment.auto_deploy,
    "branch": input.static_run_environment.commit_branch,
    "id": input.static_run_environment.stack_slug,
    "labels": input.static_run_environment.stack_labels,
    "name": input.static_run_environment.stack_slug,
    "project_root": input.static_run_environment.project_root,
    "repository": input.static_run_environment.repository_path,
}"#,
    ),
];

/// The fields of `stack`.
pub(super) const STACK_FIELDS: [&str; 7] =
    ["autodeploy", "branch", "id", "labels", "name", "project_root", "repository"];

/// The second module, in Rego v1. An alias is there only where the file uses its name and gives it no meaning of its own:
/// otherwise `some run in …` would no longer mean a new variable.
/// `functions` are those that have to be defined here.
pub(super) fn prelude(outline: &Outline, functions: &str) -> String {
    let mut text = String::from(
        "package spacelift\n\
         deny contains \"never\" if { false }\n",
    );
    text.push_str(functions);
    if !outline.names().contains("sample") {
        text.push_str("default sample := false\n");
    }
    for (name, value) in aliases(outline) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} := {value}");
    }
    text
}

/// The aliases that the file may use, with their values.
pub(super) fn aliases(outline: &Outline) -> impl Iterator<Item = (&'static str, &'static str)> {
    let defined = outline.names();
    let free = move |name: &str| {
        outline.used.contains(name) && !defined.contains(name) && !outline.bound.contains(name)
    };
    ALIASES.into_iter().filter(move |(name, _)| free(name))
}
