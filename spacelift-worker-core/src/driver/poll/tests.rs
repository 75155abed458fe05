//! The transport against a scripted server on loopback: what is signed, and what a bad server can do.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::crypto::{RsaPrivateKey, self_signed_der};
use crate::driver::dial::Proxies;
use crate::driver::link::{AckToken, Fault, LinkCommand, LinkEvent, LinkFailure};
use crate::driver::tls::{Roots, anonymous_client};
use crate::ids::PoolId;
use crate::pool::{JwtClaims, PoolKey, PoolToken, TokenParts, UnverifiedJwt};

const HOUR_MS: u64 = 3_600_000;

struct Pool {
    credentials: Arc<PoolCredentials>,
    certificate: CertificateThumbprint,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let raw = RsaPrivateKey::generate(2048).unwrap();
    let pool_id = PoolId::from_parts(1, 1);
    let der = self_signed_der(&raw, &pool_id.to_string(), 0, 4_000_000_000);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
    let key = PoolKey::from_der(&raw.to_pkcs8_der().unwrap()).unwrap();
    let parts = TokenParts {
        broker_endpoint: "127.0.0.1:1".parse().unwrap(),
        certificate_pem: pem.clone(),
        pool_id,
        namespace: "spacelift".into(),
        ca_pem: None,
        signing_key: None,
    };
    let token = PoolToken::new(parts).unwrap().encode();
    let credentials =
        PoolCredentials::parse(&token, &key.to_pem().unwrap(), clock::unix_time().as_secs()).unwrap();
    Pool { credentials: credentials.into(), certificate: CertificateThumbprint::from_pem(&pem).unwrap() }
});

/// A request as a scripted server sees it.
#[derive(Debug)]
struct Seen {
    line: String,
    claims: JwtClaims,
    body: String,
}

/// Answers each request with the next of these, polls with their own, and then with silence; and tells what was asked.
async fn server(answers: Vec<String>, polls: Vec<String>) -> (String, mpsc::UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::unbounded_channel();
    let answers = Arc::new(std::sync::Mutex::new((answers.into_iter(), polls.into_iter())));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (sender, answers) = (sender.clone(), answers.clone());
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(request) = read(&mut stream).await {
                    let next = {
                        let (answers, polls) = &mut *answers.lock().unwrap();
                        if request.line.starts_with("GET ") { polls.next() } else { answers.next() }
                    };
                    sender.send(request).unwrap();
                    let Some(answer) = next else { return std::future::pending().await };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, seen)
}

async fn read(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<Seen> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        head.iter().find_map(|line| line.to_ascii_lowercase().starts_with(name).then(|| &line[name.len()..]))
    };
    let token = header("authorization: ").unwrap().strip_prefix("Bearer ").unwrap();
    let key = POOL.credentials.key().public_key();
    let claims = UnverifiedJwt::parse(token).unwrap().verify(&key, POOL.certificate).unwrap();
    let mut body = vec![0; header("content-length: ").map_or(0, |len| len.trim().parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { line: head[0].clone(), claims, body: String::from_utf8(body).unwrap() })
}

