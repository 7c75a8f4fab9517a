//! An account at a site: where it is, the token that opens it, and how it is asked.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::Outcome;
use crate::arguments::Login;

const URL: &str = "MIXLENS_URL";
const TOKEN: &str = "MIXLENS_TOKEN";

/// How often a request is tried while the site asks for patience, or does not answer.
const TRIES: u32 = 5;

/// The longest that is waited between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the file of a login holds.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    url: String,
    token: String,
}

/// An account that can be asked.
#[derive(Debug)]
pub(crate) struct Account {
    url: String,
    token: String,
    agent: Agent,
}

/// Why a request was answered otherwise than hoped.
#[derive(Debug, Deserialize)]
struct Problem {
    code: String,
    detail: String,
    doc_url: String,
}

/// What went wrong with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The code of the problem, where the site answered with one.
    code: Option<String>,
    sentence: String,
}

impl Trouble {
    /// Whether the site says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("not_found")
    }
}

impl From<String> for Trouble {
    fn from(sentence: String) -> Self {
        Self { code: None, sentence }
    }
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> Self {
        trouble.sentence
    }
}

/// Asks for a token, tries it, and keeps it.
pub(crate) fn log_in(arguments: &Login) -> Outcome {
    said(log_in_to(&arguments.url))
}

/// Forgets the token.
pub(crate) fn log_out() -> Outcome {
    said(forget())
}

/// Prints what came of it.
fn said(result: Result<String, String>) -> Outcome {
    match result {
        Ok(sentence) => {
            let _ = writeln!(io::stdout(), "{sentence}");
            Outcome::Measured
        }
        Err(sentence) => {
            let _ = writeln!(io::stderr(), "mixlens-cli: {sentence}");
            Outcome::Unreadable
        }
    }
}

fn log_in_to(url: &str) -> Result<String, String> {
    let url = checked_url(url)?;
    let token = read_token().map_err(|error| format!("no token could be read: {error}"))?;
    if token.is_empty() {
        return Err(format!("no token was given. Make one at {url}/account/tokens."));
    }
    let account = Account::new(url, token);
    let usage: Value = account.get(&account.address("/usage"))?;
    let path = stored_at()?;
    let stored = Stored {
        url: account.url.clone(),
        token: account.token,
    };
    keep(&path, &stored).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    let plan = usage["plan"].as_str().unwrap_or_default();
    Ok(format!(
        "Signed in to {} (plan {plan}). The token is kept in {}.",
        account.url,
        path.display()
    ))
}

