//! `mothership pool …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `mothership pool …`
#[derive(Clone, Debug, Subcommand)]
pub enum PoolArgs {
    /// Make a pool from a certificate signing request, and write its token
    Create {
        /// Unique among pools
        #[arg(long)]
        name: String,
        /// The request (PEM), made with: openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr
        #[arg(long, value_name = "FILE")]
        csr: PathBuf,
        /// For people
        #[arg(long, default_value = "")]
        description: String,
        /// The space it lives in
        #[arg(long, default_value = "root")]
        space: String,
        /// For people and policies; may be repeated
        #[arg(long = "label", value_name = "LABEL")]
        labels: Vec<String>,
        /// Drift detection runs at once; 0 for none, -1 for no limit
        #[arg(long, default_value_t = -1, allow_negative_numbers = true, value_name = "N")]
        drift_limit: i64,
        /// The token and how long it holds
        #[command(flatten)]
        credentials: CredentialArgs,
    },
    /// Every pool
    List,
    /// Replace the credentials of a pool: its workers can no longer connect with the old token
    Reset {
        /// The pool's id or name
        pool: String,
        /// A new request (PEM); without it the pool keeps its key
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// The token and how long it holds
        #[command(flatten)]
        credentials: CredentialArgs,
    },
    /// Send the self-destruct signal to every worker of a pool; it takes up to 20 seconds
    Cycle {
        /// The pool's id or name
        pool: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Where the token goes, and how long the certificate in it holds.
#[derive(Clone, Debug, Args)]
pub struct CredentialArgs {
    /// Where to write the token, for its owner alone; - for standard output
    #[arg(long, value_name = "FILE|-")]
    pub token_out: PathBuf,
    /// How long the certificate in the token holds; ten years by default, and expired when negative
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS")]
    pub certificate_seconds: Option<i64>,
}
