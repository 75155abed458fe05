//! Errors of the library as exceptions of the Python package.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use serde_json::{Value, json};
use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::envelope::cobblestone::{Damaged, EncryptError};
use spacelift_worker_core::envelope::{ContextError, RangeUnsealError, SealError, UnsealError};
use spacelift_worker_core::files::SealFileError;
use spacelift_worker_core::policy::PolicyError;
use spacelift_worker_core::pool::{PoolKeyError, PublicKeyError, TokenError};

mod classes {
    use pyo3::import_exception;

    import_exception!(spacelift_worker.errors, ConfigError);
    import_exception!(spacelift_worker.errors, ForkedError);
    import_exception!(spacelift_worker.errors, InternalError);
    import_exception!(spacelift_worker.errors, KeyFormatError);
    import_exception!(spacelift_worker.errors, PolicyError);
    import_exception!(spacelift_worker.errors, SealError);
    import_exception!(spacelift_worker.errors, SessionClosed);
    import_exception!(spacelift_worker.errors, SessionError);
    import_exception!(spacelift_worker.errors, TokenError);
    import_exception!(spacelift_worker.errors, WorkerError);
}

/// What went wrong, before it is an exception: made without an interpreter.
#[derive(Debug)]
pub(crate) struct Failure(Box<Facts>);

#[derive(Debug)]
struct Facts {
    class: Class,
    code: &'static str,
    message: String,
    details: Value,
}

#[derive(Debug)]
pub(crate) enum Class {
    Config,
    Forked,
    Internal,
    KeyFormat,
    Policy,
    Seal,
    Session,
    Closed,
    Token,
    Worker,
    /// An argument that can never be right.
    Argument,
    /// What the system answered, about a file.
    System(io::Error, PathBuf),
    /// An exception that stands already.
    Raised(PyErr),
}

impl Failure {
    pub(crate) fn new(class: Class, code: &'static str, error: impl ToString) -> Self {
        Self(Box::new(Facts { class, code, message: error.to_string(), details: Value::Null }))
    }

    pub(crate) fn with(mut self, details: Value) -> Self {
        self.0.details = details;
        self
    }

    pub(crate) fn internal(said: &str) -> Self {
        Self::new(
            Class::Internal,
            "panic",
            format!("the library broke down, which is a mistake in it: {said}"),
        )
    }

    /// An object that did all its work, and one that broke down.
    pub(crate) fn over(what: &str) -> Self {
        Self::new(Class::Argument, "finished", format!("the {what} is finished"))
    }

    pub(crate) fn argument(message: impl ToString) -> Self {
        Self::new(Class::Argument, "argument", message)
    }

    pub(crate) fn system(error: io::Error, path: &Path) -> Self {
        Self::new(Class::System(error, path.to_owned()), "system", "")
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::new(Class::Raised(error), "raised", "")
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let Facts { class, code, message, details } = *failure.0;
        let details = (!details.is_null()).then(|| details.to_string());
        let args = (message.clone(), code, details);
        match class {
            Class::Config => classes::ConfigError::new_err(args),
            Class::Forked => classes::ForkedError::new_err(args),
            Class::Internal => classes::InternalError::new_err(args),
            Class::KeyFormat => classes::KeyFormatError::new_err(args),
            Class::Policy => classes::PolicyError::new_err(args),
            Class::Seal => classes::SealError::new_err(args),
            Class::Session => classes::SessionError::new_err(args),
            Class::Closed => classes::SessionClosed::new_err(args),
            Class::Token => classes::TokenError::new_err(args),
            Class::Worker => classes::WorkerError::new_err(args),
            Class::Argument => PyValueError::new_err(message),
            // OSError chooses its class, such as FileNotFoundError, by the number.
            Class::System(error, path) => match error.raw_os_error() {
                Some(number) => {
                    let said = error.to_string();
                    let said = said.split(" (os error").next().unwrap_or_default().to_owned();
                    PyOSError::new_err((number, said, path.into_os_string()))
                }
                None => PyOSError::new_err(format!("{}: {error}", path.display())),
            },
            Class::Raised(error) => error,
        }
    }
}

