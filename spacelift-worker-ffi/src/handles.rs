//! The types of the header. Each is a name for pointers; what stands behind it is said here.

#![expect(non_camel_case_types, reason = "they are the header's names")]

use std::sync::Arc;

use spacelift_worker_core::envelope::cobblestone::{Decryptor, Encryptor};
use spacelift_worker_core::envelope::{Sealer, Unsealer};
use spacelift_worker_core::policy::InitializationPolicy;
use spacelift_worker_core::pool::{PoolKey, PoolPublicKey};

use crate::boundary::{Exclusive, Handle, Shared};
use crate::choices::{SealChoices, UnsealChoices};
use crate::failure::Failure;
use crate::masking::MaskStream;
use crate::shown::{Judged, ShownHeader, ShownToken};
use crate::streams::Stream;
use crate::text::CText;

macro_rules! handle {
    ($name:ident, $tag:literal, $access:ident, $object:ty) => {
        impl Handle for $name {
            type Object = $object;
            type Access = $access;
            const TAG: u32 = $tag;
            const NAME: &'static str = stringify!($name);
        }
    };
}

/// What went wrong. Immutable: any thread may read it.
pub struct slw_error(());
handle!(slw_error, 1, Shared, Failure);

/// A worker pool token. Immutable.
pub struct slw_token(());
handle!(slw_token, 2, Shared, ShownToken);

/// A pool's private key. Immutable.
pub struct slw_private_key(());
handle!(slw_private_key, 3, Shared, Arc<PoolKey>);

/// A public key of a pool or of a control plane. Immutable.
pub struct slw_public_key(());
handle!(slw_public_key, 4, Shared, PublicKey);

/// To whom, for what and by whom something is sealed. Exclusive: one thread at a time.
pub struct slw_seal_options(());
handle!(slw_seal_options, 5, Exclusive, SealChoices);

/// With which keys, for what and by whom signed something is opened. Exclusive.
pub struct slw_unseal_options(());
handle!(slw_unseal_options, 6, Exclusive, UnsealChoices);

/// Seals one plaintext that comes in pieces. Exclusive.
pub struct slw_sealer(());
handle!(slw_sealer, 7, Exclusive, Stream<Sealer>);

/// Opens one sealed file that comes in pieces. Exclusive.
pub struct slw_unsealer(());
handle!(slw_unsealer, 8, Exclusive, Stream<Unsealer<'static>>);

/// The header of a sealed file, as it stands there. Immutable.
pub struct slw_header(());
handle!(slw_header, 9, Shared, ShownHeader);

/// Encrypts one message with Cobblestone-256. Exclusive.
pub struct slw_cobblestone_encryptor(());
handle!(slw_cobblestone_encryptor, 10, Exclusive, Stream<Encryptor>);

/// Decrypts one message with Cobblestone-256. Exclusive.
pub struct slw_cobblestone_decryptor(());
handle!(slw_cobblestone_decryptor, 11, Exclusive, Stream<Decryptor>);

/// Masks secrets in one stream of bytes. Exclusive.
pub struct slw_masker(());
handle!(slw_masker, 12, Exclusive, MaskStream);

/// A run initialization policy. Immutable: any number of threads may evaluate it.
pub struct slw_policy(());
handle!(slw_policy, 13, Shared, InitializationPolicy);

/// What a policy said of a run. Immutable.
pub struct slw_decision(());
handle!(slw_decision, 14, Shared, Judged);

/// Variables of a launcher. Exclusive.
pub struct slw_config(());
/// What a worker needs, and whether it is there. Immutable.
pub struct slw_preflight(());
/// A worker, set up and ready to start. Exclusive.
pub struct slw_launcher(());
/// Threads on which sessions run. Shared: any thread may call any function at any time.
pub struct slw_runtime(());
/// How a host wants its session. Exclusive.
pub struct slw_session_options(());
/// A worker that runs. Shared.
pub struct slw_session(());
/// Something that a session has to tell. Immutable.
pub struct slw_event(());

#[cfg(feature = "session")]
mod of_sessions {
    use super::*;
    use crate::events::Told;
    use crate::hosting::{ConfigPairs, Found, HostedSession, ReadyLauncher, SessionChoices, Threads};

    handle!(slw_config, 15, Exclusive, ConfigPairs);
    handle!(slw_preflight, 16, Shared, Found);
    handle!(slw_launcher, 17, Exclusive, ReadyLauncher);
    handle!(slw_runtime, 18, Shared, Arc<Threads>);
    handle!(slw_session_options, 19, Exclusive, SessionChoices);
    handle!(slw_session, 20, Shared, HostedSession);
    handle!(slw_event, 21, Shared, Told);
}

/// A public key with its texts.
pub(crate) struct PublicKey {
    pub(crate) key: PoolPublicKey,
    pub(crate) kid: CText,
    pub(crate) pem: CText,
}

impl From<PoolPublicKey> for PublicKey {
    fn from(key: PoolPublicKey) -> Self {
        Self { kid: CText::from(key.kid()), pem: CText::from(key.to_pem()), key }
    }
}
