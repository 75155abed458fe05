//! The environment of a run's commands: what is passed, what is computed, what is masked.
