//! The promise, point by point, against a brute-force reference.

use proptest::prelude::*;

use super::*;

/// Patterns of exactly these bytes, no other form.
fn raw(values: &[&[u8]]) -> SecretSet {
    let mut set = SecretSet::with_forms(Forms::none());
    for value in values {
        set.add(value).unwrap();
    }
    set
}

fn secrets(values: &[&str]) -> Secrets {
    Secrets::new(raw(&values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>())).unwrap()
}

fn masked(secrets: &Secrets, writes: &[&[u8]]) -> Vec<u8> {
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    for bytes in writes {
        masker.push(bytes, &mut out);
    }
    masker.finish(&mut out);
    out
}

/// The promise, spelled out: mark every byte of every occurrence, print each run of marked bytes as one mask.
///
/// `patterns` are pairs of a pattern and the number of bytes that were read when it was added.
fn reference(text: &[u8], patterns: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut marked = vec![false; text.len()];
    let mut let_go = 0;
    // From where on an occurrence of each pattern counts: what was let go when it was added is past.
    let mut from: Vec<Option<usize>> = vec![None; patterns.len()];
    for read in 0..=text.len() {
        let known = patterns.iter().zip(&from).filter_map(|((pattern, _), from)| Some((pattern, (*from)?)));
        for (pattern, from) in known {
            if read >= from + pattern.len() && text[..read].ends_with(pattern) {
                marked[read - pattern.len()..read].fill(true);
            }
        }
        let_go = let_go.max(read - open(&text[..read], patterns, &from));
        for (index, (pattern, _)) in patterns.iter().enumerate().filter(|(_, (_, added))| *added == read) {
            from[index] = Some(let_go);
            // What is held is read again.
            for end in let_go + pattern.len()..=read {
                if text[..end].ends_with(pattern) {
                    marked[end - pattern.len()..end].fill(true);
                }
            }
        }
    }
    let open = open(text, patterns, &from);
    if open >= 8 {
        marked[text.len() - open..].fill(true);
    }
    let mut out = Vec::new();
    for (index, byte) in text.iter().enumerate() {
        match (marked[index], index > 0 && marked[index - 1]) {
            (false, _) => out.push(*byte),
            (true, false) => out.extend_from_slice(MASK.as_bytes()),
            (true, true) => {}
        }
    }
    out
}

/// The longest suffix of what was read that is the beginning of a known pattern and not all of it.
fn open(read: &[u8], patterns: &[(Vec<u8>, usize)], from: &[Option<usize>]) -> usize {
    let known = patterns.iter().zip(from).filter_map(|((pattern, _), from)| Some((pattern, (*from)?)));
    let lengths = known.flat_map(|(pattern, from)| {
        (1..pattern.len()).filter(move |n| read.len() >= from + n && read.ends_with(&pattern[..*n]))
    });
    lengths.max().unwrap_or(0)
}

fn pattern() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab".as_slice()), 4..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_occurrence_goes_and_nothing_else_however_the_bytes_are_cut(
        patterns in prop::collection::vec(pattern(), 0..5),
        text in prop::collection::vec(prop::sample::select(b"aaaabbbbc".as_slice()), 0..60),
        cuts in prop::collection::vec(0usize..60, 0..8),
    ) {
        let set = raw(&patterns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let secrets = Secrets::new(set).unwrap();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let writes: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let wanted = reference(&text, &patterns.into_iter().map(|p| (p, 0)).collect::<Vec<_>>());
        prop_assert_eq!(masked(&secrets, &writes), wanted.clone());
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(masked(&secrets, &bytes), wanted);
    }

    #[test]
    fn a_secret_added_on_the_way_applies_to_all_bytes_not_yet_let_go(
        patterns in prop::collection::vec((pattern(), 0usize..60), 1..5),
        text in prop::collection::vec(prop::sample::select(b"aaaabbbbc".as_slice()), 0..60),
    ) {
        let secrets = Secrets::new(SecretSet::with_forms(Forms::none())).unwrap();
        let patterns: Vec<_> = patterns.into_iter().map(|(p, at)| (p, at.min(text.len()))).collect();
        let (mut masker, mut out) = (secrets.masker(), Vec::new());
        for read in 0..=text.len() {
            for (pattern, _) in patterns.iter().filter(|(_, added)| *added == read) {
                secrets.add(pattern).unwrap().unwrap();
            }
            if read < text.len() {
                masker.push(&text[read..=read], &mut out);
            }
        }
        masker.finish(&mut out);
        prop_assert_eq!(out, reference(&text, &patterns));
    }

    #[test]
    fn what_holds_no_secret_is_unchanged(text in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let secrets = secrets(&["\u{1f511}\u{1f512}\u{1f513}", "a secret that is not there"]);
        let cut = cut.min(text.len());
        prop_assert_eq!(masked(&secrets, &[&text[..cut], &text[cut..]]), text);
    }
}

