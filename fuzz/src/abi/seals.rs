//! Sealing, opening and chunked encryption through the header, each against the core.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use spacelift_worker_core::envelope::{Context, UnsealError, inspect, unseal as core_unseal, workspace};
use spacelift_worker_core::envelope::{Sealer, Trust};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_ffi::*;

use super::super::cobblestone as core;
use super::super::cuts::{pieces, split_first_part};
use super::super::envelope::KEY;
use super::call::{Answer, Fault, Owned, call, made};
use super::streams::{Functions, Stream};

/// How the stream is cut, and a plaintext, which is opened as a ciphertext too.
pub(super) fn cobblestone(data: &[u8]) {
    let (cuts, text) = split_first_part(data);
    let plain = repeated(text, cuts);
    let (key, context) = (core::KEY, core::CONTEXT);
    let encryptor = made(slw_cobblestone_encryptor_free, |out, error| unsafe {
        // SAFETY: key and context are borrowed for the call, and the places are there.
        slw_cobblestone_encryptor_new(key.as_ptr(), key.len(), context.as_ptr(), context.len(), out, error)
    });
    let functions = (
        slw_cobblestone_encryptor_update as _,
        slw_cobblestone_encryptor_finish as _,
        slw_cobblestone_encryptor_bound as _,
    );
    let sealed = through(encryptor, functions, &plain, cuts);
    assert!(sealed.is_ok(), "{sealed:?}");
    let sealed = sealed.unwrap_or_default();
    assert_eq!(sealed.len() as u64, slw_cobblestone_sealed_len(plain.len() as u64));
    assert_eq!(slw_cobblestone_plain_len(sealed.len() as u64), plain.len() as u64);
    assert!(core::decrypt(&sealed, &[]).as_ref() == Ok(&plain), "the core opens it");
    let Ok(of_the_core) = core::encrypt(&plain, cuts) else { return };
    assert!(decrypted(&of_the_core, cuts).as_ref() == Ok(&plain), "what the core sealed is opened");
    let mut damaged = sealed;
    let at = number(cuts) % damaged.len();
    damaged[at] ^= 1;
    for bytes in [damaged.as_slice(), text] {
        let opened = decrypted(bytes, cuts).map_err(|fault| (fault.status, fault.message));
        assert_eq!(opened, core::decrypt(bytes, &[]).map_err(|error| (SLW_ERR_UNSEAL, error.to_string())));
    }
}

fn decrypted(sealed: &[u8], cuts: &[u8]) -> Result<Vec<u8>, Fault> {
    let (key, context) = (core::KEY, core::CONTEXT);
    let decryptor = made(slw_cobblestone_decryptor_free, |out, error| unsafe {
        // SAFETY: key and context are borrowed for the call, and the places are there.
        slw_cobblestone_decryptor_new(key.as_ptr(), key.len(), context.as_ptr(), context.len(), out, error)
    });
    let functions = (
        slw_cobblestone_decryptor_update as _,
        slw_cobblestone_decryptor_finish as _,
        slw_cobblestone_decryptor_bound as _,
    );
    through(decryptor, functions, sealed, cuts)
}

