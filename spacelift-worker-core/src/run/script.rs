//! Shell text: hooks and a command in one shell session. Runs nothing.

/// One script for `sh -c`, or none when there is nothing to run. The first command that fails ends it.
///
/// Each command goes through `eval`, so that all share one shell session (an `export` in a hook is seen by what comes
/// after it), and an unfinished quotation or a trailing backslash in one ends there and does not swallow the next.
pub(super) fn script<'a>(commands: impl IntoIterator<Item = &'a str>, debug: bool) -> Option<String> {
    let mut script = String::from("set -e\n");
    let mut empty = true;
    for command in commands.into_iter().filter(|command| !command.trim().is_empty()) {
        empty = false;
        if debug {
            // On every line, so that none of them is taken for what the command prints, or for `::add-mask`.
            let shown = command.replace('\n', "\n$ ");
            script.push_str(&format!("printf '%s\\n' {}\n", quoted(&format!("$ {shown}"))));
        }
        script.push_str(&format!("eval {}\n", quoted(command)));
    }
    (!empty).then_some(script)
}

/// A text as one word for a POSIX shell (POSIX.1-2017, Shell Command Language, 2.2.2 Single-Quotes).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_share_a_session_and_keep_their_quotes() {
        let text = script(["export A='1 2'", " ", "make plan"], false).unwrap();
        assert_eq!(text, "set -e\neval 'export A='\\''1 2'\\'''\neval 'make plan'\n");
    }

    #[test]
    fn with_debug_each_command_is_printed_before_it_runs() {
        let text = script(["echo 'a'"], true).unwrap();
        assert_eq!(text, "set -e\nprintf '%s\\n' '$ echo '\\''a'\\'''\neval 'echo '\\''a'\\'''\n");
    }

    #[test]
    fn with_debug_every_line_of_a_command_is_marked_as_shown() {
        let text = script(["if true\nthen echo ::add-mask a\nfi"], true).unwrap();
        assert!(
            text.starts_with("set -e\nprintf '%s\\n' '$ if true\n$ then echo ::add-mask a\n$ fi'\neval"),
            "{text}"
        );
    }

    #[test]
    fn nothing_to_run_gives_no_script() {
        assert_eq!(script(["", " \n"], true), None);
    }
}
