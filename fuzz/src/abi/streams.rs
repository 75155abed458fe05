//! Streams of the header: bytes in by pieces, out by buffers of any size, with calls in between that are refused.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use std::iter::{Copied, Cycle};
use std::ptr;
use std::slice::Iter;

use spacelift_worker_ffi::*;

use super::call::{Answer, Fault, MARK, Owned, call};

type Update<H> = unsafe extern "C" fn(
    *mut H,
    *const u8,
    usize,
    *mut usize,
    *mut u8,
    usize,
    *mut usize,
    *mut *mut slw_error,
) -> slw_status;
type Finish<H> = unsafe extern "C" fn(*mut H, *mut u8, usize, *mut usize, *mut *mut slw_error) -> slw_status;
type Bound<H> = unsafe extern "C" fn(*const H, usize) -> usize;

/// What a type of streams has.
pub(super) type Functions<H> = (Update<H>, Finish<H>, Bound<H>);

/// A stream and the functions of its type.
pub(super) struct Stream<'c, H> {
    handle: Owned<H>,
    update: Update<H>,
    finish: Finish<H>,
    bound: Bound<H>,
    cuts: Cycle<Copied<Iter<'c, u8>>>,
    /// All that came out.
    pub(super) out: Vec<u8>,
}

impl<'c, H> Stream<'c, H> {
    pub(super) fn new(handle: Owned<H>, (update, finish, bound): Functions<H>, cuts: &'c [u8]) -> Self {
        Self { handle, update, finish, bound, cuts: cuts.iter().copied().cycle(), out: Vec::new() }
    }

    pub(super) fn handle(&self) -> *mut H {
        self.handle.raw
    }

    /// The room for the next call: by the cuts, and without any as much as it takes.
    fn room(&mut self, input: usize) -> usize {
        match self.cuts.next() {
            None | Some(255) => self.bound(input),
            Some(cut) if cut < 16 => usize::from(cut),
            Some(cut) => usize::from(cut) * usize::from(cut),
        }
    }

    fn bound(&self, input: usize) -> usize {
        // SAFETY: a handle of this type.
        unsafe { (self.bound)(self.handle.raw, input) }
    }

    /// Puts all of the input in, and keeps what comes out.
    pub(super) fn put(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        let mut stuck = 0;
        loop {
            self.refuse();
            // A buffer without a byte gets a stream no further.
            let room = if stuck > 3 { 1 } else { self.room(input.len()) };
            let enough = room >= self.bound(input.len());
            let (answer, consumed, written) = self.update_into(input, room)?;
            input = &input[consumed..];
            if answer == SLW_OK {
                assert!(input.is_empty(), "{} bytes were not taken", input.len());
                return Ok(());
            }
            assert_eq!(answer, SLW_MORE_OUTPUT);
            assert!(!enough, "the bound of the stream is too small");
            assert_eq!(written, room, "there was room");
            stuck = if consumed + written > 0 { 0 } else { stuck + 1 };
            assert!(stuck < 5, "no way forward");
        }
    }

