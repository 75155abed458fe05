//! Programs in C use the library: each file of `tests/c`, compiled as C and as C++ with every warning an error, linked to the
//! library that was built beside the tests, and run.
//!
//! `SLW_C_FLAGS` adds flags for the compilers and `SLW_C_RUNNER` a program before each: `make sanitize` sets them.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Process, SilentPool, Site, program};

/// Each is an error.
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"];

#[derive(Clone, Copy)]
enum As {
    C,
    Cpp,
}

impl As {
    fn compiler(self, standard: &str) -> Command {
        let (program, language) = match self {
            Self::C => ("cc", "c"),
            Self::Cpp => ("c++", "c++"),
        };
        let mut command = Command::new(program);
        // The tests use POSIX beside the standard's own library.
        command.args(["-x", language, "-D_GNU_SOURCE", "-g", "-I"]).arg(workspace().join("include"));
        command.arg(format!("-std={standard}")).args(WARNINGS);
        command
    }
}

/// The folder of the library that was built beside the tests.
fn library() -> PathBuf {
    program("examples/libspacelift_worker.so").parent().unwrap().to_owned()
}

fn words(variable: &str) -> Vec<String> {
    std::env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn assert_success(output: &Output, what: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}{err}", output.status);
}

/// The macros of all statuses, from the header.
fn statuses() -> String {
    let header = fs::read_to_string(workspace().join("include/spacelift/worker.h")).unwrap();
    let names = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let is_status = |name: &str, value: &str| {
        let others = ["SLW_ABI_", "SLW_VERSION_", "SLW_FORM", "SLW_EVENT_", "SLW_LOG_"];
        name.starts_with("SLW_")
            && !others.iter().any(|other| name.starts_with(other))
            && value.parse::<i32>().is_ok()
    };
    names.filter(|(name, value)| is_status(name, value)).map(|(name, _)| format!("ROW({name})\n")).collect()
}

/// Compiles a file of `tests/c`, or one that was written for the occasion, into `folder`.
fn compile(source: &Path, language: As, folder: &Path) -> PathBuf {
    let standard = match language {
        As::C => "c11",
        As::Cpp => "c++17",
    };
    fs::write(folder.join("statuses.inc"), statuses()).unwrap();
    let program = folder.join("program");
    let library = library();
    let output = language
        .compiler(standard)
        .arg("-I")
        .args(
            [folder, &workspace().join("tests/c")].map(|path| path.to_str().unwrap()).join(" -I ").split(' '),
        )
        .args(words("SLW_C_FLAGS"))
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(["-lspacelift_worker", "-lpthread", "-ldl"])
        .output();
    assert_success(&output.unwrap(), &format!("compiling {}", source.display()));
    program
}

/// What runs the program of a test.
fn runner(test: &str) -> Vec<String> {
    let mut words = words("SLW_C_RUNNER");
    // What the parent's threads had at a fork is lost to a child, who does not have them. What it reads and writes is still
    // looked at, and these calls' leaks in tests that do not fork.
    if test.ends_with("_fork.c") && words.first().is_some_and(|word| word == "valgrind") {
        words.push("--leak-check=no".to_owned());
    }
    words
}

fn run(test: &str, program: &Path, folder: &Path) -> Output {
    let arguments = [workspace().join("tests/vectors"), folder.to_owned()];
    run_with(runner(test), program, folder, &arguments.each_ref().map(|argument| argument.as_os_str()))
}

