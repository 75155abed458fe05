//! A client of an outside broker, such as Mosquitto: hears every worker, speaks to each.
//!
//! What a broker acknowledges proves nothing about its delivery, and what was sent on a connection that broke may be lost:
//! the control loop sends again. Access control is the outside broker's own: the control plane writes below
//! `<namespace>/readonly/`, reads below `<namespace>/writeonly/`, and nobody else does.

mod backoff;
mod client;

#[cfg(test)]
mod tests;

pub use client::{OutsideBroker, OutsideConfig};
