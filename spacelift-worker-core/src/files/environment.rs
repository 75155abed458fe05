//! The launcher's own environment as pairs of text, the form in which `config` takes it.
//!
//! Nothing is interpreted here, nothing is replaced by a look-alike, and nothing is kept.

use std::ffi::OsString;
use std::fmt;

/// The environment of this process at one moment.
#[derive(Clone, Default)]
pub struct Environment {
    /// Name and value of each variable that is UTF-8, in the system's order. Values may be secrets.
    pub pairs: Vec<(String, String)>,
    /// Names of the variables left out because name or value is not UTF-8. Bytes that are not UTF-8 show as `\xNN`.
    pub not_utf8: Vec<String>,
}

impl fmt::Debug for Environment {
    /// Names alone: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.pairs.iter().map(|(name, _)| name).collect();
        f.debug_struct("Environment")
            .field("names", &names)
            .field("not_utf8", &self.not_utf8)
            .finish_non_exhaustive()
    }
}

/// Reads the environment of this process. A value is taken as it is or not at all, never with bytes replaced:
/// a token with one character swapped would fail much later, and in a puzzling way.
pub fn from_env() -> Environment {
    from_os_pairs(std::env::vars_os())
}

/// The pairs of [`from_env`] alone, for `config::parse`.
pub fn pairs_from_env() -> Vec<(String, String)> {
    from_env().pairs
}

fn from_os_pairs(vars: impl Iterator<Item = (OsString, OsString)>) -> Environment {
    let mut environment = Environment::default();
    for (name, value) in vars {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => environment.pairs.push((name, value)),
            (Ok(name), Err(_)) => environment.not_utf8.push(name),
            (Err(name), _) => {
                environment.not_utf8.push(name.as_encoded_bytes().escape_ascii().to_string());
            }
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn a_variable_that_is_not_text_is_reported_and_never_bent_into_text() {
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let environment = from_os_pairs(
            [(os(b"A"), os(b"1")), (os(b"B"), os(b"\xff")), (os(b"C\xfe"), os(b"3"))].into_iter(),
        );
        assert_eq!(environment.pairs, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(environment.not_utf8, ["B", "C\\xfe"]);
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let environment = from_os_pairs([("NAME".into(), "hunter2".into())].into_iter());
        let shown = format!("{environment:?}");
        assert!(shown.contains("NAME") && !shown.contains("hunter2"), "{shown}");
    }
}
