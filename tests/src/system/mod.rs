//! The whole system as processes on loopback: control plane, broker, launchers. Each ends with its handle.

mod dockerd;
mod folder;
mod haproxy;
mod launcher;
mod leftovers;
mod metadata;
mod mosquitto;
mod mothership;
mod plane;
mod process;
mod registry;
mod silent;
mod site;
mod store;
mod tls;
mod tunnel;

pub use dockerd::{BUSYBOX, Dockerd, DockerdOptions, archive};
pub use folder::{Folder, files_with};
pub use haproxy::Haproxy;
pub use launcher::{Launcher, LauncherSetup};
pub use leftovers::Traces;
pub use metadata::MetadataService;
pub use mosquitto::Mosquitto;
pub use mothership::{Mothership, Pool};
pub use plane::{Plane, SeenHello, Worker, write_journal};
pub use process::{Process, program, resident_kib};
pub use registry::Registry;
pub use silent::SilentPool;
pub use site::Site;
pub use store::{Answer, Asked, ScriptedStore};
pub use tls::tls_stream;
pub use tunnel::TunnelProxy;
pub(crate) use tunnel::{connect_port, request};

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer.
///
/// # Panics
/// After a minute, with what was awaited.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited a minute in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
