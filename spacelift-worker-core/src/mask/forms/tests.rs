//! What is spelled. That real tools spell so, the vectors in `tests/vectors/mask` tell.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;

#[track_caller]
fn assert_spelled(value: &str, wanted: &[&str]) {
    let all: Vec<String> = Forms::default()
        .of(value.as_bytes())
        .iter()
        .map(|s| String::from_utf8_lossy(s).into_owned())
        .collect();
    for wanted in wanted {
        assert!(all.iter().any(|form| form == wanted), "{wanted} in {all:#?}");
    }
}

#[test]
fn a_value_is_spelled_in_every_encoding() {
    assert_spelled(
        " pa<ss> 'wörd'/\n",
        &[
            " pa<ss> 'wörd'/\n",
            "pa<ss> 'wörd'/",
            "pa%3Css%3E%20%27w%C3%B6rd%27%2F",
            "pa%3css%3e%20%27w%c3%b6rd%27%2f",
            "pa%3Css%3E+%27w%C3%B6rd%27%2F",
            "pa%3Css%3E%20%27w%C3%B6rd%27/",
            "pa%3Css%3E%20'w%C3%B6rd'%2F",
            "70613c73733e202777c3b67264272f",
            "70613C73733E202777C3B67264272F",
            "cGE8c3M+ICd3w7ZyZCcv",
            "cGE8c3M-ICd3w7ZyZCcv",
            "p\0a\0<\0s\0s\0>\0 \0'\0w\0\u{fffd}\0r\0d\0'\0/\0",
        ],
    );
}

#[test]
fn a_value_is_spelled_in_every_quotation() {
    assert_spelled(
        "\u{1}pa<s's>\"wörd\"/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
        &[
            "\\u0001pa<s's>\\\"wörd\\\"/\\\\\u{200b}${x}%{y}\\t\u{1f511}\u{7f}x",
            "\\u0001pa\\u003cs's\\u003e\\\"wörd\\\"/\\\\\u{200b}${x}%{y}\\t\u{1f511}\u{7f}x",
            "\\u0001pa<s's>\\\"wörd\\\"/\\\\\u{200b}${x}%{y}\\t\u{1f511}\\u007fx",
            "\\u0001pa<s's>\\\"w\\u00f6rd\\\"/\\\\\\u200b${x}%{y}\\t\\ud83d\\udd11\u{7f}x",
            "\\u0001pa<s's>\\\"w\\u00f6rd\\\"\\/\\\\\\u200b${x}%{y}\\t\\ud83d\\udd11\u{7f}x",
            "\\u0001pa\\u003Cs\\u0027s\\u003E\\u0022w\\u00F6rd\\u0022/\\\\\\u200B${x}%{y}\\t\\uD83D\\uDD11\\u007Fx",
            "\\x01pa<s's>\\\"wörd\\\"/\\\\\\u200b${x}%{y}\\t\u{1f511}\\x7fx",
            "\\x01pa<s's>\\\"w\\u00f6rd\\\"/\\\\\\u200b${x}%{y}\\t\\U0001f511\\x7fx",
            "\\x01pa<s\\'s>\"wörd\"/\\\\\\u200b${x}%{y}\\t\u{1f511}\\x7fx",
            "\\x01pa<s\\'s>\"w\\xf6rd\"/\\\\\\u200b${x}%{y}\\t\\U0001f511\\x7fx",
            "\\x01pa<s\\'s>\"w\\xc3\\xb6rd\"/\\\\\\xe2\\x80\\x8b${x}%{y}\\t\\xf0\\x9f\\x94\\x91\\x7fx",
            "\u{1}pa<s's>\"wörd\"/\\\u{200b}$${x}%%{y}\t\u{1f511}\u{7f}x",
            "\\u0001pa<s's>\\\"wörd\\\"/\\\\\\u200b$${x}%%{y}\\t\u{1f511}\\u007fx",
            "\u{1}pa<s'\\''s>\"wörd\"/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
            "\u{1}pa<s'\"'\"'s>\"wörd\"/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
            "\u{1}pa<s's>\\\"wörd\\\"/\\\\\u{200b}\\${x}%{y}\t\u{1f511}\u{7f}x",
            "\\001pa<s\\'s>\"wörd\"/\\\\\\342\\200\\213${x}%{y}\\t\u{1f511}\\177x",
            "\\001pa<s\\'s>\"wörd\"/\\\\\u{200b}${x}%{y}\\t\u{1f511}\\177x",
            "\\001pa<s\\'s>\"w\\303\\266rd\"/\\\\\\342\\200\\213${x}%{y}\\t\\360\\237\\224\\221\\177x",
            "'$'\\001''pa<s'\\''s>\"wörd\"/\\\u{200b}${x}%{y}'$'\\t''\u{1f511}'$'\\177''x",
            "\u{1}pa&lt;s's&gt;\"wörd\"/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
            "\u{1}pa&lt;s&apos;s&gt;&quot;wörd&quot;/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
            "\u{1}pa&lt;s&#x27;s&gt;&quot;wörd&quot;/\\\u{200b}${x}%{y}\t\u{1f511}\u{7f}x",
            "\u{fffd}pa&lt;s&#39;s&gt;&#34;wörd&#34;/\\\u{200b}${x}%{y}&#x9;\u{1f511}\u{7f}x",
        ],
    );
    assert_spelled("pa ss:~wörd", &[r"pa\ ss:\~wörd"]);
}

