//! A small stack of POSIX tools: files in, a difference as the plan, files out as the apply.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{Folder, Mothership, Pool};

/// A stack whose plan renders a file and whose apply copies it to a target folder.
#[derive(Debug)]
pub struct Site {
    source: Folder,
    target: Folder,
    /// Its slug.
    pub slug: String,
}

impl Site {
    /// Creates the stack, with more arguments for `stack create`.
    pub fn create(mothership: &Mothership, pool: &Pool, slug: &str, arguments: &[&str]) -> Self {
        let site = Self { source: Folder::new(), target: Folder::new(), slug: slug.to_owned() };
        site.source.write("template", "secret of the workspace\n");
        let target = format!("SITE_TARGET={}", site.target.path().display());
        let source = site.source.path().display().to_string();
        let mut all = vec!["stack", "create", "--name", slug, "--pool", &pool.name, "--source", &source];
        all.extend(["--env", &target]);
        if !arguments.contains(&"--plan") {
            all.extend(["--plan", "diff -u /dev/null template > rendered || true; cat rendered"]);
        }
        if !arguments.contains(&"--apply") {
            all.extend(["--apply", "cp rendered \"$SITE_TARGET/deployed\"; echo deployed"]);
        }
        all.extend(arguments);
        mothership.text(&all);
        site
    }

    /// What the apply wrote, if it ran.
    pub fn deployed(&self) -> Option<String> {
        std::fs::read_to_string(self.target.join("deployed")).ok()
    }

    /// The target folder as a mount for containers, under its own path, in which every user may write.
    ///
    /// # Panics
    /// When it has gone.
    pub fn mount(&self) -> String {
        let path = self.target.path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("the target folder");
        format!("{path}:{path}", path = path.display())
    }

    /// A path in the target folder.
    pub fn target(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }
}
