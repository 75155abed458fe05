//! A real workload: an Ansible playbook with a vault, checked as the plan, played as the apply.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::process::{Command, Stdio};

use spacelift_worker_tests::system::{Folder, LauncherSetup, Mothership};
use spacelift_worker_tests::tools::Tool;

const PASSWORD: &str = "vault-password-that-nobody-may-see";

const PLAYBOOK: &str = "- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [secrets.yml]
  tasks:
    - ansible.builtin.copy:
        dest: \"{{ lookup('env', 'TARGET') }}/motd\"
        content: \"Greetings from {{ greeter }}\\n\"
        mode: '0644'
    - ansible.builtin.debug:
        msg: \"the vault was opened with {{ lookup('env', 'VAULT_PASSWORD') }}\"
";

#[test]
fn a_playbook_is_checked_as_the_plan_and_played_as_the_apply() {
    let Some(playbook) = Tool::AnsiblePlaybook.find().unwrap() else { return };
    let bin = playbook.parent().unwrap();
    let source = Folder::new();
    let target = Folder::new();
    source.write("site.yml", PLAYBOOK);
    source.write("secrets.yml", &encrypted(&bin.join("ansible-vault"), "greeter: a sealed workspace\n"));
    let script = source.write("vault-password.sh", "#!/bin/sh\nprintf '%s' \"$VAULT_PASSWORD\"\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let play = "ansible-playbook --vault-password-file ./vault-password.sh -i localhost, -e 'ansible_python_interpreter={{ansible_playbook_python}}' site.yml";
    mothership.text(&[
        "stack",
        "create",
        "--name",
        "motd",
        "--pool",
        "pool",
        "--source",
        source.path().to_str().unwrap(),
        "--plan",
        &format!("{play} --check --diff"),
        "--apply",
        play,
        "--env",
        &format!("TARGET={}", target.path().display()),
        "--env",
        &format!("HOME={}", target.path().display()),
    ]);
    let worker = LauncherSetup::new(&pool)
        .set("PATH", &format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .set("VAULT_PASSWORD", PASSWORD)
        .set("SPACELIFT_WHITELIST_ENVS", "VAULT_PASSWORD,PATH")
        .set("SPACELIFT_MASK_ENVS", "VAULT_PASSWORD")
        .start();
    let run = mothership.trigger(&["motd"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+Greetings from a sealed workspace");
    assert!(!target.join("motd").exists(), "the plan changed something");
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert_eq!(std::fs::read_to_string(target.join("motd")).unwrap(), "Greetings from a sealed workspace\n");

    mothership.await_logs(&run, "the vault was opened with *****");
    for text in [worker.process.stdout(), worker.process.stderr(), mothership.log()] {
        assert!(!text.contains(PASSWORD));
    }
    assert_eq!(mothership.folder().files_with(PASSWORD.as_bytes()), Vec::<std::path::PathBuf>::new());
}

/// A text as `ansible-vault` encrypts it.
fn encrypted(vault: &std::path::Path, text: &str) -> String {
    let password = Folder::new();
    let file = password.write("password", PASSWORD);
    let mut child = Command::new(vault)
        .args(["encrypt", "--vault-password-file", file.to_str().unwrap(), "--output", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}