/// How the stream is cut, and its plaintext. Of the first cut, a bit each says: unsigned, the length is announced, and that it is
/// announced wrongly.
pub(super) fn seal(data: &[u8]) {
    let (cuts, text) = split_first_part(data);
    let plain = repeated(text, cuts);
    let Some(keys) = Keys::read() else { return };
    let switches = cuts.first().copied().unwrap_or_default();
    let (is_unsigned, is_announced, is_wrong) = (switches & 1 != 0, switches & 2 != 0, switches & 6 == 6);
    let announced = plain.len() as u64 + u64::from(is_wrong);
    let Ok(Some(options)) = made(slw_seal_options_free, |out, error| unsafe {
        // SAFETY: the places are there.
        slw_seal_options_new(out, error)
    }) else {
        return;
    };
    let raw = options.raw;
    // SAFETY: handles that live, texts that are borrowed for the call, and places; in this block.
    let said = unsafe {
        [
            call(|error| slw_seal_options_add_recipient(raw, keys.public.raw, error)),
            call(|error| {
                slw_seal_options_add_context(raw, c"purpose".as_ptr(), 7, c"workspace".as_ptr(), 9, error)
            }),
            match is_unsigned {
                true => call(|error| slw_seal_options_set_unsigned(raw, error)),
                false => call(|error| slw_seal_options_set_signer(raw, keys.private.raw, error)),
            },
            match is_announced {
                true => call(|error| slw_seal_options_set_plain_len(raw, announced, error)),
                false => Ok(SLW_OK),
            },
        ]
    };
    assert_eq!(said, [const { Answer::Ok(SLW_OK) }; 4]);
    let sealer = made(slw_sealer_free, |out, error| unsafe {
        // SAFETY: options that live, and places.
        slw_sealer_new(raw, out, error)
    });
    let functions = (slw_sealer_update as _, slw_sealer_finish as _, slw_sealer_bound as _);
    let sealed = through(sealer, functions, &plain, cuts);
    if is_wrong {
        let by_core = of_another_length(keys.core, !is_unsigned, &plain, announced);
        assert_eq!(
            sealed.map_err(|fault| (fault.status, fault.message)),
            by_core.map_err(|said| (SLW_ERR_SEAL, said))
        );
        return;
    }
    assert!(sealed.is_ok(), "{sealed:?}");
    let sealed = sealed.unwrap_or_default();
    let mut len = u64::MAX;
    // SAFETY: options that live, and places.
    let answer =
        call(|error| unsafe { slw_seal_options_sealed_len(raw, plain.len() as u64, &raw mut len, error) });
    assert_eq!((answer, len), (Ok(SLW_OK), sealed.len() as u64));
    let trust = if is_unsigned { Trust::Unsigned } else { Trust::SignedBy(vec![keys.core.public_key()]) };
    let opened = core_unseal(&[keys.core], &context(), &trust, &sealed).map(|plain| plain.expose().to_vec());
    assert!(opened.as_ref() == Ok(&plain), "the core opens it");
    same_when_opened(&keys, &sealed, cuts);
    let mut damaged = sealed;
    let at = number(cuts) % damaged.len();
    damaged[at] ^= 1 << (at % 8);
    same_when_opened(&keys, &damaged, cuts);
    same_when_opened(&keys, &damaged[..at], cuts);
}

