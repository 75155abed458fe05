//! Examples of each shape, and what looks like one and is none. None of them is or was a credential: they are put
//! together here from parts.

use crate::mask::{MaskSettings, SecretSet, Secrets};

fn masked(parts: &[&[u8]]) -> String {
    let settings = MaskSettings { well_known: true, ..MaskSettings::default() };
    let secrets = Secrets::new(SecretSet::with_settings(settings)).unwrap();
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    parts.iter().for_each(|part| masker.push(part, &mut out));
    masker.finish(&mut out);
    String::from_utf8(out).unwrap()
}

/// Whole, byte by byte, and in two parts.
#[track_caller]
fn assert_masked(text: &str, wanted: &str) {
    assert_eq!(masked(&[text.as_bytes()]), wanted, "{text}");
    assert_eq!(masked(&text.as_bytes().chunks(1).collect::<Vec<_>>()), wanted, "{text}");
    for cut in (0..text.len()).step_by(1 + text.len() / 300) {
        assert_eq!(masked(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), wanted, "{text} {cut}");
    }
}

#[track_caller]
fn assert_left(text: &str) {
    assert_masked(text, text);
}

/// Letters and digits that mean nothing.
fn body(length: usize) -> String {
    "ExAmPle0NotReal9".chars().cycle().take(length).collect()
}

fn upper(length: usize) -> String {
    body(length).to_ascii_uppercase()
}

#[test]
fn aws_access_key_ids() {
    for prefix in ["AKIA", "ASIA", "ABIA", "ACCA"] {
        let key = format!("{prefix}{}", upper(16));
        assert_masked(&format!("key={key} and \"{key}\""), "key=***** and \"*****\"");
        assert_masked(&key, "*****");
        assert_masked(&format!("{key}/20240101"), "*****/20240101");
    }
    assert_left(&format!("AKIA{} is too short", upper(15)));
    assert_left(&format!("AKIA{} is too long", upper(17)));
    assert_left(&format!("AKIA{} has small letters", body(16)));
    assert_left(&format!("XAKIA{} begins earlier", upper(16)));
    assert_left(&format!("AKIA{}x ends later", upper(16)));
    assert_left("AKIA, ASIA, ACCA and ABIA");
}

#[test]
fn azure_client_secrets() {
    let secret = format!("{}8Q~{}", &body(3), body(34));
    assert_masked(&format!("secret: {secret}."), "secret: *****");
    assert_masked(&format!("secret: '{secret}'"), "secret: '*****'");
    assert_masked(&format!("{}8Q~{}", "a~.", body(31)), "*****");
    assert_left(&format!("abc8Q~{} is too short", body(30)));
    assert_left(&format!("abcd8Q~{} begins earlier", body(34)));
    assert_left(&format!("abcdQ~{} has no digit", body(34)));
    assert_left("ab 8Q~ and Q~ and abc8 and abc8Q");
}

#[test]
fn azure_connection_strings() {
    let key = format!("{}==", body(86));
    assert_masked(
        &format!("AccountName=x;AccountKey={key};EndpointSuffix=y"),
        "AccountName=x;AccountKey=*****;EndpointSuffix=y",
    );
    assert_masked(
        &format!("SharedAccessKeyName=x;SharedAccessKey={}=", body(43)),
        "SharedAccessKeyName=x;SharedAccessKey=*****",
    );
    assert_masked(
        &format!("BlobEndpoint=https://x;SharedAccessSignature=sv=2022-11-02&sp=rl&sig={}%3D;y", body(43)),
        "BlobEndpoint=https://x;SharedAccessSignature=*****;y",
    );
    assert_left("AccountKey=...; AccountKey=<your key>; AccountKey=short");
    assert_left("SharedAccessSignature=\"\" SharedAccessSignature=sv=2022 SharedAccessKey=");
}

#[test]
fn github_tokens() {
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"] {
        assert_masked(&format!("https://x:{prefix}{}@github.com", body(36)), "https://x:*****@github.com");
        assert_masked(&format!("{prefix}{}", body(76)), "*****");
        assert_left(&format!("{prefix}{}.", body(35)));
    }
    let fine = format!("github_{}_{}_{}", "pat", body(22), body(59));
    assert_masked(&format!("token={fine},"), "token=*****,");
    assert_left("github_pat_example and ghp_ and ghp_xxxx-xxxx");
    assert_left(&format!("ghx_{}.", body(36)));
}

#[test]
fn slack_tokens() {
    for kind in ["a", "b", "p", "r", "s", "o", "e", "e.xoxb", "e.xoxp"] {
        let token = format!("xox{kind}-{}-{}-{}", "1234567890", "0987654321", body(24));
        assert_masked(&format!("Bearer {token}\n"), "Bearer *****\n");
    }
    assert_masked(&format!("xapp-1-A0123-4567-{}", body(30)), "*****");
    assert_left("xoxb-your-bot-token-here and xoxb-12345 and xox-1234567890123");
}

