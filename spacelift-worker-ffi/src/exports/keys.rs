//! Private and public keys, and certificate requests.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use spacelift_worker_core::pool::{CsrError, PoolKey, PoolPublicKey};
use spacelift_worker_core::secret::{SecretBytes, SecretText};

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{PublicKey, slw_error, slw_private_key, slw_public_key};
use crate::status::{SLW_OK, slw_status};

/// Makes a pool's key: 2048, 3072, 4096 (what the documentation asks for) or 8192 bits. Takes seconds for long ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_generate(
    bits: u32,
    key_out: *mut *mut slw_private_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        key_out.set(Arc::new(PoolKey::generate(bits)?));
        Ok(SLW_OK)
    })
}

/// Reads an unencrypted RSA private key: PKCS#8 or PKCS#1, in PEM or in DER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_parse(
    pem_or_der: *const u8,
    pem_or_der_len: usize,
    key_out: *mut *mut slw_private_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        let bytes = call.bytes(pem_or_der, pem_or_der_len, "pem_or_der")?;
        // DER begins with the tag of a SEQUENCE, which is the digit 0 and begins no PEM text.
        let key = match std::str::from_utf8(bytes) {
            Ok(text) if bytes.first() != Some(&0x30) => PoolKey::from_pem(&SecretText::from(text))?,
            _ => PoolKey::from_der(&SecretBytes::new(bytes.to_vec()))?,
        };
        key_out.set(Arc::new(key));
        Ok(SLW_OK)
    })
}

/// The public half.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_public(
    handle: *const slw_private_key,
    key_out: *mut *mut slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        key_out.set(PublicKey::from(call.shared(handle)?.public_key()));
        Ok(SLW_OK)
    })
}

/// The key as PKCS#8 in PEM, into a buffer that the caller wipes.
///
/// When the buffer is too small nothing is written, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_to_pem(
    handle: *const slw_private_key,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let written_out = call.out(written_out, "written_out")?;
        let pem = call.shared(handle)?.to_pem()?;
        call.give_bytes(pem.expose().as_bytes(), (out, out_capacity), &written_out)
    })
}

/// A certificate request in PEM with the subject CN=common_name, to create a pool with.
///
/// When the buffer is too small nothing is written, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_csr(
    handle: *const slw_private_key,
    common_name: *const c_char,
    common_name_len: usize,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let written_out = call.out(written_out, "written_out")?;
        let name = call.text(common_name, common_name_len, "common_name")?;
        let request = call.shared(handle)?.csr(name).map_err(unfit_name)?;
        call.give_bytes(request.as_bytes(), (out, out_capacity), &written_out)
    })
}

fn unfit_name(error: CsrError) -> Failure {
    match error {
        CsrError::Crypto(error) => error.into(),
        _ => {
            Failure::invalid("common_name", "must have 1 to 64 characters, none of them a control character")
        }
    }
}

/// Frees a private key, which is wiped when nothing uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_private_key_free(handle: *mut slw_private_key) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Reads a public key: a SubjectPublicKeyInfo in PEM (PUBLIC KEY).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_public_key_parse(
    pem: *const c_char,
    pem_len: usize,
    key_out: *mut *mut slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        let key = PoolPublicKey::from_pem(call.text(pem, pem_len, "pem")?)?;
        key_out.set(PublicKey::from(key));
        Ok(SLW_OK)
    })
}

/// Takes the public key out of the first certificate of a PEM text. The certificate's own signature is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_public_key_from_certificate(
    pem: *const c_char,
    pem_len: usize,
    key_out: *mut *mut slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        let key = PoolPublicKey::from_certificate_pem(call.text(pem, pem_len, "pem")?)?;
        key_out.set(PublicKey::from(key));
        Ok(SLW_OK)
    })
}

/// The key's name: base64url, without padding, of SHA-256 over its SubjectPublicKeyInfo.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_public_key_kid(
    handle: *const slw_public_key,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.kid), len_out))
    })
}

/// The key as a SubjectPublicKeyInfo in PEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_public_key_pem(
    handle: *const slw_public_key,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.pem), len_out))
    })
}

/// Frees a public key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_public_key_free(handle: *mut slw_public_key) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
