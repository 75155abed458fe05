//! Pools, stacks, runs, workers and commands in SQLite; blobs in files.
