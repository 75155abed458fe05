//! What a worker needs, and whether it is there: as data, as a table, and as an exit code.
//!
//! Never holds a secret: every detail is masked before it comes in.

mod machine;
mod region;

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

pub use machine::{LEAST_CORES, LEAST_MEMORY, LEAST_SPACE};
pub(crate) use machine::{cores, free_space, memory};
pub use region::{Endpoint, Region};

/// What a check is about, which decides the exit code when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Area {
    /// Variables, credentials, policy, certificates: exit code 2, as the launcher's for a wrong configuration.
    Configuration,
    /// Memory, cores, disk space: exit code 1.
    Machine,
    /// Endpoints: exit code 3, as the launcher's when no connection could be made.
    Network,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// All is well.
    Passed,
    /// A worker runs all the same.
    Warned,
    /// A worker does not run, or not well.
    Failed,
    /// Not looked at: it was not asked for, or depends on what failed.
    Untried,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "FAILED",
            Self::Untried => "untried",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub area: Area,
    /// What was looked at: a variable, a property of the machine, an endpoint with a step.
    pub what: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, or what to do.
    pub detail: String,
}

/// Everything that was looked at, in order. Shown, it is a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preflight {
    checks: Vec<Check>,
}

impl Preflight {
    pub(crate) fn add(&mut self, area: Area, what: &str, verdict: Verdict, detail: impl fmt::Display) {
        self.checks.push(Check { area, what: what.to_owned(), verdict, detail: detail.to_string() });
    }

    /// The same with every text masked.
    pub(crate) fn masked(mut self, mask: impl Fn(&str) -> String) -> Self {
        for check in &mut self.checks {
            (check.what, check.detail) = (mask(&check.what), mask(&check.detail));
        }
        self
    }

    /// What was looked at, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Failed)
    }

    /// 0 when nothing failed. Otherwise that of the first of these that failed: 2 for the configuration, 3 for the network, 1
    /// for the machine.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// [`exit_code`](Self::exit_code) as a number, for a program whose `main` is not in Rust.
    pub fn code(&self) -> u8 {
        let failed = |area| self.checks.iter().any(|c| c.area == area && c.verdict == Verdict::Failed);
        match (failed(Area::Configuration), failed(Area::Network), failed(Area::Machine)) {
            (true, ..) => 2,
            (false, true, _) => 3,
            (false, false, true) => 1,
            (false, false, false) => 0,
        }
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
        for (number, Check { what, verdict, detail, .. }) in self.checks.iter().enumerate() {
            let mut lines = detail.lines();
            let first = lines.next().unwrap_or_default();
            let line = format!("{:<7}  {what:<width$}  {first}", verdict.word());
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.trim_end())?;
            // A policy's problem quotes the line.
            for line in lines {
                write!(f, "\n{}", format!("{:1$}{line}", "", width + 11).trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(checks: &[(Area, &str, Verdict, &str)]) -> Preflight {
        let mut preflight = Preflight::default();
        checks.iter().for_each(|(area, what, verdict, detail)| preflight.add(*area, what, *verdict, detail));
        preflight
    }

    #[test]
    fn it_is_a_table_in_which_every_line_of_a_detail_is_indented() {
        let preflight = of(&[
            (Area::Configuration, "policy", Verdict::Failed, "file:1:2: no\n  1 | a\n    | ^"),
            (Area::Machine, "memory", Verdict::Passed, "4.0 GiB"),
            (Area::Network, "broker:443 name", Verdict::Untried, ""),
        ]);
        let table = "\
FAILED   policy           file:1:2: no
                            1 | a
                              | ^
passed   memory           4.0 GiB
untried  broker:443 name";
        assert_eq!(preflight.to_string(), table);
    }

    #[test]
    fn the_exit_code_is_that_of_what_is_to_be_mended_first() {
        use Area::{Configuration, Machine, Network};
        let (failed, warned) = (Verdict::Failed, Verdict::Warned);
        for (checks, code) in [
            (&[][..], 0),
            (&[(Machine, "", warned, ""), (Network, "", Verdict::Untried, "")], 0),
            (&[(Machine, "", failed, ""), (Network, "", warned, "")], 1),
            (&[(Machine, "", failed, ""), (Network, "", failed, "")], 3),
            (&[(Network, "", failed, ""), (Configuration, "", failed, "")], 2),
        ] {
            let preflight = of(checks);
            assert_eq!((preflight.code(), preflight.passed()), (code, code == 0), "{checks:?}");
        }
    }

    #[test]
    fn as_data_it_has_words_for_areas_and_verdicts() {
        let preflight = of(&[(Area::Network, "broker", Verdict::Warned, "late")]);
        let expected = serde_json::json!({"checks": [
            {"area": "network", "what": "broker", "verdict": "warned", "detail": "late"},
        ]});
        assert_eq!(serde_json::to_value(&preflight).unwrap(), expected);
    }
}
