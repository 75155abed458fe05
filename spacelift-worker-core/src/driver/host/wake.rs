//! A descriptor that is readable while something waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that is readable while something waits: level-triggered. A host polls it and never reads from it.
#[derive(Debug)]
pub struct Wake {
    reader: OwnedFd,
    /// Absent where one descriptor serves for both.
    writer: Option<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Wake {
    /// One that is not readable.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self { reader: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, writer: None })
    }
}

#[cfg(not(target_os = "linux"))]
impl Wake {
    /// One that is not readable.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            rustix::io::ioctl_fionbio(end, true)?;
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        }
        Ok(Self { reader, writer: Some(writer) })
    }
}

impl Wake {
    /// Readable from now on. Each call may take a [`clear`](Self::clear) of its own.
    pub fn set(&self) {
        // Eight bytes are what an eventfd takes, and a pipe does not mind.
        let _ = rustix::io::write(self.writer.as_ref().unwrap_or(&self.reader), &1_u64.to_ne_bytes());
    }

    /// No longer readable.
    pub fn clear(&self) {
        let _ = rustix::io::read(&self.reader, &mut [0_u8; 8]);
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
