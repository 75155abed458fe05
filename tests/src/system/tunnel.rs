//! An HTTP proxy for tunnels, which takes every name for this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A running proxy. It ends with the process of the test.
#[derive(Clone, Debug)]
pub struct TunnelProxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    /// Starts it. Whatever host is asked for, the tunnel leads to loopback: to `port` where it is given, else to the port
    /// that is asked for.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn start(port: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let proxy = Self { port: own, asked: Arc::default() };
        let asked = Arc::clone(&proxy.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || serve(stream, port, &asked));
            }
        });
        proxy
    }

    /// The value of `HTTPS_PROXY`.
    pub fn url(&self, credentials: &str) -> String {
        let at = if credentials.is_empty() { "" } else { "@" };
        format!("http://{credentials}{at}127.0.0.1:{}", self.port)
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The head of a request, and the stream behind it.
pub(crate) fn request(stream: TcpStream) -> Option<(TcpStream, String)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).ok()? > 2 {}
    Some((reader.into_inner(), head))
}

/// The port that a CONNECT asks for.
pub(crate) fn connect_port(head: &str) -> Option<u16> {
    head.strip_prefix("CONNECT ")?.split(' ').next()?.rsplit(':').next()?.parse().ok()
}

fn serve(stream: TcpStream, port: Option<u16>, asked: &Mutex<Vec<String>>) -> Option<()> {
    let (mut near, head) = request(stream)?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
    head.strip_prefix("CONNECT ")?;
    let port = port.or_else(|| connect_port(&head))?;
    let far = TcpStream::connect(("127.0.0.1", port));
    let Ok(far) = far else {
        near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").ok()?;
        return None;
    };
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (near_too, far_too) = (near.try_clone().ok()?, far.try_clone().ok()?);
    std::thread::spawn(move || copy(near_too, far_too));
    copy(far, near);
    Some(())
}

/// Passes bytes on until one side ends.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