fn forget() -> Result<String, String> {
    let path = stored_at()?;
    match fs::remove_file(&path) {
        Ok(()) => {
            Ok("The token is forgotten here. Revoke it on the page of your tokens to end it.".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("Nobody was signed in.".to_owned()),
        Err(error) => Err(format!("{} cannot be removed: {error}", path.display())),
    }
}

/// Shown to nobody where a person types it; the first line of what is piped in.
fn read_token() -> io::Result<String> {
    if io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password("Token: ")?.trim().to_owned());
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A token goes over an encrypted line, or stays on this machine.
fn checked_url(url: &str) -> Result<String, String> {
    let url = url.trim_end_matches('/');
    let host = url.strip_prefix("http://").map(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit_once(':').map_or(authority, |(host, _)| host)
    });
    let is_here = host.is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if url.starts_with("https://") || is_here {
        Ok(url.to_owned())
    } else {
        Err(format!(
            "{url} is no address that a token is sent to: it must begin with https://."
        ))
    }
}

/// Where the login is kept.
fn stored_at() -> Result<PathBuf, String> {
    let folder = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    folder("XDG_CONFIG_HOME")
        .or_else(|| folder("APPDATA"))
        .or_else(|| Some(folder("HOME")?.join(".config")))
        .map(|folder| folder.join("mixlens").join("login.toml"))
        .ok_or_else(|| format!("there is no folder for settings. Set {URL} and {TOKEN}."))
}

/// Writes the file in one step, for its owner alone.
fn keep(path: &PathBuf, stored: &Stored) -> io::Result<()> {
    let text = toml::to_string(stored).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

impl Account {
    /// The one of the environment, or of the last login.
    ///
    /// # Errors
    /// A sentence that says what to do, where there is none.
    pub(crate) fn open() -> Result<Self, String> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str, value: std::ffi::OsString| {
            value.into_string().map_err(|_| format!("{name} is no text"))
        };
        match (set(URL), set(TOKEN)) {
            (Some(url), Some(token)) => Ok(Self::new(checked_url(&text(URL, url)?)?, text(TOKEN, token)?)),
            (None, None) => Self::stored(),
            (Some(_), None) => Err(format!("{URL} is set and {TOKEN} is not.")),
            (None, Some(_)) => Err(format!("{TOKEN} is set and {URL} is not.")),
        }
    }

    fn stored() -> Result<Self, String> {
        let path = stored_at()?;
        match fs::read_to_string(&path) {
            Ok(text) => {
                let stored: Stored = toml::from_str(&text).map_err(|_| {
                    format!(
                        "{} is damaged. Sign in again with `mixlens-cli login`.",
                        path.display()
                    )
                })?;
                Ok(Self::new(checked_url(&stored.url)?, stored.token))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "nobody is signed in. Use `mixlens-cli login https://…`, or set {URL} and {TOKEN}."
            )),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    fn new(url: String, token: String) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(90)))
            .tls_config(tls)
            .user_agent(concat!("mixlens-cli/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            url,
            token,
            agent: Agent::new_with_config(config),
        }
    }

    /// An address of the API.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    /// Asks for what stands at an address of the site, which may wait for the end of work.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub(crate) fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, Trouble> {
        self.own(address)?;
        let response = tried(&self.url, || {
            self.agent
                .get(address)
                .header("authorization", self.bearer())
                .header("prefer", "wait=50")
                .call()
        })?;
        read(response)
    }

    /// Sends `body` once, however often that is tried: `key` says that it is the same request.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        address: &str,
        key: &str,
        body: &Value,
    ) -> Result<T, Trouble> {
        self.own(address)?;
        let response = tried(&self.url, || {
            self.agent
                .post(address)
                .header("authorization", self.bearer())
                .header("idempotency-key", key)
                .header("prefer", "wait=50")
                .send_json(body)
        })?;
        read(response)
    }

    /// Sends bytes to the storage, which is another address and gets no token.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn put(
        &self,
        address: &str,
        headers: &[(String, String)],
        bytes: &[u8],
    ) -> Result<(), String> {
        let response = tried("the storage", || {
            let mut request = self.agent.put(address);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            request.send(bytes)
        })?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(format!(
            "the storage refused the file ({}). Upload it again.",
            response.status()
        ))
    }

    /// What an answer names may be elsewhere; a token goes to the site alone.
    fn own(&self, address: &str) -> Result<(), String> {
        let rest = address.strip_prefix(&self.url);
        if rest.is_some_and(|rest| rest.starts_with('/')) {
            Ok(())
        } else {
            Err(format!(
                "{} answers with the address of another site, {address}.",
                self.url
            ))
        }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// Tries again what was too often, what found a part of `whom` away, and what found no line.
fn tried(
    whom: &str,
    send: impl Fn() -> Result<Response<Body>, ureq::Error>,
) -> Result<Response<Body>, String> {
    let mut wait = Duration::from_secs(1);
    for last in (0..TRIES).map(|done| done + 1 == TRIES) {
        match send() {
            Ok(response) if !last && matches!(response.status().as_u16(), 429 | 502 | 503 | 504) => {
                pause(asked_wait(response.headers()).unwrap_or(wait));
            }
            Ok(response) => return Ok(response),
            Err(error) if last || !is_passing(&error) => {
                return Err(format!("{whom} does not answer: {error}"));
            }
            Err(_) => pause(wait),
        }
        wait *= 2;
    }
    Err(format!("{whom} does not answer."))
}

fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the site said how long to wait; nothing here tells that it is ready"
)]
fn pause(wait: Duration) {
    std::thread::sleep(wait.min(LONGEST_WAIT));
}

/// Whether another try may find it otherwise.
const fn is_passing(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
    )
}

fn read<T: DeserializeOwned>(mut response: Response<Body>) -> Result<T, Trouble> {
    let status = response.status();
    let text = response
        .body_mut()
        .read_to_string()
        .map_err(|error| format!("the answer was cut off: {error}"))?;
    if !status.is_success() {
        return Err(match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Trouble {
                code: Some(problem.code),
                sentence: format!("{} ({})", problem.detail, problem.doc_url),
            },
            Err(_) => format!("the site answers with {status}. Is the address that of a MixLens?").into(),
        });
    }
    serde_json::from_str(&text).map_err(|error| {
        format!("the answer is not as this version of mixlens-cli knows it, and a newer one may: {error}")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_over_an_encrypted_line_or_to_this_machine() {
        for url in [
            "https://mixlens.example/",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://localhost",
        ] {
            assert_eq!(checked_url(url).unwrap(), url.trim_end_matches('/'));
        }
        for url in [
            "http://mixlens.example",
            "mixlens.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "",
        ] {
            checked_url(url).unwrap_err();
        }
    }

    #[test]
    fn a_token_goes_to_no_other_site() {
        let account = Account::new("https://mixlens.example".to_owned(), String::new());
        account.own(&account.address("/usage")).unwrap();
        for address in [
            "https://mixlens.example.org/api",
            "http://mixlens.example/api",
            "https://elsewhere.example/",
        ] {
            account.own(address).unwrap_err();
        }
    }
}
