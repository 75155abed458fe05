//! An HTTPS store that does what the test says, well or badly.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use spacelift_mothership::ca::Authority;
use spacelift_mothership::fresh;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The lines before the body.
    pub head: String,
    /// The body, as long as it was declared.
    pub body: Vec<u8>,
}

impl Asked {
    /// The path and query.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then the same piece again and again, with a pause of so many milliseconds.
    Endless(Vec<u8>, Vec<u8>, u64),
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::Bytes([head.as_bytes(), body].concat())
    }

    /// A status without a body, with more header lines.
    pub fn status(status: u16, headers: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: 0\r\n\r\n");
        Self::Bytes(head.into_bytes())
    }
}

/// A running store. It ends with the runtime of the test.
#[derive(Clone, Debug)]
pub struct ScriptedStore {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl ScriptedStore {
    /// Starts one on loopback with a certificate of this authority; `answer` says what is answered to which path.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub async fn start(
        authority: &Authority,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let identity = authority.server(&[], fresh::now_ms()).expect("a certificate");
        let chain = CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes());
        let chain = chain.map(|each| each.expect("PEM")).collect();
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose().as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let store = Self { port: listener.local_addr().expect("an address").port(), asked: Arc::default() };
        let (asked, answer) = (Arc::clone(&store.asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, asked, answer) = (acceptor.clone(), Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, acceptor, &asked, &*answer).await });
            }
        });
        store
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    asked: &Mutex<Vec<Asked>>,
    answer: &(impl Fn(&str) -> Answer + Sync),
) -> Option<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await.ok()?);
    let mut head = String::new();
    while stream.read_line(&mut head).await.ok()? > 2 {}
    let declared = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; declared.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    let request = Asked { head, body };
    let answer = answer(request.target());
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    match answer {
        Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
        Answer::Endless(first, piece, pause) => {
            stream.write_all(&first).await.ok()?;
            loop {
                stream.write_all(&piece).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
        }
    }
    stream.shutdown().await.ok()
}
