//! Masking secrets in streams.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use spacelift_worker_core::mask::{Forms, NotRegistered};

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{slw_error, slw_masker};
use crate::masking::MaskStream;
use crate::status::*;

/// The value without blanks around it.
pub const SLW_FORM_TRIMMED: u32 = 1;
/// The inside of a value that stands in quotes.
pub const SLW_FORM_UNQUOTED: u32 = 2;
/// Each line of 6 bytes or more of a value of several lines, and the lines joined in other ways.
pub const SLW_FORM_LINES: u32 = 4;
/// Base64 of anything that holds the value.
pub const SLW_FORM_BASE64: u32 = 8;
/// Percent-encoding.
pub const SLW_FORM_PERCENT: u32 = 16;
/// The inside of a JSON string.
pub const SLW_FORM_JSON: u32 = 32;
/// The inside of a string literal of Go.
pub const SLW_FORM_GO: u32 = 64;
/// The inside of a literal of Python.
pub const SLW_FORM_PYTHON: u32 = 128;
/// The inside of an HCL template.
pub const SLW_FORM_HCL: u32 = 256;
/// The inside of a shell word, however quoted.
pub const SLW_FORM_SHELL: u32 = 512;
/// The inside of an XML or HTML text or attribute.
pub const SLW_FORM_XML: u32 = 1024;
/// Two hex digits a byte.
pub const SLW_FORM_HEX: u32 = 2048;
/// UTF-16, the lower byte first.
pub const SLW_FORM_UTF16LE: u32 = 4096;
/// All of them, which is the default.
pub const SLW_FORMS_ALL: u32 = 8191;

fn forms(bits: u32) -> Result<Forms, Failure> {
    if bits & !SLW_FORMS_ALL != 0 {
        return Err(Failure::invalid("forms", "has a bit that is no form"));
    }
    let mut forms = Forms::none();
    forms.trimmed = bits & SLW_FORM_TRIMMED != 0;
    forms.unquoted = bits & SLW_FORM_UNQUOTED != 0;
    forms.lines = bits & SLW_FORM_LINES != 0;
    forms.base64 = bits & SLW_FORM_BASE64 != 0;
    forms.percent = bits & SLW_FORM_PERCENT != 0;
    forms.json = bits & SLW_FORM_JSON != 0;
    forms.go = bits & SLW_FORM_GO != 0;
    forms.python = bits & SLW_FORM_PYTHON != 0;
    forms.hcl = bits & SLW_FORM_HCL != 0;
    forms.shell = bits & SLW_FORM_SHELL != 0;
    forms.xml = bits & SLW_FORM_XML != 0;
    forms.hex = bits & SLW_FORM_HEX != 0;
    forms.utf16le = bits & SLW_FORM_UTF16LE != 0;
    Ok(forms)
}

/// A masker for one stream, with no secrets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_new(
    masker_out: *mut *mut slw_masker,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.out_handle(masker_out, "masker_out")?.set(MaskStream::default());
        Ok(SLW_OK)
    })
}

/// A masker for another stream under the same secrets: one that is added to either of them holds for both. Threads that mask
/// or add at the same time have one each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_sibling(
    handle: *mut slw_masker,
    masker_out: *mut *mut slw_masker,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let masker_out = call.out_handle(masker_out, "masker_out")?;
        masker_out.set(call.exclusive(handle)?.sibling()?);
        Ok(SLW_OK)
    })
}

/// In which spellings values are looked for: SLW_FORM_ bits; all by default. Before the first secret and byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_set_forms(
    handle: *mut slw_masker,
    forms: u32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_forms(self::forms(forms)?)?;
        Ok(SLW_OK)
    })
}

/// Whether control sequences, carriage returns and NUL inside of a value do not hide it; yes by default. Before the first
/// secret and byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_set_terminal(
    handle: *mut slw_masker,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_terminal(on)?;
        Ok(SLW_OK)
    })
}

/// Whether well-known secrets (keys and tokens of AWS, Azure, GitHub, Slack, JWTs, private keys) are masked unnamed; no by
/// default. Before the first secret and byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_set_well_known(
    handle: *mut slw_masker,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_well_known(on)?;
        Ok(SLW_OK)
    })
}

/// Whether ::add-mask lines in the stream add secrets; no by default. Before the first secret and byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_set_commands(
    handle: *mut slw_masker,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_commands(on)?;
        Ok(SLW_OK)
    })
}

/// Masks this value from now on, in what is held already too.
///
/// SLW_SECRET_BLANK, SLW_SECRET_TOO_SHORT and SLW_SECRET_COMMON_WORD say why a value is not masked. After SLW_ERR_MASK nothing
/// that may hold the value may be shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_add_secret(
    handle: *mut slw_masker,
    secret: *const u8,
    secret_len: usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let secret = call.bytes(secret, secret_len, "secret")?;
        match call.exclusive(handle)?.add(secret)? {
            Ok(()) => Ok(SLW_OK),
            Err(NotRegistered::Blank) => Ok(SLW_SECRET_BLANK),
            Err(NotRegistered::TooShort) => Ok(SLW_SECRET_TOO_SHORT),
            Err(NotRegistered::CommonWord) => Ok(SLW_SECRET_COMMON_WORD),
            Err(other) => Err(Failure::of(SLW_ERR_MASK, &other)),
        }
    })
}

/// Takes the next bytes of the stream and writes what is certain by now.
///
/// Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before that: call again with
/// what is left of the input and with room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_push(
    handle: *mut slw_masker,
    input: *const u8,
    input_len: usize,
    consumed_out: *mut usize,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.step((input, input_len, consumed_out), (out, out_capacity, written_out), |input, out| {
            call.exclusive(handle)?.push(input, out)
        })
    })
}

/// Writes what is certain and was not taken yet. A byte that may still become a part of a secret stays held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_flush(
    handle: *mut slw_masker,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }
        .run(|call| call.end((out, out_capacity, written_out), |out| call.exclusive(handle)?.push(&[], out)))
}

/// Ends the stream: writes what is held, with the beginning of a secret masked if it has 8 bytes or more. Call it until it
/// answers SLW_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_finish(
    handle: *mut slw_masker,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }
        .run(|call| call.end((out, out_capacity, written_out), |out| call.exclusive(handle)?.finish(out)))
}

/// The room with which a push of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_bound(handle: *const slw_masker, input_len: usize) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| call.exclusive(handle)?.bound(input_len))
}

/// How many bytes are held because they may still become a part of a secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_held(handle: *const slw_masker) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.held()))
}

/// What an ::add-mask line asked for and could not get, oldest first, for people; SLW_WOULD_BLOCK when there is none.
///
/// When the buffer is too small nothing is taken, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_take_notice(
    handle: *mut slw_masker,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let written_out = call.out(written_out, "written_out")?;
        let masker = call.exclusive(handle)?;
        let Some(notice) = masker.notice() else { return Ok(SLW_WOULD_BLOCK) };
        let status = call.give_bytes(notice.as_bytes(), (out, out_capacity), &written_out)?;
        if status == SLW_OK {
            masker.take_notice();
        }
        Ok(status)
    })
}

/// Frees a masker. What it still holds is lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_masker_free(handle: *mut slw_masker) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
