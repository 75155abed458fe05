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
        Ok(Self { host: host.to_owned(), container: container.to_owned() })
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
            ("C:\\cache:/b", "write exactly two paths, with one colon between them"),
            ("cache:/b", "make the path on the host absolute"),
            ("/a:b", "make the path in the container absolute"),
            ("/a:", "make the path in the container absolute"),
            (":/b", "make the path on the host absolute"),
        ] {
            assert_eq!(Mount::parse(entry), Err(remedy.to_owned()), "{entry}");
        }
    }
}
