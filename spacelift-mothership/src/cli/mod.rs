//! The commands, and how their results are shown.
