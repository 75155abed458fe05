//! Whose a folder with everything in it is. Decides nothing about who may have it.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

/// The deepest folder that is given away: an open descriptor is kept for each on the way. What is unpacked is no deeper than
/// 256 folders.
const MAX_DEPTH: usize = 300;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Gives a folder with everything in it to a user and group, and links themselves rather than what they name. Whoever is that
/// user already need not.
///
/// The user may be at work and hostile already, as the first process of a container is. What is inside goes before the folder
/// that holds it, so that nothing is touched any more once the user can reach it; and each name is looked up in an open folder
/// without following a link, so that no path is ever resolved a second time.
///
/// # Errors
/// When the system refuses, and for folders deeper than any archive has them.
pub(super) fn give(path: &Path, (user, group): (u32, u32)) -> io::Result<()> {
    if rustix::process::geteuid().as_raw() == user {
        return Ok(());
    }
    // The one number that means nobody (chown(2)).
    if user == u32::MAX || group == u32::MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let owner = (Uid::from_raw(user), Gid::from_raw(group));
    let mut way = vec![Level::open(CWD, path, owner)?];
    while let Some(level) = way.last_mut() {
        if let Some(name) = level.inner.pop() {
            let inner = Level::open(&level.folder, name.as_c_str(), owner)?;
            if way.len() >= MAX_DEPTH {
                return Err(io::Error::other("its folders are too deep"));
            }
            way.push(inner);
        } else {
            rustix::fs::fchown(&level.folder, Some(owner.0), Some(owner.1))?;
            way.pop();
        }
    }
    Ok(())
}

/// An open folder on the way down, in which everything but folders was given.
struct Level {
    folder: OwnedFd,
    /// The folders in it that were not.
    inner: Vec<CString>,
}

impl Level {
    fn open(at: impl AsFd, name: impl rustix::path::Arg, (user, group): (Uid, Gid)) -> Result<Self, Errno> {
        let folder = rustix::fs::openat(at, name, FOLDER, Mode::empty())?;
        let mut inner = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => inner.push(name.to_owned()),
                _ => rustix::fs::chownat(&folder, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?,
            }
        }
        Ok(Self { folder, inner })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    const OTHER: u32 = 1983;

    /// Enough for the hostile thread to be done while a walk that it can reach is not.
    #[cfg(target_os = "linux")]
    const FILES: usize = 2_000;

    fn owner(path: &Path) -> (u32, u32) {
        let seen = fs::symlink_metadata(path).unwrap();
        (seen.uid(), seen.gid())
    }

    /// A folder on the way to which nobody is kept out.
    fn open_to_all() -> tempfile::TempDir {
        let outer = tempfile::tempdir().unwrap();
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        outer
    }

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn everything_inside_is_given_and_nothing_that_links_name() {
        if !is_root() {
            return;
        }
        let outer = open_to_all();
        let (path, outside) = (outer.path().join("workspace"), outer.path().join("outside"));
        fs::create_dir_all(path.join("source/a/b/c")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "theirs").unwrap();
        fs::write(path.join("source/a/b/file"), "x").unwrap();
        fs::write(path.join("top"), "x").unwrap();
        symlink("../../../outside", path.join("source/a/folder")).unwrap();
        symlink("../outside/file", path.join("link")).unwrap();
        fs::set_permissions(path.join("source/a"), Permissions::from_mode(0o0)).unwrap();

        give(&path, (OTHER, 1984)).unwrap();

        let given = [
            "",
            "top",
            "link",
            "source",
            "source/a",
            "source/a/folder",
            "source/a/b",
            "source/a/b/c",
            "source/a/b/file",
        ];
        for name in given {
            assert_eq!(owner(&path.join(name)), (OTHER, 1984), "{name}");
        }
        assert_eq!(owner(&outside), owner(outer.path()));
        assert_eq!(owner(&outside.join("file")), owner(outer.path()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_gets_the_folder_cannot_lead_the_rest_of_the_walk_elsewhere() {
        use std::sync::atomic::{AtomicBool, Ordering};

        use rustix::fs::RenameFlags;

        if !is_root() {
            return;
        }
        let outer = open_to_all();
        let (path, outside) = (outer.path().join("workspace"), outer.path().join("outside"));
        let (source, link) = (path.join("source"), path.join("link"));
        for folder in [&source, &outside] {
            fs::create_dir_all(folder).unwrap();
            for number in 0..FILES {
                fs::write(folder.join(number.to_string()), "").unwrap();
            }
        }

        // Puts a link in the place of a folder in one step, as soon as a user other than root is let.
        let is_over = AtomicBool::new(false);
        let given = std::thread::scope(|scope| {
            let hostile = scope.spawn(|| {
                let other = Uid::from_raw(OTHER);
                rustix::thread::set_thread_res_uid(other, other, other).unwrap();
                let wait_for = |path| {
                    while owner(path).0 != OTHER && !is_over.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                };
                wait_for(&path);
                symlink(&outside, &link).unwrap();
                wait_for(&source);
                rustix::fs::renameat_with(CWD, &link, CWD, &source, RenameFlags::EXCHANGE).unwrap();
            });
            let given = give(&path, (OTHER, OTHER));
            is_over.store(true, Ordering::Release);
            hostile.join().unwrap();
            given
        });

        assert!(source.is_symlink());
        for entry in fs::read_dir(&outside).unwrap() {
            assert_eq!(owner(&entry.unwrap().path()), owner(outer.path()));
        }
        given.unwrap();
        for entry in fs::read_dir(&link).unwrap() {
            assert_eq!(owner(&entry.unwrap().path()), (OTHER, OTHER));
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_refused() {
        let outer = open_to_all();
        symlink("/", outer.path().join("workspace")).unwrap();
        let other = rustix::process::geteuid().as_raw() + 1;
        let error = give(&outer.path().join("workspace"), (other, other)).unwrap_err();
        assert!(
            matches!(Errno::from_io_error(&error), Some(Errno::NOTDIR | Errno::LOOP | Errno::MLINK)),
            "{error}"
        );
    }

    #[test]
    fn folders_too_deep_for_any_archive_are_refused() {
        if !is_root() {
            return;
        }
        let outer = open_to_all();
        let mut deep = outer.path().join("workspace");
        deep.extend((0..MAX_DEPTH).map(|_| "d"));
        fs::create_dir_all(&deep).unwrap();
        let error = give(&outer.path().join("workspace"), (OTHER, OTHER)).unwrap_err();
        assert_eq!(error.to_string(), "its folders are too deep");
        assert_ne!(owner(&outer.path().join("workspace")).0, OTHER);
        give(&outer.path().join("workspace/d"), (OTHER, OTHER)).unwrap();
    }
}
