//! Performs what the floors below decide: connections, processes, transfers, logs.
