//! What is connected to is what was checked, directly and through a proxy.

use std::sync::Mutex;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::driver::tls::{Roots, anonymous_client};
use crate::secret::SecretText;

fn tls() -> Arc<ClientConfig> {
    Arc::new(anonymous_client(Roots::from_system()).unwrap())
}

/// A dialer for hosts that somebody else chose, with names that have the addresses in turn, once each; and the count of
/// questions.
fn guarded(
    allowed: Vec<AllowedHost>,
    proxies: Proxies,
    answers: &[&[&str]],
) -> (Dialer, Arc<Mutex<Vec<String>>>) {
    let answers: Vec<Vec<IpAddr>> = answers
        .iter()
        .map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect())
        .collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let counted = asked.clone();
    let script = move |host: &str| {
        let mut asked = counted.lock().unwrap();
        asked.push(host.to_owned());
        answers.get(asked.len() - 1).cloned().unwrap_or_default()
    };
    let dialer = Dialer::new(proxies, tls()).guarded(Access::new(allowed));
    (Dialer { resolver: Resolver::Scripted(Arc::new(script)), ..dialer }, asked)
}

fn loopback() -> Vec<AllowedHost> {
    vec![AllowedHost::Network { address: "127.0.0.1".parse().unwrap(), prefix: 32 }]
}

async fn error(dialer: &Dialer, host: &str) -> DialError {
    match dialer.connect(host, 1).await {
        Ok(_) => panic!("connected to {host}"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_name_whose_addresses_are_all_private_is_not_connected_to() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.0.0.1", "192.168.0.1"],
        &["169.254.169.254"],
        &["::ffff:169.254.169.254"],
        &["64:ff9b::a9fe:a9fe"],
        &["fe80::1"],
        &["fd00::1"],
    ] {
        let (dialer, asked) = guarded(Vec::new(), Proxies::default(), &[answer]);
        assert!(matches!(error(&dialer, "store.example").await, DialError::Forbidden), "{answer:?}");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The second answer is what a name says that changes its mind between the check and the connection.
    let (dialer, asked) = guarded(loopback(), Proxies::default(), &[&["127.0.0.1"], &["127.0.0.2"]]);
    dialer.connect("store.example", port).await.unwrap();
    listener.accept().await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["store.example"]);
}

#[tokio::test]
async fn of_several_addresses_the_private_ones_are_left_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let elsewhere = TcpListener::bind(("127.0.0.3", port)).await;
    let (dialer, _) = guarded(loopback(), Proxies::default(), &[&["127.0.0.3", "127.0.0.1"]]);
    dialer.connect("store.example", port).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert!(peer.ip().is_loopback());
    drop(elsewhere);
}

#[tokio::test]
async fn addresses_are_tried_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let network = AllowedHost::Network { address: "127.0.0.0".parse().unwrap(), prefix: 8 };
    // Nobody listens on the first.
    let (dialer, _) = guarded(vec![network], Proxies::default(), &[&["127.0.0.9", "127.0.0.1"]]);
    dialer.connect("store.example", port).await.unwrap();
}

/// A proxy that answers everything with `status`; it tells what it was asked.
async fn proxy(status: u16) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let (sender, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 2 {}
            sender.send(line).unwrap();
            stream.write_all(format!("HTTP/1.1 {status} Whatever\r\n\r\n").as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn through(url: &str) -> Proxies {
    Proxies::new(Some(&SecretText::from(url)), &[]).unwrap()
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_address_that_was_checked_and_not_for_the_name() {
    let (url, mut asked) = proxy(200).await;
    let (dialer, names) = guarded(Vec::new(), through(&url), &[&["10.0.0.1", "203.0.112.7"]]);
    dialer.connect("store.example", 443).await.unwrap();
    assert!(asked.recv().await.unwrap().starts_with("CONNECT 203.0.112.7:443 HTTP/1.1\r\n"));
    assert_eq!(names.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_a_private_address() {
    let (url, mut asked) = proxy(200).await;
    let (dialer, _) = guarded(Vec::new(), through(&url), &[&["10.0.0.1"]]);
    assert!(matches!(error(&dialer, "store.example").await, DialError::Forbidden));
    assert!(matches!(error(&dialer, "169.254.169.254").await, DialError::Forbidden));
    assert!(asked.try_recv().is_err());
}

#[tokio::test]
async fn a_listed_name_is_left_to_the_proxy() {
    let (url, mut asked) = proxy(200).await;
    let listed = vec![AllowedHost::Name("store.example".to_owned())];
    let (dialer, names) = guarded(listed, through(&url), &[]);
    dialer.connect("store.example", 443).await.unwrap();
    let request = asked.recv().await.unwrap();
    assert!(request.starts_with("CONNECT store.example:443 HTTP/1.1\r\n"), "{request}");
    // base64 of user:hunter2
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n"), "{request}");
    assert!(names.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_the_operator_chose_is_left_to_the_proxy() {
    let (url, mut asked) = proxy(200).await;
    Dialer::new(through(&url), tls()).connect("broker.example", 8883).await.unwrap();
    assert!(asked.recv().await.unwrap().starts_with("CONNECT broker.example:8883 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_credentials() {
    for (status, words) in [(407, "credentials"), (403, "refuses the tunnel with status 403")] {
        let (url, _asked) = proxy(status).await;
        let error = error(&Dialer::new(through(&url), tls()), "broker.example").await;
        let shown = crate::driver::chain(&error);
        assert!(shown.contains(words) && shown.contains("127.0.0.1:"), "{shown}");
        assert!(!shown.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{shown}");
    }
}
