//! The table of variables as a page in Markdown, which is `docs/environment.md`. Only prints what [`vars`](super::vars) holds.

use std::fmt::Write as _;

use super::tables::{LAYERS, METADATA, PASSING};
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
    environment(&mut page);
    page
}

/// How the environment of a run is made.
fn environment(page: &mut String) {
    page.push_str(
        "\n## What a run's command sees\n\nIts environment is put together anew; nothing else is inherited. Of equal names the highest layer counts.\n\n\
         | | layer |\n| --- | --- |\n",
    );
    for (number, (_, what)) in LAYERS.iter().enumerate() {
        let _ = writeln!(page, "| {} | {what} |", number + 1);
    }
    page.push_str(
        "\nCommands of applying, and their hooks, also see `SPACELIFT_OUTPUTS_FILE`, where they may write [outputs for other stacks](outputs.md).\n",
    );
    page.push_str(
        "\nApplying, destroying and performing a task are write-only phases, all others are read-only. The launcher's token and private \
         key are never passed.\n\n\
         | `SPACELIFT_WHITELIST_ENVS` | `NAME` in read-only phases | `NAME` in write-only phases |\n| --- | --- | --- |\n",
    );
    let passed = |yes: bool| if yes { "passed" } else { "not passed" };
    for (list, read_only, write_only) in PASSING {
        let list = if list.is_empty() { "absent".to_owned() } else { format!("`{list}`") };
        let _ = writeln!(page, "| {list} | {} | {} |", passed(read_only), passed(write_only));
    }
    page.push_str(
        "\nTags of a worker, which no run sees:\n\n| variable | value | tag |\n| --- | --- | --- |\n",
    );
    for (variable, value, tag) in METADATA {
        let tag = tag.map_or_else(|| "none".to_owned(), |tag| format!("`{tag}`"));
        let _ = writeln!(page, "| `{variable}` | {} | {tag} |", code(value));
    }
}

fn code(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") }
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
