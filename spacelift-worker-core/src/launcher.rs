//! A ready launcher: configuration in, runs out.
