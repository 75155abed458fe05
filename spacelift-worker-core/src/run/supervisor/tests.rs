//! Scenarios of one phase, under virtual time.

mod bench;
mod endings;
mod scenarios;
