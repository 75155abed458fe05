//! An EC2 instance metadata service, version 2, as far as spot notices go.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::system::request;

const TOKEN: &str = "token-of-this-machine";

#[derive(Debug, Default)]
struct Shared {
    /// The heads of all requests.
    asked: Vec<String>,
    /// The body of `instance-action`, once there is one.
    notice: Option<String>,
}

/// A running service. It ends with the process of the test.
#[derive(Clone, Debug)]
pub struct MetadataService {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl MetadataService {
    /// Starts it, without a notice.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let service = Self { port, shared: Arc::default() };
        let shared = Arc::clone(&service.shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&stream, &shared).is_some() {});
            }
        });
        service
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on there is a notice: the machine is taken away in this time.
    ///
    /// # Panics
    /// When `date` (GNU) cannot be run.
    pub fn give_notice(&self, within: Duration) {
        let at = spacelift_mothership::fresh::now_ms() / 1000 + within.as_secs();
        let date = Command::new("date").args(["-u", "-d", &format!("@{at}"), "+%Y-%m-%dT%H:%M:%SZ"]).output();
        let time = String::from_utf8(date.expect("the program date").stdout).expect("UTF-8");
        let time = time.trim();
        let notice = format!(r#"{{"action": "terminate", "time": "{time}"}}"#);
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).notice = Some(notice);
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let (mut stream, head) = request(stream.try_clone().ok()?)?;
    if head.is_empty() {
        return None;
    }
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    shared.asked.push(head.clone());
    let lower = head.to_ascii_lowercase();
    let has_token = lower.contains(&format!("x-aws-ec2-metadata-token: {TOKEN}\r\n"));
    let (status, body) = if head.starts_with("PUT /latest/api/token HTTP/1.1\r\n") {
        match lower.contains("x-aws-ec2-metadata-token-ttl-seconds: ") {
            true => ("200 OK", TOKEN.to_owned()),
            false => ("400 Bad Request", String::new()),
        }
    } else if !has_token {
        ("401 Unauthorized", String::new())
    } else {
        match (&shared.notice, head.starts_with("GET /latest/meta-data/spot/instance-action HTTP/1.1\r\n")) {
            (Some(notice), true) => ("200 OK", notice.clone()),
            _ => ("404 Not Found", String::new()),
        }
    };
    drop(shared);
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    stream.flush().ok()?;
    Some(())
}