/// A token that no key has signed.
fn token(payload: usize, signature: usize) -> String {
    let header = ["ey", "JhbGciOiJub25lIn0"].concat();
    format!("{header}.ey{}.{}", body(payload), body(signature))
}

#[test]
fn json_web_tokens() {
    assert_masked(&format!("Authorization: Bearer {}\r\n", token(40, 43)), "Authorization: Bearer *****\r\n");
    assert_masked(&format!("\"{}\"", token(40, 0)), "\"*****\"");
    assert_masked(&format!("{} {}", token(3, 3), token(5000, 300)), "***** *****");
    assert_left(&["ey", "JhbGciOiJub25lIn0"].concat().replace('h', "h "));
    assert_left("eyJ.eyJ.x and eyJhbGci.json and eyJhbGciOiJIUzI1Ni.tfstate is none.");
    assert_left(&format!("ey{}.ey{}.{}", body(20), body(20), body(20)));
}

#[test]
fn a_json_web_token_is_held_8_kib_at_most_and_masked_until_a_byte_ends_it() {
    let long = format!("x {}{} y", ["ey", "J"].concat(), body(20_000));
    assert_masked(&long, "x ***** y");
    let short = format!("x {}{} y", ["ey", "J"].concat(), body(8_000));
    assert_left(&short);
    let settings = MaskSettings { well_known: true, ..MaskSettings::default() };
    let secrets = Secrets::new(SecretSet::with_settings(settings)).unwrap();
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(&long.as_bytes()[..8_190], &mut out);
    assert_eq!(out, b"x ");
    masker.push(&long.as_bytes()[8_190..8_195], &mut out);
    assert_eq!(out, b"x *****");
}

/// Lines of a block. What is in it is no key.
fn block(label: &str, end: &str) -> String {
    let dashes = "-".repeat(5);
    let lines = [body(64), body(64), body(20)].join(end);
    format!("{dashes}BEGIN {label}{dashes}{end}{lines}{end}{dashes}END {label}{dashes}")
}

#[test]
fn private_keys() {
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        for end in ["\n", "\r\n", r"\n", " "] {
            assert_masked(&format!("key: {}{end}next", block(label, end)), &format!("key: *****{end}next"));
        }
    }
    assert_left(&format!("key: {}\nnext", block("PUBLIC KEY", "\n")));
    assert_left(&format!("key: {}\nnext", block("CERTIFICATE", "\n")));
    assert_left(&format!("{0}BEGIN PRIVATE KEY{0} with four dashes", "-".repeat(4)));
    assert_left(&format!("{0}BEGIN PRIVATE KEYS{0} and {0}BEGIN {0}", "-".repeat(5)));
}

#[test]
fn a_block_is_masked_at_its_opening_and_swallowed_to_its_end_line_or_64_kib() {
    let settings = MaskSettings { well_known: true, ..MaskSettings::default() };
    let secrets = Secrets::new(SecretSet::with_settings(settings)).unwrap();
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    let opening = format!("{0}BEGIN PRIVATE KEY{0}", "-".repeat(5));
    masker.push(opening.as_bytes(), &mut out);
    assert_eq!(out, b"*****");
    for _ in 0..1_024 {
        masker.push(&[b'x'; 64], &mut out);
    }
    masker.push(b"end", &mut out);
    assert_eq!(out.len(), 5 + opening.len() + 3);
    assert!(out.ends_with(b"xxxend"));
    assert_masked(&format!("{0} {0}\n", block("PRIVATE KEY", "\n").replace("END", "--END")), "***** *****\n");
}

#[test]
fn nothing_of_a_well_known_secret_hides_in_control_sequences() {
    let key = format!("AK\x1b[1mIA{}\x1b[0m{}", upper(10), &upper(16)[10..]);
    assert_masked(&format!("\x1b[32m{key}\x1b[0m\n"), "\x1b[32m*****\x1b[0m\n");
    let link = format!("\x1b]8;;https://x/?t=ghp_{}\x07text\x1b]8;;\x07", body(36));
    assert_masked(&link, "\x1b]8;;https://x/?t=*****\x07text\x1b]8;;\x07");
    let token = token(40, 43);
    assert_masked(&format!("{}\0{}\r\n", &token[..30], &token[30..]), "*****\r\n");
}

#[test]
fn what_is_followed_together_stays_little() {
    let text: String = (0..400).map(|n| ["eyJ", "ghp_", "xoxb-1", "AccountKey=", "AKIA"][n % 5]).collect();
    let left = masked(&[text.as_bytes()]);
    assert!(left.starts_with("eyJ"), "{left}");
    assert_left("Three: lue and 8Q at the end: ab");
}
