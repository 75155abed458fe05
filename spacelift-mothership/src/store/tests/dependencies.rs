//! Runs that follow from runs: each once, whatever dies in between, with what was there when they were triggered.

use spacelift_worker_core::protocol::message::{OutputVariable, RunState, SealedObject};

use super::*;

fn on_net(stack: &str) -> Dependency {
    let variables = vec![OutputVariable { output: "url".into(), name: "URL".into() }];
    Dependency { stack: stack.into(), upstream: "net".into(), variables }
}

fn made(name: &str) -> SealedResult {
    let object = SealedObject { name: name.into(), len: 1, sha256: "00".into() };
    SealedResult { object, phase: Phase::Apply, state_version: 8 }
}

impl House {
    /// A tracked run of `net` that is applied and reported so, with outputs of this name.
    async fn applied(&self, number: u128, to: RunState, outputs: &str) -> RunId {
        let run = self.run(number, RunType::Tracked).await;
        let worker = self.worker(number).await;
        let plan = self.offer(run.id, Phase::Plan, worker).await.unwrap();
        self.start(&plan).await.unwrap();
        let planned = LeaseEnd { worker_version: Some(4), ..self.end(plan.lease, Some(RunState::Confirmed)) };
        self.store.end_lease(&planned).await.unwrap();
        let apply = self.offer(run.id, Phase::Apply, worker).await.unwrap();
        self.start(&apply).await.unwrap();
        let outputs = Some(made(outputs));
        let applied = LeaseEnd { worker_version: Some(8), outputs, ..self.end(apply.lease, Some(to)) };
        self.store.end_lease(&applied).await.unwrap();
        assert!(self.store.end_lease(&applied).await.is_err(), "the first report wins");
        run.id
    }

    async fn runs(&self, stack: &str) -> Vec<Run> {
        self.store.runs_of_stack(stack).await.unwrap()
    }
}

#[tokio::test]
async fn a_finished_run_triggers_its_dependents_once_with_its_outputs_over_a_restart() {
    let house = House::new().await;
    for slug in ["net", "app", "web"] {
        house.stack(slug).await;
    }
    for slug in ["app", "web"] {
        house.store.put_dependency(&on_net(slug)).await.unwrap();
    }
    let cause = house.applied(1, RunState::Finished, "first").await;
    // The control loop died before it triggered anything.
    let house = house.reopened().await;
    assert_eq!(house.store.trigger_dependents(NOW).await.unwrap(), 2);
    assert_eq!(house.store.trigger_dependents(NOW).await.unwrap(), 0);
    for slug in ["app", "web"] {
        let [run] = &house.runs(slug).await[..] else { panic!("one run") };
        assert_eq!((run.state, run.spec.triggered_by.as_str()), (RunState::Queued, "stack/net"));
        let [input] = &run.spec.inputs[..] else { panic!("one input") };
        assert_eq!(input.outputs, Some((cause, made("first"))));
    }
    // What comes later is for runs that are triggered later.
    house.applied(2, RunState::Finished, "second").await;
    let before = house.runs("app").await;
    assert_eq!(before[0].spec.inputs[0].outputs, Some((cause, made("first"))));
    house.store.trigger_dependents(NOW + 1).await.unwrap();
    let newest = &house.runs("app").await[0].spec.inputs[0];
    assert_eq!(newest.outputs.as_ref().map(|(_, made)| made.object.name.as_str()), Some("second"));
}

#[tokio::test]
async fn a_run_that_failed_triggers_nothing_and_its_outputs_are_nobodys() {
    let house = House::new().await;
    for slug in ["net", "app"] {
        house.stack(slug).await;
    }
    house.store.put_dependency(&on_net("app")).await.unwrap();
    house.applied(1, RunState::Failed, "failed").await;
    assert_eq!(house.store.trigger_dependents(NOW).await.unwrap(), 0);
    let by_hand = NewRun {
        id: RunId::from_parts(NOW, 9),
        stack: "app".into(),
        run_type: RunType::Tracked,
        title: String::new(),
        triggered_by: "ada".into(),
        command: String::new(),
        commit: Commit::default(),
        drift_detection: false,
        metadata: None,
        prioritized: false,
    };
    let run = house.store.create_run(&by_hand, NOW).await.unwrap();
    assert_eq!(run.spec.inputs[0].outputs, None);
}

#[tokio::test]
async fn circles_and_other_pools_are_refused() {
    let house = House::new().await;
    for slug in ["net", "app", "web"] {
        house.stack(slug).await;
    }
    let on = |stack: &str, upstream: &str| Dependency { upstream: upstream.into(), ..on_net(stack) };
    house.store.put_dependency(&on("app", "net")).await.unwrap();
    house.store.put_dependency(&on("web", "app")).await.unwrap();
    for (stack, upstream) in [("net", "web"), ("net", "app"), ("app", "app")] {
        let refused = house.store.put_dependency(&on(stack, upstream)).await;
        assert!(matches!(refused, Err(DependencyError::Circle { .. })), "{stack} on {upstream}");
    }
    // The same again changes what is taken.
    let nothing = Dependency { variables: Vec::new(), ..on("app", "net") };
    house.store.put_dependency(&nothing).await.unwrap();
    assert_eq!(house.store.dependencies("app").await.unwrap(), [nothing]);
    house.store.remove_dependency("app", "net").await.unwrap();
    assert!(house.store.remove_dependency("app", "net").await.is_err());
}
