//! The digest by which messages name a sealed file. It proves nothing about who made the file.

use crate::crypto::Sha256;

/// SHA-256 over all bytes of a sealed file, which may come in pieces.
#[derive(Clone, Debug, Default)]
pub struct SealedDigest(Sha256);

impl SealedDigest {
    /// A digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the sealed bytes.
    pub fn update(&mut self, sealed: &[u8]) {
        self.0.update(sealed);
    }

    /// The digest of all pieces in order.
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}
