//! What is kept of a tree, and that the same tree is the same bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

use super::*;

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

/// The same tree, made in another order, under other permissions at first, at another place.
fn tree(root: &Path, backwards: bool) {
    let mut files =
        vec![("b", "content"), ("a/x", ""), ("a/y/z", "deep"), ("a.b", "a dot sorts before a slash")];
    if backwards {
        files.reverse();
    }
    let umask = if backwards { 0o700 } else { 0o777 };
    for (name, content) in &files {
        let path = root.join(name);
        fs::DirBuilder::new().recursive(true).mode(umask).create(path.parent().unwrap()).unwrap();
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(umask & 0o666);
        options.open(&path).unwrap().write_all(content.as_bytes()).unwrap();
    }
    // One file under two names: which of them came first shows nowhere.
    if backwards {
        fs::rename(root.join("b"), root.join("c")).unwrap();
        fs::hard_link(root.join("c"), root.join("b")).unwrap();
    } else {
        fs::hard_link(root.join("b"), root.join("c")).unwrap();
    }
    symlink("a/x", root.join("link")).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 5);
    let stamp = rustix::fs::Timespec { tv_sec: 1_600_000_000, tv_nsec: 5 };
    let stamps = rustix::fs::Timestamps { last_access: stamp, last_modification: stamp };
    let link = root.join("link");
    rustix::fs::utimensat(rustix::fs::CWD, &link, &stamps, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    for (name, mode) in
        [("b", 0o640), ("a/x", 0o755), ("a/y/z", 0o600), ("a.b", 0o644), ("a/y", 0o750), ("a", 0o755)]
    {
        let path = root.join(name);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
}

#[test]
fn the_same_tree_is_the_same_bytes_wherever_and_however_it_was_made() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let deeper = other.path().join("somewhere/else");
    fs::create_dir_all(&deeper).unwrap();
    tree(one.path(), false);
    tree(&deeper, true);
    let (bytes, report) = packed(one.path());
    assert!(bytes == packed(&deeper).0);
    assert!(bytes == packed(one.path()).0, "a second time");
    assert_eq!(report.entries, 8);
    // And what is packed shows each change.
    fs::set_permissions(deeper.join("b"), Permissions::from_mode(0o641)).unwrap();
    assert!(bytes != packed(&deeper).0);
}

#[test]
fn names_in_any_encoding_come_back() {
    let from = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"\xff\xfe latin-1 \xe4\n\t");
    fs::write(from.path().join(name), "x").unwrap();
    symlink(name, from.path().join("link")).unwrap();
    let (bytes, _) = packed(from.path());
    let (outer, result) = unpacked(&bytes, &Limits::default());
    result.unwrap();
    let target = outer.path().join("target");
    assert_eq!(fs::read_to_string(target.join(name)).unwrap(), "x");
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new(name));
}

#[test]
fn devices_are_left_out_like_sockets_and_pipes() {
    let null = fs::symlink_metadata("/dev/null").unwrap().file_type();
    assert_eq!(SkipReason::of(null), SkipReason::Device);
}

#[test]
fn as_deep_as_can_be_unpacked_may_be_packed_and_no_deeper() {
    let from = tempfile::tempdir().unwrap();
    let deepest = from.path().join("d/".repeat(256));
    fs::create_dir_all(&deepest).unwrap();
    let (bytes, report) = packed(from.path());
    assert_eq!(report.entries, 256);
    unpacked(&bytes, &Limits::default()).1.unwrap();
    fs::write(deepest.join("f"), "x").unwrap();
    assert!(matches!(pack(from.path(), io::sink()), Err(PackError::TooDeep { .. })));
}
