//! The statuses: what a call says of itself. A number is never used twice.

#![expect(non_camel_case_types, reason = "it is the header's name")]

/// How a call ended: 0 is success, a positive number is not an error, a negative one is. A number that a program does not
/// know is taken by its sign.
pub type slw_status = i32;

/// All went well.
pub const SLW_OK: slw_status = 0;
/// Nothing is there now, or no room: come again.
pub const SLW_WOULD_BLOCK: slw_status = 1;
/// The output buffer is full and there is more: call again with room.
pub const SLW_MORE_OUTPUT: slw_status = 2;
/// The session has ended, and its last event was taken.
pub const SLW_CLOSED: slw_status = 3;
/// Nothing came in the time that was given.
pub const SLW_TIMED_OUT: slw_status = 4;
/// The value is blank and is not masked.
pub const SLW_SECRET_BLANK: slw_status = 5;
/// The value is shorter than 4 bytes and is not masked.
pub const SLW_SECRET_TOO_SHORT: slw_status = 6;
/// The value is `true`, `false`, `null`, `none`, `yes` or `no` and is not masked.
pub const SLW_SECRET_COMMON_WORD: slw_status = 7;

/// An argument has no meaning here; buffers that overlap are such.
pub const SLW_ERR_INVALID_ARGUMENT: slw_status = -1;
/// A pointer that must not be NULL is.
pub const SLW_ERR_NULL: slw_status = -2;
/// The handle is of another type, or was freed.
pub const SLW_ERR_INVALID_HANDLE: slw_status = -3;
/// Another thread is in this handle, which takes one at a time.
pub const SLW_ERR_BUSY: slw_status = -4;
/// A call panicked in this handle before; free it.
pub const SLW_ERR_POISONED: slw_status = -5;
/// The library has a bug; the message says where to look. The handle is poisoned, the process is sound.
pub const SLW_ERR_PANIC: slw_status = -6;
/// The runtime's threads are in the parent of this process.
pub const SLW_ERR_FORKED: slw_status = -7;
/// A text is not UTF-8.
pub const SLW_ERR_NOT_UTF8: slw_status = -8;
/// The handle is not in a state for this: it was finished, or has begun.
pub const SLW_ERR_STATE: slw_status = -9;
/// The text is no worker pool token.
pub const SLW_ERR_TOKEN: slw_status = -10;
/// The key cannot be read, made or used.
pub const SLW_ERR_KEY: slw_status = -11;
/// Nothing can be sealed.
pub const SLW_ERR_SEAL: slw_status = -12;
/// The sealed bytes are not opened; details tell the fault as far as it is public.
pub const SLW_ERR_UNSEAL: slw_status = -13;
/// The context has no place in a header.
pub const SLW_ERR_CONTEXT: slw_status = -14;
/// The range does not lie within the plaintext.
pub const SLW_ERR_RANGE: slw_status = -15;
/// The secrets are too many or too long to search for.
pub const SLW_ERR_MASK: slw_status = -16;
/// The text is no run initialization policy; details list the problems with line and column.
pub const SLW_ERR_POLICY: slw_status = -17;
/// The policy could not be evaluated, so that the run is denied.
pub const SLW_ERR_POLICY_EVALUATION: slw_status = -18;
/// The configuration cannot be used; details list every problem.
pub const SLW_ERR_CONFIG: slw_status = -19;
/// The system refused: a file, a thread, memory.
pub const SLW_ERR_IO: slw_status = -20;
/// The session refused a command; details tell why.
pub const SLW_ERR_SESSION: slw_status = -21;
/// The text is no duration.
pub const SLW_ERR_DURATION: slw_status = -22;

/// Every status with its name.
pub(crate) const NAMES: &[(slw_status, &std::ffi::CStr)] = &[
    (SLW_OK, c"SLW_OK"),
    (SLW_WOULD_BLOCK, c"SLW_WOULD_BLOCK"),
    (SLW_MORE_OUTPUT, c"SLW_MORE_OUTPUT"),
    (SLW_CLOSED, c"SLW_CLOSED"),
    (SLW_TIMED_OUT, c"SLW_TIMED_OUT"),
    (SLW_SECRET_BLANK, c"SLW_SECRET_BLANK"),
    (SLW_SECRET_TOO_SHORT, c"SLW_SECRET_TOO_SHORT"),
    (SLW_SECRET_COMMON_WORD, c"SLW_SECRET_COMMON_WORD"),
    (SLW_ERR_INVALID_ARGUMENT, c"SLW_ERR_INVALID_ARGUMENT"),
    (SLW_ERR_NULL, c"SLW_ERR_NULL"),
    (SLW_ERR_INVALID_HANDLE, c"SLW_ERR_INVALID_HANDLE"),
    (SLW_ERR_BUSY, c"SLW_ERR_BUSY"),
    (SLW_ERR_POISONED, c"SLW_ERR_POISONED"),
    (SLW_ERR_PANIC, c"SLW_ERR_PANIC"),
    (SLW_ERR_FORKED, c"SLW_ERR_FORKED"),
    (SLW_ERR_NOT_UTF8, c"SLW_ERR_NOT_UTF8"),
    (SLW_ERR_STATE, c"SLW_ERR_STATE"),
    (SLW_ERR_TOKEN, c"SLW_ERR_TOKEN"),
    (SLW_ERR_KEY, c"SLW_ERR_KEY"),
    (SLW_ERR_SEAL, c"SLW_ERR_SEAL"),
    (SLW_ERR_UNSEAL, c"SLW_ERR_UNSEAL"),
    (SLW_ERR_CONTEXT, c"SLW_ERR_CONTEXT"),
    (SLW_ERR_RANGE, c"SLW_ERR_RANGE"),
    (SLW_ERR_MASK, c"SLW_ERR_MASK"),
    (SLW_ERR_POLICY, c"SLW_ERR_POLICY"),
    (SLW_ERR_POLICY_EVALUATION, c"SLW_ERR_POLICY_EVALUATION"),
    (SLW_ERR_CONFIG, c"SLW_ERR_CONFIG"),
    (SLW_ERR_IO, c"SLW_ERR_IO"),
    (SLW_ERR_SESSION, c"SLW_ERR_SESSION"),
    (SLW_ERR_DURATION, c"SLW_ERR_DURATION"),
];