#[test]
fn a_value_in_quotes_is_a_secret_without_them() {
    assert_spelled("'hunter2'\n", &["hunter2"]);
    assert_spelled("\"hunter2\"", &["hunter2"]);
    assert!(unquoted(b"\"hunter2'").is_none());
    assert!(unquoted(b"\"").is_none());
}

#[test]
fn what_is_no_utf8_is_spelled_with_what_tools_put_in_its_place() {
    let all = Forms::default().of(b"abc\xffdef");
    for wanted in [
        &b"abc\\ufffddef"[..],
        "abc\u{fffd}def".as_bytes(),
        br"abc\xffdef",
        br"abc\377def",
        b"abc%FFdef",
        b"616263ff646566",
    ] {
        assert!(all.contains(&Spelling::from(wanted)), "{}", String::from_utf8_lossy(wanted));
    }
}

#[test]
fn base64_of_anything_that_holds_the_value_holds_one_of_its_base64_forms() {
    let secret = b"hunter2!";
    let forms = encodings::base64(secret);
    for before in 0..6 {
        for after in 0..6 {
            let text = [&[0xff; 8][..before], secret, &[0xff; 8][..after]].concat();
            for engine in [&STANDARD, &URL_SAFE] {
                let encoded = engine.encode(&text);
                let found = |form: &Spelling| encoded.as_bytes().windows(form.len()).any(|w| w == &**form);
                assert!(forms.iter().any(found), "{before} {after} {encoded}");
            }
        }
    }
}

#[test]
fn lines_are_secrets_of_their_own_and_joined_anew() {
    let value = "first line\r\n  second\nabc\n";
    assert_spelled(
        value,
        &[
            "first line",
            "  second",
            "second",
            "first line\n  second\nabc",
            "first line\r\n  second\r\nabc",
            "first line\r\r\n  second\r\r\nabc",
            "first line\n$   second\n$ abc",
            "first line   second abc",
            "first line\t  second\tabc",
            "first line  secondabc",
            r"first line\n  second\nabc",
            r"first line\r\n  second\r\nabc",
            r"first line\r\r\n  second\r\r\nabc",
            r"first line\t  second\tabc",
            "Zmlyc3QgbGluZQogIHNlY29uZAphYm",
        ],
    );
    let all = Forms::default().of(value.as_bytes());
    assert!(!all.contains(&Spelling::from(b"abc".as_slice())));
}

#[test]
fn every_form_can_be_switched_off() {
    let value = b"\"a'b/c\nd<${\xc3\xb6\x07 ef\" ".as_slice();
    assert_eq!(Forms::none().of(value), [value.into()].into());
    // Of a value of several lines, joining them trims it, too.
    let spellings = |forms: Forms| [value, b" one line "].map(|value| forms.of(value).len());
    let all = spellings(Forms::default());
    let switches: [fn(&mut Forms) -> &mut bool; 13] = [
        |forms| &mut forms.trimmed,
        |forms| &mut forms.unquoted,
        |forms| &mut forms.lines,
        |forms| &mut forms.base64,
        |forms| &mut forms.percent,
        |forms| &mut forms.json,
        |forms| &mut forms.go,
        |forms| &mut forms.python,
        |forms| &mut forms.hcl,
        |forms| &mut forms.shell,
        |forms| &mut forms.xml,
        |forms| &mut forms.hex,
        |forms| &mut forms.utf16le,
    ];
    for (index, switch) in switches.into_iter().enumerate() {
        let mut forms = Forms::default();
        *switch(&mut forms) = false;
        assert_ne!(spellings(forms), all, "{index}");
        let mut forms = Forms::none();
        *switch(&mut forms) = true;
        assert!(forms.of(value).len() > 1, "{index}");
    }
}
