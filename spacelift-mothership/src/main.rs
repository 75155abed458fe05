//! The command line of the control plane.

fn main() {}
