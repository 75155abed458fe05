//! Workers that poll: what the door lets in, and what a mailbox keeps.

use reqwest::Method;
use serde_json::{Value, json};
use spacelift_worker_core::ids::{MessageId, PoolId};
use spacelift_worker_core::pool::{CertificateThumbprint, JwtClaims, PoolToken};
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, ControlMessage, Cycle, Goodbye, WorkerBody, WorkerMessage,
};
use spacelift_worker_core::secret::SecretText;

use super::*;
use crate::ca::Validity;
use crate::store::PoolCertificate;

/// A process of a worker, which signs what it is told to.
#[derive(Clone)]
struct Worker {
    base: String,
    client: reqwest::Client,
    key: Arc<PoolKey>,
    certificate: CertificateThumbprint,
    pool: PoolId,
    worker: WorkerId,
    process: &'static str,
    nonce: Option<String>,
}

impl Worker {
    /// A pool named `main`, and a worker of it that knows the server's nonce.
    async fn new(house: &House) -> Self {
        let key = PoolKey::generate(2048).unwrap();
        let csr = key.csr("x").unwrap();
        let body = json!({
            "name": "main", "certificateSigningRequest": csr, "space": "root", "driftDetectionRunLimit": -1,
        });
        let (status, answer) = house.post("/pools", body).await;
        assert_eq!(status, 200, "{answer}");
        let mut worker = Self::with_token(house, key.into(), answer["token"].as_str().unwrap());
        worker.learn_nonce().await;
        worker
    }

    fn with_token(house: &House, key: Arc<PoolKey>, token: &str) -> Self {
        let token = PoolToken::parse(&SecretText::from(token)).unwrap();
        Self {
            base: house.base.clone(),
            client: house.client.clone(),
            key,
            certificate: CertificateThumbprint::from_pem(&token.parts().certificate_pem).unwrap(),
            pool: token.parts().pool_id,
            worker: WorkerId::from_parts(1, 1),
            process: "process",
            nonce: None,
        }
    }

    async fn learn_nonce(&mut self) {
        let (status, refusal) = self.ask(Method::POST, "/connection", b"", |_| {}).await;
        assert_eq!((status, refusal["reason"].as_str()), (401, Some("nonce")), "{refusal}");
        self.nonce = refusal["nonce"].as_str().map(str::to_owned);
    }

    fn path(&self, rest: &str) -> String {
        format!("/worker/v1/{}/{}{rest}", self.pool, self.worker)
    }

    fn claims(&self, method: &Method, rest: &str, body: &[u8]) -> JwtClaims {
        let now = crate::fresh::now_ms() / 1_000;
        JwtClaims {
            pool: self.pool,
            worker: self.worker,
            audience: self.base.clone(),
            issued_at: now,
            expires_at: now + 60,
            id: crate::fresh::message_id(now).unwrap().to_string(),
            process: self.process.to_owned(),
            method: method.to_string(),
            target: self.path(rest),
            body: JwtClaims::body_digest(body),
            nonce: self.nonce.clone(),
        }
    }

    fn sign(&self, claims: &JwtClaims) -> String {
        self.key.sign_jwt(self.certificate, claims).unwrap().expose().to_owned()
    }

