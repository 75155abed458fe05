//! A launcher as a process: the example that users copy.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{BUSYBOX, Dockerd, Folder, Pool, Process, program};

/// The environment of a launcher to be.
#[derive(Debug)]
pub struct LauncherSetup {
    environment: Vec<(String, String)>,
    folder: Folder,
}

impl LauncherSetup {
    /// A launcher of a pool, which may fetch from loopback.
    pub fn new(pool: &Pool) -> Self {
        let mut setup = Self { environment: Vec::new(), folder: Folder::new() };
        let state = setup.folder.join("state");
        setup = setup
            .set("SPACELIFT_TOKEN", &pool.token)
            .set("SPACELIFT_POOL_PRIVATE_KEY", &STANDARD.encode(&pool.key_pem))
            .set("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "127.0.0.1")
            .set("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "true")
            .set("SPACELIFT_WORKER_STATE_DIR", state.to_str().unwrap_or_default())
            .set("PATH", &std::env::var("PATH").unwrap_or_default());
        setup
    }

    /// A launcher of a pool, whose runs are in containers of this Engine and of its [`BUSYBOX`].
    pub fn in_containers(pool: &Pool, engine: &Dockerd) -> Self {
        Self::new(pool)
            .set("SPACELIFT_WORKER_EXECUTOR", "docker")
            .set("SPACELIFT_DEFAULT_RUNNER_IMAGE", BUSYBOX)
            .set("DOCKER_HOST", &engine.host())
    }

    /// A launcher that polls a control plane at this address, and whose token names a broker where nobody listens.
    ///
    /// # Panics
    /// When the token cannot be read.
    pub fn polling(pool: &Pool, url: &str) -> Self {
        let json = STANDARD.decode(&pool.token).expect("base64");
        let mut token: Value = serde_json::from_slice(&json).expect("JSON");
        token["broker"]["endpoint"] = "127.0.0.1:1".into();
        Self::new(pool)
            .set("SPACELIFT_TOKEN", &STANDARD.encode(token.to_string()))
            .set("SPACELIFT_WORKER_COMMS_PROTOCOL", "poll")
            .set("SPACELIFT_WORKER_COMMS_URL", url)
    }

    /// One more variable, or another value for one.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One variable less.
    pub fn unset(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// Every variable so far.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// A file in the launcher's folder, whose path a variable names.
    pub fn set_file(self, variable: &str, name: &str, text: &str) -> Self {
        let path = self.folder.write(name, text);
        let path = path.to_str().unwrap_or_default().to_owned();
        self.set(variable, &path)
    }

    /// Its variables, for a launcher inside of a test. The folder is the setup's, which has to outlive it.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Starts it.
    pub fn start(self) -> Launcher {
        self.start_with(&[])
    }

    /// What it says of what it needs: the exit code, and of each thing `verdict what` with the detail.
    ///
    /// # Panics
    /// When it does not say it as it should.
    pub fn preflight(self, options: &[&str]) -> (i32, Vec<(String, String)>) {
        let mut launcher = self.start_with(&[&["preflight", "--json"], options].concat());
        let code = launcher.process.exit_code();
        let printed = launcher.process.stdout();
        assert!(!printed.is_empty(), "{}", launcher.process.stderr());
        let found: Value = serde_json::from_str(&printed).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |check: &Value| {
            (format!("{} {}", text(&check["verdict"]), text(&check["what"])), text(&check["detail"]))
        };
        (code, found["checks"].as_array().into_iter().flatten().map(line).collect())
    }

    /// Starts it with these arguments.
    pub fn start_with(self, arguments: &[&str]) -> Launcher {
        let process = spawn(&self.environment, &self.folder, arguments);
        Launcher { setup: self, process }
    }
}

fn spawn(environment: &[(String, String)], folder: &Folder, arguments: &[&str]) -> Process {
    let mut command = Command::new(program("examples/launcher"));
    command.args(arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    Process::start(&mut command, folder.path(), "launcher")
}

/// A running launcher.
#[derive(Debug)]
pub struct Launcher {
    setup: LauncherSetup,
    /// The process.
    pub process: Process,
}

impl Launcher {
    /// Its own folder: state, scratch, output.
    pub fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    /// Starts another process in its place, with the same state. The one before must have ended.
    pub fn restart(&mut self) {
        self.process = spawn(&self.setup.environment, &self.setup.folder, &[]);
    }

    /// Leaves its folder where it is when this handle ends.
    pub fn keep(&mut self) {
        self.setup.folder.keep();
    }

    /// What runs printed on its standard output, line by line.
    pub fn run_lines(&self) -> Vec<String> {
        let lines = self.process.stdout();
        let message =
            |line: &str| serde_json::from_str::<Value>(line).ok()?["msg"].as_str().map(str::to_owned);
        lines.lines().filter_map(message).collect()
    }
}
