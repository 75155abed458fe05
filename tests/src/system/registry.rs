//! A registry of images on loopback with one image, whom a password opens.
//!
//! Source: the OCI Distribution Specification 1.1, "Pull".

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_core::crypto::{Sha256, hex};

use super::request;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry. It ends with the process of the test.
#[derive(Clone, Debug)]
pub struct Registry {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What stands under a path: its type, and its bytes.
type Content = HashMap<String, (&'static str, Vec<u8>)>;

impl Registry {
    /// Starts one with an image of this archive as `runner:1`, for whoever knows user and password.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn start(archive: Vec<u8>, user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let registry = Self { port, asked: Arc::default() };
        let asked = Arc::clone(&registry.asked);
        let content = content(archive);
        let expected = format!("basic {}", STANDARD.encode(format!("{user}:{password}")));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some((mut stream, head)) = request(stream) else { continue };
                asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
                let answer = answer(&content, &head, &expected);
                // The client may have left.
                let _ = stream.write_all(&answer);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut [0; 64]);
            }
        });
        registry
    }

    /// The name of its image.
    pub fn image(&self) -> String {
        format!("{}/acme/runner:1", self.host())
    }

    /// The registry's own name.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn content(archive: Vec<u8>) -> Content {
    let digest = |bytes: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(bytes);
        format!("sha256:{}", hex(&hash.finish()))
    };
    let layer = digest(&archive);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    });
    let config = config.to_string().into_bytes();
    let part = |media: &str, bytes: &[u8]| -> Value {
        json!({"mediaType": media, "digest": digest(bytes), "size": bytes.len()})
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": part("application/vnd.oci.image.config.v1+json", &config),
        "layers": [part("application/vnd.oci.image.layer.v1.tar", &archive)],
    });
    let manifest = manifest.to_string().into_bytes();
    let at = |kind: &str, name: &str| format!("/v2/acme/runner/{kind}/{name}");
    HashMap::from([
        (at("manifests", &digest(&manifest)), (MANIFEST, manifest.clone())),
        (at("manifests", "1"), (MANIFEST, manifest)),
        (at("blobs", &digest(&config)), ("application/octet-stream", config)),
        (at("blobs", &layer), ("application/octet-stream", archive)),
    ])
}

fn answer(content: &Content, head: &str, expected: &str) -> Vec<u8> {
    let mut line = head.split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let given = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    });
    let is_welcome = given.is_some_and(|given| {
        let (kind, rest) = given.split_once(' ').unwrap_or_default();
        format!("{} {rest}", kind.to_lowercase()) == expected
    });
    let close = "Connection: close\r\n";
    if !is_welcome {
        let errors = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        return format!(
            "HTTP/1.1 401 Unauthorized\r\n{close}WWW-Authenticate: Basic realm=\"test\"\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{errors}",
            errors.len()
        )
        .into_bytes();
    }
    let (status, kind, body): (_, _, &[u8]) = match content.get(path) {
        Some((kind, body)) => ("200 OK", *kind, body),
        None if path == "/v2/" => ("200 OK", "application/json", b"{}"),
        None => (
            "404 Not Found",
            "application/json",
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
        ),
    };
    let digest = path.rsplit('/').next().filter(|name| name.starts_with("sha256:"));
    let digest = digest.map(|digest| format!("Docker-Content-Digest: {digest}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\n{close}{digest}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let body = if method == "HEAD" { &[] } else { body };
    [head.as_bytes(), body].concat()
}
