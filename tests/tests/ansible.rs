//! A real workload: an Ansible playbook with a vault, checked as the plan, played as the apply.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::system::{Dockerd, Folder, Launcher, LauncherSetup, Mothership, archive};
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
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let target = Folder::new();
    create_stack(&mothership, bin, &target);
    let worker = LauncherSetup::new(&pool)
        .set("PATH", &format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .set("VAULT_PASSWORD", PASSWORD)
        .set("SPACELIFT_WHITELIST_ENVS", "VAULT_PASSWORD,PATH")
        .set("SPACELIFT_MASK_ENVS", "VAULT_PASSWORD")
        .start();
    plan_confirm_apply(&mothership, &target, &worker);
}

#[test]
fn the_same_playbook_is_played_in_containers_of_an_image_with_ansible_in_it() {
    let Some(playbook) = Tool::AnsiblePlaybook.find().unwrap() else { return };
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let bin = playbook.parent().unwrap();
    let tree = engine.busybox_tree();
    let script = workspace().join("tests/docker/python_tree.py");
    let made = Command::new(&python).arg(script).arg(&tree).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let path = format!("&changes=ENV%20PATH={}:/bin%20LANG=C.UTF-8", bin.display());
    engine.import_tar("slw/ansible:1", &path, &archive(&tree));

    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let target = Folder::new();
    std::fs::set_permissions(target.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    create_stack(&mothership, bin, &target);
    let worker = LauncherSetup::in_containers(&pool, &engine)
        .set("SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE", "slw/ansible:1")
        .set("SPACELIFT_WORKER_EXTRA_MOUNTS", &format!("{path}:{path}", path = target.path().display()))
        .set("VAULT_PASSWORD", PASSWORD)
        .set("SPACELIFT_WHITELIST_ENVS", "VAULT_PASSWORD")
        .set("SPACELIFT_MASK_ENVS", "VAULT_PASSWORD")
        .start();
    plan_confirm_apply(&mothership, &target, &worker);
    engine.assert_nothing_left();
}

/// The stack of the playbook, which writes to the target folder.
fn create_stack(mothership: &Mothership, bin: &Path, target: &Folder) {
    let source = Folder::new();
    source.write("site.yml", PLAYBOOK);
    source.write("secrets.yml", &encrypted(&bin.join("ansible-vault"), "greeter: a sealed workspace\n"));
    let script = source.write("vault-password.sh", "#!/bin/sh\nprintf '%s' \"$VAULT_PASSWORD\"\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // By its interpreter, whatever its first line names.
    let play = "python $(command -v ansible-playbook) --vault-password-file ./vault-password.sh -i localhost, -e 'ansible_python_interpreter={{ansible_playbook_python}}' site.yml";
    mothership.text(&[
        "stack",
        "create",
        "--name",
        "motd",
        "--pool",
        "pool",
        "--source",
        source.path().to_str().unwrap(),
        "--vendor",
        "ansible",
        "--plan",
        &format!("{play} --check --diff"),
        "--apply",
        play,
        "--env",
        &format!("TARGET={}", target.path().display()),
        "--env",
        &format!("HOME={}", target.path().display()),
    ]);
}

fn plan_confirm_apply(mothership: &Mothership, target: &Folder, worker: &Launcher) {
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
fn encrypted(vault: &Path, text: &str) -> String {
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
