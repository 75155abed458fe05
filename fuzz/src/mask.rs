//! Masking: what comes out is what the reference says, however the stream is cut.

pub mod reference;

use spacelift_worker_core::mask::{Forms, MaskSettings, SecretSet, Secrets};

use self::reference::Step;
use super::cuts::{pieces, split_first_part};

/// How the stream is cut, three secrets, and the stream, each but the last behind its length.
///
/// Of the first cut, a bit each says: all forms, terminal mode, well-known shapes, commands, and that the third secret comes later.
pub fn mask(data: &[u8]) {
    let (cuts, mut rest) = split_first_part(data);
    let switches = cuts.first().copied().unwrap_or(0);
    let on = |bit: u8| switches >> bit & 1 == 1;
    let mut settings = MaskSettings::default();
    settings.forms = if on(0) { Forms::default() } else { Forms::none() };
    (settings.terminal, settings.well_known) = (on(1), on(2));
    let mut secrets: Vec<&[u8]> = Vec::new();
    for _ in 0..3 {
        let length = 1 + rest.first().map_or(0, |length| usize::from(*length));
        secrets.push(split_first_part(rest).0);
        rest = rest.get(length..).unwrap_or_default();
    }
    secrets.retain(|secret| SecretSet::new().add(secret).is_ok());
    let later = secrets.get(2).copied().filter(|_| on(4) && !on(3));
    let first = &secrets[..secrets.len() - usize::from(later.is_some())];
    let middle = rest.len() / 2;

    let masked = |parts: &[&[u8]]| {
        let mut set = SecretSet::with_settings(settings);
        let registered = first.iter().all(|secret| set.add(secret).is_ok());
        let secrets = Secrets::new(set).ok().filter(|_| registered)?;
        let mut masker = if on(3) { secrets.masker_with_commands() } else { secrets.masker() };
        let (mut out, mut read) = (Vec::new(), 0);
        for part in parts {
            if let Some(later) = later.filter(|_| read == middle) {
                secrets.add(later).ok()?.ok()?;
            }
            masker.push(part, &mut out);
            read += part.len();
        }
        masker.finish(&mut out);
        Some(out)
    };
    // The third secret comes between two parts.
    let (before, after) = rest.split_at(middle);
    let cut = |cuts: &[u8]| [pieces(before, cuts), pieces(after, cuts)].concat();
    let Some(whole) = masked(&[before, after]) else { return };
    assert_eq!(masked(&cut(cuts)).as_deref(), Some(whole.as_slice()), "cuts matter");
    assert_eq!(masked(&cut(&vec![1; rest.len()])).as_deref(), Some(whole.as_slice()), "single bytes matter");

    if on(0) || on(2) {
        // The reference knows no forms and no shapes. A mask between two other bytes may spell a secret that has asterisks in it.
        let plain = |secret: &&&[u8]| !secret.contains(&b'*') && !on(3);
        for secret in first.iter().filter(plain).map(|secret| secret.trim_ascii()) {
            assert!(!whole.windows(secret.len()).any(|window| window == secret), "a secret came out");
        }
        return;
    }
    if rest.len() > 600 {
        // It takes quadratic time.
        return;
    }
    let secrets: Vec<Vec<u8>> = first.iter().map(|secret| secret.to_vec()).collect();
    let wanted = if on(3) {
        reference::masked_with_commands(settings.terminal, &secrets, rest)
    } else {
        let mut steps: Vec<Step> = secrets.into_iter().map(Step::Add).collect();
        steps.push(Step::Push(before.to_vec()));
        steps.extend(later.map(|later| Step::Add(later.to_vec())));
        steps.push(Step::Push(after.to_vec()));
        reference::masked(settings.terminal, &steps)
    };
    assert_eq!(whole, wanted, "not what the reference says");
}
