//! The API of the command line.

use serde_json::json;
use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::pool::PoolToken;
use spacelift_worker_core::protocol::message::{LogManifest, LogSegment, Phase, RunState};

use super::*;
use crate::store::{LeaseEnd, NewLease, Until};

#[tokio::test]
async fn nobody_comes_in_without_the_token() {
    let house = House::new().await;
    for header in [None, Some(""), Some("Bearer "), Some("Bearer x")] {
        let mut request = house.client.get(format!("{}/api/v1/pools", house.base));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401, "{header:?}");
    }
    assert_eq!(house.get("/pools").await, (200, json!([])));
    assert_eq!(house.get("/nothing").await.0, 404);
}

#[tokio::test]
async fn a_pools_token_is_what_a_worker_needs_and_a_reset_makes_another() {
    let mut house = House::new().await;
    let text = house.pool().await;
    let token = PoolToken::parse(&text.clone().into()).unwrap();
    assert_eq!(token.parts().broker_endpoint.to_string(), "127.0.0.1:8883");
    assert_eq!(token.certificate().common_name, Some(token.parts().pool_id.to_string()));
    assert!(token.parts().ca_pem.is_some() && token.parts().signing_key.is_some());

    let (status, answer) = house.post("/pools/main/reset", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_ne!(answer["token"].as_str().unwrap(), text);
    let pool = token.parts().pool_id;
    assert_eq!(house.command(), Some(Command::Reset { pool }));
    assert_eq!(house.state.store.revoked_certificates().await.unwrap().len(), 1);
    assert_eq!(house.post(&format!("/pools/{pool}/cycle"), json!({})).await.0, 200);
    assert_eq!(house.command(), Some(Command::Cycle { pool }));

    let (status, answer) = house.get("/pools").await;
    assert_eq!((status, answer[0]["name"].as_str()), (200, Some("main")));
    assert!(!answer.to_string().contains("token"));
}

#[tokio::test]
async fn a_bad_request_is_refused_with_one_line() {
    let house = House::new().await;
    house.pool().await;
    let csr = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let body = json!({
        "name": "x", "certificateSigningRequest": csr, "space": "root", "driftDetectionRunLimit": -1,
    });
    let (status, answer) = house.post("/pools", body).await;
    assert_eq!(status, 422);
    assert!(answer["error"].as_str().unwrap().starts_with("this is a private key"), "{answer}");
    for (path, status) in [("/pools/none", 404), ("/runs/x", 422), ("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404)]
    {
        let answer = house.get(path).await;
        assert_eq!(answer.0, status, "{path}");
        assert!(!answer.1["error"].as_str().unwrap().contains('\n'));
    }
}

#[tokio::test]
async fn a_run_goes_from_the_trigger_to_the_confirmation() {
    let mut house = House::new().await;
    house.pool().await;
    house.stack().await;
    assert_eq!(house.command(), Some(Command::Poke));
    let trigger = json!({"stack": "net", "username": "ada", "metadata": "first"});
    let (status, run) = house.post("/runs", trigger).await;
    assert_eq!(status, 200, "{run}");
    assert_eq!((run["type"].as_str(), run["state"].as_str()), (Some("TRACKED"), Some("QUEUED")));
    assert_eq!(house.command(), Some(Command::Poke));
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    let (status, answer) = house.post(&format!("{path}/confirm"), json!({"username": "eve"})).await;
    assert_eq!(status, 409);
    assert_eq!(answer["error"], "the run is QUEUED; only an UNCONFIRMED one can be confirmed or discarded");

    let (_, queue) = house.get("/pools/main/queue").await;
    assert_eq!(queue["waiting"][0]["waitsFor"], "the pool has no worker");
    let worker = house.worker().await;
    let (_, queue) = house.get("/pools/main/queue").await;
    assert!(queue["waiting"][0]["waitsFor"].is_null());

    let lease = plan(&house, &run["id"], worker).await;
    let (_, shown) = house.get(&path).await;
    assert_eq!(shown["worker"].as_str(), None);
    assert_eq!(shown["state"], "UNCONFIRMED");
    let (status, stopped) = house.post(&format!("{path}/stop"), json!({"username": "eve"})).await;
    assert_eq!((status, stopped["error"].as_str().unwrap().contains("discard")), (409, true));
    let (status, run) =
        house.post(&format!("{path}/confirm"), json!({"username": "eve", "metadata": "second"})).await;
    assert_eq!((status, run["state"].as_str()), (200, Some("CONFIRMED")));
    assert_eq!(run["userProvidedMetadata"], json!(["first", "second"]));
    assert_eq!(house.command(), Some(Command::Poke));

    let (_, logs) = house.get(&format!("{path}/logs")).await;
    assert_eq!(logs["segments"].as_array().unwrap().len(), 1);
    let segment = house
        .client
        .get(format!("{}/api/v1{path}/logs/0", house.base))
        .header("authorization", house.state.admin.header().expose())
        .send();
    assert_eq!(segment.await.unwrap().text().await.unwrap(), "a plan\n");
    assert_eq!(house.get(&format!("{path}/logs/1")).await.0, 409);
    assert!(lease.counter > 0);
}

/// Takes the run through its plan as a worker and a control loop would.
async fn plan(house: &House, run: &serde_json::Value, worker: WorkerId) -> spacelift_worker_core::ids::Lease {
    let store = &house.state.store;
    let run = run.as_str().unwrap().parse().unwrap();
    let pool = store.find_pool("main").await.unwrap().id;
    let offer_message = MessageId::from_parts(1, 1);
    let new = NewLease { run, phase: Phase::Plan, worker, offer_message, deadline: 2, now: 1 };
    let lease = store.offer_lease(&new).await.unwrap().lease;
    let until = Until { expires_at: 3, deadline: 4 };
    let command = crate::store::SentCommand::bare_start(pool, worker, 2);
    store.start_lease(pool, lease, worker, until, 2, command).await.unwrap();
    let (_, shown) = house.get(&format!("/runs/{run}")).await;
    assert_eq!(shown["worker"].as_str().unwrap(), worker.to_string());
    house.state.blobs.put_bytes("logs/0".parse().unwrap(), b"a plan\n").await.unwrap();
    let segment = LogSegment {
        name: "logs/0".into(),
        len: 7,
        sha256: "00".into(),
        state: RunState::Planning,
        state_version: 4,
    };
    store
        .put_log_manifest(&LogManifest { run, lease, segments: vec![segment], complete: true })
        .await
        .unwrap();
    let end = LeaseEnd {
        pool,
        lease,
        reason: "finished".into(),
        to: Some(RunState::Unconfirmed),
        worker_version: Some(4),
        note: None,
        workspace: None,
        outputs: None,
        lost: false,
        now: 3,
    };
    store.end_lease(&end).await.unwrap();
    lease
}

#[tokio::test]
async fn a_waiting_run_is_canceled_at_once_and_a_running_one_by_its_worker() {
    let mut house = House::new().await;
    house.pool().await;
    house.stack().await;
    house.command();
    let (_, run) = house.post("/runs", json!({"stack": "net", "username": "ada", "type": "PROPOSED"})).await;
    house.command();
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    let (status, stopped) = house.post(&format!("{path}/stop"), json!({"username": "eve"})).await;
    assert_eq!((status, stopped["state"].as_str()), (200, Some("CANCELED")));
    assert!(matches!(house.command(), Some(Command::Stop { .. })));
    let (_, logs) = house.get(&format!("{path}/logs")).await;
    assert_eq!(logs, json!({"segments": [], "finished": true}));
    assert_eq!(house.post(&format!("{path}/kill"), json!({"username": "eve"})).await.0, 409);

    let (_, run) = house.post("/runs", json!({"stack": "net", "username": "ada", "type": "PROPOSED"})).await;
    house.command();
    let worker = house.worker().await;
    let store = house.state.store.clone();
    let id = run["id"].as_str().unwrap().parse().unwrap();
    let pool = store.find_pool("main").await.unwrap().id;
    let offer_message = MessageId::from_parts(1, 1);
    let new = NewLease { run: id, phase: Phase::Plan, worker, offer_message, deadline: 2, now: 1 };
    let lease = store.offer_lease(&new).await.unwrap().lease;
    let command = crate::store::SentCommand::bare_start(pool, worker, 2);
    store.start_lease(pool, lease, worker, Until { expires_at: 3, deadline: 4 }, 2, command).await.unwrap();
    let (status, killed) = house.post(&format!("/runs/{id}/kill"), json!({"username": "eve"})).await;
    assert_eq!((status, killed["state"].as_str()), (200, Some("PREPARING")));
    assert_eq!(house.command(), Some(Command::Kill { run: id }));
}

#[tokio::test]
async fn a_trigger_that_makes_no_sense_is_refused() {
    let house = House::new().await;
    house.pool().await;
    house.stack().await;
    for body in [
        json!({"stack": "net", "username": "a", "type": "TESTING"}),
        json!({"stack": "net", "username": "a", "type": "TASK"}),
        json!({"stack": "net", "username": "a", "command": "ls"}),
        json!({"stack": "net", "username": "a", "type": "DANCE"}),
    ] {
        assert_eq!(house.post_raw("/runs", body.clone()).await, 422, "{body}");
    }
    let (_, run) = house.post("/runs", json!({"stack": "net", "username": "a", "type": "DRIFT"})).await;
    assert_eq!((run["type"].as_str(), run["driftDetection"].as_bool()), (Some("PROPOSED"), Some(true)));
    let (_, users) = house.get("/pools/main/used-by").await;
    assert_eq!(users[0]["id"], "net");
}

#[tokio::test]
async fn a_drained_worker_is_drained_from_the_answer_on() {
    let mut house = House::new().await;
    house.pool().await;
    let worker = house.worker().await;
    let (status, view) = house.post(&format!("/workers/{worker}/drain"), json!({"drain": true})).await;
    assert_eq!(
        (status, view["status"].as_str(), view["busy"].as_bool()),
        (200, Some("DRAINED"), Some(false))
    );
    assert_eq!(house.command(), Some(Command::Drain { worker, drain: true }));
    assert!(house.state.store.worker(worker).await.unwrap().drained);
    let (_, list) = house.get("/pools/main/workers").await;
    assert_eq!(list[0]["metadata"]["instance_id"], "i-1");
    house.state.store.worker_gone(worker, false, 1).await.unwrap();
    assert_eq!(house.post(&format!("/workers/{worker}/drain"), json!({"drain": false})).await.0, 409);
}

#[tokio::test]
async fn source_is_kept_under_its_true_digest_alone() {
    let house = House::new().await;
    let answer = house
        .client
        .put(format!("{}/api/v1/sources/{}", house.base, "0".repeat(64)))
        .header("authorization", house.state.admin.header().expose())
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let name = format!("sources/{}.tar.zst", "0".repeat(64)).parse().unwrap();
    assert!(house.state.blobs.open(&name).await.is_err());
}