fn answer(status: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn refusal(status: &str, reason: &str, now_ms: u64) -> String {
    answer(status, &json!({"reason": reason, "error": "words", "now_ms": now_ms, "nonce": "n1"}))
}

fn opened() -> String {
    answer("200 OK", &json!({"connection": 7, "hold_ms": 1000}))
}

fn taken() -> String {
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned()
}

fn endpoint(url: &str) -> Result<PollEndpoint, PollUrlError> {
    let tls = Arc::new(anonymous_client(Roots::from_system()).unwrap());
    let dialer = Dialer::new(Proxies::default(), tls.clone());
    let worker = WorkerId::from_parts(2, 2);
    PollEndpoint::new(url, POOL.credentials.clone(), worker, &dialer, tls)
}

async fn first_failure(answers: Vec<String>, polls: Vec<String>) -> LinkFailure {
    let (url, _seen) = server(answers, polls).await;
    let mut link = connect(endpoint(&url).unwrap());
    loop {
        match link.events.recv().await.unwrap() {
            LinkEvent::Down(failure) => return failure,
            LinkEvent::Up { .. } | LinkEvent::Message { .. } => {}
        }
    }
}

#[tokio::test]
async fn a_skewed_clock_is_mended_in_tokens_and_nowhere_else() {
    let theirs = clock::now().unix_ms + HOUR_MS;
    let (url, mut seen) = server(vec![refusal("401 Unauthorized", "clock", theirs), opened()], vec![]).await;
    let mut link = connect(endpoint(&url).unwrap());
    let first = seen.recv().await.unwrap().claims;
    assert!(first.issued_at.abs_diff(clock::now().unix_ms / 1_000) < 60);
    assert_eq!((first.expires_at - first.issued_at, &first.nonce), (60, &None));
    let second = seen.recv().await.unwrap().claims;
    assert!(second.issued_at.abs_diff(theirs / 1_000) < 60, "{second:?}");
    assert_eq!(second.nonce.as_deref(), Some("n1"));
    assert_ne!(second.id, first.id);
    assert!(matches!(link.events.recv().await, Some(LinkEvent::Up { connection: 1 })));
    assert!(clock::now().unix_ms < theirs - HOUR_MS / 2, "the worker's own clock is what it was");
}

#[tokio::test]
async fn a_poll_names_what_was_taken_care_of_and_is_made_again_only_then() {
    let batch = |last: u64, ids: &[&str]| {
        let messages: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        answer("200 OK", &json!({"last": last, "messages": messages}))
    };
    let (url, mut seen) = server(vec![opened(), taken()], vec![batch(5, &["a", "b"])]).await;
    let mut link = connect(endpoint(&url).unwrap());
    assert!(seen.recv().await.unwrap().line.starts_with("POST /worker/v1/"));
    assert!(seen.recv().await.unwrap().line.contains("/messages?connection=7&after=0 "));
    assert!(matches!(link.events.recv().await, Some(LinkEvent::Up { .. })));
    let mut tokens = Vec::new();
    for _ in 0..2 {
        match link.events.recv().await.unwrap() {
            LinkEvent::Message { token, .. } => tokens.push(token),
            other => panic!("{other:?}"),
        }
    }
    link.commands.send(LinkCommand::Acknowledge(tokens[0])).await.unwrap();
    // What is said meanwhile is asked before the next poll, which waits for the second acknowledgement.
    link.commands.send(LinkCommand::Send { connection: 1, bytes: b"{}".to_vec() }).await.unwrap();
    let said = seen.recv().await.unwrap();
    assert!(said.line.starts_with("POST ") && said.body == "{}", "{said:?}");
    link.commands.send(LinkCommand::Acknowledge(AckToken { connection: 9, ..tokens[1] })).await.unwrap();
    link.commands.send(LinkCommand::Acknowledge(tokens[1])).await.unwrap();
    assert!(seen.recv().await.unwrap().line.contains("&after=5 "));
}

#[tokio::test]
async fn what_is_meant_for_an_earlier_connection_is_not_said_on_a_later_one() {
    let (url, mut seen) = server(vec![opened()], vec![]).await;
    let mut link = connect(endpoint(&url).unwrap());
    assert!(matches!(link.events.recv().await, Some(LinkEvent::Up { connection: 1 })));
    assert!(seen.recv().await.unwrap().line.contains("/connection "));
    for connection in [0, 2, 1] {
        let bytes = connection.to_string().into_bytes();
        link.commands.send(LinkCommand::Send { connection, bytes }).await.unwrap();
    }
    loop {
        let next = seen.recv().await.unwrap();
        if next.line.starts_with("POST ") {
            assert_eq!(next.body, "1");
            return;
        }
    }
}

#[tokio::test]
async fn another_process_with_the_same_worker_is_told_so() {
    let failure = first_failure(vec![refusal("409 Conflict", "duplicate", 0)], vec![]).await;
    assert_eq!(failure.fault, Fault::Duplicate, "{failure}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_a_matter_of_configuration() {
    for reason in ["revoked", "token", "request"] {
        let failure = first_failure(vec![refusal("401 Unauthorized", reason, 0)], vec![]).await;
        assert_eq!(failure.fault, Fault::Configuration, "{failure}");
        assert!(failure.reason.contains("words"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_challenges_for_ever_is_given_up() {
    let challenge = || refusal("401 Unauthorized", "nonce", clock::now().unix_ms);
    let failure = first_failure((0..10).map(|_| challenge()).collect(), vec![]).await;
    assert_eq!(failure.fault, Fault::Network);
    assert!(failure.reason.contains("one token after another"), "{failure}");
}

#[tokio::test]
async fn what_is_no_control_plane_does_no_harm() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(9 << 20));
    for (answers, fault, words) in [
        (vec![redirect.to_owned()], Fault::Configuration, "SPACELIFT_WORKER_COMMS_URL"),
        (vec![answer("404 Not Found", &json!("nothing here"))], Fault::Configuration, "404"),
        (vec![answer("502 Bad Gateway", &json!("later"))], Fault::Network, "502"),
        (vec![answer("200 OK", &json!([1]))], Fault::Network, "something else"),
        (vec!["SSH-2.0-x\r\n\r\n".to_owned()], Fault::Network, "lost"),
        (vec![endless], Fault::Network, "too long"),
    ] {
        let failure = first_failure(answers, vec![]).await;
        assert_eq!(failure.fault, fault, "{failure}");
        assert!(failure.reason.contains(words), "{failure} has no {words}");
    }
    for (poll, words) in
        [(answer("200 OK", &json!({"last": "x"})), "something else"), (refusal("410 Gone", "gone", 0), "410")]
    {
        let failure = first_failure(vec![opened()], vec![poll]).await;
        assert!(failure.fault == Fault::Network && failure.reason.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_goodbye_goes_before_the_end() {
    let (url, mut seen) = server(vec![opened(), taken(), taken()], vec![]).await;
    let mut link = connect(endpoint(&url).unwrap());
    assert!(matches!(link.events.recv().await, Some(LinkEvent::Up { .. })));
    link.commands.send(LinkCommand::Close(Some(b"bye".to_vec()))).await.unwrap();
    while link.events.recv().await.is_some() {}
    let mut lines = Vec::new();
    while let Ok(next) = seen.try_recv() {
        lines.push(format!("{} {}", next.line, next.body));
    }
    let at = |words: &str| lines.iter().position(|line| line.contains(words));
    assert!(at("bye").is_some() && at("bye") < at("DELETE "), "{lines:#?}");
}

#[tokio::test]
async fn the_address_must_be_https_or_this_machine_and_have_no_path() {
    for (url, words) in [
        ("http://app.example", "https://"),
        ("http://10.0.0.1", "https://"),
        ("https://app.example/x", "path"),
        ("https://app.example/?x", "path"),
        ("nonsense", "address"),
    ] {
        let error = endpoint(url).unwrap_err().to_string();
        assert!(error.contains("SPACELIFT_WORKER_COMMS_URL") && error.contains(words), "{url}: {error}");
    }
    for url in ["https://app.example", "https://app.example/", "http://127.0.0.1:8080", "http://localhost"] {
        endpoint(url).unwrap();
    }
    assert_eq!(endpoint("https://App.Example:443/").unwrap().audience(), "https://app.example");
}
