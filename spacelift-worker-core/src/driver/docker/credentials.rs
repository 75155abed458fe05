//! Credentials for registries, from the `config.json` that `docker login` writes, or from the helpers that it names.
//!
//! Source: Docker's documentation, "docker login", sections "Credential stores" and "Credential helper protocol".

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::failure::Failure;
use super::options::DockerOptions;
use crate::driver::chain;

/// For a helper, which may ask a cloud.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// The part of `config.json` that is about credentials.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: HashMap<String, Auth>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for a registry; `None` where nothing is configured for it.
pub(super) async fn of_registry(
    options: &DockerOptions,
    registry: &str,
) -> Result<Option<DockerCredentials>, Failure> {
    let Some(folder) = &options.config_dir else { return Ok(None) };
    let fail = |why: String| Failure::Credentials { registry: registry.to_owned(), why };
    let config = read(folder).await.map_err(|error| fail(chain(&error)))?;
    if let Some(helper) = find(&config.cred_helpers, registry) {
        return ask(helper, registry, options).await.map_err(fail);
    }
    if !config.creds_store.is_empty()
        && let Some(found) = ask(&config.creds_store, registry, options).await.map_err(fail)?
    {
        return Ok(Some(found));
    }
    match find(&config.auths, registry) {
        Some(auth) => auth.credentials(registry).map_err(|why| fail(why.to_owned())),
        None => Ok(None),
    }
}

/// A folder without the file has no credentials.
async fn read(folder: &Path) -> io::Result<Config> {
    match tokio::fs::read(folder.join("config.json")).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
            // The error of the parser may quote what it found.
            io::Error::new(io::ErrorKind::InvalidData, "config.json is not what `docker login` writes")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Config::default()),
        Err(error) => Err(error),
    }
}

/// The entry for a registry, written with or without a scheme and a path.
fn find<'a, T>(entries: &'a HashMap<String, T>, registry: &str) -> Option<&'a T> {
    fn host(key: &str) -> &str {
        let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }
    entries
        .get(registry)
        .or_else(|| entries.iter().find(|(key, _)| host(key) == host(registry)).map(|(_, entry)| entry))
}

impl Auth {
    fn credentials(&self, registry: &str) -> Result<Option<DockerCredentials>, &'static str> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut found = DockerCredentials {
            username: text(&self.username),
            password: text(&self.password),
            identitytoken: text(&self.identitytoken),
            registrytoken: text(&self.registrytoken),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        };
        if !self.auth.is_empty() {
            let pair = STANDARD.decode(&self.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = pair.ok_or("its `auth` is not base64")?;
            let (name, password) = pair.split_once(':').ok_or("its `auth` has no colon")?;
            found.username = Some(name.to_owned());
            found.password = text(password.trim_end_matches('\0'));
        }
        let empty =
            [&found.username, &found.identitytoken, &found.registrytoken].iter().all(|it| it.is_none());
        Ok((!empty).then_some(found))
    }
}

/// Asks `docker-credential-NAME`; `None` when it knows nothing about the registry.
async fn ask(
    name: &str,
    registry: &str,
    options: &DockerOptions,
) -> Result<Option<DockerCredentials>, String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("the name of its credential helper is none".to_owned());
    }
    let program = format!("docker-credential-{name}");
    let environment = options.helper_environment.iter();
    let started = Command::new(&program)
        .arg("get")
        .env_clear()
        .envs(environment.map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = started.map_err(|error| format!("{program} cannot be started: {error}"))?;
    let asked = async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(registry.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = match timeout(HELPER_TIMEOUT, asked).await {
        Ok(output) => output.map_err(|error| format!("{program}: {error}"))?,
        Err(_) => return Err(format!("{program} did not answer within {} s", HELPER_TIMEOUT.as_secs())),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        // The fixed words of the protocol for a registry of which nothing is stored.
        return if said.contains("credentials not found") {
            Ok(None)
        } else {
            Err(format!("{program} failed with {}", output.status))
        };
    }
    let helped: Helped = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("{program} printed no JSON with Username and Secret"))?;
    let mut found =
        DockerCredentials { serveraddress: Some(registry.to_owned()), ..DockerCredentials::default() };
    // "If the secret being stored is an identity token, the Username should be set to <token>."
    if helped.username == "<token>" {
        found.identitytoken = Some(helped.secret);
    } else {
        (found.username, found.password) = (Some(helped.username), Some(helped.secret));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::driver::docker::{DockerOptions, EngineAddress};

    fn options(config: &str) -> (tempfile::TempDir, DockerOptions) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        let mut options = DockerOptions::new(EngineAddress::new(None, None).unwrap(), "image");
        options.config_dir = Some(folder.path().to_owned());
        (folder, options)
    }

    #[tokio::test]
    async fn an_entry_is_found_with_and_without_a_scheme() {
        let auth = STANDARD.encode("me:p:ss");
        let (_folder, options) =
            options(&format!(r#"{{"auths": {{"https://ghcr.io/v2": {{"auth": "{auth}"}}}}}}"#));
        let found = of_registry(&options, "ghcr.io").await.unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("me"), Some("p:ss")));
        assert_eq!(of_registry(&options, "quay.io").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_helper_is_asked_for_its_registry_alone() {
        let (folder, mut options) = options(r#"{"credHelpers": {"ecr.example": "slw-test"}}"#);
        let helper = folder.path().join("docker-credential-slw-test");
        std::fs::write(&helper, "#!/bin/sh\nread registry\necho \"{\\\"Username\\\":\\\"<token>\\\",\\\"Secret\\\":\\\"$1 $registry $EXTRA\\\"}\"\n").unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        options.helper_environment.insert("PATH".into(), path.as_str().into());
        options.helper_environment.insert("EXTRA".into(), "more".into());
        let found = of_registry(&options, "ecr.example").await.unwrap().unwrap();
        assert_eq!(found.identitytoken.as_deref(), Some("get ecr.example more"));
        assert_eq!(of_registry(&options, "ghcr.io").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_without_the_credentials() {
        for config in [
            r#"{"auths": {"ghcr.io": {"auth": "hunter2!"}}}"#,
            r#"{"auths": {"ghcr.io": "hunter2"}}"#,
            r#"{"credHelpers": {"ghcr.io": "../hunter2"}}"#,
            r#"{"credHelpers": {"ghcr.io": "is-not-installed"}}"#,
        ] {
            let (_folder, options) = options(config);
            let error = of_registry(&options, "ghcr.io").await.unwrap_err().to_string();
            assert!(error.contains("SPACELIFT_DOCKER_CONFIG_DIR") && !error.contains("hunter2"), "{error}");
        }
    }
}
