//! Streams through a masker.

use spacelift_worker_core::mask::{Forms, MaskSettings, SecretSet, Secrets};

/// Settings under which values are looked for as they are.
pub(crate) fn raw() -> MaskSettings {
    let mut settings = MaskSettings::default();
    settings.forms = Forms::none();
    settings.terminal = false;
    settings
}

/// Secrets with these settings.
pub(crate) fn secrets(settings: MaskSettings, values: &[&[u8]]) -> Secrets {
    let mut set = SecretSet::with_settings(settings);
    values.iter().for_each(|value| set.add(value).unwrap());
    Secrets::new(set).unwrap()
}

/// What comes out when these parts are written one after the other.
pub(crate) fn masked(secrets: &Secrets, parts: &[&[u8]]) -> Vec<u8> {
    let (mut masker, mut out) = (secrets.masker_with_commands(), Vec::new());
    parts.iter().for_each(|part| masker.push(part, &mut out));
    masker.finish(&mut out);
    out
}

/// The same as text, with the text written whole, in two parts, and byte by byte: the cuts must not matter.
#[track_caller]
pub(crate) fn assert_masked(secrets: impl Fn() -> Secrets, text: &str, wanted: &str) {
    let masked = |parts: &[&[u8]]| String::from_utf8(masked(&secrets(), parts)).unwrap();
    let bytes = text.as_bytes();
    assert_eq!(masked(&[bytes]), wanted, "{text:?}");
    assert_eq!(masked(&bytes.chunks(1).collect::<Vec<_>>()), wanted, "{text:?} byte by byte");
    for cut in 0..bytes.len() {
        assert_eq!(masked(&[&bytes[..cut], &bytes[cut..]]), wanted, "{text:?} cut at {cut}");
    }
}
