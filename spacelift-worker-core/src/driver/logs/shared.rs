//! A writer whose bytes a test can look at while another one holds it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Clones write to the same bytes.
#[derive(Clone, Default)]
pub(super) struct Shared(pub(super) Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
