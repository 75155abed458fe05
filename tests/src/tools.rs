//! Where the outside programs of the tests are.
//!
//! A program that is missing skips its tests in a plain `cargo test`, and fails them when `SLW_REQUIRE_ALL` is 1, as
//! `make test` sets it. Nothing here installs anything: `tests/setup.sh` does.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::source::workspace;

/// A program that some tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// The MQTT broker of Debian, 2.0 or later: `SLW_MOSQUITTO`.
    Mosquitto,
    /// The HTTP proxy of Debian: `SLW_HAPROXY`.
    Haproxy,
    /// A Python with `cryptography` 50 or later: `SLW_PYTHON`.
    Python,
    /// `ansible-playbook` of ansible-core: `SLW_ANSIBLE_PLAYBOOK`.
    AnsiblePlaybook,
    /// Go 1.24 or later: `SLW_GO`.
    Go,
    /// `openssl`, 3.0 or later: `SLW_OPENSSL`.
    OpenSsl,
    /// The Docker Engine, 20.10 or later: `SLW_DOCKERD`. It takes root.
    Dockerd,
    /// busybox without shared libraries: `SLW_BUSYBOX`.
    Busybox,
    /// The command line of Docker: `SLW_DOCKER`.
    Docker,
}

/// A program that is not where it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} does not exist: run `make setup`, or set {variable} to the program")]
#[non_exhaustive]
pub struct MissingTool {
    /// The variable that names the program.
    pub variable: &'static str,
    /// Where it was looked for.
    pub path: PathBuf,
}

impl Tool {
    /// The variable that names it, and where it is when that is not set.
    fn place(self) -> (&'static str, PathBuf) {
        match self {
            Self::Mosquitto => ("SLW_MOSQUITTO", PathBuf::from("/usr/sbin/mosquitto")),
            Self::Haproxy => ("SLW_HAPROXY", PathBuf::from("/usr/sbin/haproxy")),
            Self::Python => ("SLW_PYTHON", workspace().join(".venv/bin/python")),
            Self::AnsiblePlaybook => ("SLW_ANSIBLE_PLAYBOOK", workspace().join(".venv/bin/ansible-playbook")),
            Self::Go => ("SLW_GO", PathBuf::from("/usr/local/go/bin/go")),
            Self::OpenSsl => ("SLW_OPENSSL", PathBuf::from("/usr/bin/openssl")),
            Self::Dockerd => ("SLW_DOCKERD", PathBuf::from("/usr/sbin/dockerd")),
            Self::Busybox => ("SLW_BUSYBOX", PathBuf::from("/bin/busybox")),
            Self::Docker => ("SLW_DOCKER", PathBuf::from("/usr/bin/docker")),
        }
    }

    /// The program; `None`, with a line on standard error, when it is missing and not required: the test returns early.
    ///
    /// # Errors
    ///
    /// When it is missing, and `SLW_REQUIRE_ALL` is 1.
    pub fn find(self) -> Result<Option<PathBuf>, MissingTool> {
        let found = self.find_in(|name| std::env::var_os(name));
        if let Ok(None) = found {
            eprintln!("skipped: {self:?} is not installed; `make setup` installs it");
        }
        found
    }

    fn find_in(self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<PathBuf>, MissingTool> {
        let (name, default) = self.place();
        let path = variable(name).map_or(default, PathBuf::from);
        if path.exists() {
            return Ok(Some(path));
        }
        if variable("SLW_REQUIRE_ALL").is_some_and(|value| value == "1") {
            return Err(MissingTool { variable: name, path });
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(tool: Tool, variables: &[(&str, &str)]) -> Result<Option<PathBuf>, MissingTool> {
        tool.find_in(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn a_variable_names_the_program() {
        assert_eq!(find(Tool::Python, &[("SLW_PYTHON", "/bin/sh")]), Ok(Some("/bin/sh".into())));
    }

    #[test]
    fn a_missing_program_skips_its_tests_unless_all_is_required() {
        let missing = ("SLW_MOSQUITTO", "/nowhere/mosquitto");
        assert_eq!(find(Tool::Mosquitto, &[missing]), Ok(None));
        let error = find(Tool::Mosquitto, &[missing, ("SLW_REQUIRE_ALL", "1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nowhere/mosquitto does not exist: run `make setup`, or set SLW_MOSQUITTO to the program"
        );
    }

    #[test]
    fn a_program_in_its_usual_place_needs_no_variable() {
        assert_eq!(Tool::AnsiblePlaybook.place().1.file_name(), Some("ansible-playbook".as_ref()));
    }
}