fn run_with(runner: Vec<String>, program: &Path, folder: &Path, arguments: &[&OsStr]) -> Output {
    let mut words = runner.into_iter();
    let mut command = match words.next() {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(arguments).current_dir(folder).output().unwrap()
}

fn holds(name: &str, language: As) {
    let folder = tempfile::tempdir().unwrap();
    let _silent = SilentPool::start(folder.path());
    let program = compile(&workspace().join("tests/c").join(name), language, folder.path());
    assert_success(&run(name, &program, folder.path()), name);
}

macro_rules! programs {
    ($($name:ident),* $(,)?) => {
        mod as_c {
            use super::*;
            $(#[test] fn $name() { holds(concat!(stringify!($name), ".c"), As::C); })*
        }
        mod as_cpp {
            use super::*;
            $(#[test] fn $name() { holds(concat!(stringify!($name), ".c"), As::Cpp); })*
        }
    };
}

programs! {
    close_from_other_thread,
    free_in_callback,
    session_fork,
    session_life,
    wake_callback,
    wake_epoll,
    wake_poll,
    api_bounds,
    api_busy,
    api_double_free,
    api_fork,
    api_lifecycle,
    api_overlap,
    api_poison,
    api_status_table,
    api_version,
    api_wrong_type,
    header_alone,
    include_twice,
    vectors_keys,
    vectors_mask,
    vectors_policy,
    vectors_seal,
}

#[test]
fn a_launcher_in_c_takes_a_run_through_plan_and_apply_and_ends_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(&workspace().join("examples/c/launcher.c"), As::C, folder.path());
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &[]);
    let setup = LauncherSetup::new(&pool);
    let mut command = Command::new(program);
    command.env_clear().envs(setup.pairs()).env("LAUNCHER_STACK", "site");
    let mut launcher = Process::start(&mut command, folder.path(), "launcher");
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    assert_eq!(site.deployed(), None);
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    launcher.signal("TERM");
    assert_eq!(launcher.exit_code(), 0, "{}", launcher.stderr());
    assert!(launcher.stdout().contains("secret of the workspace"), "lines of the run: {}", launcher.stdout());
    assert!(launcher.stderr().contains("connected as "), "{}", launcher.stderr());
}

#[test]
fn a_launcher_in_c_says_everything_that_is_wrong_with_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(&workspace().join("examples/c/launcher.c"), As::C, folder.path());
    let output = Command::new(program).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("SPACELIFT_TOKEN") && said.contains("SPACELIFT_POOL_PRIVATE_KEY"), "{said}");
}

#[test]
fn the_installed_library_serves_make_cmake_meson_and_a_program_with_a_second_library_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let script = |path: &str| {
        let mut command = Command::new("sh");
        command.arg(workspace().join(path));
        command
    };
    let installed = script("spacelift-worker-ffi/capi.sh")
        .args([folder.path().to_str().unwrap(), "/usr"])
        .env("SLW_CAPI_DEV", library())
        .output();
    assert_success(&installed.unwrap(), "capi.sh");
    let consumed =
        script("tests/c/consumers/run.sh").arg(folder.path().join("usr")).arg(folder.path()).output();
    assert_success(&consumed.unwrap(), "consumers");
}

/// Where `make sanitize` says which tool is in, it finds the mistakes that are its own.
#[test]
fn the_tool_that_looks_for_faults_is_really_there() {
    let Ok(tool) = std::env::var("SLW_C_TOOL") else { return };
    let faults: &[&str] = match tool.as_str() {
        "sanitizers" => &["address", "undefined", "leak"],
        "valgrind" => &["address", "leak"],
        other => panic!("{other}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let program = compile(&workspace().join("tests/c/faults.c"), As::C, folder.path());
    let found = |fault: &str| {
        !run_with(runner("faults.c"), &program, folder.path(), &[fault.as_ref()]).status.success()
    };
    assert!(!found("nothing"), "it finds faults where there are none");
    for fault in faults {
        assert!(found(fault), "it does not find a fault of the kind {fault}");
    }
}

#[test]
fn handles_are_held_by_unique_pointers_of_cpp() {
    holds("cpp_unique_ptr.cpp", As::Cpp);
}

#[test]
fn every_pointer_of_every_function_may_be_null() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("api_null.c");
    fs::write(&source, every_null::program(&fs::read_to_string(workspace().join("abi/v1.txt")).unwrap()))
        .unwrap();
    for language in [As::C, As::Cpp] {
        let program = compile(&source, language, folder.path());
        assert_success(&run("api_null.c", &program, folder.path()), "api_null.c");
    }
}

#[test]
fn the_library_is_loaded_and_unloaded_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    for language in [As::C, As::Cpp] {
        let program = folder.path().join("program");
        let source = workspace().join("tests/c/dlopen_dlclose.c");
        let compiled = language
            .compiler(if matches!(language, As::C) { "c11" } else { "c++17" })
            .args(words("SLW_C_FLAGS"))
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg("-ldl")
            .output();
        assert_success(&compiled.unwrap(), "compiling dlopen_dlclose.c");
        // What stays behind at an unload (the slots of handles, some KiB) is nobody's any more.
        let loaded = Command::new(&program)
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .args(["", "", library().join("libspacelift_worker.so").to_str().unwrap()])
            .output()
            .unwrap();
        assert_success(&loaded, "dlopen_dlclose");
    }
}

