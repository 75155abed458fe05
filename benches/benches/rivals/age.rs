//! The files of age, by its crate.

use std::io::{Read, Write};

/// The crate `age`, with one recipient of its own kind (X25519): the stream is the same for every kind.
pub(crate) struct Age(age::x25519::Identity);

impl Age {
    /// With a new identity.
    pub(crate) fn new() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Encrypts `plain` to the end of `out`.
    pub(crate) fn seal(&self, plain: &[u8], out: &mut Vec<u8>) {
        let recipient = self.0.to_public();
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
        let mut writer = encryptor.expect("a recipient").wrap_output(out).expect("a writer");
        writer.write_all(plain).expect("encrypted");
        writer.finish().expect("encrypted");
    }

    /// Decrypts what [`Age::seal`] made.
    pub(crate) fn open(&self, sealed: &[u8], out: &mut Vec<u8>) {
        let decryptor = age::Decryptor::new(sealed).expect("a file of age");
        let identity = std::iter::once(&self.0 as &dyn age::Identity);
        decryptor.decrypt(identity).expect("a reader").read_to_end(out).expect("decrypted");
    }
}
