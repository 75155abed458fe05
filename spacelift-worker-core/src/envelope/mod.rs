//! Sealed run state, version 1.
