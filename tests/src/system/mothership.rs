//! A control plane as a process, driven by its own command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use spacelift_worker_core::pool::PoolKey;
use sqlx::{Connection, SqliteConnection};

use super::{Folder, Process, eventually, program};

/// A running control plane with its data below a folder.
#[derive(Debug)]
pub struct Mothership {
    folder: Folder,
    serve: Vec<String>,
    process: Process,
}

/// A pool's credentials, as its operator holds them.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: String,
    /// Its private key in PEM.
    pub key_pem: String,
}

impl Mothership {
    /// A fresh one with an embedded broker.
    pub fn start() -> Self {
        Self::start_with(&["--mqtt-listen", "127.0.0.1:0"])
    }

    /// A fresh one, with more arguments for `serve`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(Folder::new(), arguments)
    }

    /// One with its data in a given folder.
    pub fn start_in(folder: Folder, arguments: &[&str]) -> Self {
        let mut serve = vec!["serve".to_owned()];
        if !arguments.contains(&"--listen") {
            serve.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        }
        serve.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let process = spawn(&folder, &serve);
        let mothership = Self { folder, serve, process };
        mothership.await_ready();
        mothership
    }

    /// Kills it without a warning and starts it again on the same data.
    pub fn crash_and_restart(&mut self) {
        self.crash();
        self.restart();
    }

    /// Kills it without a warning.
    pub fn crash(&mut self) {
        self.process.signal("KILL");
        self.process.exit_code();
        let _ = std::fs::remove_file(self.data().join("endpoint.json"));
    }

    /// Asks it to end, waits for that, and gives its exit code.
    pub fn stop(&mut self) -> i32 {
        self.process.signal("TERM");
        self.process.exit_code()
    }

    /// Starts it again on the same data.
    pub fn restart(&mut self) {
        self.process = spawn(&self.folder, &self.serve);
        self.await_ready();
    }

    fn await_ready(&self) {
        eventually("the control plane", || {
            self.output(&["pool", "list", "--json"]).status.success().then_some(())
        });
    }

    /// The folder with its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder around it.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Leaves its folder where it is when this handle ends.
    pub fn keep(&mut self) {
        self.folder.keep();
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Runs a command and gives what it printed and returned.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn output(&self, arguments: &[&str]) -> Output {
        command(&self.folder).args(arguments).output().expect("the command line runs")
    }

    /// Runs a command with `--json` and gives its answer.
    ///
    /// # Panics
    /// When it fails or prints no JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{arguments:?} printed no JSON ({error}): {text}"))
    }

    /// Runs a command and gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?} failed: {stderr}\n{}", self.log());
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Where HTTPS listens: `https://host:port`.
    ///
    /// # Panics
    /// When it is not ready.
    pub fn url(&self) -> String {
        let endpoint = std::fs::read_to_string(self.data().join("endpoint.json")).expect("the endpoint file");
        let endpoint: Value = serde_json::from_str(&endpoint).expect("JSON");
        endpoint["url"].as_str().expect("a URL").to_owned()
    }

    /// Makes a key and a pool for it. Keys of 2048 bits, since tests make many.
    ///
    /// # Panics
    /// When that fails.
    pub fn create_pool(&self, name: &str) -> Pool {
        self.create_pool_with(name, &[])
    }

    /// The same with more arguments for `pool create`.
    ///
    /// # Panics
    /// When that fails.
    pub fn create_pool_with(&self, name: &str, arguments: &[&str]) -> Pool {
        let key = PoolKey::generate(2048).expect("a key");
        let csr = self.folder.write(&format!("{name}.csr"), &key.csr("workers.spacelift.io").expect("a CSR"));
        let token = self.folder.join(&format!("{name}.token"));
        let create = ["pool", "create", "--name", name, "--csr", path(&csr), "--token-out", path(&token)];
        self.text(&[&create, arguments].concat());
        let token = std::fs::read_to_string(token).expect("the token");
        let key_pem = key.to_pem().expect("PEM").expose().to_owned();
        Pool { name: name.to_owned(), token: token.trim().to_owned(), key_pem }
    }

    /// Resets a pool with the key that it has, and gives its new credentials.
    ///
    /// # Panics
    /// When that fails.
    pub fn reset_pool(&self, pool: &Pool) -> Pool {
        let csr = self.folder.join(&format!("{}.csr", pool.name));
        let token = self.folder.join(&format!("{}.new-token", pool.name));
        self.text(&["pool", "reset", &pool.name, "--csr", path(&csr), "--token-out", path(&token), "--yes"]);
        let token = std::fs::read_to_string(token).expect("the token");
        Pool { token: token.trim().to_owned(), ..pool.clone() }
    }

    /// Makes the database say that the sealed workspace of a run has this length and digest.
    ///
    /// # Panics
    /// When that fails.
    pub fn forge_workspace_record(&self, run: &str, len: u64, sha256: &str) {
        let changed = self.in_database(async |connection| {
            sqlx::query(
                "UPDATE runs SET workspace = json_set(workspace, '$.object.len', ?, '$.object.sha256', ?) WHERE id = ?",
            )
            .bind(i64::try_from(len).unwrap_or(i64::MAX))
            .bind(sha256)
            .bind(run)
            .execute(connection)
            .await
        });
        assert_eq!(changed.expect("the database is open to its owner").rows_affected(), 1);
    }

    /// How many leases are open, as the database has it.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn open_leases(&self) -> i64 {
        let found = self.in_database(async |connection| {
            sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE ended_at IS NULL")
                .fetch_one(connection)
                .await
        });
        found.expect("the database is open to its owner")
    }

    fn in_database<T>(
        &self,
        ask: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let url = format!("sqlite://{}", self.data().join("mothership.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&url).await?;
            ask(&mut connection).await
        })
    }

    /// Triggers a run and gives its id.
    pub fn trigger(&self, arguments: &[&str]) -> String {
        let run = self.json(&[&["run", "trigger"], arguments].concat());
        run["id"].as_str().unwrap_or_else(|| panic!("no id in {run}")).to_owned()
    }

    /// Waits until a run is in one of these states (comma-separated) and gives the run.
    ///
    /// # Panics
    /// After a minute, or when the run ended in another state.
    pub fn await_run(&self, run: &str, states: &str) -> Value {
        let output = self.output(&["run", "wait", run, "--state", states, "--timeout", "60"]);
        let shown = self.json(&["run", "show", run]);
        let logs = String::from_utf8_lossy(&self.output(&["run", "logs", run]).stdout).into_owned();
        assert!(output.status.success(), "the run is not {states}: {shown:#}\n{logs}\n{}", self.log());
        shown
    }

    /// The logs of a run, once they have these words in them.
    pub fn await_logs(&self, run: &str, words: &str) -> String {
        eventually(&format!("{words:?} in the logs of {run}"), || {
            let logs = self.text(&["run", "logs", run]);
            logs.contains(words).then_some(logs)
        })
    }

    /// Waits until this many workers are in this status.
    pub fn await_workers(&self, status: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} workers {status}"), || {
            let workers = self.json(&["worker", "list", "pool"]);
            let workers = workers.as_array()?.iter().filter(|worker| worker["status"] == status);
            let workers: Vec<Value> = workers.cloned().collect();
            (workers.len() == count).then_some(workers)
        })
    }
}

fn command(folder: &Folder) -> Command {
    let mut command = Command::new(program("mothership"));
    command.arg("--data").arg(folder.join("data"));
    command
}

fn spawn(folder: &Folder, serve: &[String]) -> Process {
    Process::start(command(folder).args(serve), folder.path(), "mothership")
}

/// A path as text.
fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
