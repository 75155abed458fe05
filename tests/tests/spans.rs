//! What a subscriber of the host's own sees of a run: spans with names and identifiers, and no value.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spacelift_worker_core::driver::{HostEvent, HostOptions, Next};
use spacelift_worker_core::launcher::Launcher;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Site};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Each span as a line: its parents, its name and its fields.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !attributes.metadata().target().starts_with("spacelift_worker_core") {
            return;
        }
        let scope = context.span_scope(id).unwrap().from_root();
        let mut line = scope.map(|span| span.name().to_owned()).collect::<Vec<_>>().join("/");
        attributes.record(&mut Fields(&mut line));
        self.0.lock().unwrap().push(line);
    }
}

#[test]
fn a_run_is_a_span_with_its_works_and_steps_in_it_and_no_value_of_a_variable() {
    let seen = Seen::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(seen.clone())).unwrap();
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--env", "TOKEN=hunter2-hunter2", "--plan", "echo $TOKEN"]);
    let setup = LauncherSetup::new(&pool).unset("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED");
    let launcher = Launcher::from_pairs(setup.pairs()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let session = launcher.start(runtime.handle(), &HostOptions::default()).unwrap();
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    loop {
        match session.next(Some(Duration::from_secs(60))) {
            Next::Event(HostEvent::RunEnded { .. }) => break,
            Next::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
    session.close(Duration::from_secs(10));

    let seen = seen.0.lock().unwrap();
    let one = |start: &str| {
        let found: Vec<&String> = seen.iter().filter(|line| line.starts_with(start)).collect();
        assert_eq!(found.len(), 1, "{start}: {seen:#?}");
        found[0].clone()
    };
    assert!(one("worker ").contains("pool="));
    let of_run = one("worker/run ");
    assert!(of_run.contains(&format!("run_ulid={run}")) && of_run.contains("phase=\"plan\""), "{of_run}");
    for work in ["policy", "fetch", "seal", "logs"] {
        assert!(seen.contains(&format!("worker/run/{work}")), "{work}: {seen:#?}");
    }
    assert!(one("worker/run/step ").contains("state=\"PLANNING\""));
    assert!(!seen.iter().any(|line| line.contains("hunter2")), "{seen:#?}");
}
