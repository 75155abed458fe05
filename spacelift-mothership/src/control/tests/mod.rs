//! The control loop against workers made by hand: no network, no clock; the store is a real file.

#[cfg(feature = "model")]
mod alike;
mod bargain;
mod bench;
mod loss;
mod orders;
mod reports;
mod restart;
mod turns;
