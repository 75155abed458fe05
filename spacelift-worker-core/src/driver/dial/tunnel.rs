//! A tunnel through an HTTP proxy (RFC 9110, 9.3.6).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::proxies::ProxyServer;

/// The longest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Why a proxy opened no tunnel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TunnelError {
    /// The connection to the proxy broke.
    #[error("the connection to the proxy broke")]
    Io(#[from] io::Error),
    /// RFC 9110, 15.5.8.
    #[error("the proxy wants other credentials: put USER:PASSWORD@ before its host in HTTPS_PROXY")]
    Credentials,
    /// It refused.
    #[error("the proxy refuses the tunnel with status {status}: does it allow this host and port?")]
    Refused {
        /// The status of HTTP.
        status: u16,
    },
    /// What it answered is not HTTP/1.
    #[error("what answers at the proxy's address is no HTTP proxy")]
    NotHttp,
}

/// Asks a proxy for a tunnel to `authority` (`host:port`); afterwards the stream leads there.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &ProxyServer,
    authority: &str,
) -> Result<(), TunnelError> {
    let mut head = zeroize::Zeroizing::new(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"));
    if let Some(authorization) = &proxy.authorization {
        head.push_str("Proxy-Authorization: ");
        head.push_str(authorization.expose());
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    let answer = read_head(stream).await?;
    match status(&answer).ok_or(TunnelError::NotHttp)? {
        200..=299 => Ok(()),
        407 => Err(TunnelError::Credentials),
        status => Err(TunnelError::Refused { status }),
    }
}

/// Byte by byte, since what follows the head belongs to whoever is at the other end of the tunnel.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, TunnelError> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(TunnelError::NotHttp);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// The status of `HTTP/1.x NNN …`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("HTTP/1.")?.split(' ');
    words.next().filter(|minor| matches!(*minor, "0" | "1"))?;
    words.next().filter(|code| code.len() == 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;

    fn proxy(authorization: Option<&str>) -> ProxyServer {
        let authorization = authorization.map(SecretText::from);
        ProxyServer { host: "proxy".into(), port: 3128, tls: false, authorization }
    }

    /// What a proxy is asked, what `open` makes of its answer, and what is left on the stream.
    async fn asked(answer: &[u8], authorization: Option<&str>) -> (String, Result<(), TunnelError>, Vec<u8>) {
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(answer).await.unwrap();
        let result = open(&mut near, &proxy(authorization), "broker.example:8883").await;
        near.shutdown().await.unwrap();
        let mut request = String::new();
        far.read_to_string(&mut request).await.unwrap();
        drop(far);
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        (request, result, rest)
    }

    #[tokio::test]
    async fn a_tunnel_begins_right_after_the_head_of_the_answer() {
        let answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfirst bytes of the broker";
        let (request, result, rest) = asked(answer, None).await;
        assert_eq!(request, "CONNECT broker.example:8883 HTTP/1.1\r\nHost: broker.example:8883\r\n\r\n");
        assert!(result.is_ok());
        assert_eq!(rest, b"first bytes of the broker");
    }

    #[tokio::test]
    async fn credentials_go_along() {
        let (request, _, _) = asked(b"HTTP/1.0 200 OK\r\n\r\n", Some("Basic abc")).await;
        assert!(request.ends_with("\r\nProxy-Authorization: Basic abc\r\n\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do() {
        let refused = |answer: &'static [u8]| async move { asked(answer, None).await.1.unwrap_err() };
        let wrong = refused(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        assert!(matches!(wrong, TunnelError::Credentials));
        let refusal = refused(b"HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\n").await;
        assert!(matches!(refusal, TunnelError::Refused { status: 403 }));
        for odd in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"\r\n\r\n"] {
            assert!(matches!(refused(odd).await, TunnelError::NotHttp), "{odd:?}");
        }
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_not_read_for_ever() {
        let endless = b"HTTP/1.1 200 OK\r\n".iter().copied().chain([b'a'; MAX_HEAD]).collect::<Vec<_>>();
        assert!(matches!(asked(&endless, None).await.1, Err(TunnelError::NotHttp)));
    }
}