    /// Ends the stream.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let mut empty = 0;
        loop {
            self.refuse();
            let room = if empty > 3 { 1 } else { self.room(0) };
            let enough = room >= self.bound(0);
            let mut out = vec![MARK; room];
            let mut written = usize::MAX;
            let place = if room == 0 { ptr::null_mut() } else { out.as_mut_ptr() };
            // SAFETY: the buffer has the length that is said, and the places are there.
            let answer =
                call(|error| unsafe { (self.finish)(self.handle.raw, place, room, &raw mut written, error) });
            let answer = self.look(answer, &out, 0, written)?;
            self.out.extend_from_slice(&out[..written]);
            if answer == SLW_OK {
                break;
            }
            assert_eq!(answer, SLW_MORE_OUTPUT);
            assert!(!enough, "the bound of the end is too small");
            assert_eq!(written, room, "there was room");
            empty = if written > 0 { 0 } else { empty + 1 };
        }
        // It has ended, and stays so.
        let update = self.update_into(b"more", 64).map_err(|fault| fault.status);
        assert_eq!(update, Err(SLW_ERR_STATE));
        let mut written = usize::MAX;
        // SAFETY: no buffer, and a place for a length.
        let again = call(|error| unsafe {
            (self.finish)(self.handle.raw, ptr::null_mut(), 0, &raw mut written, error)
        });
        assert!(
            written == 0 && matches!(again, Ok(SLW_OK) | Err(Fault { status: SLW_ERR_STATE, .. })),
            "{again:?}"
        );
        Ok(())
    }

    fn update_into(&mut self, input: &[u8], room: usize) -> Result<(slw_status, usize, usize), Fault> {
        let mut out = vec![MARK; room];
        let (mut consumed, mut written) = (usize::MAX, usize::MAX);
        let from = if input.is_empty() { ptr::null() } else { input.as_ptr() };
        let to = if room == 0 { ptr::null_mut() } else { out.as_mut_ptr() };
        // SAFETY: input and buffer have the lengths that are said, and the places are there.
        let answer = call(|error| unsafe {
            let (handle, consumed, written) = (self.handle.raw, &raw mut consumed, &raw mut written);
            (self.update)(handle, from, input.len(), consumed, to, room, written, error)
        });
        let answer = self.look(answer, &out, consumed, written)?;
        assert!(consumed <= input.len());
        self.out.extend_from_slice(&out[..written]);
        Ok((answer, consumed, written))
    }

    /// What holds for any call that may write.
    fn look(&self, answer: Answer, out: &[u8], consumed: usize, written: usize) -> Answer {
        assert!(written <= out.len(), "{written} of {}", out.len());
        if answer.is_err() {
            assert_eq!((consumed, written), (0, 0), "something came of a failed call");
            assert!(out.iter().all(|byte| [0, MARK].contains(byte)), "a failed call left something");
        }
        answer
    }

    /// After an error there is nothing but that error.
    pub(super) fn stays_failed(&mut self, fault: &Fault) {
        let given = self.out.len();
        for _ in 0..2 {
            assert_eq!(self.update_into(b"more", 64).as_ref(), Err(fault));
        }
        let mut written = usize::MAX;
        let mut out = [MARK; 64];
        // SAFETY: the buffer has the length that is said, and the places are there.
        let end = call(|error| unsafe {
            (self.finish)(self.handle.raw, out.as_mut_ptr(), out.len(), &raw mut written, error)
        });
        assert_eq!(self.look(end, &out, 0, written).as_ref(), Err(fault));
        assert_eq!(self.out.len(), given);
    }

    /// A call that cannot be meant is refused, and the stream does not notice.
    fn refuse(&mut self) {
        let Some(which) = self.cuts.next() else { return };
        let mut bytes = [MARK; 8];
        let (mut consumed, mut written) = (usize::MAX, usize::MAX);
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        let (handle, update, finish) = (self.handle.raw, self.update, self.finish);
        let (one, two) = (&raw mut consumed, &raw mut written);
        let (none, nothing) = (ptr::null(), ptr::null_mut());
        let input = b"input".as_ptr();
        // SAFETY: what is not null is there and has the length that is said, but for the lengths that no object can have,
        // which are refused before anything is looked at.
        let (status, answer) = unsafe {
            match which % 16 {
                0 => (
                    SLW_ERR_NULL,
                    call(|error| update(ptr::null_mut(), input, 5, one, start, len, two, error)),
                ),
                1 => (SLW_ERR_NULL, call(|error| update(handle, none, 5, one, start, len, two, error))),
                2 => (
                    SLW_ERR_NULL,
                    call(|error| update(handle, input, 5, ptr::null_mut(), start, len, two, error)),
                ),
                3 => (
                    SLW_ERR_NULL,
                    call(|error| update(handle, input, 5, one, start, len, ptr::null_mut(), error)),
                ),
                4 => (SLW_ERR_NULL, call(|error| update(handle, input, 5, one, nothing, len, two, error))),
                5 => (
                    SLW_ERR_INVALID_ARGUMENT,
                    call(|error| update(handle, start, len, one, start, len, two, error)),
                ),
                6 => (
                    SLW_ERR_INVALID_ARGUMENT,
                    call(|error| update(handle, start, 5, one, start.add(4), 4, two, error)),
                ),
                7 => (
                    SLW_ERR_INVALID_ARGUMENT,
                    call(|error| update(handle, input, usize::MAX, one, start, len, two, error)),
                ),
                8 => (
                    SLW_ERR_INVALID_ARGUMENT,
                    call(|error| update(handle, input, 5, one, start, usize::MAX, two, error)),
                ),
                9 => (SLW_ERR_NULL, call(|error| finish(ptr::null_mut(), start, len, two, error))),
                10 => (SLW_ERR_NULL, call(|error| finish(handle, start, len, ptr::null_mut(), error))),
                11 => (SLW_ERR_NULL, call(|error| finish(handle, nothing, len, two, error))),
                12 => (SLW_ERR_INVALID_ARGUMENT, call(|error| finish(handle, start, usize::MAX, two, error))),
                _ => return,
            }
        };
        assert_eq!(answer.map_err(|fault| fault.status), Err(status), "refusal {}", which % 16);
        assert_eq!(bytes, [MARK; 8], "refusal {}", which % 16);
    }
}
