//! The programs of `docs/c.md` and `docs/go.md` compile as they stand there, and do what the pages say.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, program};
use spacelift_worker_tests::tools::Tool;

fn snippets(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().join("docs").join(page)).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[track_caller]
fn success(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn with_input(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn compiled(source: &str, folder: &Path, name: &str) -> PathBuf {
    let library = program("examples/libspacelift_worker.so").parent().unwrap().to_owned();
    let (file, built) = (folder.join(format!("{name}.c")), folder.join(name));
    fs::write(&file, source).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(workspace().join("include"))
        .arg(file)
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(["-lspacelift_worker", "-o"])
        .arg(&built)
        .output();
    success(compiled.unwrap());
    built
}

/// Built in a module of its own, as a reader would, with the package of this tree.
fn built(source: &str, folder: &Path, name: &str, go: &Path) -> PathBuf {
    program("examples/libspacelift_worker.so");
    let (place, built) = (folder.join(format!("{name}-go")), folder.join(name));
    let module = "github.com/spacelift-worker/spacelift-worker/go";
    fs::create_dir(&place).unwrap();
    fs::write(place.join("main.go"), source).unwrap();
    let text = format!(
        "module example.test/{name}\n\ngo 1.24\n\nrequire {module} v0.0.0\n\nreplace {module} => {}\n",
        workspace().join("go").display()
    );
    fs::write(place.join("go.mod"), text).unwrap();
    let output = Command::new(go)
        .current_dir(&place)
        .args(["build", "-buildvcs=false", "-tags", "slw_dev", "-o"])
        .arg(&built)
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .output();
    success(output.unwrap());
    built
}

/// A ready launcher, by the variables that the page names, plans a run.
fn plans(program: &Path) {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let setup = LauncherSetup::new(&pool);
    let mut launcher = Command::new(program)
        .env_clear()
        .envs(setup.pairs())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    mothership.await_workers("IDLE", 1);
    launcher.kill().unwrap();
    launcher.wait().unwrap();
}

#[test]
fn the_programs_of_the_page_for_c_do_what_it_says() {
    let all = snippets("c.md", "c");
    let [mask, seal, launcher] = all.as_slice() else { panic!("{} programs", all.len()) };
    let folder = tempfile::tempdir().unwrap();
    let mask = compiled(mask, folder.path(), "mask");
    let masked = with_input(Command::new(mask).args(["hunter2", "no"]), "the password is hunter2\n");
    assert_eq!(success(masked), "the password is *****\n");

    let seal = compiled(seal, folder.path(), "seal");
    success(Command::new(seal).current_dir(folder.path()).output().unwrap());
    assert_eq!(fs::read_to_string(folder.path().join("plan.opened")).unwrap(), "1 to add");

    let launcher = compiled(launcher, folder.path(), "launcher");
    assert_eq!(Command::new(&launcher).env_clear().output().unwrap().status.code(), Some(2));
    plans(&launcher);
}

#[test]
fn the_programs_of_the_page_for_go_do_what_it_says() {
    let Some(go) = Tool::Go.find().unwrap() else { return };
    let all = snippets("go.md", "go");
    let [mask, seal, judge, watch] = all.as_slice() else { panic!("{} programs", all.len()) };
    let folder = tempfile::tempdir().unwrap();
    let mask = built(mask, folder.path(), "mask", &go);
    let masked = with_input(Command::new(mask).arg("hunter2"), "the password is hunter2\n");
    assert_eq!(success(masked), "the password is *****\n");

    let seal = built(seal, folder.path(), "seal", &go);
    assert_eq!(success(Command::new(seal).output().unwrap()), "1 to add <nil>\n");

    let judge = built(judge, folder.path(), "judge", &go);
    assert_eq!(success(Command::new(judge).output().unwrap()), "false [no tasks on this worker] <nil>\n");

    let watch = built(watch, folder.path(), "watch", &go);
    assert_eq!(Command::new(&watch).env_clear().output().unwrap().status.code(), Some(2));
    plans(&watch);
}
