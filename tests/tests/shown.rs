//! What `SPACELIFT_DEBUG` and `SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED` show, each on and off.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use serde_json::Value;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Pool, Site};

const PLAN: &str = "echo \"password: $PASSWORD\"\necho hunter2 twice";
/// What the hook and the plan print.
const PRINTED: [&str; 3] = ["prepared", "password: *****", "***** twice"];
/// The same with each command before it, line by line.
const WITH_COMMANDS: [&str; 6] = [
    "$ echo prepared",
    "prepared",
    "$ echo \"password: $PASSWORD\"",
    "$ echo ***** twice",
    "password: *****",
    "***** twice",
];

/// The lines of one run's log, and those on the launcher's standard output.
fn lines(
    mothership: &Mothership,
    pool: &Pool,
    debug: &str,
    standard_output: &str,
) -> (Vec<String>, Vec<Value>) {
    let mut worker = LauncherSetup::new(pool)
        .set("SPACELIFT_DEBUG", debug)
        .set("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", standard_output)
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "twice\n");
    worker.process.signal("TERM");
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    let written = worker.process.stdout();
    let parsed = written.lines().map(|line| serde_json::from_str(line).unwrap());
    let parsed: Vec<Value> = parsed.collect();
    assert!(parsed.iter().all(|line| line["run_ulid"] == run), "{written}");
    mothership.text(&["run", "discard", &run]);
    (log.lines().map(str::to_owned).collect(), parsed)
}

#[test]
fn commands_appear_with_debug_alone_and_json_lines_when_they_are_switched_on() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let arguments = ["--plan", PLAN, "--before-plan", "echo prepared", "--secret-env", "PASSWORD=hunter2"];
    Site::create(&mothership, &pool, "site", &arguments);
    for (debug, expected) in [("false", &PRINTED[..]), ("true", &WITH_COMMANDS[..])] {
        let (log, written) = lines(&mothership, &pool, debug, "false");
        assert_eq!(log, expected, "debug {debug}");
        assert_eq!(written, [Value::Null; 0], "debug {debug}");

        let (log, written) = lines(&mothership, &pool, debug, "true");
        assert_eq!(log, expected, "debug {debug}");
        let messages: Vec<&str> = written.iter().map(|line| line["msg"].as_str().unwrap()).collect();
        assert_eq!(messages, expected, "debug {debug}");
        for line in &written {
            let names: Vec<&String> = line.as_object().unwrap().keys().collect();
            assert_eq!(names, ["caller", "level", "msg", "run_ulid", "stack_id", "ts"]);
            assert_eq!((&line["level"], &line["stack_id"]), (&"info".into(), &"site".into()));
            let time = line["ts"].as_str().unwrap();
            assert!(time.len() == 30 && time.starts_with("20") && time.ends_with('Z'), "{time}");
        }
    }
}
