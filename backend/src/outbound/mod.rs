//! The one client for addresses that people name. Whoever names one must not make this server ask its own network in their place
//! (SSRF; OWASP, case 2): only the public internet is reached, whatever a name leads to at the moment of the connection.
//!
//! Two gates: [`EndpointUrl`] when an address is named, which explains itself, and the resolver of the client when a connection is
//! made, which cannot be deceived by a name that leads elsewhere later. Traps: the HTTP library asks no resolver for a host that is
//! an address already, so [`Outbound::post`] looks at those itself; and a redirect is an address that nobody has looked at, so
//! none is followed. Nothing else of the program makes requests to addresses of people.

mod address;
mod url;

use std::{error::Error as StdError, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderName, header};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

pub use self::{
    address::{AddressKind, kind_of},
    url::{EndpointUrl, MAX_URL},
};
use crate::{Error, Result, redact::LogSafe};

/// How long a request may take, from the look-up of the name to the last byte of the answer that is read.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read, in bytes; the connection of a longer one is closed.
pub const MAX_RESPONSE: usize = 1024;

/// What is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The public internet, by TLS.
    Public,
    /// This machine and private networks too, and without TLS: see `webhooks.private_networks`.
    PrivateToo,
}

impl Reach {
    /// Whether a connection to an address of this kind may be made.
    #[must_use]
    pub const fn allows(self, kind: AddressKind) -> bool {
        match kind {
            AddressKind::Public => true,
            AddressKind::Private => matches!(self, Self::PrivateToo),
            AddressKind::Special => false,
        }
    }
}

/// Looks names up.
#[async_trait]
pub trait LookUp: fmt::Debug + Send + Sync + 'static {
    /// Every address that `name` leads to.
    ///
    /// # Errors
    /// There is none, or nobody answers.
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
}

/// As the operating system does it.
#[derive(Debug)]
struct SystemLookUp;

#[async_trait]
impl LookUp for SystemLookUp {
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client,
    reach: Reach,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundResponse {
    /// The status.
    pub status: u16,
    /// `Retry-After`, as it was sent.
    pub retry_after: Option<String>,
    /// The first [`MAX_RESPONSE`] bytes of the body; what came of them where it broke off.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The host leads to an address that is not reached.
    #[error("the address is not on the public internet")]
    Blocked,
    /// The name leads nowhere.
    #[error("the name leads to no address")]
    Dns,
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// No encrypted connection came about.
    #[error("no encrypted connection")]
    Tls,
    /// There is no connection, or it broke, or what came over it is no HTTP.
    #[error("no connection")]
    Connection,
}

impl LogSafe for OutboundError {
    fn log_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Outbound {
    /// The client of this process.
    ///
    /// # Errors
    /// There are no certificates of authorities on this machine, or TLS cannot be used.
    pub fn new(reach: Reach) -> Result<Self> {
        Self::with_look_up(reach, Arc::new(SystemLookUp))
    }

    /// The same with names that are looked up in another way.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_look_up(reach: Reach, look_up: Arc<dyn LookUp>) -> Result<Self> {
        Self::within(reach, look_up, REQUEST_TIMEOUT)
    }

    fn within(reach: Reach, look_up: Arc<dyn LookUp>, timeout: Duration) -> Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("MixLens-Webhooks/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .https_only(reach == Reach::Public)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .dns_resolver(Arc::new(Gate { reach, look_up }))
            .build()
            .map_err(|_| Error::internal("the client for webhooks cannot be set up"))?;
        Ok(Self { client, reach })
    }

    /// What it reaches.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// POSTs `body` with these headers.
    ///
    /// # Errors
    /// There is no answer; why.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Result<OutboundResponse, OutboundError> {
        if let Some(address) = url.literal()
            && !self.reach.allows(kind_of(address))
        {
            return Err(OutboundError::Blocked);
        }
        let mut request = self.client.post(url.as_str()).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| reason_of(&error))?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok().map(str::to_owned));
        let mut read = Vec::new();
        // The status is the answer: a body that breaks off or never ends takes nothing from it.
        while read.len() < MAX_RESPONSE
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let room = MAX_RESPONSE - read.len();
            read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(OutboundResponse {
            status: response.status().as_u16(),
            retry_after,
            body: read,
        })
    }
}

/// The resolver that lets through what is reached and nothing else. It is asked for every connection, so that a name that leads to
/// a public address when it is registered, and to one of ours later (DNS rebinding), is of no use.
#[derive(Debug)]
struct Gate {
    reach: Reach,
    look_up: Arc<dyn LookUp>,
}

impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(reached(self.reach, Arc::clone(&self.look_up), name))
    }
}

async fn reached(
    reach: Reach,
    look_up: Arc<dyn LookUp>,
    name: Name,
) -> Result<Addrs, Box<dyn StdError + Send + Sync>> {
    let found = look_up
        .look_up(name.as_str())
        .await
        .map_err(|_| OutboundError::Dns)?;
    if found.is_empty() {
        return Err(OutboundError::Dns.into());
    }
    let allowed: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| reach.allows(kind_of(address.ip())))
        .collect();
    if allowed.is_empty() {
        return Err(OutboundError::Blocked.into());
    }
    Ok(Box::new(allowed.into_iter()))
}

/// By the types of what is behind it, never by its words.
fn reason_of(error: &reqwest::Error) -> OutboundError {
    let mut is_tls = false;
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(own) = error.downcast_ref::<OutboundError>() {
            return *own;
        }
        is_tls |= error.is::<rustls::Error>();
        // What an I/O error wraps is not among its sources.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn StdError + 'static));
        next = wrapped.or_else(|| error.source());
    }
    if error.is_timeout() {
        OutboundError::Timeout
    } else if is_tls {
        OutboundError::Tls
    } else {
        OutboundError::Connection
    }
}

#[cfg(test)]
mod tests;
