//! Mounts, written `/host/path:/container/path`. Whether the host's path exists is not looked at here.

/// A file or folder of the host in a run's container. Always with the host's own access rights: `ro` and `wo` in the
/// names of the variables mean kinds of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path on the host.
    pub host: String,
    /// Absolute path in the container.
    pub container: String,
}

/// What every refused mount should have been.
pub(super) const EXPECTED: &str = "mounts as /host/path:/container/path, separated by commas";

impl Mount {
    /// Parses one mount.
    ///
    /// # Errors
    ///
    /// What to do about it.
    pub(super) fn parse(entry: &str) -> Result<Self, String> {
        if let Some(remedy) = foreign(entry) {
            return Err(remedy.to_owned());
        }
        let Some((host, container)) = entry.split_once(':') else {
            return Err(if entry.starts_with('/') {
                format!("add a colon and the path in the container, such as {}", suggestion(entry))
            } else {
                "write both paths with a colon between them".to_owned()
            });
        };
        if let Some((_, mode)) = container.split_once(':') {
            return Err(match mode {
                "ro" | "rw" | "z" | "Z" => {
                    "remove the mode: it is the run that is read-only or not".to_owned()
                }
                _ => "write exactly two paths, with one colon between them".to_owned(),
            });
        }
        if !host.starts_with('/') {
            return Err("make the path on the host absolute".to_owned());
        }
        if !container.starts_with('/') {
            return Err("make the path in the container absolute".to_owned());
        }
        if container.trim_matches('/').is_empty() {
            return Err("name a folder below / in the container: its root is the image's own".to_owned());
        }
        Ok(Self { host: host.to_owned(), container: container.to_owned() })
    }
}

/// What to do about a mount as other systems write it.
fn foreign(entry: &str) -> Option<&'static str> {
    let has_drive = |path: &str| matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    let container = entry.split_once(':').map_or("", |(_, container)| container);
    let first = entry.split(':').next().unwrap_or_default();
    if has_drive(entry) || has_drive(container) || entry.starts_with(r"\\") {
        Some("write paths of Linux, without a drive letter: the host and its containers are Linux")
    } else if entry.contains('[') && entry.contains(']') || entry.contains("::") {
        Some("write two paths and no address, with one colon between them")
    } else if !first.starts_with('/') && entry.matches(':').count() > 1 {
        Some("write two paths and no address, and mount what another host has on this one first")
    } else {
        None
    }
}

/// The same path on both sides, cut where a line would get too long.
fn suggestion(path: &str) -> String {
    if path.chars().count() <= 40 && !path.contains(char::is_control) {
        format!("{path}:{path}")
    } else {
        "/host/path:/container/path".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_two_absolute_paths_with_one_colon() {
        let mount = Mount::parse("/srv/cache:/mnt/cache").unwrap();
        assert_eq!((mount.host.as_str(), mount.container.as_str()), ("/srv/cache", "/mnt/cache"));
    }

    #[test]
    fn a_refused_mount_says_what_to_do() {
        for (entry, remedy) in [
            ("/srv/cache", "add a colon and the path in the container, such as /srv/cache:/srv/cache"),
            ("cache", "write both paths with a colon between them"),
            ("/a:/b:ro", "remove the mode: it is the run that is read-only or not"),
            ("/a:/b:/c", "write exactly two paths, with one colon between them"),
            ("cache:/b", "make the path on the host absolute"),
            ("/a:b", "make the path in the container absolute"),
            ("/a:", "make the path in the container absolute"),
            (":/b", "make the path on the host absolute"),
            ("/a:/", "name a folder below / in the container: its root is the image's own"),
            ("/a://", "name a folder below / in the container: its root is the image's own"),
        ] {
            assert_eq!(Mount::parse(entry), Err(remedy.to_owned()), "{entry}");
        }
    }

    #[test]
    fn what_another_system_would_take_is_refused_by_what_is_foreign_in_it() {
        let linux = "write paths of Linux, without a drive letter: the host and its containers are Linux";
        for entry in
            [r"C:\cache:/b", "C:/cache:/b", r"c:\a:c:\b", r"/a:C:\b", "/a:d:/b", r"\\server\share:/b", r"C:\"]
        {
            assert_eq!(Mount::parse(entry), Err(linux.to_owned()), "{entry}");
        }
        let address = "write two paths and no address, with one colon between them";
        for entry in [
            "[::1]:/b",
            "[fe80::1%eth0]:/a:/b",
            "/a:[::1]",
            "::1:/b",
            "/a::/b",
            "fe80::1:/b",
            "[10.0.0.1]:/b",
        ] {
            assert_eq!(Mount::parse(entry), Err(address.to_owned()), "{entry}");
        }
        let remote = "write two paths and no address, and mount what another host has on this one first";
        for entry in ["server:/export:/b", "2001:db8:0:0:0:0:0:1:/b", "10.0.0.1:/a:/b", "user@host:/a:/b"] {
            assert_eq!(Mount::parse(entry), Err(remote.to_owned()), "{entry}");
        }
        // A backslash, a bracket alone and a blank are characters of a name like others.
        for entry in [r"/a\b:/c", "/a[1:/c", "/a b:/c d", "/a:/b/../c"] {
            assert!(Mount::parse(entry).is_ok(), "{entry}");
        }
    }
}
