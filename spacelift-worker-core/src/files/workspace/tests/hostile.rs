//! Archives made to do harm.

use super::*;

#[test]
fn a_path_that_leaves_is_refused() {
    assert_eq!(refusal(&Forged::new().file("/tmp/evil").bytes()), Refusal::AbsolutePath);
    assert_eq!(refusal(&Forged::new().file("../bystander").bytes()), Refusal::ParentPath);
    assert_eq!(refusal(&Forged::new().file("a/../../bystander").bytes()), Refusal::ParentPath);
    assert_eq!(refusal(&Forged::new().file("./").bytes()), Refusal::NoName);
}

#[test]
fn a_link_made_by_the_archive_is_never_written_through() {
    assert_eq!(refusal(&Forged::new().link("out", "..").file("out/bystander").bytes()), Refusal::NotAFolder);
    let inside = Forged::new().folder("d").link("in", "d").file("in/file").bytes();
    assert_eq!(refusal(&inside), Refusal::NotAFolder);
    // A file over a link replaces the link.
    let (outer, result) =
        unpacked(&Forged::new().file("a").link("b", "a").file("b").bytes(), &Limits::default());
    result.unwrap();
    assert!(fs::symlink_metadata(outer.path().join("target/b")).unwrap().is_file());
}

#[test]
fn a_symbolic_link_out_is_refused_alone_and_by_way_of_others() {
    assert_eq!(refusal(&Forged::new().link("a", "/etc/passwd").bytes()), Refusal::LinkLeaves);
    assert_eq!(refusal(&Forged::new().link("a/b", "../../x").bytes()), Refusal::LinkLeaves);
    let chain = Forged::new().folder("p/q").link("p/q/l", "../..").link("m", "p/q/l/../x").bytes();
    assert_eq!(refusal(&chain), Refusal::LinkLeaves);
}

#[test]
fn a_hard_link_to_anything_but_an_earlier_file_is_refused() {
    for to in ["/etc/passwd", "../bystander", "missing", "folder", "link", "self", ""] {
        let bytes = Forged::new().folder("folder").link("link", "folder").hard_link("self", to).bytes();
        assert_eq!(refusal(&bytes), Refusal::HardLink, "{to}");
    }
    assert_eq!(refusal(&Forged::new().file("self").hard_link("self", "self").bytes()), Refusal::HardLink);
}

#[test]
fn devices_pipes_and_set_id_bits_are_refused() {
    for kind in
        [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::new(b'Z')]
    {
        assert_eq!(refusal(&Forged::new().add(kind, "x", "", 0o644, b"").bytes()), Refusal::Kind, "{kind:?}");
    }
    for mode in [0o4755, 0o2755, 0o6755] {
        let file = Forged::new().add(EntryType::Regular, "x", "", mode, b"");
        assert_eq!(refusal(&file.bytes()), Refusal::SetId);
        let folder = Forged::new().add(EntryType::Directory, "x", "", mode, b"");
        assert_eq!(refusal(&folder.bytes()), Refusal::SetId);
    }
}

