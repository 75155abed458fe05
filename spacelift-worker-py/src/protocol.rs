//! Messages of the protocol between worker and control plane, as they are read.

use pyo3::prelude::*;
use serde_json::{Value, json};
use spacelift_worker_core::protocol::message::{
    Body, ControlBody, Malformed, Message, NackReason, WorkerBody,
};

use crate::buffers::Given;
use crate::failure::{Class, Failure};

/// Reads a message and gives it as JSON in the form in which it would be written.
#[pyfunction]
pub(crate) fn read_message(data: &Bound<'_, PyAny>, to_worker: bool) -> Result<String, Failure> {
    let given = Given::read(data)?;
    let read = if to_worker { read::<ControlBody>(given.bytes()) } else { read::<WorkerBody>(given.bytes()) };
    Ok(String::from_utf8_lossy(&read?).into_owned())
}

fn read<B: Body + Clone>(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Message::<B>::decode(bytes)?.encode())
}

impl From<Malformed> for Failure {
    /// With the message that it names, if it names one, and the reason that goes back to its sender then.
    fn from(error: Malformed) -> Self {
        let reason = serde_json::to_value(error.reason).unwrap_or(Value::Null);
        let code = if error.reason == NackReason::Malformed { "malformed" } else { "refused" };
        let details = json!({ "reason": reason, "id": error.id.map(|id| id.to_string()) });
        Self::new(Class::Worker, code, "the message cannot be read").with(details)
    }
}
