//! A real session against a scripted control plane, under virtual time.

mod guarantees;
mod plane;
