//! The far end of the long-poll transport: the same messages as over MQTT, by HTTPS requests that workers sign.
//!
//! | request below `/worker/v1/<pool>/<worker>` | does | answer |
//! | --- | --- | --- |
//! | `POST /connection` | opens, in place of an earlier connection of the same process | 200 `{"connection":1,"hold_ms":25000}` |
//! | `POST /messages?connection=` | says the one message in the body | 202 |
//! | `GET /messages?connection=&after=` | waits for messages with a number above `after` | 200 `{"last":7,"messages":[…]}`, or 204 |
//! | `DELETE /connection?connection=` | leaves | 204 |
//!
//! Each request has a token of its own (`Authorization: Bearer`, [`JwtClaims`](spacelift_worker_core::pool::JwtClaims)),
//! so that it does not matter who ends TLS on the way. Refusals are JSON with `reason`, `error`, `now_ms` (this server's
//! clock) and `nonce` (what the next token must have): 401 for everything about the token, 409 `duplicate` when another
//! process speaks for this worker, 410 `gone` when the connection is not open.
//!
//! Reading takes no command out: it stays until its id is answered. Nothing here decides what is said.

mod answers;
mod door;
mod handlers;
mod hub;
mod mailbox;
mod replay;

use std::sync::Arc;

use bytes::Bytes;
use spacelift_worker_core::crypto::{CryptoError, hex};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use tokio::sync::mpsc;

use crate::fresh;
use crate::wire::WireEvent;
use door::Door;
use hub::{Client, Delivery, Hub};

pub(super) use handlers::routes;

/// All workers that poll, and the door before them. Clones share it.
#[derive(Clone, Debug)]
pub struct PollDesk {
    hub: Arc<Hub>,
    door: Arc<Door>,
    /// Where messages of workers go; it does not keep the control loop waiting for more once its broker is gone.
    events: mpsc::WeakSender<WireEvent>,
}

impl PollDesk {
    /// A desk that hands messages of workers to `events`. `audiences` are the origins (`https://host:port`, without the
    /// port where it is the scheme's own) under which workers reach this server, itself or through a proxy.
    ///
    /// # Errors
    /// [`CryptoError::Randomness`].
    pub fn new(audiences: Vec<String>, events: mpsc::WeakSender<WireEvent>) -> Result<Self, CryptoError> {
        let nonce: [u8; 16] = fresh::random()?;
        let door = Arc::new(Door::new(audiences, hex(&nonce)));
        Ok(Self { hub: Arc::default(), door, events })
    }

    /// Leaves a message for a worker; false when that worker does not poll here. Never waits.
    pub fn publish(&self, pool: PoolId, worker: WorkerId, bytes: Bytes) -> bool {
        match self.hub.publish(Client { pool, worker }, bytes) {
            Delivery::Taken => true,
            Delivery::Dropped => {
                tracing::debug!(%pool, %worker, "a message found a full mailbox");
                true
            }
            Delivery::Elsewhere => false,
        }
    }

    /// The certificate of a pool was replaced: ends every connection that was opened with the old one.
    pub fn revoke(&self, pool: PoolId) {
        self.hub.revoke(pool);
    }

    /// Answers every poll that waits, and every one that comes, so that the server can end.
    pub fn stop(&self) {
        self.hub.stop.cancel();
    }

    /// How many polls wait now.
    pub fn waiting(&self) -> usize {
        self.hub.waiting()
    }
}