#[test]
fn a_file_over_a_folder_and_a_folder_over_a_file_are_refused() {
    assert_eq!(refusal(&Forged::new().folder("a").file("a").bytes()), Refusal::NotAFolder);
    assert_eq!(refusal(&Forged::new().file("a/b").link("a", "c").bytes()), Refusal::NotAFolder);
    assert_eq!(refusal(&Forged::new().file("a").folder("a").bytes()), Refusal::NotAFolder);
    assert_eq!(refusal(&Forged::new().file("a").file("a/b").bytes()), Refusal::NotAFolder);
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let from = tempfile::tempdir().unwrap();
    fs::write(from.path().join("a"), vec![7; 3000]).unwrap();
    fs::write(from.path().join("b"), "b").unwrap();
    let (bytes, _) = packed(from.path());
    for len in 0..bytes.len() {
        assert!(unpacked(&bytes[..len], &Limits::default()).1.is_err(), "{len} of {}", bytes.len());
    }
    // Cut before compression, at a boundary between entries and anywhere else.
    let plain = zstd::decode_all(&bytes[..]).unwrap();
    for len in (0..plain.len() - 1024).step_by(256) {
        let cut = zstd::encode_all(&plain[..len], 1).unwrap();
        assert!(unpacked(&cut, &Limits::default()).1.is_err(), "{len} of {}", plain.len());
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_harmless() {
    let from = tempfile::tempdir().unwrap();
    fs::write(from.path().join("a"), "some content that is not repeated").unwrap();
    let (bytes, _) = packed(from.path());
    for at in 0..bytes.len() {
        let mut bent = bytes.clone();
        bent[at] ^= 1;
        let (outer, result) = unpacked(&bent, &Limits::default());
        if result.is_ok() {
            let content = fs::read_to_string(outer.path().join("target/a")).unwrap();
            assert_eq!(content, "some content that is not repeated", "{at}");
        }
    }
}

#[test]
fn an_empty_folder_may_be_the_target_and_anything_else_may_not() {
    let outer = tempfile::tempdir().unwrap();
    let target = outer.path().join("target");
    let bytes = Forged::new().file("a").bytes();
    fs::create_dir(&target).unwrap();
    unpack(&bytes[..], &target, &Limits::default()).unwrap();
    assert!(matches!(unpack(&bytes[..], &target, &Limits::default()), Err(UnpackError::Target { .. })));
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
}

#[test]
fn what_other_programs_write_is_understood() {
    // A global header as `git archive` has it, "./" as GNU tar has it, a long name as Python has it.
    let name = "n".repeat(150);
    let record = format!("path=d/{name}\n");
    let len = record.len() + 4;
    let record = format!("{len} {record}");
    assert_eq!(record.len(), len);
    let bytes = Forged::new()
        .add(EntryType::XGlobalHeader, "pax_global_header", "", 0o666, b"19 comment=0123456\n")
        .folder("./")
        .folder("./d/")
        .add(EntryType::XHeader, "x", "", 0o644, record.as_bytes())
        .file("short")
        .bytes();
    let (outer, result) = unpacked(&bytes, &Limits::default());
    assert_eq!(result.unwrap().entries, 2);
    assert!(outer.path().join("target/d").join(&name).is_file());
}

#[test]
fn a_long_name_is_judged_as_a_short_one_is_however_it_is_written() {
    let named = |name: &str| {
        let gnu = Forged::new().add(EntryType::GNULongName, "l", "", 0, format!("{name}\0").as_bytes());
        [gnu.file("harmless").bytes(), Forged::new().pax("path", name.as_bytes()).file("harmless").bytes()]
    };
    for (name, why) in [
        ("/tmp/evil", Refusal::AbsolutePath),
        ("../bystander", Refusal::ParentPath),
        ("a/../../bystander", Refusal::ParentPath),
        ("a\0b", Refusal::NoName),
        ("", Refusal::NoName),
        (".", Refusal::NoName),
        (&"n".repeat(4096), Refusal::TooLong),
        (&"n".repeat(256), Refusal::TooLong),
        (&"d/".repeat(3), Refusal::NoName),
        (&"d/".repeat(257), Refusal::TooLong),
        (&("d/".repeat(256) + "f"), Refusal::TooLong),
    ] {
        for bytes in named(name) {
            assert_eq!(refusal(&bytes), why, "{name}");
        }
    }
    let linked = |to: &str| {
        let gnu = Forged::new().add(EntryType::GNULongLink, "l", "", 0, format!("{to}\0").as_bytes());
        [gnu.link("l", "harmless"), Forged::new().pax("linkpath", to.as_bytes()).link("l", "harmless")]
    };
    for (to, why) in [
        ("/etc/passwd", Refusal::LinkLeaves),
        ("../bystander", Refusal::LinkLeaves),
        ("a\0b", Refusal::NoName),
        ("", Refusal::NoName),
        (&"n".repeat(4096), Refusal::TooLong),
    ] {
        for forged in linked(to) {
            assert_eq!(refusal(&forged.bytes()), why, "{to}");
        }
    }
}

#[test]
fn a_hard_link_by_way_of_a_link_is_refused() {
    let through = Forged::new().file("d/f").link("l", "d").hard_link("h", "l/f").bytes();
    assert_eq!(refusal(&through), Refusal::HardLink);
    let long = Forged::new().link("l", "d").pax("linkpath", b"/etc/passwd").hard_link("h", "d").bytes();
    assert_eq!(refusal(&long), Refusal::HardLink);
    let nul = Forged::new().file("f").pax("linkpath", b"f\0g").hard_link("h", "f").bytes();
    assert_eq!(refusal(&nul), Refusal::HardLink);
}

#[test]
fn the_last_of_several_entries_with_one_name_counts_and_a_folder_stays_one() {
    let bytes = Forged::new()
        .file("a")
        .hard_link("b", "a")
        .add(EntryType::Regular, "./a", "", 0o600, b"last")
        .folder("d")
        .add(EntryType::Directory, "d//", "", 0o700, b"")
        .link("l", "a")
        .link("l", "b")
        .bytes();
    let (outer, result) = unpacked(&bytes, &Limits::default());
    result.unwrap();
    let at = |name: &str| outer.path().join("target").join(name);
    assert_eq!(fs::read_to_string(at("a")).unwrap(), "last");
    assert_eq!(fs::read_to_string(at("b")).unwrap(), "evil", "what was linked before is not written through");
    assert_eq!(fs::metadata(at("d")).unwrap().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_link(at("l")).unwrap(), Path::new("b"));
    // A link does not become a folder, with or without an entry of its own.
    assert_eq!(refusal(&Forged::new().link("a", "d").folder("a").bytes()), Refusal::NotAFolder);
    assert_eq!(refusal(&Forged::new().folder("d").link("a", "d").file("./a/b").bytes()), Refusal::NotAFolder);
    // A link that was harmless is judged again when the one that it leads through is replaced.
    let twice = Forged::new().folder("d").link("d/l", "x").link("m", "d/l/../..").link("d/l", "..").bytes();
    assert_eq!(refusal(&twice), Refusal::LinkLeaves);
}

#[test]
fn what_is_no_folder_does_not_end_in_a_slash() {
    assert_eq!(refusal(&Forged::new().file("a/").bytes()), Refusal::NoName);
    assert_eq!(refusal(&Forged::new().link("a/", "b").bytes()), Refusal::NoName);
    assert_eq!(refusal(&Forged::new().file("b").hard_link("a/", "b").bytes()), Refusal::NoName);
    // As archives before POSIX wrote folders: a file of no bytes.
    let mut folder = Header::new_old();
    folder.set_path("old/").unwrap();
    folder.set_entry_type(EntryType::new(0));
    folder.set_mode(0o755);
    folder.set_size(0);
    assert_eq!(refusal(&Forged::new().raw(folder, b"").bytes()), Refusal::NoName);
}

#[test]
fn old_and_contiguous_files_are_files() {
    let mut old = Header::new_old();
    old.set_path("old").unwrap();
    old.set_entry_type(EntryType::new(0));
    old.set_mode(0o640);
    old.set_size(3);
    let contiguous = EntryType::new(b'7');
    let bytes = Forged::new().raw(old, b"old").add(contiguous, "contiguous", "", 0o644, b"content").bytes();
    let (outer, result) = unpacked(&bytes, &Limits::default());
    assert_eq!(result.unwrap(), Unpacked { entries: 2, bytes: 10 });
    assert_eq!(fs::read(outer.path().join("target/old")).unwrap(), b"old");
}

#[test]
fn content_behind_anything_but_a_file_is_refused() {
    // Another reader takes the content for the next header: two archives in the same bytes.
    let hidden = Forged::new().file("hidden").tar();
    for (kind, link) in [(EntryType::Directory, ""), (EntryType::Symlink, "file"), (EntryType::Link, "file")]
    {
        let bytes = Forged::new().file("file").add(kind, "x", link, 0o755, &hidden).bytes();
        assert_eq!(refusal(&bytes), Refusal::Content, "{kind:?}");
    }
    let root = Forged::new().add(EntryType::Directory, "./", "", 0o755, &hidden).bytes();
    assert_eq!(refusal(&root), Refusal::Content);
}

#[test]
fn anything_behind_the_end_mark_but_filling_is_refused() {
    let tar = Forged::new().file("a").tar();
    for more in [&b"x"[..], &Forged::new().file("b").tar()] {
        refused_as_archive(&compressed(&[&tar, more].concat()));
    }
    // An end mark of one block, with an archive behind it.
    let short = &tar[..tar.len() - 512];
    refused_as_archive(&compressed(&[short, &Forged::new().file("b").tar()].concat()));
    unpacked(&compressed(&[&tar[..], &[0; 20_000]].concat()), &Limits::default()).1.unwrap();
}

#[test]
fn sizes_that_are_negative_or_beyond_the_archive_are_refused() {
    let sized = |field: &[u8; 12], kind: EntryType| {
        let mut header = Header::new_gnu();
        header.set_path("x").unwrap();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.as_gnu_mut().unwrap().size = *field;
        Forged::new().raw(header, b"content").bytes()
    };
    for field in [
        b"-0000000001\0",
        b"not a number",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0",
        b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"77777777777\0",
        b"00000100000\0",
    ] {
        for kind in [EntryType::Regular, EntryType::XHeader, EntryType::XGlobalHeader, EntryType::GNULongName]
        {
            let result = unpacked(&sized(field, kind), &Limits::default()).1;
            assert!(result.is_err(), "{field:?} {kind:?}");
        }
    }
}

#[test]
fn records_that_move_the_entries_or_give_them_holes_are_refused() {
    refused_as_archive(&Forged::new().pax("size", b"1").file("a").bytes());
    refused_as_archive(&Forged::new().pax("GNU.sparse.major", b"1").file("a").bytes());
    refused_as_archive(&Forged::new().pax("GNU.sparse.realsize", b"1099511627776").file("a").bytes());
    for (key, value) in [("path", "b"), ("linkpath", "b"), ("size", "1")] {
        let global = Forged::new().records(EntryType::XGlobalHeader, &[(key, value.as_bytes())]);
        refused_as_archive(&global.file("a").bytes());
    }
    refused_as_archive(&Forged::new().add(EntryType::XHeader, "x", "", 0, b"99 path=a\n").file("a").bytes());
    let large = vec![b'x'; 70_000];
    assert_eq!(refusal(&Forged::new().pax("comment", &large).file("a").bytes()), Refusal::TooLong);
}

#[test]
fn times_beyond_all_calendars_do_no_harm() {
    for time in ["9223372036854775807", "-1", "1e9", "nan", "1.5.5", "1700000000.999999999999", ""] {
        let bytes = Forged::new().pax("mtime", time.as_bytes()).file("a").bytes();
        // Whatever the disk says of such a time: `unpacked` looks at what a refusal leaves.
        let _ = unpacked(&bytes, &Limits::default());
    }
}
