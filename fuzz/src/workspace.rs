//! Archives of workspaces: nothing is made or changed outside of the target, nothing stays behind a refusal, limits hold, and
//! what was unpacked is packed to bytes that unpack to the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use spacelift_worker_core::files::workspace::{Limits, pack, unpack};

const LIMITS: Limits = Limits { entries: 32, bytes: 64 * 1024, names: 16 * 1024 };
const BLOCK: usize = 512;

/// Either a compressed archive, or behind a `t` a tar archive whose checksums are put right.
pub fn workspace(data: &[u8]) {
    let archive = match data.split_first() {
        Some((b't', tar)) => stored(with_checksums(tar.to_vec())),
        _ => data.to_vec(),
    };
    let Ok(room) = tempfile::tempdir() else { return };
    // Bystanders beside the target and above it, where `..` leads
    let folder = room.path().join("folder");
    let made = fs::create_dir_all(folder.join("beside"))
        .and_then(|()| fs::write(folder.join("bystander"), "kept"))
        .and_then(|()| fs::write(room.path().join("above"), "kept"));
    if made.is_err() {
        return;
    }
    let (before, target) = (listing(room.path(), None), folder.join("target"));
    let unpacked = unpack(archive.as_slice(), &target, &LIMITS);
    assert_eq!(listing(room.path(), Some(&target)), before, "{unpacked:?}");
    let Ok(unpacked) = unpacked else {
        assert!(fs::symlink_metadata(&target).is_err(), "something stayed behind a refusal");
        return;
    };
    assert!(unpacked.entries <= LIMITS.entries && unpacked.bytes <= LIMITS.bytes);
    let looked = fs::canonicalize(&target).and_then(|root| stays_inside(&root, &root));
    assert!(looked.is_ok(), "{looked:?}");
    packs_to_the_same(&target, &folder.join("again"));
}

/// Packing loses nothing that unpacking made; what its owner may not read is not packed at all.
fn packs_to_the_same(target: &Path, again: &Path) {
    let mut once = Vec::new();
    let Ok(packed) = pack(target, &mut once) else { return };
    assert_eq!(packed.skipped, []);
    let unpacked = unpack(once.as_slice(), again, &Limits::default());
    assert!(unpacked.is_ok(), "{unpacked:?}");
    let mut twice = Vec::new();
    assert!(pack(again, &mut twice).is_ok() && once == twice);
}

/// Path, mode and content of everything below a folder, but for one path and what is below that.
fn listing(root: &Path, but: Option<&Path>) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(path) = ahead.pop() {
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        if Some(path.as_path()) == but {
            continue;
        }
        if facts.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten();
            ahead.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())));
        }
        let content = if facts.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        found.insert(path, (facts.mode(), content));
    }
    found
}

/// No link below `folder` leads out of `root`, everything is a folder, a file or a link, and nothing has a set-id bit.
fn stays_inside(root: &Path, folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, facts) = (entry.path(), entry.metadata()?);
        let kind = facts.file_type();
        assert!(kind.is_dir() || kind.is_file() || kind.is_symlink(), "{path:?} is a {kind:?}");
        assert!(kind.is_symlink() || facts.mode() & 0o6000 == 0, "{path:?} has a set-id bit");
        if kind.is_dir() {
            // The owner may have no rights on a folder of the archive; what cannot be listed is not followed either
            stays_inside(root, &path).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => Ok(()),
                _ => Err(error),
            })?;
        } else if let Ok(end) = fs::canonicalize(&path) {
            assert!(end.starts_with(root), "{path:?} leads to {end:?}");
        }
    }
    Ok(())
}

/// Puts the checksum of every block right that looks like a header (POSIX.1-1988, ustar): no fuzzer guesses it.
fn with_checksums(mut tar: Vec<u8>) -> Vec<u8> {
    for block in tar.chunks_exact_mut(BLOCK).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

/// A zstd frame of raw blocks (RFC 8878, 3.1.1): magic number, no flags, a window of 128 KiB.
fn stored(tar: Vec<u8>) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
    let mut blocks = tar.chunks(0x1_0000).peekable();
    while let Some(block) = blocks.next() {
        let header = (block.len() as u32) << 3 | u32::from(blocks.peek().is_none());
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}
