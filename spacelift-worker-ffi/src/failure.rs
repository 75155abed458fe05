//! What an error of the header carries: a status, a message, its causes, and details for programs.

use std::error::Error;

use serde_json::{Value, json};
use spacelift_worker_core::envelope::cobblestone::{Damaged, EncryptError, OutOfRange};
use spacelift_worker_core::envelope::{ContextError, RangeUnsealError, SealError, UnsealError};
use spacelift_worker_core::files::{PolicyFileError, SealFileError};
use spacelift_worker_core::mask::TooManySecrets;
use spacelift_worker_core::policy::{Failure as PolicyFailure, PolicyError};
use spacelift_worker_core::pool::{PoolKeyError, PublicKeyError, TokenError};

use crate::status::*;
use crate::text::CText;

/// Why a call failed.
#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) status: slw_status,
    pub(crate) message: CText,
    pub(crate) causes: Vec<CText>,
    pub(crate) details: CText,
    pub(crate) retryable: bool,
}

impl Failure {
    /// A failure with a message alone.
    pub(crate) fn new(status: slw_status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: CText::from(message),
            causes: Vec::new(),
            details: CText::from("{}"),
            retryable: false,
        }
    }

    /// An error of the core with everything below it, outermost first.
    pub(crate) fn of(status: slw_status, error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(status, error.to_string());
        let mut shown = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let message = cause.to_string();
            // A transparent error shows its source's message as its own.
            if !shown.ends_with(&message) {
                failure.causes.push(CText::from(message.as_str()));
                shown = message;
            }
            next = cause.source();
        }
        failure
    }

    /// The same with details, a JSON object.
    pub(crate) fn with(mut self, details: Value) -> Self {
        self.details = CText::from(details.to_string());
        self
    }

    /// The same, and worth another try.
    pub(crate) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    fn argument(status: slw_status, name: &str, message: String) -> Self {
        Self::new(status, message).with(json!({ "argument": name }))
    }

    pub(crate) fn null(name: &str) -> Self {
        Self::argument(SLW_ERR_NULL, name, format!("{name} is NULL"))
    }

    pub(crate) fn no_handle(name: &str) -> Self {
        Self::argument(SLW_ERR_INVALID_HANDLE, name, format!("this is no {name}, or it was freed"))
    }

    pub(crate) fn busy(name: &str) -> Self {
        Self::argument(SLW_ERR_BUSY, name, format!("another thread uses this {name} now")).retryable()
    }

    pub(crate) fn poisoned(name: &str) -> Self {
        Self::argument(SLW_ERR_POISONED, name, format!("a call panicked in this {name} before; free it"))
    }

    pub(crate) fn panic(message: String) -> Self {
        Self::new(SLW_ERR_PANIC, format!("a bug in spacelift-worker: {message}"))
    }

    pub(crate) fn not_utf8(name: &str, at: usize) -> Self {
        let message = format!("{name} is not UTF-8 from byte {at} on");
        Self::new(SLW_ERR_NOT_UTF8, message).with(json!({ "argument": name, "offset": at }))
    }

    pub(crate) fn too_long(name: &str) -> Self {
        Self::invalid(name, "is longer than an object can be")
    }

    pub(crate) fn overlap(name: &str) -> Self {
        Self::invalid(name, "overlaps with the input")
    }

    pub(crate) fn invalid(name: &str, what: &str) -> Self {
        Self::argument(SLW_ERR_INVALID_ARGUMENT, name, format!("{name} {what}"))
    }

    /// A runtime, session or launcher of a process from which this one was forked.
    #[cfg(feature = "session")]
    pub(crate) fn forked(name: &str) -> Self {
        Self::argument(
            SLW_ERR_FORKED,
            name,
            format!("the threads of this {name} are in the parent of this process"),
        )
    }

    pub(crate) fn state(message: &str) -> Self {
        Self::new(SLW_ERR_STATE, message)
    }
}

impl From<UnsealError> for Failure {
    fn from(error: UnsealError) -> Self {
        let code = error.code();
        let details = match &error {
            UnsealError::Context { key, found, expected } => {
                json!({ "code": code, "key": key, "found": found, "expected": expected })
            }
            UnsealError::Recipient { kid } | UnsealError::Signed { kid } | UnsealError::Untrusted { kid } => {
                json!({ "code": code, "kid": kid })
            }
            _ => json!({ "code": code }),
        };
        Self::of(SLW_ERR_UNSEAL, &error).with(details)
    }
}

impl From<Damaged> for Failure {
    fn from(error: Damaged) -> Self {
        Self::of(SLW_ERR_UNSEAL, &error).with(json!({ "code": "damaged" }))
    }
}

