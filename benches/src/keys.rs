//! The key and the context that benchmarks seal with. Measures nothing itself.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::path::Path;

use spacelift_worker_core::envelope::Context;
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;

/// The key of 2048 bits that the test vectors are sealed to.
pub fn pool_key() -> PoolKey {
    PoolKey::from_pem(&SecretText::new(pool_key_pem())).expect("a key")
}

/// The same in PEM (PKCS#8).
pub fn pool_key_pem() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/envelope/keys.json");
    let keys = std::fs::read_to_string(path).expect("the keys of the vectors");
    let keys: serde_json::Value = serde_json::from_str(&keys).expect("JSON");
    keys["pool"]["private"].as_str().expect("a key").to_owned()
}

/// The context of a workspace.
pub fn context() -> Context {
    let entries = [
        ("phase", "plan"),
        ("pool", "01BX5ZZKBKACTAV9WEVGEMMVRY"),
        ("purpose", "workspace"),
        ("run", "01BX5ZZKBKACTAV9WEVGEMMVRZ"),
        ("stack", "networking"),
        ("state_version", "3"),
    ];
    Context::new(entries).expect("a context")
}
