//! A network that fails on demand: connections of TCP passed on byte by byte, and cut, delayed, truncated or held half-open.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::system::{connect_port, request};

/// A connection through the wire, both directions.
#[derive(Debug)]
struct Connection {
    near: TcpStream,
    far: TcpStream,
    /// Bytes that still pass before it is cut; below 0 for all.
    left: AtomicI64,
    /// 1: bytes are taken and go nowhere, and nobody is told.
    deaf: AtomicU64,
}

impl Connection {
    fn cut(&self) {
        let _ = self.near.shutdown(Shutdown::Both);
        let _ = self.far.shutdown(Shutdown::Both);
    }
}

#[derive(Debug, Default)]
struct Shared {
    connections: Mutex<Vec<Arc<Connection>>>,
    delay_ms: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wire. It ends with the process.
#[derive(Clone, Debug)]
pub struct FaultyWire {
    port: u16,
    shared: Arc<Shared>,
}

/// Where a connection goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// To a port of this machine.
    To(u16),
    /// To the port that a CONNECT names, on this machine whatever the name.
    Asked,
}

impl FaultyWire {
    /// A wire to a port of this machine.
    pub fn to(port: u16) -> Self {
        Self::start(Way::To(port))
    }

    /// A proxy for tunnels, which takes every name for this machine.
    pub fn proxy() -> Self {
        Self::start(Way::Asked)
    }

    fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let wire = Self { port, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(near, way, &shared));
            }
        });
        wire
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.shared.lock().drain(..).for_each(|connection| connection.cut());
    }

    /// Cuts every connection after so many more bytes, in the middle of whatever they are part of.
    pub fn truncate(&self, bytes: i64) {
        for connection in self.shared.lock().iter() {
            connection.left.store(bytes, Ordering::Relaxed);
        }
    }

    /// From now on what comes on every present connection is lost, and nobody is told.
    pub fn half_open(&self) {
        for connection in self.shared.lock().iter() {
            connection.deaf.store(1, Ordering::Relaxed);
        }
    }

    /// Holds every piece for so long.
    pub fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(delay, Ordering::Relaxed);
    }
}

fn serve(near: TcpStream, way: Way, shared: &Arc<Shared>) -> Option<()> {
    let (mut near, port) = match way {
        Way::To(port) => (near, port),
        Way::Asked => {
            let (near, head) = request(near)?;
            (near, connect_port(&head)?)
        }
    };
    let far = TcpStream::connect(("127.0.0.1", port)).ok()?;
    if matches!(way, Way::Asked) {
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    }
    let connection = Arc::new(Connection { near, far, left: AtomicI64::new(-1), deaf: AtomicU64::new(0) });
    {
        let mut connections = shared.lock();
        connections.retain(|known| Arc::strong_count(known) > 1);
        connections.push(Arc::clone(&connection));
    }
    let (other, shared_too) = (Arc::clone(&connection), Arc::clone(shared));
    let back = std::thread::spawn(move || pass(&other.far, &other.near, &other, &shared_too));
    pass(&connection.near, &connection.far, &connection, shared);
    let _ = back.join();
    Some(())
}

/// Passes bytes on until one side ends or the connection is cut.
fn pass(mut from: &TcpStream, mut to: &TcpStream, connection: &Connection, shared: &Shared) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let delay = shared.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            std::thread::park_timeout(Duration::from_millis(delay));
        }
        if connection.deaf.load(Ordering::Relaxed) > 0 {
            continue;
        }
        let left = connection.left.load(Ordering::Relaxed);
        let passing = usize::try_from(left).map_or(len, |left| left.min(len));
        if to.write_all(buffer.get(..passing).unwrap_or_default()).is_err() {
            break;
        }
        if left >= 0 {
            connection.left.fetch_sub(passing as i64, Ordering::Relaxed);
            if passing < len {
                break;
            }
        }
    }
    connection.cut();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo, a wire to it, and a connection through the wire.
    fn through() -> (FaultyWire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = FaultyWire::to(listener.local_addr().unwrap().port());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut buffer = [0; 1024];
                    while let Ok(len @ 1..) = (&stream).read(&mut buffer) {
                        let _ = (&stream).write_all(&buffer[..len]);
                    }
                });
            }
        });
        let near = TcpStream::connect(("127.0.0.1", wire.port())).unwrap();
        near.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        echo(&near, b"hello").unwrap();
        (wire, near)
    }

    fn echo(mut stream: &TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        stream.write_all(bytes)?;
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back)
    }

    #[test]
    fn a_cut_ends_a_connection_and_a_new_one_passes() {
        let (wire, near) = through();
        wire.cut();
        assert!(echo(&near, b"more").is_err());
        echo(&TcpStream::connect(("127.0.0.1", wire.port())).unwrap(), b"again").unwrap();
    }

    #[test]
    fn a_truncated_connection_ends_in_the_middle() {
        let (wire, mut near) = through();
        wire.truncate(6);
        near.write_all(b"four").unwrap();
        let mut back = Vec::new();
        let _ = near.read_to_end(&mut back);
        assert_eq!(back, b"fo");
    }

    #[test]
    fn a_half_open_connection_swallows_and_stays() {
        let (wire, near) = through();
        wire.half_open();
        let kind = echo(&near, b"lost").unwrap_err().kind();
        assert!(matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{kind}");
    }
}
