//! Whoever can write to storage and to the control plane's database still cannot make a worker open what is not its own.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::PathBuf;

use spacelift_worker_core::crypto::{hex, sha256};
use spacelift_worker_core::envelope::{Context, inspect, seal};
use spacelift_worker_core::pool::{PoolKey, PoolPublicKey};
use spacelift_worker_tests::system::{Launcher, LauncherSetup, Mothership, Pool, Site, files_with};

/// A run that waits for its confirmation, its sealed workspace within reach.
struct Waiting {
    mothership: Mothership,
    pool: Pool,
    site: Site,
    run: String,
    sealed: PathBuf,
    _worker: Launcher,
}

fn waiting() -> Waiting {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &[]);
    let worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let sealed = sealed_of(&mothership, &run);
    Waiting { mothership, pool, site, run, sealed, _worker: worker }
}

fn sealed_of(mothership: &Mothership, run: &str) -> PathBuf {
    let marker = format!("\"purpose\":\"workspace\",\"run\":\"{run}\"");
    files_with(&mothership.data(), marker.as_bytes()).pop().unwrap()
}

impl Waiting {
    /// Puts these bytes in the place of the sealed workspace, with length and digest in the database to match: what a
    /// control plane could do.
    fn replace(&self, bytes: &[u8]) {
        fs::write(&self.sealed, bytes).unwrap();
        self.mothership.forge_workspace_record(&self.run, bytes.len() as u64, &hex(&sha256(bytes)));
    }

    /// Confirms, and gives the reason of the failure. Nothing was applied.
    fn refused(self) -> String {
        self.mothership.text(&["run", "confirm", &self.run]);
        let shown = self.mothership.await_run(&self.run, "FAILED").to_string();
        assert_eq!(self.site.deployed(), None);
        shown
    }
}

#[test]
fn a_truncated_workspace_is_refused() {
    let waiting = waiting();
    let bytes = fs::read(&waiting.sealed).unwrap();
    waiting.replace(&bytes[..bytes.len() - 1]);
    let reason = waiting.refused();
    assert!(reason.contains("cannot be opened") || reason.contains("damaged"), "{reason}");
}

#[test]
fn a_workspace_cut_behind_the_control_planes_back_is_refused_by_its_length() {
    let waiting = waiting();
    let bytes = fs::read(&waiting.sealed).unwrap();
    fs::write(&waiting.sealed, &bytes[..bytes.len() - 1]).unwrap();
    let reason = waiting.refused();
    assert!(reason.contains("not the announced one") || reason.contains("the store"), "{reason}");
}

#[test]
fn the_workspace_of_another_run_is_refused() {
    let waiting = waiting();
    Site::create(&waiting.mothership, &waiting.pool, "other", &[]);
    let other = waiting.mothership.trigger(&["other"]);
    waiting.mothership.await_run(&other, "UNCONFIRMED");
    let bytes = fs::read(sealed_of(&waiting.mothership, &other)).unwrap();
    waiting.replace(&bytes);
    let reason = waiting.refused();
    assert!(reason.contains("sealed for something else"), "{reason}");
}

#[test]
fn a_workspace_forged_with_the_public_key_alone_is_refused() {
    let waiting = waiting();
    let header = inspect(&fs::read(&waiting.sealed).unwrap()).unwrap();
    let context = Context::new(header.context().iter().map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
    let pool = PoolKey::from_pem(&waiting.pool.key_pem.as_str().into()).unwrap();
    let public: PoolPublicKey = pool.public_key();
    let forger = PoolKey::generate(2048).unwrap();
    waiting.replace(&seal(&public, &context, Some(&forger), b"evil").unwrap());
    let reason = waiting.refused();
    assert!(reason.contains("sign"), "{reason}");
}

#[test]
fn an_unsigned_workspace_is_refused() {
    let waiting = waiting();
    let header = inspect(&fs::read(&waiting.sealed).unwrap()).unwrap();
    let context = Context::new(header.context().iter().map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
    let pool = PoolKey::from_pem(&waiting.pool.key_pem.as_str().into()).unwrap();
    waiting.replace(&seal(&pool.public_key(), &context, None, b"evil").unwrap());
    let reason = waiting.refused();
    assert!(reason.contains("sign"), "{reason}");
}
