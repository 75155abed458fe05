//! Where produced bytes go: a vector, or a buffer of somebody else's with a vector for what does not fit.
//!
//! It never knows what the bytes are. What is taken back is wiped.

use zeroize::{Zeroize, Zeroizing};

/// Takes bytes, one behind the other.
pub trait Output {
    /// Room for so many more bytes, in one piece. What stands there now is of no meaning; whoever asks fills all of it.
    fn room(&mut self, len: usize) -> &mut [u8];

    /// Takes back what the last call of [`room`](Self::room) gave, and wipes it.
    fn take_back(&mut self, len: usize);

    /// Adds these bytes.
    fn push_all(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }
}

impl Output for Vec<u8> {
    fn room(&mut self, len: usize) -> &mut [u8] {
        let start = self.len();
        self.resize(start + len, 0);
        self.get_mut(start..).unwrap_or_default()
    }

    fn take_back(&mut self, len: usize) {
        let start = self.len().saturating_sub(len);
        self.get_mut(start..).unwrap_or_default().zeroize();
        self.truncate(start);
    }

    fn push_all(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Output for Zeroizing<Vec<u8>> {
    fn room(&mut self, len: usize) -> &mut [u8] {
        (**self).room(len)
    }

    fn take_back(&mut self, len: usize) {
        (**self).take_back(len);
    }
}

/// A buffer that is filled from its front, and a vector for what does not fit.
#[derive(Debug)]
pub struct Spilling<'b> {
    buffer: &'b mut [u8],
    len: usize,
    rest: &'b mut Vec<u8>,
}

impl<'b> Spilling<'b> {
    /// An empty `rest` is what it is made for: once something stands there, everything goes there.
    pub fn new(buffer: &'b mut [u8], rest: &'b mut Vec<u8>) -> Self {
        Self { buffer, len: 0, rest }
    }

    /// How many bytes stand in the buffer. What stands in the vector follows them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing stands in the buffer.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn fits(&self, len: usize) -> bool {
        self.rest.is_empty() && self.buffer.len() - self.len >= len
    }
}

impl Output for Spilling<'_> {
    fn room(&mut self, len: usize) -> &mut [u8] {
        if !self.fits(len) {
            return self.rest.room(len);
        }
        let start = self.len;
        self.len += len;
        self.buffer.get_mut(start..self.len).unwrap_or_default()
    }

    fn take_back(&mut self, len: usize) {
        if !self.rest.is_empty() {
            return self.rest.take_back(len);
        }
        let start = self.len.saturating_sub(len);
        self.buffer.get_mut(start..self.len).unwrap_or_default().zeroize();
        self.len = start;
    }

    fn push_all(&mut self, bytes: &[u8]) {
        // Unlike a chunk, these may be cut anywhere.
        let free = if self.rest.is_empty() { self.buffer.len() - self.len } else { 0 };
        let (fits, more) = bytes.split_at(free.min(bytes.len()));
        if let Some(place) = self.buffer.get_mut(self.len..self.len + fits.len()) {
            place.copy_from_slice(fits);
            self.len += fits.len();
        }
        self.rest.extend_from_slice(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_follows_in_the_vector() {
        let (mut buffer, mut rest) = ([0; 5], Vec::new());
        let mut out = Spilling::new(&mut buffer, &mut rest);
        out.push_all(b"abc");
        out.room(3).copy_from_slice(b"def");
        out.push_all(b"g");
        assert_eq!(out.len(), 3);
        assert_eq!((&buffer[..3], &rest[..]), (&b"abc"[..], &b"defg"[..]));

        let (mut buffer, mut rest) = ([0; 5], Vec::new());
        let mut out = Spilling::new(&mut buffer, &mut rest);
        out.push_all(b"abcdefg");
        assert_eq!(out.len(), 5);
        assert_eq!((&buffer, &rest[..]), (b"abcde", &b"fg"[..]));
    }

    #[test]
    fn what_is_taken_back_is_wiped() {
        let (mut buffer, mut rest) = ([0; 8], Vec::new());
        let mut out = Spilling::new(&mut buffer, &mut rest);
        out.push_all(b"ab");
        out.room(3).copy_from_slice(b"cde");
        out.take_back(3);
        assert_eq!(out.len(), 2);
        out.room(9).copy_from_slice(b"123456789");
        out.take_back(9);
        out.push_all(b"z");
        assert_eq!(out.len(), 3);
        assert_eq!((&buffer[..], rest.len()), (&b"abz\0\0\0\0\0"[..], 0));
    }
}
