//! Two ways to workers, one wire for the control loop: who polls is reached by the mailbox, everybody else by the broker.

use spacelift_worker_core::crypto::CryptoError;
use tokio::sync::mpsc;

use crate::http::PollDesk;
use crate::wire::{Wire, WireCommand};

/// Messages between two tasks.
const CHANNEL: usize = 1_024;

/// Puts a desk for workers that poll beside a broker. The wire ends when the broker's does.
///
/// # Errors
/// [`CryptoError::Randomness`].
pub(super) fn join(broker: Wire, audiences: Vec<String>) -> Result<(Wire, PollDesk), CryptoError> {
    let Wire { events: mut from_broker, commands: to_broker } = broker;
    let (events, event_receiver) = mpsc::channel(CHANNEL);
    let (commands, mut command_receiver) = mpsc::channel(CHANNEL);
    let desk = PollDesk::new(audiences, events.downgrade())?;
    // This task alone keeps the channel open.
    tokio::spawn(async move {
        while let Some(event) = from_broker.recv().await {
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
    let polled = desk.clone();
    tokio::spawn(async move {
        while let Some(command) = command_receiver.recv().await {
            match &command {
                WireCommand::Publish { pool, worker, bytes } => {
                    if polled.publish(*pool, *worker, bytes.clone()) {
                        continue;
                    }
                }
                WireCommand::Revoked { pool } => polled.revoke(*pool),
            }
            if to_broker.send(command).await.is_err() {
                return;
            }
        }
    });
    Ok((Wire { events: event_receiver, commands }, desk))
}