impl From<RangeUnsealError> for Failure {
    fn from(error: RangeUnsealError) -> Self {
        match error {
            RangeUnsealError::Unseal(error) => error.into(),
            RangeUnsealError::OutOfRange(OutOfRange { plain_len, .. }) => {
                Self::of(SLW_ERR_RANGE, &error).with(json!({ "plain_len": plain_len }))
            }
            _ => Self::of(SLW_ERR_IO, &error),
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let code = match error {
            SealError::Context => "context",
            SealError::Crypto(_) => "crypto",
            SealError::Length { .. } => "length",
            SealError::Started => "started",
            SealError::TooLong => "too_long",
            _ => "unknown",
        };
        Self::of(SLW_ERR_SEAL, &error).with(json!({ "code": code }))
    }
}

impl From<EncryptError> for Failure {
    fn from(error: EncryptError) -> Self {
        Self::of(SLW_ERR_SEAL, &error)
    }
}

impl From<SealFileError> for Failure {
    fn from(error: SealFileError) -> Self {
        let inner = match &error {
            SealFileError::Seal { source, .. } => Some(Self::from(*source)),
            SealFileError::Unseal { source, .. } => Some(Self::from(source.clone())),
            _ => None,
        };
        let mut failure = Self::of(SLW_ERR_IO, &error);
        if let Some(inner) = inner {
            (failure.status, failure.details) = (inner.status, inner.details);
        } else if matches!(error, SealFileError::SameFile { .. }) {
            failure.status = SLW_ERR_INVALID_ARGUMENT;
        }
        failure
    }
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        Self::of(SLW_ERR_CONTEXT, &error)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::of(SLW_ERR_TOKEN, &error)
    }
}

impl From<PoolKeyError> for Failure {
    fn from(error: PoolKeyError) -> Self {
        Self::of(SLW_ERR_KEY, &error)
    }
}

impl From<PublicKeyError> for Failure {
    fn from(error: PublicKeyError) -> Self {
        Self::of(SLW_ERR_KEY, &error)
    }
}

impl From<spacelift_worker_core::crypto::CryptoError> for Failure {
    fn from(error: spacelift_worker_core::crypto::CryptoError) -> Self {
        Self::of(SLW_ERR_KEY, &error)
    }
}

impl From<TooManySecrets> for Failure {
    fn from(error: TooManySecrets) -> Self {
        Self::of(SLW_ERR_MASK, &error)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let details = match &error {
            PolicyError::Invalid { name, problems, .. } => {
                let all: Vec<Value> = problems
                    .iter()
                    .map(|p| json!({ "line": p.line, "column": p.column, "code": p.code.as_str(), "message": p.message }))
                    .collect();
                let first = problems.first().map(|first| (first.line, first.column));
                json!({ "name": name, "line": first.map(|at| at.0), "column": first.map(|at| at.1), "problems": all })
            }
            _ => json!({}),
        };
        Self::of(SLW_ERR_POLICY, &error).with(details)
    }
}

impl From<PolicyFileError> for Failure {
    fn from(error: PolicyFileError) -> Self {
        match error {
            PolicyFileError::Invalid(error) => error.into(),
            _ => Self::of(SLW_ERR_IO, &error),
        }
    }
}

impl From<&PolicyFailure> for Failure {
    fn from(failure: &PolicyFailure) -> Self {
        let code = failure.kind.name();
        Self::of(SLW_ERR_POLICY_EVALUATION, failure).with(json!({ "code": code, "detail": failure.detail }))
    }
}

#[cfg(feature = "session")]
impl From<spacelift_worker_core::config::ConfigError> for Failure {
    fn from(error: spacelift_worker_core::config::ConfigError) -> Self {
        let problems: Vec<Value> = error
            .problems()
            .iter()
            .map(|problem| {
                json!({
                    "variable": problem.variable,
                    "found": problem.found.to_string(),
                    "expected": problem.expected,
                    "remedy": problem.remedy,
                    "message": problem.to_string(),
                })
            })
            .collect();
        Self::of(SLW_ERR_CONFIG, &error).with(json!({ "problems": problems }))
    }
}

#[cfg(feature = "session")]
impl From<spacelift_worker_core::launcher::SetupError> for Failure {
    fn from(error: spacelift_worker_core::launcher::SetupError) -> Self {
        let problems: Vec<Value> =
            error.problems().iter().map(|message| json!({ "message": message })).collect();
        Self::of(SLW_ERR_CONFIG, &error).with(json!({ "problems": problems }))
    }
}

#[cfg(feature = "session")]
impl From<spacelift_worker_core::driver::HostError> for Failure {
    fn from(error: spacelift_worker_core::driver::HostError) -> Self {
        use spacelift_worker_core::driver::HostError;
        let code = match error {
            HostError::Ended => "ended",
            HostError::UnknownStep(_) => "unknown_step",
            HostError::Full(_) => "full",
            _ => "unknown",
        };
        Self::of(SLW_ERR_SESSION, &error).with(json!({ "code": code }))
    }
}