    async fn send(&self, method: Method, rest: &str, body: &[u8], token: &str) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{}", self.base, self.path(rest)));
        let answer = request.bearer_auth(token).body(body.to_vec()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn ask(
        &self,
        method: Method,
        rest: &str,
        body: &[u8],
        change: impl FnOnce(&mut JwtClaims),
    ) -> (u16, Value) {
        let mut claims = self.claims(&method, rest, body);
        change(&mut claims);
        self.send(method, rest, body, &self.sign(&claims)).await
    }

    async fn open(&self) -> u64 {
        let (status, answer) = self.ask(Method::POST, "/connection", b"", |_| {}).await;
        assert_eq!(status, 200, "{answer}");
        answer["connection"].as_u64().unwrap()
    }

    async fn speak(&self, connection: u64, body: WorkerBody) -> u16 {
        let message = WorkerMessage { id: MessageId::from_parts(5, 5), ts: 1, body }.encode();
        let rest = format!("/messages?connection={connection}");
        self.ask(Method::POST, &rest, &message, |_| {}).await.0
    }

    async fn listen(&self, connection: u64, after: u64) -> (u16, Value) {
        let rest = format!("/messages?connection={connection}&after={after}");
        self.ask(Method::GET, &rest, b"", |_| {}).await
    }

    /// What the control plane says to this worker.
    fn tell(&self, house: &House, number: u64) -> MessageId {
        let id = MessageId::from_parts(number, 0);
        let message =
            ControlMessage { id, ts: 0, body: ControlBody::Cycle(Cycle { cmd_seq: number }) }.encode();
        assert!(house.state.poll.publish(self.pool, self.worker, message.into()));
        id
    }
}

fn ids(answer: &(u16, Value)) -> Vec<String> {
    assert_eq!(answer.0, 200, "{answer:?}");
    let messages = answer.1["messages"].as_array().unwrap().iter();
    messages.map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_command_is_told_until_its_id_is_answered() {
    let mut house = House::new().await;
    let worker = Worker::new(&house).await;
    assert!(!house.state.poll.publish(worker.pool, worker.worker, "{}".into()), "it does not poll yet");
    let connection = worker.open().await;
    let (first, second) = (worker.tell(&house, 1), worker.tell(&house, 2));
    for _ in 0..3 {
        let told = worker.listen(connection, 0).await;
        assert_eq!(ids(&told), [first.to_string(), second.to_string()]);
        assert_eq!(told.1["last"], 2);
    }
    // A connection that comes after a lost one hears it, too.
    let connection = worker.open().await;
    assert_eq!(ids(&worker.listen(connection, 0).await).len(), 2);
    assert_eq!(worker.speak(connection, WorkerBody::Ack(Ack { re: first })).await, 202);
    assert_eq!(ids(&worker.listen(connection, 0).await), [second.to_string()]);
    match house.events.recv().await {
        Some(WireEvent::Message { pool, worker: from, bytes }) => {
            assert_eq!((pool, from), (worker.pool, worker.worker));
            assert_eq!(WorkerMessage::decode(&bytes).unwrap().body, WorkerBody::Ack(Ack { re: first }));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_poll_waits_for_what_comes() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    let connection = worker.open().await;
    let polling = tokio::spawn({
        let worker = worker.clone();
        async move { worker.listen(connection, 0).await }
    });
    while house.state.poll.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let id = worker.tell(&house, 1);
    assert_eq!(ids(&polling.await.unwrap()), [id.to_string()]);
}

#[tokio::test]
async fn a_token_opens_once() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    let token = worker.sign(&worker.claims(&Method::POST, "/connection", b""));
    assert_eq!(worker.send(Method::POST, "/connection", b"", &token).await.0, 200);
    let (status, refusal) = worker.send(Method::POST, "/connection", b"", &token).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("replayed")));
}

#[tokio::test]
async fn a_token_for_another_request_opens_nothing() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    let connection = worker.open().await;
    let rest = format!("/messages?connection={connection}");
    let stolen = worker.sign(&worker.claims(&Method::POST, &rest, b"one"));
    for (method, rest, body) in [
        (Method::POST, rest.as_str(), &b"two"[..]),
        (Method::DELETE, "/connection?connection=1", b"one"),
        (Method::POST, "/connection", b"one"),
        (Method::POST, "/messages?connection=1&x=1", b"one"),
    ] {
        let (status, refusal) = worker.send(method, rest, body, &stolen).await;
        assert_eq!((status, refusal["reason"].as_str()), (401, Some("request")), "{rest}");
    }
    let other = Worker { worker: WorkerId::from_parts(2, 2), ..worker.clone() };
    let (status, refusal) =
        other.ask(Method::POST, "/connection", b"", |claims| claims.worker = worker.worker).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("request")));
    let (status, refusal) = worker
        .ask(Method::POST, "/connection", b"", |claims| claims.audience = "https://evil.example".to_owned())
        .await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("request")));
}

#[tokio::test]
async fn without_a_genuine_token_there_is_no_way_in() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    let stranger = Worker { key: PoolKey::generate(2048).unwrap().into(), ..worker.clone() };
    let (status, refusal) = stranger.ask(Method::POST, "/connection", b"", |_| {}).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("revoked")));
    let nowhere = Worker { pool: PoolId::from_parts(77, 7), ..worker.clone() };
    let (status, refusal) = nowhere.ask(Method::POST, "/connection", b"", |_| {}).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("revoked")), "as if the pool were there");
    for token in ["", "x", "a.b.c", house.state.admin.header().expose()] {
        let (status, refusal) = worker.send(Method::POST, "/connection", b"", token).await;
        assert_eq!((status, refusal["reason"].as_str()), (401, Some("token")), "{token}");
    }
    let bare = house.client.post(format!("{}{}", house.base, worker.path("/connection")));
    let answer = bare.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_wrong_clock_is_told_the_right_time() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    for shift in [-600_i64, 600] {
        let (status, refusal) = worker
            .ask(Method::POST, "/connection", b"", |claims| {
                claims.issued_at = claims.issued_at.saturating_add_signed(shift);
                claims.expires_at = claims.expires_at.saturating_add_signed(shift);
            })
            .await;
        assert_eq!((status, refusal["reason"].as_str()), (401, Some("clock")));
        let told = refusal["now_ms"].as_u64().unwrap();
        assert!(told.abs_diff(crate::fresh::now_ms()) < 30_000, "{told}");
    }
}

