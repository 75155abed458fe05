//! What the tests of workspaces share: archives as an attacker writes them, and folders looked at before and after.

mod bombs;
mod hostile;
mod packing;
mod traces;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
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

    /// An entry whose header an attacker wrote byte by byte.
    fn raw(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// PAX records for the entry behind them, or for all entries.
    fn records(self, kind: EntryType, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            // The length counts itself.
            let len = (rest + 1..).find(|len| len.to_string().len() + rest == *len).unwrap();
            content.extend(format!("{len} {key}=").as_bytes());
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        self.add(kind, "records", "", 0o644, &content)
    }

    fn pax(self, key: &str, value: &[u8]) -> Self {
        self.records(EntryType::XHeader, &[(key, value)])
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

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn bytes(self) -> Vec<u8> {
        compressed(&self.tar())
    }
}

fn compressed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 1).unwrap()
}

/// Everything below a folder, by path: kind and permissions, and the content of files.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        let facts = fs::symlink_metadata(&path).unwrap();
        let content = if facts.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if facts.is_dir() {
            ahead.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, (facts.mode(), content));
    }
    found
}

/// Unpacks into a fresh folder, and checks that a refusal leaves its surroundings as they were.
fn unpacked(bytes: &[u8], limits: &Limits) -> (tempfile::TempDir, Result<Unpacked, UnpackError>) {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("bystander"), "kept").unwrap();
    fs::create_dir_all(outer.path().join("folder/inside")).unwrap();
    let before = listing(outer.path());
    let result = unpack(bytes, &outer.path().join("target"), limits);
    let mut after = listing(outer.path());
    if result.is_ok() {
        after.retain(|path, _| !path.starts_with(outer.path().join("target")));
    }
    assert_eq!(after, before, "{result:?}");
    (outer, result)
}

fn refusal(bytes: &[u8]) -> Refusal {
    match unpacked(bytes, &Limits::default()).1 {
        Err(UnpackError::Refused { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

/// Refused for what the archive is as a whole.
fn refused_as_archive(bytes: &[u8]) {
    let result = unpacked(bytes, &Limits::default()).1;
    assert!(matches!(result, Err(UnpackError::Archive(_) | UnpackError::Cut)), "{result:?}");
}
