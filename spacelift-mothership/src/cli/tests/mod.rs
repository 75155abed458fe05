//! The commands, parsed and performed against a listener on loopback.

mod parsing;
mod performing;
