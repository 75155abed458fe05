//! What every handler shares.

use std::sync::Arc;

use spacelift_worker_core::pool::{BrokerEndpoint, PoolPublicKey};

use super::{AdminToken, BlobUrls, PollDesk};
use crate::ca::Authority;
use crate::control::ControlHandle;
use crate::serve::Timings;
use crate::store::{Blobs, Store};

/// What every handler shares. Clones share it, too.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The control plane's memory.
    pub store: Store,
    /// Its files.
    pub blobs: Blobs,
    /// Who may read and write them.
    pub urls: BlobUrls,
    /// The way to the control loop.
    pub control: ControlHandle,
    /// Workers that poll.
    pub poll: PollDesk,
    /// Who may do everything.
    pub admin: AdminToken,
    /// Who issues certificates.
    pub authority: Arc<Authority>,
    /// What stands in the tokens of pools.
    pub terms: Arc<TokenTerms>,
    /// When a worker counts as lost.
    pub timings: Timings,
}

/// What stands in every pool's token.
#[derive(Clone, Debug)]
pub struct TokenTerms {
    /// How workers reach the broker.
    pub broker: BrokerEndpoint,
    /// The first levels of every topic.
    pub namespace: String,
    /// Who signed the broker's certificate (PEM); none for the system's roots.
    pub ca_pem: Option<String>,
    /// With what offers are signed.
    pub signing_key: PoolPublicKey,
}
