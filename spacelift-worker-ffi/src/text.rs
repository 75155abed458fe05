//! Texts as C takes them: counted, and with a NUL behind them.

use std::ffi::c_char;

/// A text with a NUL behind it. A NUL inside of it is left as it is: the count tells the whole length.
#[derive(Clone)]
pub(crate) struct CText(Vec<u8>);

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
        let mut bytes = text.into().into_bytes();
        bytes.push(0);
        Self(bytes)
    }
}
