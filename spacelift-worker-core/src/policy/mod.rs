//! The run initialization policy: a Rego file that may refuse a run before anything is started.
