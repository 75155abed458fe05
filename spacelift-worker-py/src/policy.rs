//! The run initialization policy.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyType;
use serde_json::{Value, json};
use spacelift_worker_core::files::{PolicyFileError, read_policy_source};
use spacelift_worker_core::policy::{self, Decision, PoliciesRest, PolicyOptions};

use crate::failure::{Class, Failure};
use crate::work::{interruptible, long_work};

/// A policy that was found valid.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct InitializationPolicy(Arc<policy::InitializationPolicy>);

fn options(time_limit: Option<f64>, strict: bool) -> Result<PolicyOptions, Failure> {
    let mut options = PolicyOptions { strict, ..PolicyOptions::default() };
    if let Some(seconds) = time_limit {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
        options.time_limit =
            limit.ok_or_else(|| Failure::argument("the time limit must be a number of seconds above 0"))?;
    }
    Ok(options)
}

#[pymethods]
impl InitializationPolicy {
    #[classmethod]
    fn from_source(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &str,
        name: &str,
        time_limit: Option<f64>,
        strict: bool,
    ) -> Result<Self, Failure> {
        let options = options(time_limit, strict)?;
        long_work(py, || Ok(Self(Arc::new(policy::InitializationPolicy::with_options(name, text, options)?))))
    }

    #[classmethod]
    fn from_path(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        path: PathBuf,
        time_limit: Option<f64>,
        strict: bool,
    ) -> Result<Self, Failure> {
        let options = options(time_limit, strict)?;
        long_work(py, || {
            let source = read_policy_source(&path)?;
            let policy = policy::InitializationPolicy::with_options(&source.name, &source.text, options)?;
            Ok(Self(Arc::new(policy)))
        })
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn body(&self) -> &str {
        self.0.body()
    }

    fn version(&self) -> String {
        self.0.version().to_string()
    }

    /// Judges a document and gives the decision as JSON. `now` is in Unix nanoseconds.
    fn evaluate(&self, py: Python<'_>, document: &str, now: u64) -> Result<String, Failure> {
        let (policy, document) = (Arc::clone(&self.0), document.to_owned());
        interruptible(py, move || {
            let input: Value = serde_json::from_str(&document)
                .map_err(|error| Failure::argument(format!("the document is not JSON: {error}")))?;
            Ok(as_json(&policy.evaluate_document(&input, now)).to_string())
        })
    }
}

fn as_json(decision: &Decision) -> Value {
    json!({
        "allowed": decision.allowed(),
        "reasons": decision.reasons(),
        "sampled": decision.sampled(),
        "warnings": decision.warnings(),
        "failure": decision.failure().map(|failure| json!({ "kind": failure.kind.name(), "detail": failure.detail })),
        "results": decision.results(),
    })
}

impl From<PolicyFileError> for Failure {
    fn from(error: PolicyFileError) -> Self {
        match error {
            PolicyFileError::Invalid(error) => error.into(),
            PolicyFileError::Read { path, source } => Self::system(source, &path),
            error => Self::new(Class::Policy, "file", error),
        }
    }
}

thread_local! {
    /// Held from before a fork until after it, by the thread that forks.
    static REST: RefCell<Option<PoliciesRest>> = const { RefCell::new(None) };
}

/// Has policies rest until [`policies_go_on`]. The interpreter calls it before a fork.
#[pyfunction]
pub(crate) fn policies_rest() {
    REST.with(|rest| rest.replace(Some(policy::policies_rest())));
}

/// The interpreter calls it after a fork, in the child, too.
#[pyfunction]
pub(crate) fn policies_go_on() {
    REST.with(RefCell::take);
}
