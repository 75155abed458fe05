//! The table of variables as a page in Markdown, which is `docs/environment.md`. Only prints what [`vars`](super::vars) holds.

use std::fmt::Write as _;

use super::vars::{SECTIONS, Source, Spelling, Variable};

const HEAD: &str = "\
# Configuration

<!-- Generated from spacelift-worker-core/src/config/vars.rs. UPDATE_DOCS=1 cargo test -p spacelift-worker-core --test environment_docs rewrites it. -->

A launcher is configured by its environment. Names, defaults and meanings are those of
[Spacelift's documentation](https://docs.spacelift.io/concepts/worker-pools); rows marked *extension* are this project's own.
Blank counts as absent. All problems are reported at once, one line each, and no line shows a secret.

- Durations are Go's: numbers with a unit each (`ns`, `us`, `ms`, `s`, `m`, `h`), such as `7m`, `1h30m`, `1.5h`.
- Booleans are Go's: `1`, `t`, `T`, `TRUE`, `true`, `True` and `0`, `f`, `F`, `FALSE`, `false`, `False`.
- Lists are separated by commas; blanks around an entry do not count.
- Of what a run sees, the highest wins: computed `SPACELIFT_*` and `TF_VAR_spacelift_*`, exports of hooks, variables of the
  run, whitelisted variables of the launcher. Nothing else is inherited.
";

/// `docs/environment.md`, complete.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n| variable | value | default | meaning |\n| --- | --- | --- | --- |\n",
            section.title
        );
        for variable in section.variables {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                name(variable),
                variable.kind.describe(),
                default(variable),
                variable.help
            );
        }
    }
    page
}

fn name(variable: &Variable) -> String {
    let rest = match variable.spelling {
        Spelling::Exact => "",
        Spelling::Tag => "<tag>",
        Spelling::Number => "<n>",
    };
    let mark = match variable.source {
        Source::Documented => "",
        Source::Extension => " *extension*",
    };
    format!("`{}{rest}`{mark}", variable.name)
}

fn default(variable: &Variable) -> String {
    match (variable.required, variable.default) {
        (true, _) => "required".to_owned(),
        (false, "") => "none".to_owned(),
        (false, default) => format!("`{default}`"),
    }
}
