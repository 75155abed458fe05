//! Commands against a listener, whose control loop is absent: what they print, and what they refuse.

use std::io;
use std::path::Path;

use clap::Parser;
use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::pool::{PoolKey, PoolToken};
use spacelift_worker_core::protocol::message::{LogManifest, LogSegment, Phase, RunState};

use crate::cli::args::Cli;
use crate::cli::ask::Person;
use crate::cli::main::{CommandError, perform};
use crate::cli::output::Output;
use crate::cli::{AskError, WaitError};
use crate::http::tests::House;
use crate::store::{Change, DataDir, LeaseEnd, NewLease, Until};

/// A person who gives one answer, or none.
struct Somebody(Option<&'static str>, Vec<String>);

impl Person for Somebody {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn answer(&mut self, question: &str) -> io::Result<String> {
        self.1.push(question.to_owned());
        Ok(self.0.unwrap_or_default().to_owned())
    }
}

struct Desk {
    house: House,
    files: tempfile::TempDir,
    person: Somebody,
}

impl Desk {
    async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("csr"), PoolKey::generate(2048).unwrap().csr("x").unwrap()).unwrap();
        std::fs::create_dir(files.path().join("source")).unwrap();
        std::fs::write(files.path().join("source/main.tf"), "resource").unwrap();
        Self { house: House::new().await, files, person: Somebody(None, vec![]) }
    }

    /// Types a line, in which `@` stands for the folder of this test's files.
    async fn types(&mut self, line: &str) -> Result<String, CommandError> {
        let line = line.replace('@', self.files.path().to_str().unwrap());
        let cli = Cli::try_parse_from(["mothership"].into_iter().chain(line.split(' '))).unwrap();
        let mut bytes = Vec::new();
        let mut output = Output { writer: &mut bytes, json: cli.json };
        let data = DataDir::at(self.house.folder.path());
        perform(&data, cli.command, &mut self.person, &mut output).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    async fn json(&mut self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.types(&format!("{line} --json")).await.unwrap()).unwrap()
    }

    async fn with_stack(mut self) -> Self {
        self.types("pool create --csr @/csr --name main --token-out @/token").await.unwrap();
        let made = self.types("stack create --name Net --pool main --source @/source --plan true --secret-env T=hunter2hunter2").await;
        assert_eq!(made.unwrap(), "stack net\n");
        self
    }
}

