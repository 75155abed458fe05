//! Scenarios of one phase, under virtual time.

mod bench;
mod endings;
mod outputs;
mod scenarios;
