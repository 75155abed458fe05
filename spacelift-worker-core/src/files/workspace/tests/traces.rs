//! A refusal leaves nothing behind, whatever was made until then, and whoever unpacks.

use std::ffi::OsStr;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::*;
use crate::files::new_file::temporary_name;

/// Runs without the capabilities by which root passes over permissions, on a thread of its own, since they are a thread's.
fn as_a_plain_user(job: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, sets).unwrap();
            job();
        });
        thread.join().unwrap();
    });
}

/// Folders that even their owner may not write, or enter, with files and folders in them.
fn closed() -> Forged {
    Forged::new()
        .add(EntryType::Directory, "read-only", "", 0o555, b"")
        .file("read-only/file")
        .add(EntryType::Directory, "read-only/shut", "", 0o000, b"")
        .file("read-only/shut/file")
        .add(EntryType::Directory, "blind", "", 0o300, b"")
        .file("blind/deep/deeper/file")
}

#[test]
fn closed_folders_are_unpacked_as_they_were_packed() {
    as_a_plain_user(|| {
        let outer = tempfile::tempdir().unwrap();
        let target = outer.path().join("target");
        unpack(&closed().bytes()[..], &target, &Limits::default()).unwrap();
        let mode = |name: &str| fs::metadata(target.join(name)).unwrap().mode() & 0o7777;
        assert_eq!((mode("read-only"), mode("read-only/shut"), mode("blind")), (0o555, 0o000, 0o300));
        fs::write(target.join("read-only/more"), "x").unwrap_err();
        for name in ["read-only", "read-only/shut", "blind"] {
            fs::set_permissions(target.join(name), Permissions::from_mode(0o700)).unwrap();
        }
    });
}

#[test]
fn a_refusal_behind_closed_folders_leaves_nothing() {
    as_a_plain_user(|| {
        assert_eq!(refusal(&closed().link("out", "/etc").bytes()), Refusal::LinkLeaves);
        assert_eq!(refusal(&closed().file("../bystander").bytes()), Refusal::ParentPath);
        refused_as_archive(&compressed(&closed().tar()[..5_000]));
    });
}

#[test]
fn a_target_that_is_taken_leaves_nothing_though_all_modes_were_set() {
    as_a_plain_user(|| {
        let outer = tempfile::tempdir().unwrap();
        let target = outer.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("taken"), "kept").unwrap();
        let before = listing(outer.path());
        let result = unpack(&closed().bytes()[..], &target, &Limits::default());
        assert!(matches!(result, Err(UnpackError::Target { .. })), "{result:?}");
        assert_eq!(listing(outer.path()), before);
    });
}

#[test]
fn a_target_that_is_a_file_or_a_link_stays_what_it_is() {
    let outer = tempfile::tempdir().unwrap();
    let (file, link) = (outer.path().join("file"), outer.path().join("link"));
    fs::write(&file, "kept").unwrap();
    fs::create_dir(outer.path().join("empty")).unwrap();
    symlink("empty", &link).unwrap();
    let before = listing(outer.path());
    for target in [&file, &link] {
        let result = unpack(&Forged::new().file("a").bytes()[..], target, &Limits::default());
        assert!(matches!(result, Err(UnpackError::Target { .. })), "{result:?}");
        assert_eq!(listing(outer.path()), before);
    }
}

#[test]
fn what_a_killed_process_with_our_id_left_makes_way() {
    let outer = tempfile::tempdir().unwrap();
    let next = temporary_name(OsStr::new("target")).into_string().unwrap();
    let (start, number) = next.strip_suffix(".tmp").unwrap().rsplit_once('-').unwrap();
    let number: u64 = number.parse().unwrap();
    // Other tests take numbers, too.
    for number in number..number + 500 {
        let left = outer.path().join(format!("{start}-{number}.tmp"));
        fs::create_dir_all(left.join("a/b")).unwrap();
        fs::set_permissions(left.join("a"), Permissions::from_mode(0o500)).unwrap();
    }
    as_a_plain_user(|| {
        let target = outer.path().join("target");
        unpack(&Forged::new().file("new").bytes()[..], &target, &Limits::default()).unwrap();
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    });
    assert_eq!(fs::read_dir(&outer).unwrap().count(), 500);
}
