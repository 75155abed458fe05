//! The eleven points of the promise, by their numbers in `docs/masking.md`.

use spacelift_worker_core::mask::{
    Forms, MASK, MaskSettings, Masker, NotRegistered, Notice, SecretSet, Secrets, TooManySecrets,
};

use crate::streams::{assert_masked, masked, raw, secrets};

fn of(values: &[&str]) -> Secrets {
    secrets(raw(), &values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>())
}

/// With the default settings.
fn in_all_forms(values: &[&str]) -> Secrets {
    secrets(MaskSettings::default(), &values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>())
}

fn text(secrets: &Secrets, text: &str) -> String {
    String::from_utf8(masked(secrets, &[text.as_bytes()])).unwrap()
}

#[test]
fn point_1_the_output_depends_on_the_bytes_and_the_secrets_and_not_on_the_cuts() {
    let secrets = || in_all_forms(&["hunter2", "er2secret", "line one\nline two"]);
    assert_masked(secrets, "a hunter2secret b\nline one\r\nline two\nhunt", "a ***** b\n*****\nhunt");
    assert_masked(secrets, "\x1b[1mhun\x1b[0mter2\x1b[m", "\x1b[1m*****\x1b[m");
}

#[test]
fn point_1_state_is_per_stream() {
    let secrets = of(&["hunter2"]);
    let (mut one, mut other) = (secrets.masker(), secrets.masker());
    let (mut out, mut other_out) = (Vec::new(), Vec::new());
    one.push(b"hunt", &mut out);
    other.push(b"er2", &mut other_out);
    one.push(b"er2", &mut out);
    one.finish(&mut out);
    other.finish(&mut other_out);
    assert_eq!((out, other_out), (b"*****".to_vec(), b"er2".to_vec()));
}

#[test]
fn point_2_overlapping_secrets_leave_nothing_of_either() {
    let secrets = of(&["hunter2", "er2secret"]);
    assert_eq!(text(&secrets, "x hunter2secret y"), "x ***** y");
    assert_eq!(text(&secrets, "x hunter2 secret y"), "x ***** secret y");
}

#[test]
fn point_2_touching_secrets_become_one_mask() {
    let secrets = || of(&["hunter2", "swordfish"]);
    assert_masked(secrets, "<hunter2swordfishhunter2>", "<*****>");
    assert_masked(secrets, "<hunter2 hunter2>", "<***** *****>");
}

#[test]
fn point_2_a_secret_inside_of_another_does_not_hide_it() {
    let secrets = || of(&["abcdefghij", "cdef", "efgh"]);
    assert_masked(secrets, "-abcdefghij-", "-*****-");
    assert_masked(secrets, "-abcdefghiX-", "-ab*****iX-");
}

#[test]
fn point_2_a_mask_has_no_length_and_is_never_scanned_again() {
    assert_eq!(MASK, "*****");
    assert_masked(|| of(&["hunter2", "*****"]), "a hunter2 b ***** c", "a ***** b ***** c");
    assert_masked(|| of(&["hunter2", "x*****x"]), "xhunter2x", "x*****x");
    assert_masked(
        || of(&["four", &"long".repeat(1000)]),
        &format!("four {}", "long".repeat(1000)),
        "***** *****",
    );
}

#[test]
fn point_3_only_what_may_become_a_secret_is_held_and_a_prompt_shows_at_once() {
    let secrets = of(&["hunter2", "hunter22"]);
    let (mut masker, mut out) = (secrets.masker_with_commands(), Vec::new());
    masker.push(b"Enter a value: ", &mut out);
    assert_eq!(out, b"Enter a value: ");
    masker.push(b"hunt", &mut out);
    assert_eq!(out, b"Enter a value: ");
    masker.push(b"ing", &mut out);
    assert_eq!(out, b"Enter a value: hunting");
    // The longer one may still come; what is complete shows at once.
    masker.push(b" hunter2", &mut out);
    assert_eq!(out, b"Enter a value: hunting ");
    masker.push(b"2", &mut out);
    assert_eq!(out, b"Enter a value: hunting *****");
}

#[test]
fn point_3_the_end_masks_a_beginning_of_eight_bytes_and_prints_a_shorter_one() {
    let secrets = || of(&["hunter2-and-more"]);
    assert_masked(secrets, "x hunter2-", "x *****");
    assert_masked(secrets, "x hunter2", "x hunter2");
    assert_masked(secrets, "", "");
    let secrets = || in_all_forms(&["hunter2-and-more"]);
    assert_masked(secrets, "x hunt\x1b[mer2-\x1b[m", "x *****\x1b[m");
}

