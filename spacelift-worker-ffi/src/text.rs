//! Texts as C takes them: counted, and with a NUL behind them.

use std::ffi::c_char;

use zeroize::Zeroizing;

/// A text with a NUL behind it. A NUL inside of it is left as it is: the count tells the whole length. Wiped
/// when it goes: the environment of a step is such a text, too.
#[derive(Clone)]
pub(crate) struct CText(Zeroizing<Vec<u8>>);

impl CText {
    /// Length in bytes, without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// Where it stands as long as this value is there.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

impl<T: Into<String>> From<T> for CText {
    fn from(text: T) -> Self {
        // Room for the NUL, so that growing leaves no copy behind.
        let text = Zeroizing::new(text.into());
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self(bytes)
    }
}
