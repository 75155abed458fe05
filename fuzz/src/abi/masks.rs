//! Masking through the header: what comes out, the notices too, is what the core gives for the same stream in one piece.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use std::ptr;

use spacelift_worker_core::mask::{Forms, MaskSettings, NotRegistered, SecretSet, Secrets};
use spacelift_worker_ffi::*;

use super::super::cuts::{pieces, split_first_part};
use super::call::{bytes, call, made};
use super::streams::Stream;

/// How the stream is cut, three secrets, and the stream, each but the last behind its length.
///
/// Of the first cut, a bit each says: all forms, terminal mode, well-known shapes, commands, that the third secret comes later, and
/// that it comes by a sibling.
pub(super) fn masker(data: &[u8]) {
    let (cuts, mut rest) = split_first_part(data);
    let switches = cuts.first().copied().unwrap_or_default();
    let on = |bit: u8| switches >> bit & 1 == 1;
    let mut secrets: Vec<&[u8]> = Vec::new();
    for _ in 0..3 {
        let length = 1 + rest.first().map_or(0, |length| usize::from(*length));
        secrets.push(split_first_part(rest).0);
        rest = rest.get(length..).unwrap_or_default();
    }
    let (first, later) = secrets.split_at(if on(4) { 2 } else { 3 });
    let (before, after) = rest.split_at(rest.len() / 2);

    let mut settings = MaskSettings::default();
    settings.forms = if on(0) { Forms::default() } else { Forms::none() };
    (settings.terminal, settings.well_known) = (on(1), on(2));
    let Ok(core) = Secrets::new(SecretSet::with_settings(settings)) else { return };
    let mut of_the_core = if on(3) { core.masker_with_commands() } else { core.masker() };
    let (mut wanted, mut notices) = (Vec::new(), Vec::new());

    let handle = made(slw_masker_free, |out, error| unsafe {
        // SAFETY: the places are there.
        slw_masker_new(out, error)
    });
    let Ok(Some(handle)) = handle else { return };
    let functions = (slw_masker_push as _, slw_masker_finish as _, slw_masker_bound as _);
    let mut stream = Stream::new(handle, functions, cuts);
    let raw = stream.handle();
    // SAFETY: a handle that lives, and no place for an error; in this block.
    let said = unsafe {
        [
            slw_masker_set_forms(raw, if on(0) { SLW_FORMS_ALL } else { 0 }, ptr::null_mut()),
            slw_masker_set_terminal(raw, on(1), ptr::null_mut()),
            slw_masker_set_well_known(raw, on(2), ptr::null_mut()),
            slw_masker_set_commands(raw, on(3), ptr::null_mut()),
        ]
    };
    assert_eq!(said, [SLW_OK; 4]);
    let add = |secrets: &[&[u8]], to: *mut slw_masker| {
        for secret in secrets {
            // SAFETY: a handle that lives, bytes that are borrowed for the call, and a place.
            let answer =
                call(|error| unsafe { slw_masker_add_secret(to, secret.as_ptr(), secret.len(), error) });
            assert_eq!(answer.ok(), core.add(secret).ok().map(|added| added.map_or_else(why, |()| SLW_OK)));
        }
    };
    add(first, raw);
    for piece in pieces(before, cuts) {
        assert_eq!(stream.put(piece), Ok(()));
    }
    of_the_core.push(before, &mut wanted);
    notices.extend(of_the_core.take_notices());
    // SAFETY: a handle that lives.
    assert_eq!(unsafe { slw_masker_held(raw) }, of_the_core.held());
    let sibling = made(slw_masker_free, |out, error| unsafe {
        // SAFETY: a handle that lives, and places.
        slw_masker_sibling(raw, out, error)
    });
    let Ok(Some(sibling)) = sibling else { return };
    add(later, if on(5) { sibling.raw } else { raw });
    // What was begun is not set any more.
    // SAFETY: a handle that lives, and a place.
    let late = call(|error| unsafe { slw_masker_set_terminal(raw, on(1), error) });
    assert_eq!(late.map_err(|fault| fault.status), Err(SLW_ERR_STATE));
    for piece in pieces(after, cuts) {
        assert_eq!(stream.put(piece), Ok(()));
    }
    assert_eq!(stream.end(), Ok(()));
    of_the_core.push(after, &mut wanted);
    notices.extend(of_the_core.take_notices());
    notices.extend(of_the_core.finish(&mut wanted));
    assert_eq!(stream.out, wanted, "the core says otherwise");
    for notice in notices {
        let given = bytes(|out, capacity, len, error| unsafe {
            // SAFETY: a handle that lives, a buffer of this capacity or none, and places.
            slw_masker_take_notice(raw, out, capacity, len, error)
        });
        assert_eq!(given, Ok(notice.to_string().into_bytes()));
    }
    let mut len = 0;
    // SAFETY: a handle that lives, no buffer, and places.
    let none = call(|error| unsafe { slw_masker_take_notice(raw, ptr::null_mut(), 0, &raw mut len, error) });
    assert_eq!(none, Ok(SLW_WOULD_BLOCK));
}

fn why(refused: NotRegistered) -> slw_status {
    match refused {
        NotRegistered::Blank => SLW_SECRET_BLANK,
        NotRegistered::TooShort => SLW_SECRET_TOO_SHORT,
        NotRegistered::CommonWord => SLW_SECRET_COMMON_WORD,
        _ => SLW_ERR_MASK,
    }
}
