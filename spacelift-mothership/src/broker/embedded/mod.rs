//! A small MQTT 3.1.1 broker for development, tests and pools on one machine.
//!
//! Mutual TLS; the client certificate's common name is the pool, the client identifier is the worker. A worker can
//! listen on its own topic and speak on its own topic, and on nothing else: a foreign subscription is refused with
//! 0x80, a foreign publication ends the connection, as AWS IoT Core does. QoS 0 and 1, persistent sessions in
//! memory, last will, takeover. No wildcards, no retained messages, no QoS 2: no worker needs them.
//!
//! Never looks into a payload, and keeps nothing on disk: after a restart every session is new.

mod access;
mod connection;
mod faults;
pub(super) mod frames;
mod hub;
mod listener;
mod session;

#[cfg(test)]
mod tests;

pub use access::CertificateLookup;
pub use faults::{Fault, Faults, SeenConnect};
pub use listener::{EmbeddedBroker, EmbeddedConfig, StartError};
