//! Round trips, and archives made to do harm.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tar::{Builder, EntryType, Header};

use super::*;

fn packed(folder: &Path) -> (Vec<u8>, Packed) {
    let mut bytes = Vec::new();
    let packed = pack(folder, &mut bytes).unwrap();
    (bytes, packed)
}

/// What an attacker writes: names and link texts go into the header as they are.
struct Forged(Builder<Vec<u8>>);

impl Forged {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, name: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str) -> Self {
        self.add(EntryType::Regular, name, "", 0o644, b"evil")
    }

    fn folder(self, name: &str) -> Self {
        self.add(EntryType::Directory, name, "", 0o755, b"")
    }

    fn link(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Symlink, name, to, 0o777, b"")
    }

    fn hard_link(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Link, name, to, 0o644, b"")
    }

    fn bytes(self) -> Vec<u8> {
        zstd::encode_all(&self.0.into_inner().unwrap()[..], 1).unwrap()
    }
}

/// Unpacks into a fresh folder, and checks that a refusal leaves nothing behind.
fn unpacked(bytes: &[u8], limits: &Limits) -> (tempfile::TempDir, Result<Unpacked, UnpackError>) {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("bystander"), "kept").unwrap();
    let result = unpack(bytes, &outer.path().join("target"), limits);
    assert_eq!(fs::read_to_string(outer.path().join("bystander")).unwrap(), "kept");
    let left = fs::read_dir(outer.path()).unwrap().count();
    assert_eq!(left, if result.is_ok() { 2 } else { 1 }, "{result:?}");
    (outer, result)
}

fn refusal(bytes: &[u8]) -> Refusal {
    match unpacked(bytes, &Limits::default()).1 {
        Err(UnpackError::Refused { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tree_comes_back_with_modes_links_and_times() {
    let from = tempfile::tempdir().unwrap();
    let root = from.path();
    let long = "long/".repeat(40) + &"name".repeat(50);
    fs::create_dir_all(root.join(&long).parent().unwrap()).unwrap();
    fs::write(root.join(&long), "deep").unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o751)).unwrap();
    fs::hard_link(root.join("run.sh"), root.join("same")).unwrap();
    fs::create_dir(root.join("sealed")).unwrap();
    fs::write(root.join("sealed/inside"), "x").unwrap();
    symlink(&long, root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    for path in ["run.sh", "sealed"] {
        fs::File::open(root.join(path)).unwrap().set_modified(time).unwrap();
    }
    fs::set_permissions(root.join("sealed"), Permissions::from_mode(0o555)).unwrap();

    let (bytes, report) = packed(root);
    assert!(report.skipped.is_empty());
    let (outer, result) = unpacked(&bytes, &Limits::default());
    assert_eq!(result.unwrap().entries, report.entries);
    let to = outer.path().join("target");
    assert_eq!(fs::read_to_string(to.join(&long)).unwrap(), "deep");
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new(&long));
    assert_eq!(fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
    let script = fs::metadata(to.join("run.sh")).unwrap();
    assert_eq!(script.mode() & 0o7777, 0o751);
    assert_eq!(script.modified().unwrap(), time);
    assert_eq!(script.ino(), fs::metadata(to.join("same")).unwrap().ino());
    let sealed = fs::metadata(to.join("sealed")).unwrap();
    assert_eq!((sealed.mode() & 0o7777, sealed.modified().unwrap()), (0o555, time));
    // Packed again it is the same bytes: nothing was lost that an archive can say.
    assert_eq!(packed(&to).0, bytes);
}

#[test]
fn sockets_pipes_and_links_that_leave_are_left_out_and_reported() {
    let from = tempfile::tempdir().unwrap();
    let root = from.path();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("absolute", root.join("by-way")).unwrap();
    fs::write(root.join("kept"), "x").unwrap();
    fs::set_permissions(root.join("kept"), Permissions::from_mode(0o4755)).unwrap();

    let (bytes, report) = packed(root);
    let skipped: Vec<_> = report.skipped.iter().map(|it| (it.path.to_str().unwrap(), it.reason)).collect();
    assert_eq!(
        skipped,
        [
            ("kept", SkipReason::SetId),
            ("pipe", SkipReason::Fifo),
            ("socket", SkipReason::Socket),
            ("absolute", SkipReason::LinkLeaves),
            ("by-way", SkipReason::LinkLeaves),
        ]
    );
    let (outer, result) = unpacked(&bytes, &Limits::default());
    assert_eq!(result.unwrap().entries, 1);
    assert_eq!(fs::metadata(outer.path().join("target/kept")).unwrap().mode() & 0o7777, 0o755);
}

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
fn a_full_disk_while_packing_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let from = tempfile::tempdir().unwrap();
    fs::File::create(from.path().join("a")).unwrap().write_all(&[1; 4096]).unwrap();
    assert!(matches!(pack(from.path(), Full), Err(PackError::Write(_))));
    let missing = pack(&from.path().join("missing"), io::sink());
    assert!(matches!(missing, Err(PackError::Read { .. })));
}