#[tokio::test]
async fn a_new_pools_token_goes_to_a_file_for_its_owner_alone() {
    let mut desk = Desk::new().await;
    let said = desk
        .types("pool create --csr @/csr --name main --label a --drift-limit 2 --token-out @/token")
        .await
        .unwrap();
    assert!(said.starts_with("pool main (01") && said.ends_with("/token\n"), "{said}");
    let path = desk.files.path().join("token");
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(!said.contains(&token));
    PoolToken::parse(&token.into()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let pools = desk.json("pool list").await;
    assert_eq!(pools[0]["driftDetectionRunLimit"], 2);
    let shown = desk.types("pool list").await.unwrap();
    assert!(shown.starts_with("ID ") && shown.contains(" main "), "{shown}");

    let refused = desk.types("pool create --csr @/csr --name main --token-out -").await.unwrap_err();
    assert_eq!(refused.to_string(), "there is a pool main already; choose another name");
    let nowhere =
        desk.types("pool create --csr @/csr --name other --token-out @/no/where").await.unwrap_err();
    assert!(nowhere.to_string().ends_with("nothing was changed"), "{nowhere}");
    assert_eq!(desk.json("pool list").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_asked_first() {
    let mut desk = Desk::new().await.with_stack().await;
    for line in ["pool cycle main", "pool reset main --token-out -"] {
        desk.person = Somebody(None, vec![]);
        assert!(matches!(desk.types(line).await, Err(CommandError::Ask(AskError::NoTerminal))), "{line}");
        desk.person = Somebody(Some("\n"), vec![]);
        assert!(matches!(desk.types(line).await, Err(CommandError::Ask(AskError::Declined))), "{line}");
        assert!(desk.person.1[0].contains("main"));
        desk.person = Somebody(Some("y\n"), vec![]);
        desk.types(line).await.unwrap();
        desk.person = Somebody(None, vec![]);
        desk.types(&format!("{line} --yes")).await.unwrap();
    }
    assert_eq!(desk.house.state.store.revoked_certificates().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_is_triggered_shown_queued_and_stopped() {
    let mut desk = Desk::new().await.with_stack().await;
    let run = desk.json("run trigger net --title hello --as ada").await;
    let id = run["id"].as_str().unwrap().to_owned();
    let shown = desk.types(&format!("run show {id}")).await.unwrap();
    assert!(shown.contains("title         hello\n") && shown.contains("QUEUED"), "{shown}");
    let queue = desk.types("queue main").await.unwrap();
    assert!(queue.contains("the pool has no worker"), "{queue}");
    let users = desk.types("used-by main").await.unwrap();
    assert!(users.contains("net") && users.contains("stack"), "{users}");
    let late = desk.types(&format!("run wait {id} --state FINISHED --timeout 0")).await;
    assert!(matches!(late, Err(CommandError::Wait(WaitError::TimedOut { .. }))));
    let said = desk.types(&format!("run stop {id} --note no --as eve")).await.unwrap();
    assert_eq!(said, format!("run {id} of net is CANCELED\n"));
    let ended = desk.types(&format!("run wait {id} --state FINISHED")).await.unwrap_err();
    assert_eq!(ended.to_string(), format!("run {id} is CANCELED: no"));
    let logs = desk.types(&format!("run logs {id} --follow --states")).await.unwrap();
    assert_eq!(logs, "==> QUEUED\n==> CANCELED  no\n");
    assert_eq!(desk.json("run list net").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wait_ends_when_the_state_comes() {
    let mut desk = Desk::new().await.with_stack().await;
    let run = desk.json("run trigger net").await;
    let id = run["id"].as_str().unwrap().to_owned();
    let store = desk.house.state.store.clone();
    let parsed = id.parse().unwrap();
    let line = format!("run wait {id} --state CANCELED,FAILED");
    let canceled = async {
        store.transition(&Change::new(parsed, RunState::Queued, RunState::Canceled, 1)).await.unwrap();
    };
    let (said, ()) = tokio::join!(desk.types(&line), canceled);
    assert_eq!(said.unwrap(), format!("run {id} of net is CANCELED\n"));
}

#[tokio::test]
async fn a_log_is_printed_in_order_with_its_states() {
    let mut desk = Desk::new().await.with_stack().await;
    let run = desk.json("run trigger net --type proposed").await["id"].as_str().unwrap().to_owned();
    let (worker, store) = (desk.house.worker().await, desk.house.state.store.clone());
    let id = run.parse().unwrap();
    let pool = store.find_pool("main").await.unwrap().id;
    let offer_message = MessageId::from_parts(1, 1);
    let new = NewLease { run: id, phase: Phase::Plan, worker, offer_message, deadline: 2, now: 1 };
    let lease = store.offer_lease(&new).await.unwrap().lease;
    let command = crate::store::SentCommand::bare_start(pool, worker, 2);
    store.start_lease(pool, lease, worker, Until { expires_at: 3, deadline: 4 }, 2, command).await.unwrap();
    let segment = |name: &str, state, state_version| LogSegment {
        name: name.into(),
        len: 2,
        sha256: "00".into(),
        state,
        state_version,
    };
    for (name, bytes) in [("logs/0", b"a\n"), ("logs/1", b"b\n")] {
        desk.house.state.blobs.put_bytes(name.parse().unwrap(), bytes).await.unwrap();
    }
    let segments = vec![segment("logs/0", RunState::Preparing, 2), segment("logs/1", RunState::Planning, 4)];
    store.put_log_manifest(&LogManifest { run: id, lease, segments, complete: true }).await.unwrap();
    let end = LeaseEnd {
        pool,
        lease,
        reason: "finished".into(),
        to: Some(RunState::Failed),
        worker_version: Some(4),
        note: Some("denied".into()),
        workspace: None,
        outputs: None,
        lost: false,
        now: 3,
    };
    store.end_lease(&end).await.unwrap();
    assert_eq!(desk.types(&format!("run logs {run}")).await.unwrap(), "a\nb\n");
    let followed = desk.types(&format!("run logs {run} --follow --states")).await.unwrap();
    assert_eq!(followed, "==> QUEUED\n==> PREPARING\na\nb\n==> FAILED  denied\n");
    let documents = desk.types(&format!("run logs {run} --json")).await.unwrap();
    let second: serde_json::Value = serde_json::from_str(documents.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second, serde_json::json!({"state": "PLANNING", "stateVersion": 4, "message": "b\n"}));
}

#[tokio::test]
async fn workers_are_listed_with_their_tags_and_drained() {
    let mut desk = Desk::new().await.with_stack().await;
    let worker = desk.house.worker().await;
    let list = desk.types("worker list main").await.unwrap();
    assert!(list.contains("IDLE") && list.contains("instance_id=i-1"), "{list}");
    let said = desk.types(&format!("worker drain {worker}")).await.unwrap();
    assert_eq!(said, format!("worker {worker} takes no runs\n"));
    assert_eq!(desk.json("worker list main").await[0]["status"], "DRAINED");
    desk.types(&format!("worker undrain {worker}")).await.unwrap();
    assert_eq!(desk.json("worker list main").await[0]["status"], "IDLE");
}

#[tokio::test]
async fn a_secret_of_a_stack_is_in_no_file_of_the_data_folder() {
    let desk = Desk::new().await.with_stack().await;
    let mut folders = vec![desk.house.folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(14).any(|window| window == b"hunter2hunter2"), "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 5);
}

#[tokio::test]
async fn without_a_serving_process_a_command_says_so() {
    let mut desk = Desk::new().await;
    let empty = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    let mut output = Output { writer: &mut bytes, json: false };
    let cli = Cli::try_parse_from(["mothership", "pool", "list"]).unwrap();
    let refused = perform(&DataDir::at(empty.path()), cli.command, &mut desk.person, &mut output).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("no mothership has served") && !Path::new(&refused).exists(), "{refused}");
    desk.house.stop().await;
    let silent = desk.types("pool list").await.unwrap_err();
    assert!(silent.to_string().contains("does not answer"), "{silent}");
}
