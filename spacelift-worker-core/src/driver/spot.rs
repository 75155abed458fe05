//! Asks the EC2 instance metadata service whether this spot machine is about to be taken away.
//!
//! Source: AWS, "Spot Instance interruption notices" (`instance-action`, two minutes ahead, to be asked every five seconds), and
//! "Use the Instance Metadata Service" (version 2: a token by PUT). Decides nothing about the worker.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use url::Url;

use super::https::{HttpError, Lane, body, next_bytes};
use super::{chain, clock};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(5);

/// How long an answer of this machine's own surroundings may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What counts where a notice says no time that can be read: how far ahead notices are.
const NOTICE: Duration = Duration::from_secs(120);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 * 1024;

/// For how long a token is asked for, in seconds: six hours, the longest there is.
const TOKEN_SECONDS: &str = "21600";

/// The service's address is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http:// with an IP address, such as http://169.254.169.254 or http://[fd00:ec2::254]")]
pub(crate) struct NotAnAddress;

/// Asks until there is a notice.
#[derive(Clone, Debug)]
pub(crate) struct SpotWatch {
    service: SocketAddr,
    token: Option<String>,
}

/// What a notice says.
#[derive(Deserialize)]
struct Action {
    time: Option<String>,
}

impl SpotWatch {
    /// A watch over the service at this URL, of which host and port count.
    ///
    /// # Errors
    /// [`NotAnAddress`]
    pub(crate) fn new(endpoint: &str) -> Result<Self, NotAnAddress> {
        let url = Url::parse(endpoint).map_err(|_| NotAnAddress)?;
        let host = url.host_str().ok_or(NotAnAddress)?;
        let address: IpAddr =
            host.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| NotAnAddress)?;
        if url.scheme() != "http" {
            return Err(NotAnAddress);
        }
        Ok(Self { service: SocketAddr::new(address, url.port().unwrap_or(80)), token: None })
    }

    /// Waits for a notice and gives the time that is left. A service that cannot be asked is told once in the log, and asked again.
    pub(crate) async fn noticed(mut self) -> Duration {
        let mut told = false;
        loop {
            match timeout(PATIENCE, self.ask()).await.unwrap_or(Err(HttpError::Late)) {
                Ok(Some(within)) => return within,
                Ok(None) => told = false,
                Err(error) if !told => {
                    tracing::warn!(
                        error = chain(&error),
                        "the EC2 instance metadata service cannot be asked"
                    );
                    told = true;
                }
                Err(_) => {}
            }
            sleep(EVERY).await;
        }
    }

    async fn ask(&mut self) -> Result<Option<Duration>, HttpError> {
        let mut lane = Lane::plain(self.service).await?;
        let token = match &self.token {
            Some(token) => token.clone(),
            None => {
                let header = ("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
                let (status, text) = exchange(&mut lane, Method::PUT, "/latest/api/token", header).await?;
                if status != StatusCode::OK {
                    return Err(refused(status));
                }
                let token = String::from_utf8_lossy(&text).trim().to_owned();
                self.token = Some(token.clone());
                token
            }
        };
        let path = "/latest/meta-data/spot/instance-action";
        let header = ("x-aws-ec2-metadata-token", token.as_str());
        let (status, text) = exchange(&mut lane, Method::GET, path, header).await?;
        match status {
            // "If Amazon EC2 is not preparing to stop or terminate the instance …, instance-action is not present".
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(Some(left(&text, clock::unix_time()))),
            status => {
                // The token has expired, or the machine was hibernated meanwhile.
                self.token = None;
                Err(refused(status))
            }
        }
    }
}

fn refused(status: StatusCode) -> HttpError {
    HttpError::Lost(format!("it answers with status {}", status.as_u16()).into())
}

async fn exchange(
    lane: &mut Lane,
    method: Method,
    path: &str,
    (name, value): (&str, &str),
) -> Result<(StatusCode, Bytes), HttpError> {
    let request = Request::builder().method(method).uri(path).header(name, value).body(body(Bytes::new()));
    let answer = lane.send(request.map_err(|error| HttpError::Lost(Box::new(error)))?).await?;
    let status = answer.status();
    let (mut incoming, mut text) = (answer.into_body(), BytesMut::new());
    while let Some(bytes) = next_bytes(&mut incoming).await {
        text.extend_from_slice(&bytes?);
        if text.len() > LONGEST {
            return Err(HttpError::TooLong);
        }
    }
    Ok((status, text.freeze()))
}

/// How much time a notice leaves. That there is one counts, whatever it says.
fn left(notice: &[u8], now: Duration) -> Duration {
    let action: Option<Action> = serde_json::from_slice(notice).ok();
    let at = action.and_then(|action| unix_seconds(&action.time?));
    at.map_or(NOTICE, |at| Duration::from_secs(at).saturating_sub(now))
}

/// A time such as `2017-09-18T08:22:00Z`, in seconds since 1970.
fn unix_seconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // 1970-01-01 is day 719,468 of that count.
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> = text
        .split(separator)
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?)
        .collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar_and_others_are_refused() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2017-09-18T08:22:00Z", 1_505_722_920),
            ("2021-09-02T13:17:37Z", 1_630_588_657),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "Z",
            "2017-09-18T08:22:00",
            "2017-13-18T08:22:00Z",
            "1969-12-31T23:59:59Z",
            "+2017-9-1T0:0:0Z",
            "2017-09T08:22:00Z",
            "99999999999999999999-01-01T00:00:00Z",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_notice_leaves_what_it_says_and_two_minutes_where_it_says_nothing() {
        let now = Duration::from_secs(1_505_722_920 - 90);
        let notice = br#"{"action": "terminate", "time": "2017-09-18T08:22:00Z"}"#;
        assert_eq!(left(notice, now), Duration::from_secs(90));
        assert_eq!(left(notice, now * 2), Duration::ZERO);
        for odd in [&b"{}"[..], b"soon", br#"{"time": "soon"}"#, br#"{"time": 7}"#] {
            assert_eq!(left(odd, now), NOTICE);
        }
    }

    #[test]
    fn the_service_is_an_address_without_tls() {
        let at = |text| SpotWatch::new(text).map(|watch| watch.service.to_string());
        assert_eq!(at("http://169.254.169.254").as_deref(), Ok("169.254.169.254:80"));
        assert_eq!(at("http://[fd00:ec2::254]:8080/").as_deref(), Ok("[fd00:ec2::254]:8080"));
        for wrong in ["https://169.254.169.254", "http://metadata.example", "169.254.169.254", ""] {
            assert_eq!(at(wrong), Err(NotAnAddress), "{wrong}");
        }
    }
}