/// What the core says of a plaintext that is not as long as it was announced.
fn of_another_length(
    key: &PoolKey,
    is_signed: bool,
    plain: &[u8],
    announced: u64,
) -> Result<Vec<u8>, String> {
    let signer = is_signed.then_some(key);
    let mut sealer = Sealer::new(&key.public_key(), &context(), signer, Some(announced))
        .map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    sealer.update(plain, &mut out).map_err(|error| error.to_string())?;
    sealer.finish(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

/// How the stream is cut, and a sealed file.
pub(super) fn unseal(data: &[u8]) {
    let (cuts, sealed) = split_first_part(data);
    if let Some(keys) = Keys::read() {
        same_when_opened(&keys, sealed, cuts);
    }
}

/// Opens a file with whatever context it names, under each kind of trust, and compares.
fn same_when_opened(keys: &Keys, sealed: &[u8], cuts: &[u8]) {
    let context = inspect(sealed).map(|header| header.context().clone()).unwrap_or_default();
    let public = keys.core.public_key();
    let expected = [
        in_one_piece(keys.core, &context, sealed),
        core_unseal(&[keys.core], &context, &Trust::SignedBy(vec![public]), sealed)
            .map(|plain| plain.expose().to_vec()),
        core_unseal(&[keys.core], &context, &Trust::Unsigned, sealed).map(|plain| plain.expose().to_vec()),
    ];
    for (trust, expected) in expected.into_iter().enumerate() {
        let opened =
            opened(keys, &context, trust, sealed, cuts).map_err(|fault| (fault.status, fault.message));
        assert_eq!(opened, expected.map_err(|error| (SLW_ERR_UNSEAL, error.to_string())), "trust {trust}");
    }
}

fn in_one_piece(key: &PoolKey, context: &Context, sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = workspace::unsealer(std::slice::from_ref(&key), context);
    let mut plain = Vec::new();
    unsealer.update(sealed, &mut plain)?;
    unsealer.finish(&mut plain).map(|()| plain)
}

fn opened(
    keys: &Keys,
    context: &Context,
    trust: usize,
    sealed: &[u8],
    cuts: &[u8],
) -> Result<Vec<u8>, Fault> {
    let Some(options) = made(slw_unseal_options_free, |out, error| unsafe {
        // SAFETY: the places are there.
        slw_unseal_options_new(out, error)
    })?
    else {
        return Ok(Vec::new());
    };
    let raw = options.raw;
    for (key, value) in context.iter() {
        // SAFETY: options that live, texts that are borrowed for the call, and a place.
        call(|error| unsafe {
            let (key, key_len) = (key.as_ptr().cast(), key.len());
            slw_unseal_options_add_context(raw, key, key_len, value.as_ptr().cast(), value.len(), error)
        })?;
    }
    // SAFETY: handles that live, and a place.
    call(|error| unsafe { slw_unseal_options_add_key(raw, keys.private.raw, error) })?;
    // SAFETY: likewise.
    call(|error| unsafe {
        match trust {
            0 => slw_unseal_options_set_signed_by_recipient(raw, error),
            1 => slw_unseal_options_add_signer(raw, keys.public.raw, error),
            _ => slw_unseal_options_set_unsigned(raw, error),
        }
    })?;
    let unsealer = made(slw_unsealer_free, |out, error| unsafe {
        // SAFETY: options that live, and places.
        slw_unsealer_new(raw, out, error)
    });
    // What was made with options outlives them.
    drop(options);
    through(
        unsealer,
        (slw_unsealer_update as _, slw_unsealer_finish as _, slw_unsealer_bound as _),
        sealed,
        cuts,
    )
}

/// All of `input` through a stream, cut up; after an error, that nothing else comes.
fn through<H>(
    handle: Result<Option<Owned<H>>, Fault>,
    functions: Functions<H>,
    input: &[u8],
    cuts: &[u8],
) -> Result<Vec<u8>, Fault> {
    let Some(handle) = handle? else { return Ok(Vec::new()) };
    let mut stream = Stream::new(handle, functions, cuts);
    let outcome =
        pieces(input, cuts).into_iter().try_for_each(|piece| stream.put(piece)).and_then(|()| stream.end());
    if let Err(fault) = &outcome {
        stream.stays_failed(fault);
    }
    outcome.map(|()| stream.out)
}

/// The key of the vectors, as handles and as the core has it.
struct Keys {
    core: &'static PoolKey,
    private: Owned<slw_private_key>,
    public: Owned<slw_public_key>,
}

impl Keys {
    fn read() -> Option<Self> {
        let core = KEY.as_ref();
        assert!(core.is_some(), "the vectors have a key");
        let core = core?;
        let pem = core.to_pem().ok()?;
        let pem = pem.expose().as_bytes();
        let private = made(slw_private_key_free, |out, error| unsafe {
            // SAFETY: the text is borrowed for the call, and the places are there.
            slw_private_key_parse(pem.as_ptr(), pem.len(), out, error)
        });
        let private = private.ok().flatten()?;
        let public = made(slw_public_key_free, |out, error| unsafe {
            // SAFETY: a handle that lives, and places.
            slw_private_key_public(private.raw, out, error)
        });
        Some(Self { core, public: public.ok().flatten()?, private })
    }
}

fn context() -> Context {
    Context::new([("purpose", "workspace")]).unwrap_or_default()
}

/// Longer than a chunk now and then, without a corpus of long files.
fn repeated(text: &[u8], cuts: &[u8]) -> Vec<u8> {
    let mut plain = text.repeat(1 + cuts.len() * cuts.len());
    // Enough for three chunks; a byte at a time, more would take seconds.
    plain.truncate(40_000);
    plain
}

fn number(cuts: &[u8]) -> usize {
    cuts.iter().fold(0_usize, |at, cut| at.wrapping_mul(256).wrapping_add(usize::from(*cut)))
}
