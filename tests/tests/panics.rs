//! A panic is a line of the launcher's log, masked like every other. Alone in its program: the hook is the process's.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use spacelift_worker_core::launcher::Launcher;
use spacelift_worker_tests::system::Mothership;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_one_masked_line() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let pairs = [
        ("SPACELIFT_TOKEN", pool.token.as_str()),
        ("SPACELIFT_POOL_PRIVATE_KEY", pool.key_pem.as_str()),
        ("SPACELIFT_MASK_ENVS", "PASSWORD"),
        ("PASSWORD", "say \"hunter2\""),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let launcher = Launcher::from_pairs(pairs).build().unwrap();
    let written = Written::default();
    launcher.log_panics(written.clone());
    let panicked = std::thread::spawn(|| panic!("they\n{}", "say \"hunter2\"")).join();
    let _ = std::panic::take_hook();
    assert!(panicked.is_err());
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["level"], &line["msg"]), (&"error".into(), &"panicked: they\n*****".into()));
    assert!(line["caller"].as_str().unwrap().starts_with("panics.rs:"), "{line}");
}
