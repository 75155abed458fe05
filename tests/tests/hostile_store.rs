//! Objects by URL from stores that lie, redirect, drip and never end: a transfer is exactly what was announced, or none.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::{Duration, Instant};

use spacelift_mothership::ca::Authority;
use spacelift_mothership::fresh;
use spacelift_worker_core::crypto::{hex, sha256};
use spacelift_worker_core::driver::{AllowedHost, BlobClient, BlobError, BlobLimits, Roots};
use spacelift_worker_tests::system::{Answer, Folder, ScriptedStore};

const BODY: &[u8] = b"hello";

struct Bench {
    authority: Authority,
    folder: Folder,
}

impl Bench {
    fn new() -> Self {
        let folder = Folder::new();
        let authority = Authority::load_or_create(folder.path(), fresh::now_ms()).unwrap();
        Self { authority, folder }
    }

    fn client(&self) -> BlobClient {
        let mut roots = Roots::empty();
        roots.add_pem(self.authority.certificate_pem(), "the test").unwrap();
        let loopback = AllowedHost::Network { address: "127.0.0.1".parse().unwrap(), prefix: 32 };
        let once = BlobLimits { tries: 1, ..BlobLimits::default() };
        BlobClient::direct(roots, vec![loopback]).unwrap().with_limits(once)
    }
}

async fn get(client: &BlobClient, url: &str) -> Result<Vec<u8>, BlobError> {
    client.get_bytes(url, BODY.len() as u64, &hex(&sha256(BODY)), 1 << 20).await
}

#[tokio::test]
async fn what_was_announced_is_fetched_whole_in_one_piece_or_in_many() {
    let bench = Bench::new();
    let store = ScriptedStore::start(&bench.authority, |path| match path {
        "/pieces?sig=1" => Answer::Bytes(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n".to_vec(),
        ),
        _ => Answer::ok(BODY),
    })
    .await;
    for path in ["/whole", "/pieces?sig=1"] {
        assert_eq!(get(&bench.client(), &store.url(path)).await.unwrap(), BODY);
    }
    let head = store.asked().pop().unwrap().head;
    assert!(
        head.starts_with("GET /pieces?sig=1 HTTP/1.1\r\n")
            && head.to_lowercase().contains("host: 127.0.0.1:")
    );
}

#[tokio::test]
async fn what_is_longer_shorter_or_other_than_announced_is_refused_and_leaves_no_file() {
    let bench = Bench::new();
    let store = ScriptedStore::start(&bench.authority, |path| match path {
        "/longer" => Answer::ok(b"hello!"),
        "/shorter" => Answer::ok(b"hell"),
        "/other" => Answer::ok(b"jello"),
        "/empty" => Answer::ok(b""),
        _ => Answer::Endless(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"4000\r\n".iter().copied().chain([b'x'; 0x4000]).chain(*b"\r\n").collect(),
            0,
        ),
    })
    .await;
    for (path, words) in [
        ("/longer", "longer"),
        ("/shorter", "shorter"),
        ("/empty", "shorter"),
        ("/other", "digest"),
        ("/endless", "longer"),
    ] {
        let client = bench.client();
        let error = get(&client, &store.url(path)).await.unwrap_err();
        assert!(
            matches!(error, BlobError::Mismatch(_)) && error.to_string().contains(words),
            "{path}: {error}"
        );
        let file = bench.folder.join("fetched");
        let result = client.get_file(&store.url(path), 5, &hex(&sha256(BODY)), 1 << 20, &file).await;
        assert!(result.is_err() && !file.exists(), "{path}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_refusal_and_its_target_is_not_asked() {
    let bench = Bench::new();
    let target = ScriptedStore::start(&bench.authority, |_| Answer::ok(BODY)).await;
    let location = format!("Location: {}\r\n", target.url("/elsewhere"));
    let store = ScriptedStore::start(&bench.authority, move |path| {
        Answer::status(path.trim_start_matches('/').parse().unwrap(), &location)
    })
    .await;
    for status in [301, 302, 303, 307, 308] {
        let url = store.url(&format!("/{status}"));
        let error = get(&bench.client(), &url).await.unwrap_err();
        assert!(matches!(error, BlobError::Status { status: seen } if seen == status), "{error}");
    }
    assert_eq!(target.asked(), []);
}

#[tokio::test]
async fn a_store_that_drips_or_falls_silent_is_given_up() {
    let bench = Bench::new();
    let store = ScriptedStore::start(&bench.authority, |path| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
        match path {
            "/drip" => Answer::Endless(head, b"x".to_vec(), 20),
            _ => Answer::Endless(head, b"x".to_vec(), 3_600_000),
        }
    })
    .await;
    let limits = BlobLimits {
        tries: 1,
        idle: Duration::from_millis(300),
        total: Duration::from_millis(600),
        ..BlobLimits::default()
    };
    for path in ["/drip", "/silence"] {
        let client = bench.client().with_limits(limits);
        let began = Instant::now();
        let error = client.get_bytes(&store.url(path), 1_000, "", 1 << 20).await.unwrap_err();
        assert!(matches!(error, BlobError::Network(_)), "{path}: {error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{path}");
    }
}

#[tokio::test]
async fn a_transfer_that_failed_is_tried_again() {
    let bench = Bench::new();
    let tries = std::sync::atomic::AtomicU32::new(0);
    let store = ScriptedStore::start(&bench.authority, move |_| {
        match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Answer::status(503, ""),
            _ => Answer::ok(BODY),
        }
    })
    .await;
    let client = bench.client().with_limits(BlobLimits::default());
    assert_eq!(get(&client, &store.url("/x")).await.unwrap(), BODY);
    assert_eq!(store.asked().len(), 2);
}

#[tokio::test]
async fn a_store_whose_certificate_is_anothers_is_not_asked() {
    let (bench, other) = (Bench::new(), Bench::new());
    let store = ScriptedStore::start(&other.authority, |_| Answer::ok(BODY)).await;
    let error = get(&bench.client(), &store.url("/x")).await.unwrap_err();
    assert!(matches!(error, BlobError::Network(_)), "{error}");
    assert_eq!(store.asked(), []);
}

#[tokio::test]
async fn no_error_shows_the_url() {
    let bench = Bench::new();
    let store = ScriptedStore::start(&bench.authority, |_| Answer::status(403, "")).await;
    let dead = "https://127.0.0.1:1/path?sig=hunter2".to_owned();
    for url in [store.url("/path?sig=hunter2"), dead, "https://10.0.0.1/path?sig=hunter2".to_owned()] {
        let error = get(&bench.client(), &url).await.unwrap_err();
        let shown =
            format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(!shown.contains("hunter2") && !shown.contains("/path"), "{shown}");
    }
}
