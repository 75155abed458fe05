//! The launcher's configuration, parsed from an environment with every problem at once.
