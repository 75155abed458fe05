//! A machine that is about to be taken away: its launcher hears of it, ends its run in order, and leaves in time.

use std::time::{Duration, Instant};

use spacelift_worker_tests::system::{LauncherSetup, MetadataService, Mothership, Pool, Site};

fn watching(pool: &Pool, service: &MetadataService) -> LauncherSetup {
    LauncherSetup::new(pool)
        .set("SPACELIFT_WORKER_EC2_SPOT_NOTICES", "true")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.url())
        // Nobody reaches that service through a proxy.
        .set("HTTP_PROXY", "http://127.0.0.1:1")
}

#[test]
fn an_idle_launcher_leaves_at_a_notice_and_one_that_was_not_told_to_watch_asks_nobody() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let service = MetadataService::start();
    let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url());
    let mut blind = LauncherSetup::new(&pool).set(endpoint.0, &endpoint.1).start();
    mothership.await_workers("IDLE", 1);
    assert_eq!(service.asked(), Vec::<String>::new());
    let mut worker = watching(&pool, &service).start();
    mothership.await_workers("IDLE", 2);
    service.give_notice(Duration::from_secs(120));
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    mothership.await_workers("IDLE", 1);
    assert!(blind.process.is_running());
    let asked = service.asked();
    assert!(asked[0].starts_with("PUT /latest/api/token "), "{asked:?}");
    let tokens = asked.iter().filter(|head| head.starts_with("PUT ")).count();
    assert_eq!(tokens, 1, "a token serves for hours");
}

#[test]
fn a_run_goes_on_while_there_is_time_and_is_ended_and_reported_before_the_machine_goes() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let service = MetadataService::start();
    let plan = "trap 'echo asked to stop; exit 1' TERM; echo planning; while :; do sleep 0.1; done";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let mut worker = watching(&pool, &service).set("SPACELIFT_WORKER_STOP_GRACE", "1s").start();
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "planning");
    let within = Duration::from_secs(24);
    let began = Instant::now();
    service.give_notice(within);
    mothership.await_workers("DRAINED", 1);
    assert!(!mothership.text(&["run", "logs", &run]).contains("asked to stop"), "it has time left");
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    assert!(began.elapsed() < within, "{:?}", began.elapsed());
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("process was asked to end"), "{shown}");
    mothership.await_logs(&run, "asked to stop");
    mothership.await_workers("DRAINED", 0);
}

#[test]
fn a_service_that_is_no_address_is_refused_at_the_start() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let mut worker = LauncherSetup::new(&pool)
        .set("SPACELIFT_WORKER_EC2_SPOT_NOTICES", "true")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://metadata.example")
        .start();
    assert_eq!(worker.process.exit_code(), 2);
    let said = worker.process.stderr();
    assert!(said.contains("AWS_EC2_METADATA_SERVICE_ENDPOINT") && said.contains("169.254.169.254"), "{said}");
}
