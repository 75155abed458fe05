//! Files on disk: the environment, policies, sealing file to file, workspaces as archives.
