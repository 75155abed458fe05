//! Debian's HAProxy, which ends TLS with a certificate of its own and passes requests on.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Folder, Process, eventually};

/// A running proxy.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
    _folder: Folder,
}

impl Haproxy {
    /// Starts `program` on a port of loopback, in front of `backend` (`host:port`). Authority and server certificate stand in
    /// `certificates` as `ca.pem`, `server.pem` and `server.key`; the proxy shows the same certificate as the server.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(program: &Path, port: u16, backend: &str, certificates: &Path) -> Self {
        let folder = Folder::new();
        let read = |name: &str| fs::read_to_string(certificates.join(name)).expect("a certificate");
        let pair = folder.write("pair.pem", &format!("{}{}", read("server.pem"), read("server.key")));
        let config = format!(
            "global\n  log stderr format raw local0\n\ndefaults\n  mode http\n  log global\n  option httplog\n  \
             timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\n\
             frontend workers\n  bind 127.0.0.1:{port} ssl crt {pair} alpn h2,http/1.1\n  default_backend mothership\n\n\
             backend mothership\n  server one {backend} ssl verify required ca-file {ca}\n",
            pair = pair.display(),
            ca = certificates.join("ca.pem").display(),
        );
        let config = folder.write("haproxy.cfg", &config);
        let mut command = Command::new(program);
        let process = Process::start(command.arg("-db").arg("-f").arg(config), folder.path(), "haproxy");
        let proxy = Self { process, _folder: folder };
        eventually("haproxy", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        proxy
    }

    /// What it logged: a line a request.
    pub fn log(&self) -> String {
        format!("{}{}", self.process.stdout(), self.process.stderr())
    }
}
