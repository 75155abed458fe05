//! The HTTPS client of the commands: finds the serving process by its data folder, and speaks its API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::tls::https_client_to;
use crate::api::{Endpoint, EndpointError, Problem};
use crate::http::{AdminToken, AdminTokenError};
use crate::store::DataDir;

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Where the server listens is not known.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The admin token cannot be read.
    #[error(transparent)]
    Token(#[from] AdminTokenError),
    /// The authority's certificate cannot be used.
    #[error("the authority's certificate {} cannot be used; start the mothership again", .0.display())]
    Authority(PathBuf),
    /// Nobody answers.
    #[error("the mothership at {url} does not answer; is `mothership serve` running?")]
    Silent {
        /// Where it should be.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server says no, in its own words.
    #[error("{0}")]
    Refused(String),
    /// The answer is not what this version understands.
    #[error("the mothership gave an answer of another version; use the same version on both sides")]
    Answer(#[source] reqwest::Error),
}

/// Speaks to the serving process of one data folder.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    admin: AdminToken,
}

/// An address of this machine at which a server answers that listens at `listen`.
fn on_this_machine(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(address) if address.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

impl Client {
    /// Finds the server by its data folder.
    pub(super) fn find(dir: &DataDir) -> Result<Self, ClientError> {
        let endpoint = Endpoint::read(dir)?;
        let admin = AdminToken::load(&dir.admin_token())?;
        let path = dir.ca().join("ca.pem");
        let pem = std::fs::read_to_string(&path).map_err(|_| ClientError::Authority(path.clone()))?;
        let url = Url::parse(&endpoint.url).ok();
        // The name is for workers; it may mean nothing on this machine.
        let here = url.as_ref().and_then(Url::domain).zip(endpoint.listen.map(on_this_machine));
        let http = https_client_to(&pem, here).map_err(|_| ClientError::Authority(path))?;
        Ok(Self { http, base: endpoint.url, admin })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", self.base))
            .header("authorization", self.admin.header().expose())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let silent = |source| ClientError::Silent { url: self.base.clone(), source };
        let answer = request.send().await.map_err(silent)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        let said = serde_json::from_slice(&body).map(|problem: Problem| problem.error);
        let said = said.unwrap_or_else(|_| String::from_utf8_lossy(&body).trim().to_owned());
        Err(ClientError::Refused(match said.lines().next() {
            Some(line) => line.to_owned(),
            None if status == StatusCode::UNAUTHORIZED => "the admin token was not accepted".to_owned(),
            None => format!("the mothership answered {status}"),
        }))
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(self.request(Method::GET, path)).await?.json().await.map_err(ClientError::Answer)
    }

    /// Asks to do something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::POST, path).json(body);
        self.send(request).await?.json().await.map_err(ClientError::Answer)
    }

    /// Asks to take something away.
    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(self.request(Method::DELETE, path)).await?.json().await.map_err(ClientError::Answer)
    }

    /// Uploads a file.
    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
        len: u64,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::PUT, path).header("content-length", len).body(body);
        self.send(request).await?.json().await.map_err(ClientError::Answer)
    }

    /// Asks for bytes, to be read piece by piece.
    pub(super) async fn bytes(&self, path: &str) -> Result<Response, ClientError> {
        self.send(self.request(Method::GET, path)).await
    }
}
