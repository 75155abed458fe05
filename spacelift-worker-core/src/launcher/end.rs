//! How a launcher ended, and the exit code for it.

use std::fmt;
use std::process::ExitCode;

use crate::driver::SessionEnd;

/// How a launcher ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum LauncherEnd {
    /// It was asked to end, and its run had ended. Exit code 0.
    Shutdown,
    /// The pool was cycled. Exit code 4, so that a supervisor can tell it from a shutdown.
    Cycled,
    /// No connection could be made at all. Exit code 3.
    NeverConnected {
        /// The reason of the last attempt.
        reason: String,
    },
    /// It could not go on. Exit code 1.
    Failed {
        /// Why.
        reason: String,
    },
}

impl LauncherEnd {
    /// The documented exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The same as a number.
    pub fn code(&self) -> u8 {
        match self {
            Self::Shutdown => 0,
            Self::Failed { .. } => 1,
            Self::NeverConnected { .. } => 3,
            Self::Cycled => 4,
        }
    }
}

impl LauncherEnd {
    /// The same with its reason masked.
    pub(super) fn masked(self, mask: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Shutdown | Self::Cycled => self,
            Self::NeverConnected { reason } => Self::NeverConnected { reason: mask(&reason) },
            Self::Failed { reason } => Self::Failed { reason: mask(&reason) },
        }
    }
}

impl fmt::Display for LauncherEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown => f.write_str("shut down"),
            Self::Cycled => f.write_str("the pool was cycled"),
            Self::NeverConnected { reason } => write!(f, "no connection to the control plane: {reason}"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

impl From<SessionEnd> for LauncherEnd {
    fn from(end: SessionEnd) -> Self {
        match end {
            SessionEnd::Shutdown => Self::Shutdown,
            SessionEnd::Cycled => Self::Cycled,
            SessionEnd::NeverConnected { reason } => Self::NeverConnected { reason },
            SessionEnd::Duplicate { reason } => Self::Failed { reason },
            SessionEnd::Fatal(reason) => Self::Failed { reason: crate::driver::chain(&reason) },
        }
    }
}
