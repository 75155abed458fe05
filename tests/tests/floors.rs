//! The house stays as drawn: who may name whom, who owns which dependency, and how a file looks.
//!
//! The drawing for readers is ARCHITECTURE.md. A new room gets a row here first. Where a better drawing turns up, the
//! table changes, and the code after it; a rule is never loosened for one file.

#![expect(clippy::expect_used, reason = "what reads the sources for a test stops the test where it cannot")]

use std::fmt::Display;

use spacelift_worker_tests::house::{self, Owned, Room};
use spacelift_worker_tests::source::{self, Source};

const CORE: &str = "spacelift-worker-core/src";
const MOTHERSHIP: &str = "spacelift-mothership/src";

/// Every room of the core. A row names rooms of rows before it alone, so the house has no circle.
#[rustfmt::skip]
const ROOMS: &[Room] = &[
    // words
    Room { floor: 0, name: "secret",    may_name: &[] },
    Room { floor: 0, name: "ids",       may_name: &[] },
    Room { floor: 0, name: "output",    may_name: &[] },
    Room { floor: 0, name: "crypto",    may_name: &["secret"] },
    // pure, and strangers to each other
    Room { floor: 1, name: "config",    may_name: &["secret"] },
    Room { floor: 1, name: "mask",      may_name: &["secret", "output"] },
    Room { floor: 1, name: "pool",      may_name: &["secret", "ids", "crypto"] },
    Room { floor: 1, name: "exec",      may_name: &["secret", "ids"] },
    Room { floor: 1, name: "protocol",  may_name: &["secret", "ids"] },
    Room { floor: 1, name: "policy",    may_name: &["secret", "ids", "crypto"] },
    // pure, one neighbour each
    Room { floor: 2, name: "envelope",  may_name: &["secret", "ids", "output", "crypto", "pool"] },
    Room { floor: 2, name: "run_env",   may_name: &["secret", "config"] },
    // decides, performs nothing
    Room { floor: 3, name: "run",       may_name: &["secret", "ids", "config", "mask", "policy", "exec", "protocol", "run_env"] },
    // performs, decides nothing
    Room { floor: 4, name: "files",     may_name: &["secret", "config", "pool", "policy", "envelope"] },
    Room { floor: 4, name: "driver",    may_name: &["secret", "ids", "crypto", "pool", "mask", "policy", "exec", "protocol", "envelope", "files", "run"] },
    // composition
    Room { floor: 5, name: "preflight", may_name: &[] },
    Room { floor: 5, name: "launcher",  may_name: &["secret", "ids", "crypto", "config", "mask", "pool", "exec", "protocol", "policy", "envelope", "run_env", "run", "files", "driver", "preflight"] },
];

/// Rooms that never name each other, whatever the table becomes: from, to.
const NEVER: &[(&str, &str)] = &[
    ("protocol", "run"),
    ("run", "driver"),
    ("run", "envelope"),
    ("driver", "config"),
    ("driver", "launcher"),
    ("envelope", "mask"),
    ("envelope", "policy"),
    ("mask", "envelope"),
    ("mask", "policy"),
    ("policy", "envelope"),
    ("policy", "mask"),
];

/// The highest floor on which time and randomness are arguments, and the world comes in through traits.
const PURE: u8 = 3;

/// What the pure floors never name.
#[rustfmt::skip]
const WORLD: &[&str] = &[
    "tokio", "std::env", "std::fs", "std::net", "std::process", "std::thread",
    "*::Instant::now", "*::SystemTime::now", ".elapsed", "*::Ulid::new", "*::Ulid::generate",
    "getrandom", "rand", "rand_core", "fastrand", "aws_lc_rs::rand", "*::SystemRandom",
    "*::fill_random", "*::RsaPrivateKey::generate",
];

/// Where the world comes in all the same, by name.
const DOORS: &[Owned] = &[
    // Key generation and sealing take the operating system's randomness
    Owned { what: &["aws_lc_rs::rand", "*::SystemRandom"], owners: &["crypto/aws_lc.rs"] },
    Owned { what: &["getrandom", "rand_core"], owners: &["crypto/pure.rs"] },
    Owned { what: &["*::fill_random"], owners: &["crypto/", "envelope/"] },
    Owned { what: &["*::RsaPrivateKey::generate"], owners: &["crypto/", "pool/"] },
    // A policy is evaluated under limits of stack and time, which takes a thread of its own, in this process
    Owned { what: &["std::thread", "std::process"], owners: &["policy/apart.rs"] },
];

