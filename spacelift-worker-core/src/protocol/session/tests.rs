//! A real session against a scripted control plane, under virtual time.

mod control;
mod greeting;
mod guarantees;
mod hostile;
mod leases;
mod pair;
mod plane;