#[tokio::test]
async fn a_reset_ends_polls_and_shuts_the_door_although_the_key_stays() {
    let mut house = House::new().await;
    let worker = Worker::new(&house).await;
    let connection = worker.open().await;
    let polling = tokio::spawn({
        let worker = worker.clone();
        async move { worker.listen(connection, 0).await }
    });
    while house.state.poll.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let csr = worker.key.csr("x").unwrap();
    let (status, answer) = house.post("/pools/main/reset", json!({ "certificateSigningRequest": csr })).await;
    assert_eq!(status, 200, "{answer}");
    assert!(matches!(house.command(), Some(Command::Reset { .. })));
    // As the control loop does at that command.
    house.state.poll.revoke(worker.pool);
    assert_eq!(polling.await.unwrap().0, 410);
    let (status, refusal) = worker.ask(Method::POST, "/connection", b"", |_| {}).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("revoked")));
    let rest = format!("/messages?connection={connection}");
    let (status, refusal) = worker.ask(Method::POST, &rest, b"{}", |_| {}).await;
    assert_eq!((status, refusal["reason"].as_str()), (401, Some("revoked")));
    let token = answer["token"].as_str().unwrap();
    let mut renewed = Worker::with_token(&house, worker.key.clone(), token);
    renewed.learn_nonce().await;
    renewed.open().await;
}

#[tokio::test]
async fn a_certificate_outside_of_its_hours_shuts_the_door_on_every_request_of_an_open_connection_too() {
    let house = House::new().await;
    let valid = Worker::new(&house).await;
    let connection = valid.open().await;
    let now = crate::fresh::now_ms();
    let hour = Validity::seconds(now, 3_600);
    let not_yet = Validity { not_before: hour.not_before + 7_200, not_after: hour.not_after + 7_200 };
    for validity in [Validity::seconds(now, -5), not_yet] {
        // For the same key, and past the reset that ends connections: as if the hours of the one certificate had passed.
        let csr = valid.key.csr("x").unwrap();
        let issued = house.state.authority.pool(&csr, valid.pool, validity).unwrap();
        let thumbprint = CertificateThumbprint::from_pem(&issued.pem).unwrap();
        let certificate =
            PoolCertificate { csr, pem: issued.pem, serial: issued.serial, fingerprint: issued.fingerprint };
        house.state.store.replace_certificate(valid.pool, &certificate, now).await.unwrap();
        let expired = Worker { certificate: thumbprint, ..valid.clone() };
        let connection = format!("connection={connection}");
        for (method, rest) in [
            (Method::POST, "/connection".to_owned()),
            (Method::POST, format!("/messages?{connection}")),
            (Method::GET, format!("/messages?{connection}&after=0")),
            (Method::DELETE, format!("/connection?{connection}")),
        ] {
            let (status, refusal) = expired.ask(method.clone(), &rest, b"", |_| {}).await;
            assert_eq!((status, refusal["reason"].as_str()), (401, Some("expired")), "{method} {rest}");
        }
    }
}

#[tokio::test]
async fn a_second_process_is_refused_and_the_first_goes_on() {
    let house = House::new().await;
    let first = Worker::new(&house).await;
    let connection = first.open().await;
    let second = Worker { process: "another", ..first.clone() };
    let (status, refusal) = second.ask(Method::POST, "/connection", b"", |_| {}).await;
    assert_eq!((status, refusal["reason"].as_str()), (409, Some("duplicate")));
    let body = WorkerBody::Goodbye(Goodbye { crashed: false });
    assert_eq!(second.speak(connection, body.clone()).await, 410, "not by another's connection either");
    assert_eq!(first.speak(connection, body).await, 202);
    let rest = format!("/connection?connection={connection}");
    assert_eq!(first.ask(Method::DELETE, &rest, b"", |_| {}).await.0, 204);
    second.open().await;
}

#[tokio::test]
async fn a_connection_of_another_life_is_gone() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    assert_eq!(worker.listen(1, 0).await.0, 410);
    let first = worker.open().await;
    worker.open().await;
    assert_eq!(worker.listen(first, 0).await.0, 410);
}

#[tokio::test]
async fn a_message_over_128_kib_is_refused() {
    let house = House::new().await;
    let worker = Worker::new(&house).await;
    let connection = worker.open().await;
    let rest = format!("/messages?connection={connection}");
    let (status, _) = worker.ask(Method::POST, &rest, &vec![b' '; 128 * 1024 + 1], |_| {}).await;
    assert_eq!(status, 413);
    let (status, _) = worker.ask(Method::POST, &rest, &vec![b' '; 128 * 1024], |_| {}).await;
    assert_eq!(status, 202);
}

#[tokio::test]
async fn the_end_of_the_server_does_not_wait_for_polls() {
    let mut house = House::new().await;
    let worker = Worker::new(&house).await;
    let connection = worker.open().await;
    let polling = tokio::spawn({
        let worker = worker.clone();
        async move { worker.listen(connection, 0).await }
    });
    while house.state.poll.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    house.state.poll.stop();
    assert_eq!(polling.await.unwrap().0, 503);
    house.stop().await;
}
