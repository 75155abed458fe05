//! Any calls on any handles, in any order: of the wrong type, freed, null, finished, failed. Each is told for what it is.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use std::ffi::c_void;
use std::ptr;

use spacelift_worker_ffi::*;

use super::call::{Answer, call};

/// More handles and errors in a row than the library keeps a freed one apart from a new one for would make this model wrong.
const MOST_CALLS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Masker,
    Encryptor,
    Decryptor,
    SealOptions,
    UnsealOptions,
}

const KINDS: [Kind; 5] =
    [Kind::Masker, Kind::Encryptor, Kind::Decryptor, Kind::SealOptions, Kind::UnsealOptions];

/// A pointer that the library gave once, and what it is now.
struct Given {
    raw: *mut c_void,
    kind: Kind,
    is_free: bool,
}

/// Two bytes a call: which one, and on which of the handles that there were.
pub(super) fn calls(data: &[u8]) {
    let mut given: Vec<Given> = Vec::new();
    for pair in data.chunks_exact(2).take(MOST_CALLS) {
        let (which, at) = (usize::from(pair[0]), usize::from(pair[1]));
        if which < 64 {
            given.extend(new(KINDS[which % KINDS.len()]));
            continue;
        }
        // One of them, or none.
        let chosen = at % (given.len() + 1);
        let handle = given.get(chosen).map_or(ptr::null_mut(), |given| given.raw);
        let kind = KINDS[which % KINDS.len()];
        if which < 96 {
            free(kind, handle);
            let freed = given.get_mut(chosen).filter(|given| given.kind == kind);
            freed.into_iter().for_each(|given| given.is_free = true);
            continue;
        }
        let answer = used(kind, which, handle).map_err(|fault| fault.status);
        match given.get(chosen) {
            None => assert_eq!(answer, Err(SLW_ERR_NULL), "{kind:?}"),
            Some(given) if given.is_free || given.kind != kind => {
                assert_eq!(answer, Err(SLW_ERR_INVALID_HANDLE), "{kind:?} on {:?}", given.kind);
            }
            Some(_) => {
                let misused = [SLW_ERR_NULL, SLW_ERR_INVALID_HANDLE, SLW_ERR_BUSY, SLW_ERR_POISONED];
                assert!(
                    answer.is_ok_and(|_| true) || answer.is_err_and(|status| !misused.contains(&status)),
                    "{answer:?}"
                );
            }
        }
    }
    for Given { raw, kind, .. } in given {
        // Those that are free already are left alone.
        free(kind, raw);
    }
}

fn new(kind: Kind) -> Option<Given> {
    let mut raw: *mut c_void = ptr::null_mut();
    let (place, key) = (&raw mut raw, [7_u8; 32]);
    // SAFETY: places for a handle of any type are alike, and the key is borrowed for the call.
    let answer = call(|error| unsafe {
        match kind {
            Kind::Masker => slw_masker_new(place.cast(), error),
            Kind::Encryptor => {
                slw_cobblestone_encryptor_new(key.as_ptr(), 32, ptr::null(), 0, place.cast(), error)
            }
            Kind::Decryptor => {
                slw_cobblestone_decryptor_new(key.as_ptr(), 32, ptr::null(), 0, place.cast(), error)
            }
            Kind::SealOptions => slw_seal_options_new(place.cast(), error),
            Kind::UnsealOptions => slw_unseal_options_new(place.cast(), error),
        }
    });
    assert_eq!((answer, raw.is_null()), (Ok(SLW_OK), false));
    Some(Given { raw, kind, is_free: false })
}

fn free(kind: Kind, raw: *mut c_void) {
    // SAFETY: null, or a pointer that the library gave at some time; of another type or freed, it is left alone.
    unsafe {
        match kind {
            Kind::Masker => slw_masker_free(raw.cast()),
            Kind::Encryptor => slw_cobblestone_encryptor_free(raw.cast()),
            Kind::Decryptor => slw_cobblestone_decryptor_free(raw.cast()),
            Kind::SealOptions => slw_seal_options_free(raw.cast()),
            Kind::UnsealOptions => slw_unseal_options_free(raw.cast()),
        }
    }
}

/// Uses it as a handle of this type; which of the type's functions is called, the number says.
fn used(kind: Kind, which: usize, raw: *mut c_void) -> Answer {
    let (mut out, input) = ([0_u8; 40], b"a text");
    let (mut consumed, mut written, mut made) = (0, 0, ptr::null_mut());
    let room = which % 41;
    let (to, one, two) = (out.as_mut_ptr(), &raw mut consumed, &raw mut written);
    let (from, len) = (input.as_ptr(), input.len());
    // SAFETY: null, or a pointer that the library gave at some time; buffers have the lengths that are said, and the places are there.
    let answer = call(|error| unsafe {
        match (kind, which % 3) {
            (Kind::Masker, 0) => slw_masker_push(raw.cast(), from, len, one, to, room, two, error),
            (Kind::Masker, 1) => slw_masker_add_secret(raw.cast(), from, len, error),
            (Kind::Masker, _) => slw_masker_finish(raw.cast(), to, room, two, error),
            (Kind::Encryptor, 0) => slw_cobblestone_encryptor_finish(raw.cast(), to, room, two, error),
            (Kind::Encryptor, _) => {
                slw_cobblestone_encryptor_update(raw.cast(), from, len, one, to, room, two, error)
            }
            (Kind::Decryptor, 0) => slw_cobblestone_decryptor_finish(raw.cast(), to, room, two, error),
            (Kind::Decryptor, _) => {
                slw_cobblestone_decryptor_update(raw.cast(), from, len, one, to, room, two, error)
            }
            (Kind::SealOptions, 0) => {
                slw_seal_options_add_context(raw.cast(), from.cast(), len, from.cast(), len, error)
            }
            (Kind::SealOptions, _) => slw_sealer_new(raw.cast(), &raw mut made, error),
            (Kind::UnsealOptions, 0) => slw_unseal_options_set_unsigned(raw.cast(), error),
            (Kind::UnsealOptions, _) => {
                slw_unseal_options_add_context(raw.cast(), from.cast(), len, from.cast(), len, error)
            }
        }
    });
    assert!(made.is_null(), "options that say nothing make nothing");
    assert!(consumed <= len && written <= room);
    answer
}
