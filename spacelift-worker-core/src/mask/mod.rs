//! Secrets never reach a log: every occurrence of a secret in a stream becomes `*****`.