#[test]
fn the_header_alone_is_every_standard_of_c_and_cpp() {
    let standards = [
        (As::C, ["c99", "c11", "c17", "gnu17"].as_slice()),
        (As::Cpp, ["c++11", "c++14", "c++17", "c++20"].as_slice()),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (language, standards) in standards {
        for standard in standards {
            for name in ["header_alone.c", "include_twice.c"] {
                let source = workspace().join("tests/c").join(name);
                let object = folder.path().join("object.o");
                let output = language.compiler(standard).arg("-c").arg(source).arg("-o").arg(object).output();
                assert_success(&output.unwrap(), &format!("{name} as {standard}"));
            }
        }
    }
}

/// Writes the program that calls every function with one NULL after the other.
mod every_null {
    /// Of each function of the list of the ABI.
    pub(super) fn program(abi: &str) -> String {
        let mut text = String::from(
            "/* Every function with every pointer NULL, one after the other and all at once. */\n\
             #include \"check.h\"\n\nstatic char bytes[64];\nstatic char room[64];\n\nint main(void) {\n",
        );
        text += "    void *out[16] = {NULL}; slw_error *error = NULL; size_t size = 0; uint64_t u64 = 0; int64_t i64 = 0;\n";
        text += "    int32_t i32 = 0; uint32_t u32 = 0;\n";
        text += "    (void)bytes; (void)room; (void)out; (void)size; (void)u64; (void)i64; (void)i32; (void)u32;\n";
        let mut count = 0;
        for line in abi.lines().filter(|line| line.ends_with(");") && !line.starts_with("typedef")) {
            if let Some(calls) = calls(line) {
                text += &calls;
                count += 1;
            }
        }
        assert!(count > 80, "{count} functions with pointers");
        text + "    return 0;\n}\n"
    }

    /// One call for each pointer, and one for all; `None` where there is no pointer.
    fn calls(line: &str) -> Option<String> {
        let (before, parameters) = line.strip_suffix(");").and_then(|line| line.split_once('(')).unwrap();
        let (result, name) = before.rsplit_once([' ', '*']).unwrap();
        let parameters: Vec<&str> = parameters.split(',').map(str::trim).collect();
        let pointers = parameters.iter().filter(|parameter| parameter.contains('*')).count();
        if pointers == 0 || parameters.iter().any(|parameter| parameter.contains("_fn ")) {
            return None;
        }
        let is_status = result.trim() == "slw_status" && line.contains("slw_error **");
        let mut text = String::new();
        for null in 0..=pointers {
            let mut at = 0;
            let arguments: Vec<String> = parameters
                .iter()
                .map(|parameter| {
                    let is_pointer = parameter.contains('*');
                    let is_null = is_pointer && (at == null || null == pointers);
                    at += usize::from(is_pointer);
                    argument(parameter, is_null)
                })
                .collect();
            let call = format!("{name}({})", arguments.join(", "));
            // A handle is NULL in each of them; without one, it may go well when nobody asks for the error.
            let only_error = null + 1 == pointers || pointers == 1;
            let may_go_well = only_error && parameters.iter().all(|parameter| !is_handle(parameter));
            text += &match is_status {
                true if may_go_well => format!("    (void){call};\n"),
                true => format!("    CHECK({call} < 0);\n    slw_error_free(error);\n    error = NULL;\n"),
                false if result.trim() == "void" => format!("    {call};\n"),
                false => format!("    (void){call};\n"),
            };
        }
        Some(text)
    }

    fn is_handle(parameter: &str) -> bool {
        parameter.contains("slw_") && parameter.matches('*').count() == 1
    }

    fn argument(parameter: &str, is_null: bool) -> String {
        let (kind, _) = parameter.rsplit_once([' ', '*']).unwrap_or((parameter, ""));
        let kind = parameter[..kind.len() + usize::from(parameter[kind.len()..].starts_with('*'))].trim();
        let stars = parameter.matches('*').count();
        match (is_null, stars, kind) {
            (true, ..) => "NULL".to_owned(),
            (_, 2, "slw_error **") => "&error".to_owned(),
            (_, 2, kind) => format!("TO({kind}, TO(void *, out))"),
            (_, 1, kind) if kind.contains("slw_") => "NULL".to_owned(),
            (_, 1, kind) if kind.contains("size_t") => "&size".to_owned(),
            (_, 1, kind) if kind.contains("uint64_t") => "&u64".to_owned(),
            (_, 1, kind) if kind.contains("int64_t") => "&i64".to_owned(),
            (_, 1, kind) if kind.contains("uint32_t") => "&u32".to_owned(),
            (_, 1, kind) if kind.contains("int32_t") => "&i32".to_owned(),
            (_, 1, kind) if kind.starts_with("const") => format!("TO({kind}, TO(void *, bytes))"),
            (_, 1, kind) => format!("TO({kind}, TO(void *, room))"),
            (_, _, "size_t") => "8".to_owned(),
            (_, _, "bool") => "true".to_owned(),
            _ => "1".to_owned(),
        }
    }
}
