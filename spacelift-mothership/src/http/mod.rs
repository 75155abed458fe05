//! One HTTPS listener: blobs by expiring signed URLs, workers that poll, the API that the command line uses, and
//! `/healthz`.
//!
//! | path | who may |
//! | --- | --- |
//! | `/blobs/<name>?…&sig=` | whoever holds the URL, until it ends |
//! | `/worker/v1/…` | workers of a pool, by a token that they sign for each request |
//! | `/api/v1/…` | whoever reads `admin.token`, that is, the owner of the data folder |
//! | `/healthz` | everybody |
//!
//! Handlers read and write the store, and ask the control loop for what concerns workers; what a worker says and hears
//! passes through them, and they decide nothing about it.

mod admin;
mod blobs;
mod listener;
mod poll;
mod signed_url;
mod state;
mod token;

pub use listener::{HttpListener, ListenError};
pub use poll::PollDesk;
pub use signed_url::{BlobUrls, Granted, Operation, UrlRefused};
pub use state::{AppState, TokenTerms};
pub use token::{AdminToken, AdminTokenError};

#[cfg(test)]
pub(crate) mod tests;