#[test]
fn point_4_every_form_is_masked() {
    let secrets = || in_all_forms(&["p@ss\"w<rd>\nline two"]);
    for (text, wanted) in [
        ("p@ss\"w<rd>\r\nline two", "*****"),
        ("p@ss\"w<rd>, line two", "*****, *****"),
        ("p@ss\"w<rd> line two", "*****"),
        (r#"p@ss\"w\u003crd\u003e\nline two"#, "*****"),
        ("p%40ss%22w%3Crd%3E%0Aline+two", "*****"),
        ("p@ss&quot;w&lt;rd&gt;", "*****"),
        ("704073732277773C72643E0A6C696E652074776F", "704073732277773C72643E0A*****"),
        // base64 of "user:" and the value: the characters that the neighbours share stay.
        ("dXNlcjpwQHNzInc8cmQ+CmxpbmUgdHdv", "dXNlcjp*****"),
    ] {
        assert_masked(secrets, text, wanted);
    }
}

#[test]
fn point_4_forms_are_switchable() {
    let mut settings = MaskSettings::default();
    settings.forms.hex = false;
    let secrets = secrets(settings, &[b"hunter2"]);
    assert_eq!(text(&secrets, "hunter2 68756e74657232 aHVudGVyMg=="), "***** 68756e74657232 *****g==");
}

#[test]
fn point_5_control_sequences_carriage_returns_and_nul_do_not_hide_a_value() {
    let secrets = || in_all_forms(&["hunter2", "first line\nsecond line"]);
    for (text, wanted) in [
        ("a hun\x1b[31mter2 b", "a ***** b"),
        ("\x1b[31mhunter2\x1b[0m", "\x1b[31m*****\x1b[0m"),
        ("hun\x1b]0;a title\x07te\x1b]8;;https://x\x1b\\r2", "*****"),
        ("hunt\rer2\r\n", "*****\r\n"),
        ("h\0u\0n\0t\0e\0r\x002\0\0", "*****\0"),
        ("first line\r\r\n\x1b[0msecond line", "*****"),
        // In a title, and a part of a sequence
        ("\x1b]0;hunter2\x07", "\x1b]0;*****\x07"),
        // Apart in what is shown, and a value as it is
        ("hun\nter2 \x1bhunter2", "hun\nter2 \x1b*****"),
    ] {
        assert_masked(secrets, text, wanted);
    }
}

#[test]
fn point_5_a_value_with_sequences_of_its_own_is_found_with_and_without_them() {
    let secrets = || in_all_forms(&["\x1b[1mhun\rter2\x1b[0m"]);
    assert_masked(secrets, "a \x1b[1mhun\rter2\x1b[0m b", "a ***** b");
    assert_masked(secrets, "a hunter2 b", "a ***** b");
}

#[test]
fn point_5_touching_values_with_a_sequence_between_them_keep_it() {
    let secrets = || in_all_forms(&["hunter2", "swordfish"]);
    assert_masked(secrets, "hunter2\x1b[0mswordfish", "*****\x1b[0m*****");
}

#[test]
fn point_5_terminal_mode_can_be_switched_off() {
    let mut settings = MaskSettings::default();
    settings.terminal = false;
    let secrets = secrets(settings, &[b"hunter2"]);
    assert_eq!(text(&secrets, "hun\x1b[mter2 hunter2"), "hun\x1b[mter2 *****");
}

#[test]
fn point_6_a_secret_added_from_another_thread_is_masked_in_what_is_held() {
    let secrets = of(&["hunter2-and-more"]);
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
fn point_6_a_late_secret_does_not_mask_the_gap_between_it_and_an_early_one() {
    let secrets = of(&["b-early", "aa late b-early and more"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"aa late b-early and", &mut out);
    assert_eq!(out, b"");
    secrets.add(b"late").unwrap().unwrap();
    masker.push(b".", &mut out);
    assert_eq!(out, b"aa ***** ***** and.");
}

#[test]
fn point_6_a_command_is_swallowed_and_its_words_are_masked_from_there_on() {
    let secrets = || of(&[]);
    for (text, wanted) in [
        ("hunter2\n::add-mask hunter2\nhunter2\n", "hunter2\n*****\n"),
        ("::add-mask hunter2  swordfish\r\nhunter2, swordfish\n", "*****, *****\n"),
        ("half a line ::add-mask hunter2\nhunter2\n", "half a line \n*****\n"),
        ("::add-mask hunter2 ::add-mask swordfish\nhunter2 swordfish", "***** *****"),
        ("a: b:: c::add-masks d\n", "a: b:: c::add-masks d\n"),
        ("$ echo \"::add-mask $TOKEN\"\n", "$ echo \"::add-mask $TOKEN\"\n"),
        ("::add-mask hunter2", ""),
    ] {
        assert_masked(secrets, text, wanted);
    }
}

#[test]
fn point_6_a_command_applies_to_all_streams_of_the_set_and_to_what_is_held() {
    let secrets = of(&["hunter2-and-more"]);
    let (mut one, mut other) = (secrets.masker_with_commands(), secrets.masker());
    let (mut out, mut other_out) = (Vec::new(), Vec::new());
    other.push(b"hunter2-", &mut other_out);
    one.push(b"hunter2::add-mask hunter2\n", &mut out);
    other.push(b"or-less", &mut other_out);
    assert_eq!((out, other_out), (b"*****\n".to_vec(), b"*****-or-less".to_vec()));
}

#[test]
fn point_6_a_value_that_a_swallowed_line_takes_apart_is_masked() {
    assert_masked(|| of(&["one\ntwo"]), "a one\n::add-mask other\ntwo b", "a ***** b");
}

#[test]
fn point_7_what_is_no_secret_is_not_registered_and_the_reason_comes_back() {
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
    assert_eq!(of(&[]).add(b"abc"), Ok(Err(NotRegistered::TooShort)));
}

#[test]
fn point_7_a_command_says_why_a_word_of_it_is_not_masked() {
    let (mut masker, mut out) = (of(&[]).masker_with_commands(), Vec::new());
    masker.push(b"::add-mask abc hunter2 true\nabc hunter2 true", &mut out);
    let told: Vec<String> = masker.take_notices().iter().map(Notice::to_string).collect();
    assert_eq!(
        told,
        [
            "a word of `::add-mask` is shorter than 4 bytes and not masked",
            "a word of `::add-mask` is a common word and not masked"
        ]
    );
    assert_eq!(masker.take_notices(), []);
    assert_eq!(out, b"abc ***** true");
}

#[test]
fn point_8_well_known_secrets_are_masked_unnamed_when_switched_on() {
    let key = ["AK", "IA", "NOTAREALKEY12345"].concat();
    let mut settings = MaskSettings::default();
    assert!(!settings.well_known);
    assert_eq!(text(&secrets(settings, &[]), &key), key);
    settings.well_known = true;
    let secrets = secrets(settings, &[b"hunter2"]);
    assert_eq!(text(&secrets, &format!("key {key} and hunter2")), "key ***** and *****");
}

#[test]
fn point_8_a_shape_without_a_bound_is_masked_at_its_opening() {
    let mut settings = MaskSettings::default();
    settings.well_known = true;
    let (mut masker, mut out) = (secrets(settings, &[]).masker(), Vec::new());
    masker.push(["key: -----BEGIN ", "PRIVATE KEY-----\n"].concat().as_bytes(), &mut out);
    assert_eq!(out, b"key: *****");
    (0..2_000).for_each(|_| masker.push(b"not a real key, but a line of 48 bytes or so: ...\n", &mut out));
    assert!(out.starts_with(b"key: *****") && out.len() > 30_000 && out.len() < 40_000, "{}", out.len());
}

#[test]
fn point_9_long_secrets_and_single_bytes_stay_linear() {
    // Counts no time: quadratic work on this input does not end while anybody waits.
    let secret = [vec![b'a'; 60_000], vec![b'b']].concat();
    let (mut masker, mut out) = (secrets(raw(), &[&secret]).masker(), Vec::new());
    for _ in 0..400_000 {
        masker.push(b"a", &mut out);
    }
    assert_eq!(out.len(), 340_000);
    masker.push(b"b", &mut out);
    masker.finish(&mut out);
    assert!(out.ends_with(b"a*****"));
}

#[test]
fn point_9_ten_thousand_secrets_are_fine_together_and_one_after_the_other() {
    let values: Vec<String> = (0..10_000).map(|number| format!("secret-{number:05}-value")).collect();
    let together = of(&values.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(text(&together, "a secret-04711-value b"), "a ***** b");
    let later = of(&[]);
    let (mut masker, mut out) = (later.masker_with_commands(), Vec::new());
    for value in &values {
        masker.push(format!("::add-mask {value}\n").as_bytes(), &mut out);
    }
    masker.push(b"a secret-00815-value b", &mut out);
    assert_eq!(out, b"a ***** b");
}

#[test]
fn point_9_a_value_of_lines_that_hold_each_other_costs_no_more_than_its_bytes() {
    // Lists of matches would take gigabytes here.
    let value: Vec<u8> = (0..300).flat_map(|n| std::iter::repeat_n(b'a', n).chain([b'\n'])).collect();
    let mut settings = raw();
    settings.forms.lines = true;
    let text = [vec![b'x'], vec![b'a'; 30_000], vec![b'x']].concat();
    assert_eq!(masked(&secrets(settings, &[&value]), &[&text]), b"x*****x");
}

#[test]
fn point_9_too_many_secrets_are_an_error_and_the_set_stays_as_it_was() {
    let secrets = of(&["hunter2"]);
    let large = vec![b'x'; (64 << 20) + 1];
    assert_eq!(secrets.add(&large), Err(TooManySecrets));
    assert_eq!(secrets.mask_text("hunter2 xxxx"), "***** xxxx");
}

#[test]
fn point_9_a_command_with_too_many_words_hides_all_that_follows_and_says_so() {
    let (mut masker, mut out) = (of(&[]).masker_with_commands(), Vec::new());
    masker.push(b"before ::add-mask ", &mut out);
    for _ in 0..20 {
        masker.push(&[b'x'; 64 << 10], &mut out);
    }
    masker.push(b"\nafter", &mut out);
    let told = masker.take_notices();
    assert_eq!(told, [Notice::Closed(TooManySecrets)]);
    assert!(told[0].to_string().ends_with("nothing more of this output is shown"));
    masker.finish(&mut out);
    assert_eq!(out, b"before *****");
}

#[test]
fn point_9_hidden_bytes_without_end_are_not_held() {
    let secrets = in_all_forms(&["hunter2"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"hun", &mut out);
    for _ in 0..1_000 {
        masker.push(&[0; 1_000], &mut out);
    }
    assert_eq!(out.len(), 1_000_003);
    masker.push(b"ter2", &mut out);
    masker.finish(&mut out);
    assert!(out.ends_with(b"ter2"));
}

#[test]
fn point_10_a_text_of_its_own_is_masked_whole() {
    let secrets = of(&["hunter2", "swordfish-and-more"]);
    assert_eq!(secrets.mask_text("cannot log in with hunter2: refused"), "cannot log in with *****: refused");
    assert_eq!(secrets.mask_text("cut off: swordfis"), "cut off: *****");
    assert_eq!(secrets.mask_text("wörter ändern nichts"), "wörter ändern nichts");
    assert_eq!(secrets.mask_text("::add-mask text\n"), "::add-mask text\n");
    let half_a_character = self::secrets(raw(), &[b"\xb6-x-x"]);
    assert_eq!(half_a_character.mask_text("Ö ö-x-x"), "Ö \u{fffd}*****");
}

#[test]
fn point_10_debug_shows_nothing_of_the_secrets() {
    let secrets = of(&["hunter2"]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"hunt", &mut out);
    let mut set = SecretSet::with_settings(raw());
    set.add(b"hunter2").unwrap();
    let shown = format!("{secrets:?} {masker:?} {set:?}");
    assert_eq!(shown, "Secrets { .. } Masker { held: 4, .. } SecretSet { len: 1, .. }");
}

#[test]
fn point_11_what_is_not_promised_is_not_masked_by_accident_either() {
    let secrets = in_all_forms(&["hunter2"]);
    for text_as_it_is in [
        "YUhWdWRHVnlNZz09",     // base64 of base64
        "2retnuh",              // reversed
        "h u n t e r 2",        // with blanks
        "hunte\nr2",            // wrapped
        "68 75 6e 74 65 72 32", // with blanks between hex digits
    ] {
        assert_eq!(text(&secrets, text_as_it_is), text_as_it_is);
    }
}

#[test]
fn what_holds_no_secret_is_unchanged() {
    let secrets = in_all_forms(&["\u{1f511}\u{1f512}\u{1f513}", "a secret that is not there"]);
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for size in [1, 7, 64, 4096, 100_000] {
        assert_eq!(masked(&secrets, &bytes.chunks(size).collect::<Vec<_>>()), bytes);
    }
}

#[test]
fn handles_and_maskers_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Secrets>();
    crosses::<Masker>();
    crosses::<SecretSet>();
    assert_eq!(Forms::default(), MaskSettings::default().forms);
}
