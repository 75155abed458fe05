//! A Docker Engine of the test's own: its data below a folder, its network and its mounts in namespaces that end with it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Folder, Process, eventually};
use crate::tools::{MissingTool, Tool};

/// The image that [`Dockerd::start`] imports: busybox, and the user 1983 of the documentation.
pub const BUSYBOX: &str = "slw/busybox:1";

/// A running Engine. It ends with its handle.
#[derive(Debug)]
pub struct Dockerd {
    process: Process,
    folder: Folder,
    options: DockerdOptions,
    program: PathBuf,
    busybox: PathBuf,
}

/// How an Engine is started.
#[derive(Clone, Debug, Default)]
pub struct DockerdOptions {
    /// Where its images and containers are; a folder of its own when absent.
    pub data: Option<PathBuf>,
    /// In the network of the test, without bridges and rules, for a test that is its registry.
    pub shares_network: bool,
    /// More arguments.
    pub arguments: Vec<String>,
}

impl Dockerd {
    /// Starts one with [`BUSYBOX`]; `None` when there is no Docker here and none is required.
    ///
    /// # Errors
    /// When the program is missing and required.
    pub fn start() -> Result<Option<Self>, MissingTool> {
        Self::start_with(DockerdOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// When a program is missing and required.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(options: DockerdOptions) -> Result<Option<Self>, MissingTool> {
        let (Some(program), Some(busybox)) = (Tool::Dockerd.find()?, Tool::Busybox.find()?) else {
            return Ok(None);
        };
        let folder = Folder::new();
        let process = spawn(&program, &busybox, &folder, &options);
        let engine = Self { process, folder, options, program, busybox };
        engine.await_ready();
        engine.import(BUSYBOX, &engine.busybox_tree());
        Ok(Some(engine))
    }

    fn await_ready(&self) {
        eventually("the Docker Engine", || {
            self.try_ask("GET", "/_ping", &[]).filter(|(status, _)| *status == 200)
        });
    }

    /// What stands in `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// A folder that its containers can mount.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its busybox, with every applet that a command needs.
    pub fn busybox(&self) -> &Path {
        &self.busybox
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.exit_code();
        // Its containerd goes with it. An Engine that starts while that one is going would wait for it in vain.
        let pid_file = self.folder.join("exec/containerd/containerd.pid");
        let Ok(pid) = fs::read_to_string(&pid_file) else { return };
        let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
        let stat = Path::new("/proc").join(pid.trim()).join("stat");
        eventually("the end of containerd", || {
            let gone = fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"));
            gone.then_some(())
        });
        let _ = fs::remove_file(pid_file);
    }

    /// Starts it again on the same data.
    pub fn restart(&mut self) {
        self.process = spawn(&self.program, &self.busybox, &self.folder, &self.options);
        self.await_ready();
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Asks its API, and gives status and body.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.try_ask(method, path, body).expect("an answer of the Docker Engine")
    }

    /// The same in JSON.
    ///
    /// # Panics
    /// When the answer is no success, or no JSON.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, answer) = self.ask(method, path, &body);
        let text = String::from_utf8_lossy(&answer);
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    fn try_ask(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        // HTTP/1.0, whose answers end with the connection and have no chunks.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let status = std::str::from_utf8(&answer[..end]).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_off(end + 4)))
    }

    /// Makes an image of a folder.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub fn import(&self, name: &str, tree: &Path) {
        self.import_tar(name, "", &archive(tree));
    }

    /// Makes an image of an archive, with more parameters.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub fn import_tar(&self, name: &str, parameters: &str, archive: &[u8]) {
        let (repository, tag) = name.rsplit_once(':').expect("a tag");
        let path = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}{parameters}");
        let (status, answer) = self.ask("POST", &path, archive);
        let text = String::from_utf8_lossy(&answer);
        assert!(status == 200 && !text.contains("error"), "{status} {text}");
    }

    /// The tree of [`BUSYBOX`], to be changed by a test that needs another image.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn busybox_tree(&self) -> PathBuf {
        let number = fs::read_dir(self.folder.path()).expect("a folder").count();
        let root = self.folder.join(&format!("tree-{number}"));
        for folder in ["bin", "etc", "tmp", "home/spacelift"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let chmod = |path: &str, mode| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).expect("a mode");
        };
        chmod("tmp", 0o1777);
        std::os::unix::fs::chown(root.join("home/spacelift"), Some(1983), Some(1983)).expect("an owner");
        fs::copy(&self.busybox, root.join("bin/busybox")).expect("busybox");
        let listed = Command::new(&self.busybox).arg("--list").output().expect("applets");
        for applet in String::from_utf8_lossy(&listed.stdout).lines().filter(|applet| *applet != "busybox") {
            symlink("busybox", root.join("bin").join(applet)).expect("an applet");
        }
        let users = "root:x:0:0::/root:/bin/sh\nspacelift:x:1983:1983::/home/spacelift:/bin/sh\n";
        fs::write(root.join("etc/passwd"), users).expect("users");
        fs::write(root.join("etc/group"), "root:x:0:\nspacelift:x:1983:\n").expect("groups");
        root
    }

    /// Every container, those that ended included.
    pub fn containers(&self) -> Vec<Value> {
        self.json("GET", "/containers/json?all=true", &Value::Null).as_array().cloned().unwrap_or_default()
    }

    /// Asserts that no container, volume or network is left, but for the networks that every Engine has, and no mount below its data.
    ///
    /// # Panics
    /// When something is left.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.containers(), Vec::<Value>::new());
        let volumes = self.json("GET", "/volumes", &Value::Null);
        assert!(volumes["Volumes"].as_array().is_none_or(Vec::is_empty), "{volumes}");
        let networks = self.json("GET", "/networks", &Value::Null);
        let own = ["bridge", "host", "none"];
        let left = |network: &&Value| !own.contains(&network["Name"].as_str().unwrap_or_default());
        assert_eq!(networks.as_array().into_iter().flatten().find(left), None);
        let mounts = fs::read_to_string(format!("/proc/{}/mounts", self.process.pid())).unwrap_or_default();
        let merged: Vec<&str> = mounts.lines().filter(|line| line.contains("/merged ")).collect();
        assert_eq!(merged, [""; 0], "mounts are left");
    }
}

/// A folder as an archive.
///
/// # Panics
/// When it cannot be packed.
pub fn archive(tree: &Path) -> Vec<u8> {
    let packed = Command::new("tar").arg("-C").arg(tree).args(["-c", "."]).output().expect("tar");
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    packed.stdout
}

fn spawn(program: &Path, busybox: &Path, folder: &Folder, options: &DockerdOptions) -> Process {
    let at = |name: &str| folder.join(name).display().to_string();
    let data = options.data.clone().unwrap_or_else(|| folder.join("data"));
    // `exec` all the way, so that the process is the Engine's.
    let script = "\"$1\" ip link set lo up; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !options.shares_network {
        command.arg("--net");
    }
    command.args(["sh", "-c", script, "sh"]).arg(busybox).arg(program);
    command.args(["--data-root", &data.display().to_string(), "--exec-root", &at("exec")]);
    command.args(["-H", &format!("unix://{}", at("docker.sock")), "--pidfile", &at("pid")]);
    if options.shares_network {
        command.args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]);
    }
    command.args(&options.arguments);
    let _ = fs::remove_file(folder.join("pid"));
    Process::start(&mut command, folder.path(), "dockerd")
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if self.process.is_running() {
            // Asked first: it takes its containers along, and its own helpers.
            self.process.signal("TERM");
            self.process.exit_code();
        }
    }
}
