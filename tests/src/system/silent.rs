//! A pool whose control plane takes connections and never says a word: what a session waits for stays away.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use spacelift_mothership::ca::{Authority, Validity};
use spacelift_mothership::fresh;
use spacelift_worker_core::pool::{PoolKey, PoolToken, TokenParts};

use crate::source::workspace;

/// The control plane, as long as this is there.
#[derive(Debug)]
pub struct SilentPool {
    _listener: TcpListener,
}

impl SilentPool {
    /// Starts it, and writes the pool's `token` and `key`, as their variables take them, into `folder`.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let now = fresh::now_ms();
        fs::create_dir(folder.join("ca")).expect("a folder");
        let authority = Authority::load_or_create(&folder.join("ca"), now).expect("an authority");
        let pem = fs::read_to_string(workspace().join("tests/vectors/keys/ok_pkcs8.pem")).expect("a key");
        let key = PoolKey::from_pem(&pem.as_str().into()).expect("a key");
        let pool = fresh::pool_id(now).expect("randomness");
        let request = key.csr("workers").expect("a request");
        let certificate = authority.pool(&request, pool, Validity::ten_years(now)).expect("a certificate");
        let address = listener.local_addr().expect("an address").to_string();
        let parts = TokenParts {
            broker_endpoint: address.parse().expect("an endpoint"),
            certificate_pem: certificate.pem,
            pool_id: pool,
            namespace: "spacelift".into(),
            ca_pem: Some(authority.certificate_pem().to_owned()),
            signing_key: None,
        };
        let token = PoolToken::new(parts).expect("a token").encode();
        fs::write(folder.join("token"), token.expose()).expect("a file");
        fs::write(folder.join("key"), STANDARD.encode(pem)).expect("a file");
        Self { _listener: listener }
    }
}
