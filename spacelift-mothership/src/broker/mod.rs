//! Connections of workers: an embedded MQTT broker, or an outside one by URL.
//!
//! Both give a [`Wire`](crate::wire::Wire); what stands in a message is none of a broker's business.

mod embedded;
mod outside;

pub use embedded::{
    CertificateLookup, EmbeddedBroker, EmbeddedConfig, Fault, Faults, SeenConnect, StartError,
};
pub use outside::{OutsideBroker, OutsideConfig};
