//! Archives of workspaces: nothing is made outside of the target, nothing stays behind a refusal, limits hold.

use std::fs;
use std::io;
use std::path::Path;

use spacelift_worker_core::files::workspace::{Limits, unpack};

const LIMITS: Limits = Limits { entries: 32, bytes: 64 * 1024 };
const BLOCK: usize = 512;

/// Either a compressed archive, or behind a `t` a tar archive whose checksums are put right.
pub fn workspace(data: &[u8]) {
    let archive = match data.split_first() {
        Some((b't', tar)) => stored(with_checksums(tar.to_vec())),
        _ => data.to_vec(),
    };
    let Ok(room) = tempfile::tempdir() else { return };
    let target = room.path().join("target");
    let unpacked = unpack(archive.as_slice(), &target, &LIMITS);
    let names = names(room.path());
    let expected = if unpacked.is_ok() { vec!["target".to_owned()] } else { Vec::new() };
    assert_eq!(names.ok(), Some(expected), "{unpacked:?}");
    if let Ok(unpacked) = unpacked {
        assert!(unpacked.entries <= LIMITS.entries && unpacked.bytes <= LIMITS.bytes);
        let looked = fs::canonicalize(&target).and_then(|root| stays_inside(&root, &root));
        assert!(looked.is_ok(), "{looked:?}");
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// No link below `folder` leads out of `root`, and everything is a folder, a file or a link.
fn stays_inside(root: &Path, folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        assert!(kind.is_dir() || kind.is_file() || kind.is_symlink(), "{:?} is a {kind:?}", entry.path());
        if kind.is_dir() {
            // The owner may have no rights on a folder of the archive; what cannot be listed is not followed either
            stays_inside(root, &entry.path()).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => Ok(()),
                _ => Err(error),
            })?;
        } else if let Ok(end) = fs::canonicalize(entry.path()) {
            assert!(end.starts_with(root), "{:?} leads to {end:?}", entry.path());
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
