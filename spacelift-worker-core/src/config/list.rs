//! Comma lists, and names of environment variables among them.

/// When a variable of the launcher's environment reaches a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In every phase.
    Always,
    /// In phases that change nothing: all but those of [`When::WriteOnly`]. Written `ro_NAME`.
    ReadOnly,
    /// While applying, destroying and performing a task. Written `wo_NAME`.
    WriteOnly,
}

/// An entry of `SPACELIFT_WHITELIST_ENVS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedVariable {
    /// The variable's name on the host and in the run, without the prefix.
    pub name: String,
    /// In which phases.
    pub when: When,
}

impl AllowedVariable {
    /// Parses `NAME`, `ro_NAME` or `wo_NAME`; `None` for what cannot be a variable's name.
    pub(super) fn parse(entry: &str) -> Option<Self> {
        let (name, when) = if let Some(name) = entry.strip_prefix("ro_") {
            (name, When::ReadOnly)
        } else if let Some(name) = entry.strip_prefix("wo_") {
            (name, When::WriteOnly)
        } else {
            (entry, When::Always)
        };
        is_name(name).then(|| Self { name: name.to_owned(), when })
    }
}

/// Whether a variable can have this name (POSIX forbids `=` and NUL alone; blanks are always a slip).
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c == '=' || c.is_control() || c.is_whitespace())
}

/// The entries of a comma list, without the blanks around them and without empty ones.
pub(super) fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_when_and_is_no_part_of_the_name() {
        let parse = |entry| AllowedVariable::parse(entry).map(|v| (v.name, v.when));
        assert_eq!(parse("X"), Some(("X".to_owned(), When::Always)));
        assert_eq!(parse("ro_X"), Some(("X".to_owned(), When::ReadOnly)));
        assert_eq!(parse("wo_X"), Some(("X".to_owned(), When::WriteOnly)));
        assert_eq!(parse("RO_X"), Some(("RO_X".to_owned(), When::Always)));
        assert_eq!(parse("ro_wo_X"), Some(("wo_X".to_owned(), When::ReadOnly)));
        for wrong in ["", "ro_", "wo_", "A=b", "A B", "ro_A B", "A\0"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn blanks_and_empty_entries_of_a_list_do_not_count() {
        assert_eq!(entries(" A, ,B ,,\tC\n").collect::<Vec<_>>(), ["A", "B", "C"]);
        assert_eq!(entries("").count(), 0);
    }
}