#[test]
fn overlapping_secrets_leave_nothing_of_either() {
    let secrets = secrets(&["hunter2", "er2secret"]);
    assert_eq!(masked(&secrets, &[b"x hunter2secret y"]), b"x ***** y");
    assert_eq!(masked(&secrets, &[b"x hunter2 secret y"]), b"x ***** secret y");
}

#[test]
fn touching_secrets_become_one_mask_even_across_writes() {
    let secrets = secrets(&["hunter2", "swordfish"]);
    assert_eq!(masked(&secrets, &[b"<hunter2swordfishhunter2>"]), b"<*****>");
    assert_eq!(masked(&secrets, &[b"<hunter2", b"swordfish", b"hunter2", b">"]), b"<*****>");
    assert_eq!(masked(&secrets, &[b"<hunter2 hunter2>"]), b"<***** *****>");
}

#[test]
fn a_secret_inside_of_another_does_not_hide_it() {
    let secrets = secrets(&["abcdefghij", "cdef", "efgh"]);
    assert_eq!(masked(&secrets, &[b"-abcdefghij-"]), b"-*****-");
    assert_eq!(masked(&secrets, &[b"-abcdefghiX-"]), b"-ab*****iX-");
}

#[test]
fn a_mask_is_never_scanned_again() {
    let secrets = secrets(&["hunter2", "*****"]);
    assert_eq!(masked(&secrets, &[b"a hunter2 b ***** c"]), b"a ***** b ***** c");
    let secrets = self::secrets(&["hunter2", "x*****x"]);
    assert_eq!(masked(&secrets, &[b"xhunter2x"]), b"x*****x");
}

#[test]
fn only_what_may_become_a_secret_is_held_back_and_a_prompt_shows_at_once() {
    let secrets = secrets(&["hunter2", "hunter22"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"Enter a value: ", &mut out);
    assert_eq!(out, b"Enter a value: ");
    masker.push(b"hunt", &mut out);
    assert_eq!(out, b"Enter a value: ");
    masker.push(b"ing", &mut out);
    assert_eq!(out, b"Enter a value: hunting");
}

#[test]
fn a_complete_secret_shows_its_mask_at_once() {
    let secrets = secrets(&["hunter2", "er2secret"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"hunter2", &mut out);
    assert_eq!(out, b"*****");
    masker.push(b" ", &mut out);
    assert_eq!(out, b"***** ");
}

#[test]
fn the_end_masks_a_beginning_of_eight_bytes_and_prints_a_shorter_one() {
    let secrets = secrets(&["hunter2-and-more"]);
    assert_eq!(masked(&secrets, &[b"x hunter2-"]), b"x *****");
    assert_eq!(masked(&secrets, &[b"x hunter2"]), b"x hunter2");
    assert_eq!(masked(&secrets, &[]), b"");
}

#[test]
fn a_secret_added_from_another_thread_is_masked_in_what_is_held() {
    let secrets = secrets(&["hunter2-and-more"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"x hunter2-and", &mut out);
    let other = secrets.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || other.add(b"hunter2").unwrap().unwrap());
    });
    masker.push(b" done", &mut out);
    masker.finish(&mut out);
    assert_eq!(out, b"x *****-and done");
}

