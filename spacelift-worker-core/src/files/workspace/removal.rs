//! Removing a tree that a hostile archive made, whatever its depth and its modes.
//!
//! It follows no link, keeps three folders open at most, and never needs a path longer than a name below the tree.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode};
use rustix::io::Errno;

use super::tree::{open_folder, open_root};

/// Removes what is at `path`, with everything in it if it is a folder.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    // A folder that its owner may not write in holds on to its content.
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    let mut removal = Removal { root: open_root(path)?, waiting: Vec::new(), moved: 0 };
    removal.run()?;
    fs::remove_dir(path)
}

/// Every folder that is met moves up into the root and waits there, so that depth costs neither stack nor descriptors.
struct Removal {
    root: OwnedFd,
    waiting: Vec<CString>,
    moved: u64,
}

impl Removal {
    fn run(&mut self) -> Result<(), Errno> {
        // Listing a folder while names leave it may pass some over: again, until nothing is found.
        while self.clear(None)? {
            while let Some(name) = self.waiting.pop() {
                let folder = match open_folder(&self.root, name.to_bytes()) {
                    // It was empty, and another one took its name when it moved up.
                    Err(Errno::NOENT) => continue,
                    other => other?,
                };
                while self.clear(Some(&folder))? {}
                rustix::fs::unlinkat(&self.root, &name, AtFlags::REMOVEDIR)?;
            }
        }
        Ok(())
    }

    /// Takes everything out of a folder, or out of the root; whether there was anything.
    fn clear(&mut self, folder: Option<&OwnedFd>) -> Result<bool, Errno> {
        let mut found = false;
        for entry in Dir::read_from(folder.unwrap_or(&self.root))? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            found = true;
            let at = folder.unwrap_or(&self.root);
            let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                rustix::fs::unlinkat(at, name, AtFlags::empty())?;
                continue;
            }
            rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::empty())?;
            let name = match folder {
                None => name.to_owned(),
                Some(folder) => move_up(folder, name, &self.root, &mut self.moved)?,
            };
            self.waiting.push(name);
        }
        Ok(found)
    }
}

/// Moves a folder into the root, under the next number that is free there.
fn move_up(from: &OwnedFd, name: &std::ffi::CStr, root: &OwnedFd, moved: &mut u64) -> Result<CString, Errno> {
    loop {
        *moved += 1;
        let number = CString::new(moved.to_string()).map_err(|_| Errno::INVAL)?;
        match rustix::fs::renameat(from, name, root, &number) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            other => return other.map(|()| number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_deeper_than_any_path_goes_and_nothing_that_its_links_name() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("bystander"), "kept").unwrap();
        let path = outer.path().join("tree");
        fs::create_dir(&path).unwrap();
        symlink("../bystander", path.join("link")).unwrap();
        // Names that the removal itself gives, of folders with and without content.
        for name in ["1", "2/inside", "3"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        let mut at = open_root(&path).unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "deep", Mode::RWXU).unwrap();
            at = open_folder(&at, b"deep").unwrap();
        }
        remove_tree(&path).unwrap();
        let left: Vec<_> =
            fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["bystander"]);
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_removed_itself() {
        let outer = tempfile::tempdir().unwrap();
        let (kept, path) = (outer.path().join("kept"), outer.path().join("tree"));
        fs::create_dir(&kept).unwrap();
        symlink(&kept, &path).unwrap();
        remove_tree(&path).unwrap();
        fs::write(&path, "x").unwrap();
        remove_tree(&path).unwrap();
        assert!(kept.is_dir() && !path.exists());
    }
}
