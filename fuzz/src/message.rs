//! Messages, either way: what is understood is written so that the same is understood again, and always in the same bytes.

use std::fmt::Debug;

use spacelift_worker_core::protocol::message::{Body, ControlBody, Message, WorkerBody};

/// A message to a worker and one from it.
pub fn message(data: &[u8]) {
    there_and_back::<ControlBody>(data);
    there_and_back::<WorkerBody>(data);
}

fn there_and_back<B: Body + Clone + Debug + PartialEq>(data: &[u8]) {
    let Ok(message) = Message::<B>::decode(data) else { return };
    let written = message.encode();
    let again = Message::<B>::decode(&written);
    assert_eq!(again.as_ref(), Ok(&message));
    assert_eq!(again.map(|again| again.encode()), Ok(written));
}