/// An error and what lies under it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        line.push_str(": ");
        line.push_str(&error.to_string());
        next = error.source();
    }
    line
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::new(Class::Worker, "crypto", error)
    }
}

impl From<PoolKeyError> for Failure {
    fn from(error: PoolKeyError) -> Self {
        let code = match error {
            PoolKeyError::Encrypted => "encrypted",
            PoolKeyError::Encryption => "encryption",
            PoolKeyError::NotEncrypted => "not_encrypted",
            PoolKeyError::Passphrase => "passphrase",
            PoolKeyError::Pem(_) => "pem",
            PoolKeyError::WrongLabel { .. } => "label",
            _ => "key",
        };
        Self::new(Class::KeyFormat, code, chain(&error))
    }
}

impl From<PublicKeyError> for Failure {
    fn from(error: PublicKeyError) -> Self {
        let code = match error {
            PublicKeyError::Certificate(_) => "certificate",
            PublicKeyError::Pem(_) => "pem",
            PublicKeyError::WrongLabel { .. } => "label",
            _ => "key",
        };
        Self::new(Class::KeyFormat, code, chain(&error))
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Empty => "empty",
            TokenError::CutShort => "cut_short",
            TokenError::NotBase64 { .. } => "base64",
            TokenError::NotJson => "json",
            TokenError::MissingField(_) => "field",
            _ => "token",
        };
        let details = match error {
            TokenError::MissingField(field) => json!({ "field": field }),
            TokenError::NotBase64 { offset } => json!({ "offset": offset }),
            _ => Value::Null,
        };
        Self::new(Class::Token, code, chain(&error)).with(details)
    }
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        Self::argument(error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let code = match error {
            SealError::Context => "context",
            SealError::Length { .. } => "length",
            SealError::TooLong => "too_long",
            SealError::Started => "started",
            _ => "crypto",
        };
        Self::new(Class::Seal, code, chain(&error))
    }
}

impl From<EncryptError> for Failure {
    fn from(error: EncryptError) -> Self {
        let code = if matches!(error, EncryptError::TooLong) { "too_long" } else { "crypto" };
        Self::new(Class::Seal, code, chain(&error))
    }
}

impl From<Damaged> for Failure {
    fn from(error: Damaged) -> Self {
        Self::new(Class::Seal, "damaged", error)
    }
}

impl From<UnsealError> for Failure {
    fn from(error: UnsealError) -> Self {
        let details = match &error {
            UnsealError::Context { key, found, expected } => {
                json!({ "key": key, "found": found, "expected": expected })
            }
            UnsealError::Recipient { kid } | UnsealError::Signed { kid } | UnsealError::Untrusted { kid } => {
                json!({ "kid": kid })
            }
            _ => Value::Null,
        };
        Self::new(Class::Seal, error.code(), &error).with(details)
    }
}

impl From<RangeUnsealError> for Failure {
    fn from(error: RangeUnsealError) -> Self {
        match error {
            RangeUnsealError::Unseal(error) => error.into(),
            RangeUnsealError::OutOfRange(error) => Self::argument(error),
            error => Self::new(Class::Seal, "read", chain(&error)),
        }
    }
}

impl From<SealFileError> for Failure {
    fn from(error: SealFileError) -> Self {
        match error {
            SealFileError::Read { path, source }
            | SealFileError::Write { path, source }
            | SealFileError::Unsure { path, source } => Self::system(source, &path),
            SealFileError::Seal { source, .. } => source.into(),
            SealFileError::Unseal { source, .. } => source.into(),
            error => Self::argument(error),
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let message = error.to_string();
        let details = match error {
            PolicyError::Invalid { name, version, problems, .. } => {
                let problems: Vec<Value> = problems
                    .iter()
                    .map(|problem| {
                        json!({
                            "line": problem.line,
                            "column": problem.column,
                            "code": problem.code.as_str(),
                            "message": problem.message,
                        })
                    })
                    .collect();
                json!({ "name": name, "version": version.to_string(), "problems": problems })
            }
            _ => Value::Null,
        };
        Self::new(Class::Policy, "invalid", message).with(details)
    }
}