/// Who in the core binds the heavy dependencies.
const CORE_OWNERS: &[Owned] = &[
    Owned { what: &["aws_lc_rs"], owners: &["crypto/aws_lc.rs", "crypto/jws/aws_lc.rs"] },
    Owned {
        what: &["rsa", "aes_gcm", "sha2", "hmac", "hkdf", "getrandom"],
        owners: &["crypto/pure.rs", "crypto/jws/pure.rs"],
    },
    Owned { what: &["rcgen"], owners: &["crypto/csr.rs"] },
    Owned { what: &["x509_parser"], owners: &["crypto/x509.rs", "crypto/jws.rs"] },
    Owned {
        what: &["regorus"],
        owners: &[
            "policy/engine.rs",
            "policy/validate.rs",
            "policy/kinds/",
            "policy/normal/",
            "policy/safety/",
            "policy/builtins/",
        ],
    },
    Owned { what: &["aho_corasick"], owners: &["mask/matcher/"] },
    Owned { what: &["rumqttc"], owners: &["driver/mqtt.rs", "driver/mqtt/"] },
    Owned {
        what: &["hyper", "hyper_util", "http_body_util"],
        owners: &[
            "driver/https.rs",
            "driver/blob/",
            "driver/poll/",
            "driver/spot.rs",
            "driver/docker/engine.rs",
        ],
    },
    Owned { what: &["bollard"], owners: &["driver/docker/"] },
    Owned { what: &["rustls", "rustls_native_certs"], owners: &["driver/"] },
    Owned { what: &["tar", "zstd"], owners: &["files/"] },
];

/// Who in the mothership binds them.
const MOTHERSHIP_OWNERS: &[Owned] = &[
    Owned { what: &["rumqttc"], owners: &["broker/"] },
    Owned { what: &["rcgen"], owners: &["ca/"] },
    Owned { what: &["sqlx"], owners: &["store/"] },
    Owned { what: &["axum", "hyper"], owners: &["http/"] },
];

/// All that the mothership may name of the core: the two ends of the wire share words and bytes, never behaviour, so that
/// they cannot share a bug.
const MOTHERSHIP_MAY_NAME: &[&str] =
    &["secret", "ids", "crypto", "pool", "envelope", "protocol::message", "protocol::topic"];

/// Lines of a file, its unit tests included.
const LONGEST_FILE: usize = 500;

/// Names under which things gather that nobody owns.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "types", "error", "errors"];

fn core() -> Vec<Source> {
    source::read_crate(CORE).expect("the sources of the core are read")
}

fn mothership() -> Vec<Source> {
    source::read_crate(MOTHERSHIP).expect("the sources of the mothership are read")
}

fn everything() -> Vec<Source> {
    source::read_all("").expect("the sources of the workspace are read")
}

#[track_caller]
fn assert_kept(breaches: Vec<impl Display>) {
    let list: Vec<String> = breaches.iter().map(|breach| format!("  {breach}")).collect();
    assert!(list.is_empty(), "{} places break the rule:\n{}", list.len(), list.join("\n"));
}

#[test]
fn every_room_names_only_the_rooms_in_its_row() {
    assert_kept(house::rooms_keep_to_their_row(ROOMS, &core()));
}

#[test]
fn every_row_has_a_module_and_names_rows_before_it() {
    assert_kept(house::rows_are_sound(ROOMS, &core()));
}

