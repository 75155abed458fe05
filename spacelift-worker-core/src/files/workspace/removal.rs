//! Removing a tree that a hostile archive or a run made, whatever its depth and its modes.
//!
//! It follows no link, keeps three folders open at most, and never needs a path longer than a name below the tree.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode};
use rustix::io::Errno;
use rustix::path::Arg;

use super::tree::{FOLDER, open_folder, open_root};

/// How often a folder is looked into until nothing is found. A process that goes on writing in it would have it looked into
/// for ever.
const MAX_LOOKS: u32 = 1_000;

/// Removes what is at `path`, with everything in it if it is a folder. What is not there is removed already.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    unlock(CWD, path)?;
    let mut removal = Removal { root: open_root(path)?, waiting: Vec::new(), moved: 0 };
    removal.run()?;
    fs::remove_dir(path)
}

/// Lets the owner of a folder read it, search it and write in it, without which it holds on to its content.
fn unlock(at: impl AsFd, name: impl Arg + Copy) -> Result<(), Errno> {
    match rustix::fs::openat(&at, name, FOLDER, Mode::empty()) {
        Ok(folder) => {
            let mode = rustix::fs::fstat(&folder)?.st_mode;
            match Mode::from_raw_mode(mode).contains(Mode::RWXU) {
                true => Ok(()),
                false => rustix::fs::fchmod(&folder, Mode::RWXU),
            }
        }
        // It cannot be opened before it may be read. A link that took its place would be followed, which is no gain to
        // whoever put it there: root, who may change what is not its own, is not refused and does not come here.
        Err(Errno::ACCESS) => rustix::fs::chmodat(&at, name, Mode::RWXU, AtFlags::empty()),
        Err(other) => Err(other),
    }
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
        for _ in 0..MAX_LOOKS {
            if !self.clear(None)? {
                return Ok(());
            }
            while let Some(name) = self.waiting.pop() {
                let folder = match open_folder(&self.root, name.to_bytes()) {
                    // It was empty, and another one took its name when it moved up.
                    Err(Errno::NOENT) => continue,
                    other => other?,
                };
                self.empty(&folder)?;
                rustix::fs::unlinkat(&self.root, &name, AtFlags::REMOVEDIR)?;
            }
        }
        Err(Errno::NOTEMPTY)
    }

    fn empty(&mut self, folder: &OwnedFd) -> Result<(), Errno> {
        for _ in 0..MAX_LOOKS {
            if !self.clear(Some(folder))? {
                return Ok(());
            }
        }
        Err(Errno::NOTEMPTY)
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
            match self.take(folder, name) {
                // Whoever made it removed it as well.
                Err(Errno::NOENT) => {}
                taken => {
                    taken?;
                    found = true;
                }
            }
        }
        Ok(found)
    }

    /// Takes one thing out of a folder, or out of the root.
    fn take(&mut self, folder: Option<&OwnedFd>, name: &CStr) -> Result<(), Errno> {
        let at = folder.unwrap_or(&self.root);
        let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return rustix::fs::unlinkat(at, name, AtFlags::empty());
        }
        unlock(at, name)?;
        let name = match folder {
            None => name.to_owned(),
            Some(folder) => move_up(folder, name, &self.root, &mut self.moved)?,
        };
        self.waiting.push(name);
        Ok(())
    }
}

/// Moves a folder into the root, under the next number that is free there.
fn move_up(from: &OwnedFd, name: &CStr, root: &OwnedFd, moved: &mut u64) -> Result<CString, Errno> {
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
pub(crate) mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    use super::*;

    /// Makes three thousand folders, each in the one before it: no path reaches the last.
    pub(crate) fn deepen(path: &Path) {
        let mut at = open_root(path).unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "deep", Mode::RWXU).unwrap();
            at = open_folder(&at, b"deep").unwrap();
        }
    }

    /// Whether a test of this crate that is ignored passes in a process that may have 256 open descriptors.
    pub(crate) fn passes_with_few_descriptors(test: &str) -> bool {
        let script = "ulimit -n 256 && exec \"$0\" --exact \"$1\" --ignored --nocapture --test-threads=1";
        let program = std::env::current_exe().unwrap();
        let child = Command::new("/bin/sh").args(["-c", script]).arg(program).arg(test).output().unwrap();
        // A name that fits no test passes as well.
        child.status.success() && String::from_utf8_lossy(&child.stdout).contains("1 passed")
    }

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
        deepen(&path);
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

    #[test]
    fn what_its_owner_may_neither_read_nor_write_in_goes_as_well() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("tree");
        for mode in [0o000, 0o100, 0o200, 0o400, 0o500, 0o600] {
            let folder = path.join(format!("{mode:03o}"));
            fs::create_dir_all(folder.join("inner")).unwrap();
            fs::write(folder.join("inner/file"), "x").unwrap();
            for locked in [folder.join("inner"), folder] {
                fs::set_permissions(locked, Permissions::from_mode(mode)).unwrap();
            }
        }
        fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        remove_tree(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_there_is_removed_already() {
        let outer = tempfile::tempdir().unwrap();
        remove_tree(&outer.path().join("tree")).unwrap();
        remove_tree(&outer.path().join("no/tree")).unwrap();
    }
}
