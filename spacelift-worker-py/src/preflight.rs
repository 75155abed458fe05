//! What a worker needs, and whether it is there.

use pyo3::prelude::*;
use spacelift_worker_core::files::Environment;
use spacelift_worker_core::launcher::Launcher;

use crate::failure::{Class, Failure};
use crate::runtime;
use crate::work::{BETWEEN_SIGNALS, long_work};

/// Looks at everything and gives the checks and the table as JSON and text.
#[pyfunction]
pub(crate) fn preflight(
    py: Python<'_>,
    pairs: Vec<(String, String)>,
    not_utf8: Vec<String>,
    probe: bool,
) -> Result<(String, String), Failure> {
    let runtime = runtime::handle()?;
    let environment = Environment { pairs, not_utf8 };
    let looking =
        runtime.spawn(async move { Launcher::from_environment(environment).preflight(probe).await });
    let mut looking = looking;
    loop {
        let waited = long_work(py, || {
            Ok(runtime.block_on(async { tokio::time::timeout(BETWEEN_SIGNALS, &mut looking).await }))
        })?;
        match waited {
            Ok(Ok(found)) => {
                let json = serde_json::to_string(&found)
                    .map_err(|error| Failure::new(Class::Worker, "json", error))?;
                return Ok((json, found.to_string()));
            }
            Ok(Err(broken)) => return Err(Failure::internal(&broken.to_string())),
            Err(_) => {
                if let Err(interrupted) = py.check_signals() {
                    looking.abort();
                    return Err(interrupted.into());
                }
            }
        }
    }
}