#[test]
fn the_drawing_for_readers_has_the_same_rows() {
    let drawing =
        std::fs::read_to_string(source::workspace().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let row = |room: &Room| {
        let may_name = if room.may_name.is_empty() { "nothing".to_owned() } else { room.may_name.join(", ") };
        format!("| {} | {} | {may_name} |", room.floor, room.name)
    };
    let is_row = |line: &&str| {
        line.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let drawn: Vec<&str> = drawing.lines().filter(is_row).collect();
    let missing: Vec<String> = ROOMS.iter().map(row).filter(|row| !drawn.contains(&row.as_str())).collect();
    assert_kept(missing.iter().map(|row| format!("ARCHITECTURE.md lacks the row {row}")).collect());
    assert_eq!(drawn.len(), ROOMS.len(), "ARCHITECTURE.md has rows of rooms that the house does not have");
}

#[test]
fn strangers_stay_strangers_whatever_the_table_becomes() {
    for (from, to) in NEVER {
        let room = ROOMS.iter().find(|room| room.name == *from).expect("a room of the table");
        assert!(!room.may_name.contains(to), "`{from}` must never name `{to}`");
    }
}

#[test]
fn the_pure_floors_never_name_the_world() {
    assert_kept(house::floors_stay_pure(ROOMS, PURE, WORLD, DOORS, &core()));
}

#[test]
fn heavy_dependencies_of_the_core_have_one_owner() {
    assert_kept(house::owners_own(CORE_OWNERS, &core()));
}

#[test]
fn heavy_dependencies_of_the_mothership_have_one_owner() {
    assert_kept(house::owners_own(MOTHERSHIP_OWNERS, &mothership()));
}

#[test]
fn the_mothership_shares_words_with_the_worker_and_no_behaviour() {
    assert_kept(house::only_allowed_paths("spacelift_worker_core", MOTHERSHIP_MAY_NAME, &mothership()));
}

#[test]
fn no_file_is_over_five_hundred_lines() {
    assert_kept(house::files_stay_short(LONGEST_FILE, &everything()));
}

#[test]
fn every_file_says_its_job_first() {
    assert_kept(house::files_say_their_job(&everything()));
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    assert_kept(house::names_say_something(EMPTY_NAMES, &everything()));
}

#[test]
fn no_lint_is_allowed_away() {
    assert_kept(house::nothing_is_allowed_away(&everything()));
}

#[test]
fn the_root_of_a_crate_lists_and_does_nothing() {
    assert_kept(house::roots_only_list(&everything()));
}

/// Each rule against a small source that breaks it: a rule that catches nothing keeps nothing.
mod a_rule_catches {
    use super::*;
    use house::Breach;

    fn file(path: &str, text: &str) -> Vec<Source> {
        vec![Source::scan(path, text).expect("Rust")]
    }

    #[track_caller]
    fn assert_caught(breaches: &[Breach], line: usize, words: &str) {
        assert_eq!(breaches.len(), 1, "one breach expected: {breaches:#?}");
        let breach = &breaches[0];
        assert_eq!(breach.line, line, "{breach}");
        assert!(breach.to_string().contains(words), "{breach}");
    }

    #[test]
    fn a_room_that_names_a_room_outside_its_row() {
        for (path, text) in [
            ("run/plan.rs", "//! .\nuse crate::envelope::Sealer;"),
            ("protocol/session.rs", "//! .\nuse crate::{run::Plan, secret::SecretText};"),
            (
                "driver/session.rs",
                "//! .\nfn f() { let c: Vec<crate::config::LauncherConfig> = Vec::new(); }",
            ),
            ("mask/mod.rs", "//! .\nuse super::policy;"),
            ("envelope/seal.rs", "//! .\nuse super::super::mask;"),
        ] {
            let room = path.split('/').next().expect("a room");
            assert_caught(
                &house::rooms_keep_to_their_row(ROOMS, &file(path, text)),
                2,
                &format!("`{room}` names"),
            );
        }
    }

    #[test]
    fn a_room_without_a_row() {
        let breaches = house::rooms_keep_to_their_row(ROOMS, &file("attic/mod.rs", "//! ."));
        assert_caught(&breaches, 1, "`attic` has no row");
    }

    #[test]
    fn a_room_that_goes_round_by_the_root_of_the_crate() {
        let breaches = house::rooms_keep_to_their_row(ROOMS, &file("run/plan.rs", "use crate::Launcher;"));
        assert_caught(&breaches, 1, "not the crate's root");
    }

    #[test]
    fn a_circle_in_the_table_and_a_row_without_a_module() {
        let rooms =
            [Room { floor: 0, name: "a", may_name: &["b"] }, Room { floor: 0, name: "b", may_name: &["a"] }];
        let faults = house::rows_are_sound(&rooms, &file("a.rs", ""));
        assert_eq!(faults, ["`a` may name `b`, which has no row before it", "`b` has a row and no module"]);
    }

    #[test]
    fn the_world_on_a_pure_floor_under_any_name() {
        for text in [
            "use std::{fmt, env};",
            "fn f() { std::fs::read(p); }",
            "use std::net as wire;",
            "use std::time::Instant as Clock; ",
            "fn f(t: std::time::Instant) { t.elapsed(); }",
            "fn f() { tokio::select! { } }",
            "use getrandom;",
            "fn f() { crate::crypto::fill_random(&mut nonce); }",
            "async fn f() { join!(tokio::spawn(g())); }",
        ] {
            let text = if text.contains("Clock") {
                format!("{text}fn f() {{ Clock::now(); }}")
            } else {
                text.to_owned()
            };
            let breaches = house::floors_stay_pure(ROOMS, PURE, WORLD, DOORS, &file("run/plan.rs", &text));
            assert_caught(&breaches, 1, "on a floor without");
        }
    }

    #[test]
    fn a_door_beside_the_named_one() {
        let thread = "use std::thread;";
        let pure = |path| house::floors_stay_pure(ROOMS, PURE, WORLD, DOORS, &file(path, thread));
        assert!(pure("policy/apart.rs").is_empty());
        assert!(pure("driver/process.rs").is_empty());
        assert_caught(&pure("policy/input.rs"), 1, "std::thread");
    }

    #[test]
    fn a_dependency_outside_its_owner() {
        let owned = |path, text| house::owners_own(CORE_OWNERS, &file(path, text));
        assert_caught(&owned("pool/token.rs", "use x509_parser::parse;"), 1, "crypto/");
        assert_caught(&owned("driver/session.rs", "fn f(c: rumqttc::AsyncClient) {}"), 1, "driver/mqtt");
        assert!(owned("crypto/aws_lc.rs", "use aws_lc_rs::aead;").is_empty());
        assert!(owned("driver/mqtt/client.rs", "use rumqttc::AsyncClient;").is_empty());
    }

    #[test]
    fn a_mothership_that_borrows_the_behaviour_of_the_worker() {
        let named = |text| {
            house::only_allowed_paths("spacelift_worker_core", MOTHERSHIP_MAY_NAME, &file("a.rs", text))
        };
        assert_caught(&named("use spacelift_worker_core::protocol::session::Session;"), 1, "session");
        assert_caught(&named("use spacelift_worker_core::{ids, run};"), 1, "::run");
        assert_caught(&named("use spacelift_worker_core::protocol;"), 1, "only");
        assert!(named("use spacelift_worker_core::protocol::{message::Offer, topic};").is_empty());
    }

    #[test]
    fn a_file_of_five_hundred_and_one_lines() {
        assert!(house::files_stay_short(LONGEST_FILE, &file("a.rs", &"//\n".repeat(500))).is_empty());
        assert_caught(
            &house::files_stay_short(LONGEST_FILE, &file("a.rs", &"//\n".repeat(501))),
            501,
            "501 lines",
        );
    }

    #[test]
    fn a_file_without_a_job() {
        assert_caught(&house::files_say_their_job(&file("a.rs", "use b;\n//! late")), 1, "begins with");
    }

    #[test]
    fn a_module_that_nobody_owns() {
        for path in ["run/util.rs", "helpers/mod.rs", "run/error.rs"] {
            assert_caught(&house::names_say_something(EMPTY_NAMES, &file(path, "")), 1, "says nothing");
        }
        assert!(house::names_say_something(EMPTY_NAMES, &file("run/outcome.rs", "")).is_empty());
    }

    #[test]
    fn an_allow_in_any_dress() {
        for text in
            ["\n#[allow(dead_code)]\nfn f() {}", "\n#![allow(x)]", "\n#[cfg_attr(test, allow(x))]\nfn f() {}"]
        {
            assert_caught(&house::nothing_is_allowed_away(&file("a.rs", text)), 2, "expect");
        }
        assert!(
            house::nothing_is_allowed_away(&file("a.rs", "// #[allow(x)]\nfn allow() { \"#[allow(x)]\"; }"))
                .is_empty()
        );
    }

    #[test]
    fn a_root_that_does_something() {
        assert_caught(&house::roots_only_list(&file("lib.rs", "mod a;\nimpl A {}")), 2, "`impl` in lib.rs");
        assert_caught(&house::roots_only_list(&file("lib.rs", "pub fn a() {}")), 1, "`fn` in lib.rs");
        assert!(house::roots_only_list(&file("lib.rs", "pub mod a;\npub use a::A;")).is_empty());
    }
}
