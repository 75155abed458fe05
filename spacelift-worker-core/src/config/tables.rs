//! The rules by which a run's environment is made, as tables: the page of variables prints them, and the tests of `run_env` try
//! every row.

/// A layer of the environment that a run's command sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// Variables of the run that the worker computes.
    Computed,
    /// What hooks exported.
    Hooks,
    /// Outputs of other stacks.
    Inputs,
    /// The run's own variables.
    Supplied,
    /// Allow-listed variables of the launcher.
    Allowed,
    /// What is there when nothing else is.
    Default,
}

/// Every layer, highest first, with what it holds: of equal names the highest counts.
pub const LAYERS: [(Layer, &str); 6] = [
    (Layer::Computed, "`SPACELIFT_*` and `TF_VAR_spacelift_*` that the worker computes of the run"),
    (Layer::Hooks, "what hooks of the run exported, carried between its phases"),
    (Layer::Inputs, "outputs of the stacks that the run's stack depends on"),
    (Layer::Supplied, "the run's own variables: those of its stack, and of what is attached to it"),
    (
        Layer::Allowed,
        "variables of the launcher that `SPACELIFT_WHITELIST_ENVS` names, in the phases that it names",
    ),
    (Layer::Default, "a `PATH`, so that commands are found"),
];

/// Values of `SPACELIFT_WHITELIST_ENVS`; whether they pass `NAME` in read-only phases; and in write-only ones.
pub const PASSING: [(&str, bool, bool); 6] = [
    ("", false, false),
    ("NAME", true, true),
    ("ro_NAME", true, false),
    ("wo_NAME", false, true),
    ("ro_NAME,wo_NAME", true, true),
    ("RO_NAME", false, false),
];

/// Variables of the launcher, and the tag with its value that each becomes; `None`: none.
pub const METADATA: [(&str, &str, Option<&str>); 4] = [
    ("SPACELIFT_METADATA_instance_id", "i-0abc", Some("instance_id")),
    ("SPACELIFT_METADATA_Zone", "eu west", Some("Zone")),
    ("SPACELIFT_METADATA_empty", "", Some("empty")),
    ("SPACELIFT_METADATA_", "x", None),
];
