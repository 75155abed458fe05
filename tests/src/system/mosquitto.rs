//! Debian's Mosquitto with client certificates and the ACL patterns of the documentation.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Folder, Process, eventually};

const CONFIG: &str = "mosquitto.conf";

/// A running broker.
#[derive(Debug)]
pub struct Mosquitto {
    folder: Folder,
    program: PathBuf,
    port: u16,
    process: Process,
}

impl Mosquitto {
    /// A port that is free now, for a broker to be.
    ///
    /// # Panics
    /// When there is none.
    pub fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        listener.expect("a free port").port()
    }

    /// Starts `program` on a port; authority and server certificate stand in `certificates` as `ca.pem`, `server.pem`
    /// and `server.key`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(program: &Path, port: u16, certificates: &Path) -> Self {
        let folder = Folder::new();
        let at = |name: &str| certificates.join(name).display().to_string();
        let acl = folder.write(
            "acl",
            "user controlplane\ntopic write spacelift/readonly/#\ntopic read spacelift/writeonly/#\n\
             pattern read spacelift/readonly/%u/%c\npattern write spacelift/writeonly/%u/%c\n",
        );
        let config = format!(
            "per_listener_settings false\nlistener {port} 127.0.0.1\nprotocol mqtt\ncafile {ca}\ncertfile {cert}\n\
             keyfile {key}\ntls_version tlsv1.2\nrequire_certificate true\nuse_identity_as_username true\n\
             allow_anonymous false\nacl_file {acl}\nset_tcp_nodelay true\nmessage_size_limit 131072\n\
             max_packet_size 140000\nmax_keepalive 1200\npersistence false\nuser root\n",
            ca = at("ca.pem"),
            cert = at("server.pem"),
            key = at("server.key"),
            acl = acl.display(),
        );
        folder.write(CONFIG, &config);
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions");
        let process = spawn(program, &folder);
        let broker = Self { folder, program: program.to_owned(), port, process };
        broker.await_ready();
        broker
    }

    fn await_ready(&self) {
        eventually("mosquitto", || std::net::TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Kills it without a warning. It remembers nothing.
    pub fn crash(&mut self) {
        self.process.signal("KILL");
        self.process.exit_code();
    }

    /// Starts it again on its port.
    pub fn restart(&mut self) {
        self.process = spawn(&self.program, &self.folder);
        self.await_ready();
    }

    /// Leaves its folder where it is when this handle ends.
    pub fn keep(&mut self) {
        self.folder.keep();
    }

    /// What it logged.
    pub fn log(&self) -> String {
        format!("{}{}", self.process.stdout(), self.process.stderr())
    }
}

fn spawn(program: &Path, folder: &Folder) -> Process {
    let mut command = Command::new(program);
    Process::start(command.arg("-c").arg(folder.join(CONFIG)).arg("-v"), folder.path(), "mosquitto")
}
