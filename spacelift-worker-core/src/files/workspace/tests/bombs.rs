//! Archives that unpack to more than they look like: bytes, entries, memory, time.

use super::*;

#[test]
fn more_entries_or_bytes_than_the_limits_are_refused() {
    let few = Limits { entries: 3, ..Limits::default() };
    let many = Forged::new().file("a").file("b").file("c").file("d").bytes();
    assert!(matches!(unpacked(&many, &few).1, Err(UnpackError::TooManyEntries { limit: 3 })));
    // Folders that are only implied take an inode each, too.
    let implied = Forged::new().file("a/b/c/d").bytes();
    assert!(matches!(unpacked(&implied, &few).1, Err(UnpackError::TooManyEntries { .. })));

    let small = Limits { bytes: 1 << 20, ..Limits::default() };
    let bomb = Forged::new().add(EntryType::Regular, "zeros", "", 0o644, &vec![0; 2 << 20]).bytes();
    assert!(bomb.len() < 4096);
    assert!(matches!(unpacked(&bomb, &small).1, Err(UnpackError::TooManyBytes { .. })));
    // What follows the archive's end mark counts as well.
    let tail = zstd::encode_all(&vec![0; 2 << 20][..], 1).unwrap();
    assert!(matches!(unpacked(&tail, &small).1, Err(UnpackError::TooManyBytes { .. })));
}

#[test]
fn a_name_of_a_gigabyte_takes_no_gigabyte() {
    let name = Forged::new().add(EntryType::GNULongName, "l", "", 0, &vec![b'a'; 1 << 20]).file("x").bytes();
    assert_eq!(refusal(&name), Refusal::TooLong);
}

#[test]
fn names_that_would_fill_the_memory_are_refused() {
    let little = Limits { names: 10_000, ..Limits::default() };
    let too_many = |bytes: &[u8]| {
        let result = unpacked(bytes, &little).1;
        assert!(matches!(result, Err(UnpackError::TooManyNames { limit: 10_000 })), "{result:?}");
    };
    // One entry implies folders whose paths grow by the square of their depth.
    too_many(&Forged::new().pax("path", ("d/".repeat(250) + "f").as_bytes()).file("x").bytes());
    let links =
        (0..100).fold(Forged::new(), |forged, number| forged.link(&format!("l{number}"), &"x".repeat(90)));
    too_many(&links.bytes());
    let folders = (0..100).fold(Forged::new(), |forged, number| forged.folder(&format!("{number:090}")));
    too_many(&folders.bytes());
    // Files are not kept.
    let files = (0..200).fold(Forged::new(), |forged, number| forged.file(&format!("{number:090}")));
    unpacked(&files.bytes(), &little).1.unwrap();
}

/// A zstd frame of one raw block that asks for a window of two to the power of `log` bytes (RFC 8878, 3.1.1).
fn with_window(log: u8, tar: &[u8]) -> Vec<u8> {
    let header = u32::try_from(tar.len() << 3 | 1).unwrap().to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3], &header[..3], tar].concat()
}

#[test]
fn a_window_that_takes_more_memory_than_the_field_agreed_on_is_refused() {
    let tar = Forged::new().file("a").tar();
    unpacked(&with_window(23, &tar), &Limits::default()).1.unwrap();
    for log in [24, 27, 31, 41] {
        refused_as_archive(&with_window(log, &tar));
    }
}

#[test]
fn files_that_claim_to_be_huge_take_what_they_are() {
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    header.as_gnu_mut().unwrap().set_real_size(1 << 50);
    assert_eq!(refusal(&Forged::new().raw(header, b"").bytes()), Refusal::Kind);
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(1 << 50);
    refused_as_archive(&Forged::new().raw(header, b"little").bytes());
}
