//! The library itself: versions, features, names of statuses.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::boundary::Call;
use crate::status::{NAMES, slw_status};

/// The version of this ABI. What is added does not change it.
pub const SLW_ABI_VERSION: u32 = 1;
/// The library's version.
pub const SLW_VERSION_MAJOR: u32 = 0;
/// The library's version.
pub const SLW_VERSION_MINOR: u32 = 1;
/// The library's version.
pub const SLW_VERSION_PATCH: u32 = 0;
/// The library's version as one number: major << 16 | minor << 8 | patch.
pub const SLW_VERSION_NUMBER: u32 = 256;

/// Cargo's version has a NUL behind it here.
const VERSION: &[u8] = concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes();

const BUILD_INFO: &[u8] = concat!(
    "{\"version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\",\"target\":\"",
    env!("SLW_TARGET"),
    "\",\"profile\":\"",
    env!("SLW_PROFILE"),
    "\",\"rustc\":\"",
    env!("SLW_RUSTC"),
    "\",\"commit\":\"",
    env!("SLW_COMMIT"),
    "\",\"session\":",
    cfg!(feature = "session"),
    "}\0"
)
.as_bytes();

fn fixed(bytes: &'static [u8]) -> *const c_char {
    CStr::from_bytes_with_nul(bytes).map_or(ptr::null(), CStr::as_ptr)
}

/// The ABI of the library that is loaded: compare it with SLW_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn slw_abi_version() -> u32 {
    SLW_ABI_VERSION
}

/// The version of the library that is loaded, as SLW_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn slw_version_number() -> u32 {
    SLW_VERSION_NUMBER
}

/// The version of the library that is loaded, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn slw_version() -> *const c_char {
    fixed(VERSION)
}

/// How the library was built, as a JSON object: version, target, profile, rustc, commit, session.
#[unsafe(no_mangle)]
pub extern "C" fn slw_build_info() -> *const c_char {
    fixed(BUILD_INFO)
}

/// The parts of the library, and whether they are in this one.
const PARTS: &[(&str, bool)] = &[
    ("crypto", true),
    ("files", true),
    ("mask", true),
    ("policy", true),
    ("session", cfg!(feature = "session")),
];

/// Whether the library has a part: "crypto", "mask", "policy", "files", or "session" (configuration, preflight,
/// runtime, session and launcher).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_has_feature(name: *const c_char, name_len: usize) -> bool {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(false, |call| {
        let name = call.text(name, name_len, "name")?;
        Ok(PARTS.iter().any(|(part, is_in)| *part == name && *is_in))
    })
}

/// The name of a status, such as "SLW_ERR_UNSEAL"; "SLW_UNKNOWN" for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn slw_status_name(status: slw_status) -> *const c_char {
    let found = NAMES.iter().find(|(number, _)| *number == status);
    found.map_or(c"SLW_UNKNOWN", |(_, name)| name).as_ptr()
}
