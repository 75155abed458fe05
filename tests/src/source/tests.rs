//! What the scanner sees, and what it must not see.

use super::*;

fn names(path: &str, text: &str) -> Vec<String> {
    Source::scan(path, text).unwrap().names.iter().map(ToString::to_string).collect()
}

#[test]
fn a_use_tree_is_written_out_leaf_by_leaf() {
    let tree = "use std::{fmt::{self, Display}, fs as disk, net::*};";
    assert_eq!(names("a.rs", tree), ["std::fmt", "std::fmt::Display", "std::fs", "std::net::*"]);
}

#[test]
fn relative_paths_are_written_from_the_root_of_the_crate() {
    assert_eq!(
        names("a/b.rs", "use super::c; use self::d; use super::super::e;"),
        ["crate::a::c", "crate::a::b::d", "crate::e"]
    );
    assert_eq!(names("a/mod.rs", "use super::c; use self::d::E;"), ["crate::c", "crate::a::d::E"]);
    assert_eq!(names("a.rs", "mod inner { use super::super::b::C; }"), ["crate::b::C"]);
}

#[test]
fn a_name_in_use_is_followed_to_what_it_stands_for() {
    let text = "use std::time::{self, Instant as Clock}; fn f() { Clock::now(); time::SystemTime::now(); }";
    let all = names("a.rs", text);
    assert_eq!(all[2..], ["std::time::Instant::now", "std::time::SystemTime::now"]);
}

#[test]
fn paths_are_seen_in_types_macros_attributes_and_generics() {
    let text = "#[a::b]\nfn f(x: Vec<crate::c::D>) -> e::F { g!({ h::i() }); Vec::<crate::j::K>::new() }";
    assert_eq!(names("m.rs", text), ["a::b", "crate::c::D", "e::F", "h::i", "crate::j::K"]);
}

#[test]
fn a_name_has_the_line_on_which_its_path_begins() {
    let source =
        Source::scan("a.rs", "//! Job.\n\nuse a::{\n    b,\n    c,\n};\nfn f() {\n    d::e();\n}").unwrap();
    assert_eq!(source.names.iter().map(|name| name.line).collect::<Vec<_>>(), [4, 5, 8]);
}

#[test]
fn comments_documentation_and_strings_name_nothing() {
    let text = "//! [`crate::driver`]\n/// crate::run\n// crate::run\nconst S: &str = \"crate::run\"; /* crate::run */";
    assert!(names("a.rs", text).is_empty());
}

#[test]
fn what_exists_in_tests_alone_names_nothing() {
    for item in [
        "#[cfg(test)] mod tests { use a::b; }",
        "#[cfg(test)] pub(crate) fn f() -> a::B { a::c() }",
        "#[cfg(test)] use a::{b, c};",
        "#[cfg(test)] const A: a::B = a::B { c: 1 };",
        "#[cfg(all(test, unix))] mod tests { use a::b; }",
        "#[test] #[ignore] fn f() { a::b() }",
        "#[tokio::test] async fn f() { a::b() }",
        "#[tokio::test(start_paused = true)] async fn f() { a::b() }",
    ] {
        assert_eq!(names("m.rs", &format!("{item} use seen::it;")), ["seen::it"], "{item}");
    }
    assert_eq!(names("m.rs", "#[cfg(any(test, unix))] use seen::it;"), ["seen::it"]);
    assert_eq!(names("m.rs", "#[cfg(not(test))] use seen::it;"), ["seen::it"]);
}

#[test]
fn a_file_of_tests_is_known_by_the_module_that_declares_it() {
    let source = Source::scan("a/b.rs", "#[cfg(test)]\nmod tests;").unwrap();
    assert_eq!(source.test_modules, [["crate", "a", "b", "tests"]]);
}

#[test]
fn a_room_is_the_first_part_of_the_path() {
    let room = |path| Source::scan(path, "").unwrap().room().map(str::to_owned);
    assert_eq!(room("run/plan.rs").as_deref(), Some("run"));
    assert_eq!(room("ids.rs").as_deref(), Some("ids"));
    assert_eq!(room("lib.rs"), None);
}

#[test]
fn what_is_not_rust_is_an_error_with_the_file_in_it() {
    assert_eq!(Source::scan("a.rs", "fn (").unwrap_err().to_string(), "a.rs is not Rust");
}
