//! The C header is what the sources of the C ABI say, and what was said once stays: `UPDATE_DOCS=1` writes the header and
//! adds to the list of the ABI, from which nothing is ever taken away.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use spacelift_worker_tests::source::{self, workspace};

/// The files of the header, in its order.
const SOURCES: &[&str] = &[
    "status.rs",
    "handles.rs",
    "exports/library.rs",
    "exports/failures.rs",
    "exports/token.rs",
    "exports/keys.rs",
    "exports/seal.rs",
    "exports/unseal.rs",
    "exports/cobblestone.rs",
    "exports/mask.rs",
    "exports/policy.rs",
    "exports/config.rs",
    "exports/runtime.rs",
    "exports/session.rs",
    "exports/event.rs",
];

fn crate_folder() -> PathBuf {
    workspace().join("spacelift-worker-ffi")
}

fn header() -> String {
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(fs::read_to_string(crate_folder().join("manual.txt")).unwrap().trim_end().to_owned()),
        include_guard: Some("SPACELIFT_WORKER_H".to_owned()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(str::to_owned).into(),
        documentation_style: DocumentationStyle::Doxy,
        style: Style::Type,
        usize_is_size_t: true,
        line_length: 110,
        ..Config::default()
    };
    let files = SOURCES.iter().map(|file| crate_folder().join("src").join(file));
    let builder = files.fold(Builder::new().with_config(config), Builder::with_src);
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    // Blanks at the ends of lines are no part of it.
    String::from_utf8(text).unwrap().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Every function with its signature and every constant with its value, one a line.
fn abi(header: &str) -> BTreeSet<String> {
    let mut code = String::new();
    let mut rest = header;
    while let Some(start) = rest.find("/*") {
        code += &rest[..start];
        rest = &rest[start + rest[start..].find("*/").unwrap() + 2..];
    }
    code += rest;
    let defines = code.lines().filter(|line| line.starts_with("#define SLW_"));
    let mut all: BTreeSet<String> = defines.map(str::to_owned).collect();
    let others: String =
        code.lines().filter(|line| !line.starts_with('#')).map(|line| line.to_owned() + " ").collect();
    for statement in others.replace("extern \"C\" {", "").split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        if words.iter().any(|word| word.contains("slw_")) {
            all.insert(words.join(" ") + ";");
        }
    }
    all
}

#[test]
fn the_header_says_what_the_sources_say() {
    let header = header();
    // A Go module takes along what is in its own folder alone.
    for path in ["include/spacelift/worker.h", "go/include/spacelift/worker.h"] {
        let path = workspace().join(path);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &header).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        let path = path.display();
        assert!(written == header, "{path} differs from the sources: run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn every_function_of_the_sources_is_in_the_header() {
    let header = header();
    let mut count = 0;
    for entry in fs::read_dir(crate_folder().join("src/exports")).unwrap() {
        let path = entry.unwrap().path();
        // What tests alone call is in no header.
        if path.ends_with("hooks.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        for part in text.split("extern \"C\" fn ").skip(1) {
            let name = part.split('(').next().unwrap();
            assert!(
                header.contains(&format!("{name}(")),
                "{name} is not in the header: list its file in SOURCES"
            );
            count += 1;
        }
    }
    assert!(count > 90, "{count}");
}

#[test]
fn what_the_abi_has_once_it_has_for_ever() {
    let path = workspace().join("abi/v1.txt");
    let now = abi(&header());
    let text = fs::read_to_string(&path).unwrap_or_default();
    let before: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let lost: Vec<&String> = before.difference(&now).filter(|line| !line.contains("SLW_VERSION_")).collect();
    assert!(
        lost.is_empty(),
        "not in the ABI any more, which takes a new SLW_ABI_VERSION and abi/v2.txt: {lost:#?}"
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, now.iter().map(|line| line.to_owned() + "\n").collect::<String>()).unwrap();
    } else {
        let new: Vec<&String> = now.difference(&before).collect();
        assert!(new.is_empty(), "not in {} yet: run this test with UPDATE_DOCS=1: {new:#?}", path.display());
    }
}

#[test]
fn unsafe_stands_in_the_boundary_alone_and_every_function_goes_through_it() {
    let sources = source::read_all("spacelift-worker-ffi/src").unwrap();
    assert!(sources.len() > 20);
    for file in sources {
        let is_boundary = file.path.starts_with("boundary/") || file.path.starts_with("exports/");
        assert!(is_boundary || !file.text.contains("expect(unsafe_code"), "{}", file.place());
        // Of each function, what stands behind its signature.
        for function in file.text.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, body) = function.split_once(" {\n").unwrap();
            let begins = body.lines().find(|line| !line.trim_start().starts_with("//")).unwrap().trim_start();
            let through =
                ["unsafe { Call::begin(", "unsafe { Call::without_error(", "unsafe { free(handle) }"];
            assert!(
                // One without parameters gives a text that lives for ever.
                !signature.split_once('(').unwrap().1.contains(": *")
                    || through.iter().any(|way| begins.starts_with(way)),
                "{}: {}",
                file.place(),
                signature.trim()
            );
        }
    }
}