#[test]
fn a_late_secret_does_not_mask_the_gap_between_it_and_an_early_one() {
    let secrets = secrets(&["b-early", "aa late b-early and more"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"aa late b-early and", &mut out);
    assert_eq!(out, b"");
    secrets.add(b"late").unwrap().unwrap();
    masker.push(b".", &mut out);
    assert_eq!(out, b"aa ***** ***** and.");
}

#[test]
fn what_is_no_secret_is_not_registered_and_the_reason_comes_back() {
    let mut set = SecretSet::new();
    for (value, reason) in [
        ("", NotRegistered::Blank),
        (" \n\t", NotRegistered::Blank),
        ("abc", NotRegistered::TooShort),
        (" ab ", NotRegistered::TooShort),
        ("true", NotRegistered::CommonWord),
        ("False\n", NotRegistered::CommonWord),
        ("null", NotRegistered::CommonWord),
        ("none", NotRegistered::CommonWord),
        ("yes", NotRegistered::CommonWord),
        ("no", NotRegistered::CommonWord),
    ] {
        assert_eq!(set.add(value.as_bytes()), Err(reason), "{value:?}");
    }
    assert!(set.is_empty());
    assert_eq!(set.add(b"abcd"), Ok(()));
}

#[test]
fn every_form_is_masked_and_base64_even_in_a_longer_text() {
    let mut set = SecretSet::new();
    set.add("p@ss\"w<rd>\nline two".as_bytes()).unwrap();
    let secrets = Secrets::new(set).unwrap();
    for (text, wanted) in [
        ("p@ss\"w<rd>\r\nline two", "*****"),
        ("p@ss\"w<rd>, line two", "*****, *****"),
        (r#"p@ss\"w\u003crd\u003e\nline two"#, "*****"),
        ("p%40ss%22w%3Crd%3E%0Aline+two", "*****"),
        ("704073732277773C72643E0A6C696E652074776F", "704073732277773C72643E0A*****"),
        // base64 -w0 of "user:" and the value: the characters that the neighbours share stay.
        ("dXNlcjpwQHNzInc8cmQ+CmxpbmUgdHdv", "dXNlcjp*****"),
    ] {
        assert_eq!(secrets.mask_text(text), wanted);
    }
}

#[test]
fn a_text_of_its_own_is_masked_whole() {
    let secrets = secrets(&["hunter2", "swordfish-and-more"]);
    assert_eq!(secrets.mask_text("cannot log in with hunter2: refused"), "cannot log in with *****: refused");
    assert_eq!(secrets.mask_text("cut off: swordfis"), "cut off: *****");
    assert_eq!(secrets.mask_text("wörter ändern nichts"), "wörter ändern nichts");
    let half_a_character = Secrets::new(raw(&[b"\xb6-x-x"])).unwrap();
    assert_eq!(half_a_character.mask_text("Ö ö-x-x"), "Ö \u{fffd}*****");
}

#[test]
fn long_secrets_and_single_bytes_stay_linear() {
    // Counts no time: quadratic work on this input does not end while anybody waits.
    let secret = [vec![b'a'; 60_000], vec![b'b']].concat();
    let secrets = Secrets::new(raw(&[&secret])).unwrap();
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    for _ in 0..400_000 {
        masker.push(b"a", &mut out);
    }
    assert_eq!(out.len(), 340_000);
    masker.push(b"b", &mut out);
    masker.finish(&mut out);
    assert!(out.ends_with(b"a*****"));
}

#[test]
fn ten_thousand_secrets_are_fine() {
    let mut set = SecretSet::new();
    for number in 0..10_000 {
        set.add(format!("secret-{number:05}-value").as_bytes()).unwrap();
    }
    let secrets = Secrets::new(set).unwrap();
    assert_eq!(secrets.mask_text("a secret-04711-value b"), "a ***** b");
}

#[test]
fn a_value_of_lines_that_hold_each_other_costs_no_more_than_its_bytes() {
    // Lists of matches would take gigabytes here.
    let value: Vec<u8> = (0..300).flat_map(|n| std::iter::repeat_n(b'a', n).chain([b'\n'])).collect();
    let secrets = Secrets::new(raw(&[b"seed"])).unwrap();
    secrets.update(|set| *set = SecretSet::new()).unwrap();
    secrets.add(&value).unwrap().unwrap();
    let text = [vec![b'x'], vec![b'a'; 30_000], vec![b'x']].concat();
    assert_eq!(masked(&secrets, &[&text]), b"x*****x");
}

#[test]
fn too_many_secrets_are_an_error_and_the_set_stays_as_it_was() {
    let secrets = secrets(&["hunter2"]);
    let large = vec![b'x'; (64 << 20) + 1];
    assert_eq!(secrets.add(&large), Err(TooManySecrets));
    assert_eq!(secrets.mask_text("hunter2 xxxx"), "***** xxxx");
}

#[test]
fn debug_shows_nothing_of_the_secrets() {
    let secrets = secrets(&["hunter2"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"hunt", &mut out);
    let shown = format!("{secrets:?} {masker:?} {:?}", raw(&[b"hunter2"]));
    assert_eq!(shown, "Secrets { .. } Masker { held: 4, .. } SecretSet { len: 1, .. }");
}

#[test]
fn handles_and_maskers_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Secrets>();
    crosses::<Masker>();
    crosses::<SecretSet>();
}
