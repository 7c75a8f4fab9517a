//! Settings, in layers: `config.default.toml` < a file < the environment < flags.
//!
//! Read once, at the start of the process; everything else is given the values. Trap: a setting that is not in
//! `config.default.toml` does not exist, and a misspelt one is an error, never ignored.

use std::{collections::HashMap, fmt, path::PathBuf, time::Duration};

use config::{Environment as Variables, File, FileFormat};
use model::plan::{Limits, Plan};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Every setting with its default and a sentence about it: the lowest layer, and documentation.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// Settings whose values are secret, as dotted paths. Each can also be given as `…_FILE`.
const SECRETS: [&str; 10] = [
    "billing.stripe_key",
    "billing.stripe_signing_secret",
    "database_url",
    "mail.smtp_url",
    "redis_url",
    "secret_key",
    "storage.access_key",
    "storage.secret_key",
    "telemetry.posthog_key",
    "telemetry.sentry_dsn",
];

/// The least length of `secret_key`, in characters.
const MIN_SECRET_KEY: usize = 32;

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// On one's own machine.
    Development,
    /// For the world; settings that are only safe on one's own machine are refused.
    Production,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// All settings. `config.default.toml` says what each one does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Config {
    pub environment: Environment,
    pub listen: std::net::SocketAddr,
    pub development_network: bool,
    pub base_url: String,
    pub data_dir: PathBuf,
    pub database_url: SecretString,
    pub database_max_connections: u32,
    pub redis_url: SecretString,
    pub redis_milliseconds: u32,
    pub secret_key: SecretString,
    pub log: String,
    pub log_format: LogFormat,
    pub drain_seconds: u64,
    pub demo_at_start: bool,
    pub site_dir: String,
    pub contact_email: String,
    pub privacy_email: String,
    pub security_email: String,
    pub trusted_hops: usize,
    pub metrics_listen: String,
    pub backups_kept_days: u32,
    pub storage: Storage,
    pub uploads: Uploads,
    pub worker: Worker,
    pub measuring: Measuring,
    pub mail: Mail,
    pub telemetry: Telemetry,
    pub webhooks: Webhooks,
    pub limits: RateLimits,
    pub billing: Billing,
    pub plans: Plans,
}

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Storage {
    pub endpoint: String,
    pub public_endpoint: String,
    pub bucket: String,
    pub region: String,
    pub access_key: SecretString,
    pub secret_key: SecretString,
}

/// `[uploads]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Uploads {
    pub ticket_minutes: u32,
    pub play_minutes: u32,
    pub abandoned_hours: u32,
    pub parts_above_megabytes: u64,
    pub part_megabytes: u64,
}

/// `[worker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Worker {
    pub analyses: usize,
    pub lease_seconds: u32,
}

/// `[measuring]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Measuring {
    pub decode_timeout_seconds: u64,
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Mail {
    pub from: String,
    pub smtp_url: SecretString,
    pub unseen_minutes: u32,
}

impl Mail {
    /// Whether there is a server, and its URL can be read.
    fn can_be_used(&self) -> bool {
        let url = self.smtp_url.expose_secret();
        !url.is_empty() && lettre::AsyncSmtpTransport::<lettre::Tokio1Executor>::from_url(url).is_ok()
    }

    /// Whether emails travel encrypted or not at all. `tls=opportunistic` falls back to plain text where somebody in the
    /// middle asks for it.
    fn demands_tls(&self) -> bool {
        let url = self.smtp_url.expose_secret();
        let query = url.split_once('?').map_or("", |(_, query)| query);
        url.starts_with("smtps:")
            || form_urlencoded::parse(query.as_bytes())
                .any(|(name, value)| name == "tls" && value == "required")
    }
}

/// Whether an address is of a domain that belongs to nobody (RFC 2606 3), as those in `config.default.toml` are.
fn is_example(address: &str) -> bool {
    let domain = address
        .trim_end_matches('>')
        .rsplit('@')
        .next()
        .unwrap_or_default();
    domain.eq_ignore_ascii_case("mixlens.example")
}

/// Whether a URL goes to another machine in plain text.
fn is_plain_http(url: &str) -> bool {
    let is_http = url
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.scheme() == Some(&http::uri::Scheme::HTTP));
    is_http && !leads_to_this_machine(url)
}

/// Whether the host of a URL is this machine, by its address or as `localhost`.
fn leads_to_this_machine(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    is_this_machine(uri.host().unwrap_or_default())
}

/// Whether a host is this machine, by its address or as `localhost`.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether a URL goes to a PostgreSQL on another machine, and takes any server for it, or none that encrypts.
fn is_unverified_postgres(url: &str) -> bool {
    use sqlx::postgres::{PgConnectOptions, PgSslMode};
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        // SQLite, or nothing that could be connected to.
        return false;
    };
    let host = options.get_host();
    let is_here = options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host);
    !is_here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

/// Where a URL of Redis leads; `None` for one that is none.
fn redis_address(url: &str) -> Option<redis::ConnectionAddr> {
    use redis::IntoConnectionInfo as _;
    Some(url.into_connection_info().ok()?.addr().clone())
}

/// Whether a URL goes to a Redis on another machine in plain text, or takes any server for it.
fn is_unverified_redis(url: &str) -> bool {
    use redis::ConnectionAddr;
    match redis_address(url) {
        Some(ConnectionAddr::Tcp(host, _)) => !is_this_machine(&host),
        Some(ConnectionAddr::TcpTls { host, insecure, .. }) => insecure && !is_this_machine(&host),
        _ => false,
    }
}

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Telemetry {
    pub posthog_key: SecretString,
    pub posthog_host: String,
    pub sentry_dsn: SecretString,
    pub otlp_endpoint: String,
}

/// `[webhooks]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Webhooks {
    pub private_networks: bool,
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct RateLimits {
    pub web_processes: u32,
    pub requests_per_minute: u32,
    pub body_seconds: u64,
    pub sign_ups_per_hour: u32,
    pub sign_ins_per_minute: u32,
    pub writes_per_minute: u32,
    pub uploads_per_hour: u32,
    pub api_requests_per_minute: u32,
}

/// `[billing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Billing {
    pub stripe_key: SecretString,
    pub stripe_signing_secret: SecretString,
    pub stripe_api: String,
    pub hosted_pages: String,
    pub currency: String,
    pub tax: Tax,
    pub prices_include_tax: bool,
    pub pro: Price,
    pub studio: Price,
}

model::text_enum! {
    /// Who sees to the tax on what is sold.
    pub enum Tax {
        /// None is charged.
        None = "none",
        /// We sell, and Stripe computes it.
        StripeTax = "stripe_tax",
        /// Stripe sells, and sees to it.
        ManagedPayments = "managed_payments",
    }
}

/// What a plan costs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Price {
    pub price: String,
    pub former_prices: String,
    pub cents: u32,
}

impl Billing {
    /// Whether anything is sold here.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        !self.stripe_key.expose_secret().is_empty()
    }

    /// What `plan` costs a month; nothing is charged for Free.
    #[must_use]
    pub const fn price_of(&self, plan: Plan) -> Option<&Price> {
        match plan {
            Plan::Free => None,
            Plan::Pro => Some(&self.pro),
            Plan::Studio => Some(&self.studio),
        }
    }

    /// The plan that a price at Stripe is for; `None` where it is not one of ours.
    #[must_use]
    pub fn plan_of(&self, price: &str) -> Option<Plan> {
        let is_of = |plan: &Plan| {
            self.price_of(*plan).is_some_and(|known| {
                known.price == price
                    || known
                        .former_prices
                        .split_whitespace()
                        .any(|former| former == price)
            })
        };
        Plan::ALL.into_iter().find(is_of)
    }

    /// What is wrong with these settings.
    fn complaints(&self, production: bool) -> impl Iterator<Item = &'static str> {
        let key = self.stripe_key.expose_secret();
        let is_key = ["sk_live_", "sk_test_", "rk_live_", "rk_test_"]
            .iter()
            .any(|start| key.starts_with(start));
        let secret = self.stripe_signing_secret.expose_secret();
        let secrets_are_right = !secret.trim().is_empty()
            && secret
                .split_whitespace()
                .all(|secret| secret.starts_with("whsec_"));
        let prices = [&self.pro, &self.studio];
        let currency_is_right =
            self.currency.len() == 3 && self.currency.bytes().all(|letter| letter.is_ascii_lowercase());
        let hosts = self.hosted_pages.split_whitespace();
        let is_set_up = self.is_set_up();
        [
            (
                !is_key,
                "billing.stripe_key is none of Stripe's: it begins with sk_live_, sk_test_, rk_live_ or rk_test_",
            ),
            (
                !secrets_are_right,
                "billing.stripe_key is set, so billing.stripe_signing_secret must be set too: whsec_…, of the endpoint <base_url>/stripe/events",
            ),
            (
                prices.iter().any(|price| price.price.is_empty() || price.cents == 0)
                    || self.pro.price == self.studio.price,
                "billing.stripe_key is set, so billing.pro and billing.studio each need the price of their own at Stripe (price_…) and its cents",
            ),
            (
                !currency_is_right,
                "billing.currency must be three small letters, such as eur",
            ),
            (
                hosts.clone().next().is_none()
                    || hosts.clone().any(|host| {
                        host.parse::<http::Uri>()
                            .map_or(true, |uri| uri.scheme().is_none() || uri.path() != "/")
                            || host.ends_with('/')
                    }),
                "billing.hosted_pages must be origins with spaces between, such as https://checkout.stripe.com",
            ),
            (
                production && (is_plain_http(&self.stripe_api) || hosts.clone().any(is_plain_http)),
                "production needs billing.stripe_api and billing.hosted_pages with https",
            ),
        ]
        .into_iter()
        .filter_map(move |(is_wrong, what)| (is_set_up && is_wrong).then_some(what))
    }
}

/// `[plans]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Plans {
    pub free: Limits,
    pub pro: Limits,
    pub studio: Limits,
}

impl Plans {
    /// The figures of `plan`.
    #[must_use]
    pub const fn of(&self, plan: Plan) -> &Limits {
        match plan {
            Plan::Free => &self.free,
            Plan::Pro => &self.pro,
            Plan::Studio => &self.studio,
        }
    }
}

/// Settings that cannot be used; the text says which and what to do.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

/// Where settings come from, besides the defaults.
#[derive(Debug, Default)]
pub struct Sources {
    /// A TOML file of the operator's.
    pub file: Option<PathBuf>,
    /// Variables of the environment, all of them; only `MIXLENS_…` is looked at.
    pub variables: HashMap<String, String>,
    /// `name=value` from flags, names as dotted paths.
    pub flags: Vec<(String, String)>,
}

impl Config {
    /// Reads and checks all layers.
    ///
    /// # Errors
    /// A setting is unknown, has the wrong type, or is refused in production.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let record = |error: config::ConfigError| ConfigError(error.to_string());
        let mut layers = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = sources.file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        layers = layers.add_source(
            Variables::with_prefix("MIXLENS")
                .prefix_separator("_")
                .separator("__")
                .source(Some(settings_of(sources.variables)?)),
        );
        for (name, value) in sources.flags {
            layers = layers.set_override(name, value).map_err(record)?;
        }
        let mut config: Self = layers
            .build()
            .map_err(record)?
            .try_deserialize()
            .map_err(record)?;
        config.derive();
        config.check()?;
        Ok(config)
    }

    /// Fills what follows from other settings.
    fn derive(&mut self) {
        if self.base_url.is_empty() {
            self.base_url = format!("http://{}", self.listen);
        }
        self.base_url.truncate(self.base_url.trim_end_matches('/').len());
        if self.database_url.expose_secret().is_empty() {
            let path = self.data_dir.join("mixlens.sqlite");
            self.database_url = SecretString::from(format!("sqlite:{}", path.display()));
        }
        if self.storage.public_endpoint.is_empty() {
            self.storage.public_endpoint = if self.uses_builtin_storage() {
                self.base_url.clone()
            } else {
                self.storage.endpoint.clone()
            };
        }
    }

    /// Says everything that is wrong at once, so that nobody starts the program five times to learn it.
    fn check(&self) -> Result<(), ConfigError> {
        let is_missing = |secret: &SecretString| secret.expose_secret().is_empty();
        let key = self.secret_key.expose_secret();
        let production = self.environment == Environment::Production;
        let storage = &self.storage;
        let wrong: Vec<&str> = [
            (
                !key.is_empty() && key.len() < MIN_SECRET_KEY,
                "secret_key is too short: give at least 32 random characters",
            ),
            (
                !self.uses_builtin_storage()
                    && (is_missing(&storage.access_key) || is_missing(&storage.secret_key)),
                "storage.endpoint is set, so storage.access_key and storage.secret_key must be set too",
            ),
            (
                production && !self.base_url.starts_with("https://"),
                "production needs base_url with https, e.g. MIXLENS_BASE_URL=https://mixlens.example",
            ),
            (
                production && self.trusted_hops == 0,
                "production needs trusted_hops, the number of proxies in front: with 0 all people share one proxy's limits",
            ),
            (
                production && key.is_empty(),
                "production needs secret_key, the same for every process: MIXLENS_SECRET_KEY_FILE=…",
            ),
            (
                !production && !self.listen.ip().is_loopback() && !self.development_network,
                "development is for one's own machine: its pages show every e-mail to whoever asks. Set environment=production, listen on 127.0.0.1, or set development_network=true where everybody who can reach this address may see them",
            ),
            (
                !self.metrics_listen.is_empty()
                    && self.metrics_listen.parse::<std::net::SocketAddr>().is_err(),
                "metrics_listen must be an address and a port, e.g. 127.0.0.1:9100",
            ),
            (
                production && is_missing(&self.mail.smtp_url),
                "production needs mail.smtp_url; without it mail is only written to files",
            ),
            (
                !is_missing(&self.mail.smtp_url) && !self.mail.can_be_used(),
                "mail.smtp_url cannot be read: write it as smtps://user:password@host, with special characters as %XX",
            ),
            (
                production && self.mail.can_be_used() && !self.mail.demands_tls(),
                "production needs mail.smtp_url with TLS: smtps://…, or smtp://…?tls=required",
            ),
            (
                production && is_unverified_postgres(self.database_url.expose_secret()),
                "production needs database_url with sslmode=verify-full, where PostgreSQL is on another machine: postgres://…?sslmode=verify-full",
            ),
            (
                !is_missing(&self.redis_url) && redis_address(self.redis_url.expose_secret()).is_none(),
                "redis_url cannot be read: write it as redis://user:password@host:6379, with rediss:// for TLS",
            ),
            (
                production && is_unverified_redis(self.redis_url.expose_secret()),
                "production needs redis_url with TLS, where Redis is on another machine: rediss://…",
            ),
            (
                production && is_plain_http(&self.storage.endpoint),
                "production needs storage.endpoint with https; http is for a storage on this machine",
            ),
            (
                production && is_plain_http(&self.storage.public_endpoint),
                "production needs storage.public_endpoint with https",
            ),
            (
                production && is_plain_http(&self.telemetry.posthog_host),
                "production needs telemetry.posthog_host with https",
            ),
            (
                production && is_plain_http(self.telemetry.sentry_dsn.expose_secret()),
                "production needs telemetry.sentry_dsn with https",
            ),
            (
                production && is_plain_http(&self.telemetry.otlp_endpoint),
                "production needs telemetry.otlp_endpoint with https; http is for a collector on this machine",
            ),
            (
                self.webhooks.private_networks
                    && self.base_url.starts_with("https:")
                    && !leads_to_this_machine(&self.base_url),
                "webhooks.private_networks lets whoever has an account reach the network behind this server: it is not for an installation with a public base_url",
            ),
            (
                !(6..=5_000).contains(&self.uploads.part_megabytes),
                "uploads.part_megabytes must be from 6 to 5000: S3 takes no part under 5 MiB or over 5 GiB",
            ),
            (
                self.mail.from.parse::<lettre::message::Mailbox>().is_err(),
                "mail.from cannot be read: write it as MixLens <no-reply@your.domain>",
            ),
            (
                production && is_example(&self.mail.from),
                "production needs mail.from with an address of yours",
            ),
            (
                production && is_example(&self.contact_email),
                "production needs contact_email with an address of yours: it is on the pages",
            ),
            (
                production && is_example(&self.privacy_email),
                "production needs privacy_email with an address of yours: requests about personal data go there, and the law gives them 30 days",
            ),
            (
                production && is_example(&self.security_email),
                "production needs security_email with an address of yours: weaknesses are reported to it",
            ),
        ]
        .into_iter()
        .filter_map(|(is_wrong, what)| is_wrong.then_some(what))
        .chain(self.billing.complaints(production))
        .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(ConfigError(wrong.join("\n  ")))
        }
    }

    /// Whether plans are sold here.
    #[must_use]
    pub fn sells(&self) -> bool {
        self.billing.is_set_up()
    }

    /// Whether objects are kept by the service inside of this program.
    #[must_use]
    pub const fn uses_builtin_storage(&self) -> bool {
        self.storage.endpoint.is_empty()
    }

    /// Whether pages for development may be served.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }

    /// How long running work gets to finish after SIGTERM.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

/// The `MIXLENS_…` variables, with each `…_FILE` of a secret replaced by what is in the file.
fn settings_of(variables: HashMap<String, String>) -> Result<HashMap<String, String>, ConfigError> {
    let secret_files: HashMap<String, String> = SECRETS
        .iter()
        .map(|path| variable_of(path))
        .map(|name| (format!("{name}_FILE"), name))
        .collect();
    variables
        .into_iter()
        .filter(|(name, _)| {
            name.starts_with("MIXLENS_") && !name.starts_with("MIXLENS_TEST_") && name != "MIXLENS_CONFIG"
        })
        .map(|(name, value)| match secret_files.get(&name) {
            None => Ok((name, value)),
            Some(secret) => match std::fs::read_to_string(&value) {
                Ok(text) => Ok((secret.clone(), text.trim_end().to_owned())),
                Err(error) => Err(ConfigError(format!("{name}: cannot read {value}: {error}"))),
            },
        })
        .collect()
}

fn variable_of(path: &str) -> String {
    format!("MIXLENS_{}", path.replace('.', "__").to_ascii_uppercase())
}

/// The effective settings as `name = value` lines, secrets masked: what `mixlens config` prints.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = |secret: &SecretString| {
            if secret.expose_secret().is_empty() {
                "(none)"
            } else {
                "(secret)"
            }
        };
        let limits = |limits: &Limits| {
            let count =
                |allowed: Option<u32>| allowed.map_or("unlimited".to_owned(), |count| count.to_string());
            format!(
                "audio kept {} h, up to {} min, {} MB, {} analyses, {} references and {} renders a month, {} live tokens, {} webhook endpoints",
                limits.audio_kept_hours,
                limits.max_minutes,
                limits.max_megabytes,
                count(limits.analyses_per_month),
                count(limits.references_per_month),
                count(limits.renders_per_month),
                limits.live_tokens,
                limits.webhook_endpoints,
            )
        };
        let price = |price: &Price| match &*price.price {
            "" => "not for sale".to_owned(),
            id => format!("{id}, {} hundredths a month", price.cents),
        };
        let database = self.database_url.expose_secret();
        let rows: Vec<(&str, String)> = vec![
            ("environment", format!("{:?}", self.environment).to_lowercase()),
            ("listen", self.listen.to_string()),
            ("development_network", self.development_network.to_string()),
            ("base_url", self.base_url.clone()),
            ("data_dir", self.data_dir.display().to_string()),
            (
                "database_url",
                if database.starts_with("sqlite:") {
                    database.to_owned()
                } else {
                    "(secret)".to_owned()
                },
            ),
            (
                "database_max_connections",
                self.database_max_connections.to_string(),
            ),
            ("redis_url", mask(&self.redis_url).to_owned()),
            ("redis_milliseconds", self.redis_milliseconds.to_string()),
            ("secret_key", mask(&self.secret_key).to_owned()),
            ("log", self.log.clone()),
            ("log_format", format!("{:?}", self.log_format).to_lowercase()),
            ("drain_seconds", self.drain_seconds.to_string()),
            ("demo_at_start", self.demo_at_start.to_string()),
            ("site_dir", self.site_dir.clone()),
            ("contact_email", self.contact_email.clone()),
            ("privacy_email", self.privacy_email.clone()),
            ("security_email", self.security_email.clone()),
            ("trusted_hops", self.trusted_hops.to_string()),
            ("metrics_listen", self.metrics_listen.clone()),
            ("backups_kept_days", self.backups_kept_days.to_string()),
            (
                "storage.endpoint",
                if self.uses_builtin_storage() {
                    "(built in)".into()
                } else {
                    self.storage.endpoint.clone()
                },
            ),
            ("storage.public_endpoint", self.storage.public_endpoint.clone()),
            ("storage.bucket", self.storage.bucket.clone()),
            ("storage.region", self.storage.region.clone()),
            ("storage.access_key", mask(&self.storage.access_key).to_owned()),
            ("storage.secret_key", mask(&self.storage.secret_key).to_owned()),
            ("uploads.ticket_minutes", self.uploads.ticket_minutes.to_string()),
            ("uploads.play_minutes", self.uploads.play_minutes.to_string()),
            (
                "uploads.abandoned_hours",
                self.uploads.abandoned_hours.to_string(),
            ),
            (
                "uploads.parts_above_megabytes",
                self.uploads.parts_above_megabytes.to_string(),
            ),
            ("uploads.part_megabytes", self.uploads.part_megabytes.to_string()),
            ("worker.analyses", self.worker.analyses.to_string()),
            ("worker.lease_seconds", self.worker.lease_seconds.to_string()),
            ("mail.unseen_minutes", self.mail.unseen_minutes.to_string()),
            (
                "measuring.decode_timeout_seconds",
                self.measuring.decode_timeout_seconds.to_string(),
            ),
            ("mail.from", self.mail.from.clone()),
            ("mail.smtp_url", mask(&self.mail.smtp_url).to_owned()),
            (
                "telemetry.posthog_key",
                mask(&self.telemetry.posthog_key).to_owned(),
            ),
            ("telemetry.posthog_host", self.telemetry.posthog_host.clone()),
            (
                "telemetry.sentry_dsn",
                mask(&self.telemetry.sentry_dsn).to_owned(),
            ),
            ("telemetry.otlp_endpoint", self.telemetry.otlp_endpoint.clone()),
            (
                "webhooks.private_networks",
                self.webhooks.private_networks.to_string(),
            ),
            (
                "limits.sign_ups_per_hour",
                self.limits.sign_ups_per_hour.to_string(),
            ),
            (
                "limits.sign_ins_per_minute",
                self.limits.sign_ins_per_minute.to_string(),
            ),
            (
                "limits.requests_per_minute",
                self.limits.requests_per_minute.to_string(),
            ),
            ("limits.body_seconds", self.limits.body_seconds.to_string()),
            (
                "limits.writes_per_minute",
                self.limits.writes_per_minute.to_string(),
            ),
            (
                "limits.uploads_per_hour",
                self.limits.uploads_per_hour.to_string(),
            ),
            (
                "limits.api_requests_per_minute",
                self.limits.api_requests_per_minute.to_string(),
            ),
            ("billing.stripe_key", mask(&self.billing.stripe_key).to_owned()),
            (
                "billing.stripe_signing_secret",
                mask(&self.billing.stripe_signing_secret).to_owned(),
            ),
            ("billing.stripe_api", self.billing.stripe_api.clone()),
            ("billing.hosted_pages", self.billing.hosted_pages.clone()),
            ("billing.currency", self.billing.currency.clone()),
            ("billing.tax", self.billing.tax.to_string()),
            (
                "billing.prices_include_tax",
                self.billing.prices_include_tax.to_string(),
            ),
            ("billing.pro", price(&self.billing.pro)),
            ("billing.studio", price(&self.billing.studio)),
            ("plans.free", limits(&self.plans.free)),
            ("plans.pro", limits(&self.plans.pro)),
            ("plans.studio", limits(&self.plans.studio)),
        ];
        rows.iter()
            .try_for_each(|(name, value)| writeln!(f, "{name:<28} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Config::load(Sources {
            variables,
            ..Sources::default()
        })
    }

    #[test]
    fn no_configuration_at_all_is_a_working_single_machine() {
        let config = load(&[]).unwrap();
        assert_eq!(config.base_url, "http://127.0.0.1:3000");
        assert_eq!(config.database_url.expose_secret(), "sqlite:data/mixlens.sqlite");
        assert_eq!(config.storage.public_endpoint, config.base_url);
        assert_eq!(config.plans.of(Plan::Free).audio_kept_hours, 24);
        assert_eq!(config.plans.of(Plan::Studio).analyses_per_month, None);
    }

    #[test]
    fn the_environment_reaches_into_tables() {
        let config = load(&[
            ("MIXLENS_LISTEN", "127.0.0.1:4000"),
            ("MIXLENS_PLANS__FREE__MAX_MINUTES", "3"),
        ])
        .unwrap();
        assert_eq!(config.base_url, "http://127.0.0.1:4000");
        assert_eq!(config.plans.free.max_minutes, 3);
    }

    #[test]
    fn a_misspelt_setting_is_an_error() {
        assert!(
            load(&[("MIXLENS_LISTN", "127.0.0.1:4000")])
                .unwrap_err()
                .to_string()
                .contains("listn")
        );
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_never_printed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
        let config = load(&[("MIXLENS_SECRET_KEY_FILE", file.path().to_str().unwrap())]).unwrap();
        assert_eq!(
            config.secret_key.expose_secret(),
            "0123456789abcdef0123456789abcdef"
        );
        assert!(!config.to_string().contains("0123456789abcdef"));
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn a_secret_that_looks_like_a_number_stays_as_it_is() {
        for secret in [
            "01234567890123456789012345678901",
            "0050e12345678901234567890123456789",
        ] {
            let config = load(&[("MIXLENS_SECRET_KEY", secret)]).unwrap();
            assert_eq!(config.secret_key.expose_secret(), secret);
        }
    }

    #[test]
    fn production_refuses_what_is_only_safe_on_ones_own_machine() {
        let error = load(&[("MIXLENS_ENVIRONMENT", "production")]).unwrap_err();
        assert!(error.to_string().contains("https"), "{error}");
        let error = load(&[
            ("MIXLENS_ENVIRONMENT", "production"),
            ("MIXLENS_BASE_URL", "https://mixlens.example"),
        ])
        .unwrap_err();
        assert!(error.to_string().contains("secret_key"), "{error}");
        let mut variables = vec![
            ("MIXLENS_ENVIRONMENT", "production"),
            ("MIXLENS_BASE_URL", "https://mixlens.example"),
            ("MIXLENS_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ];
        let error = load(&variables).unwrap_err();
        assert!(error.to_string().contains("smtp_url"), "{error}");
        variables.push(("MIXLENS_MAIL__FROM", "MixLens <letters@mail.example>"));
        variables.push(("MIXLENS_MAIL__SMTP_URL", "smtps://user:password@mail.example"));
        let error = load(&variables).unwrap_err();
        assert!(error.to_string().contains("trusted_hops"), "{error}");
        variables.push(("MIXLENS_TRUSTED_HOPS", "1"));
        for (setting, variable) in [
            ("contact_email", "MIXLENS_CONTACT_EMAIL"),
            ("privacy_email", "MIXLENS_PRIVACY_EMAIL"),
            ("security_email", "MIXLENS_SECURITY_EMAIL"),
        ] {
            let error = load(&variables).unwrap_err();
            assert!(error.to_string().contains(setting), "{error}");
            variables.push((variable, "somebody@studio.example"));
        }
        load(&variables).unwrap();
        variables.extend([
            ("MIXLENS_STORAGE__ACCESS_KEY", "key"),
            ("MIXLENS_STORAGE__SECRET_KEY", "secret"),
        ]);
        for (name, url) in [
            ("MIXLENS_STORAGE__ENDPOINT", "http://s3.example"),
            ("MIXLENS_STORAGE__ENDPOINT", "HTTP://s3.example"),
            ("MIXLENS_STORAGE__ENDPOINT", "http://127.0.0.1@s3.example:80/"),
            ("MIXLENS_TELEMETRY__POSTHOG_HOST", "http://eu.example"),
            ("MIXLENS_TELEMETRY__SENTRY_DSN", "http://key@sentry.example/1"),
            (
                "MIXLENS_TELEMETRY__OTLP_ENDPOINT",
                "http://collector.example:4318/v1/traces",
            ),
        ] {
            let error = load(&[&variables[..], &[(name, url)]].concat()).unwrap_err();
            assert!(error.to_string().contains("with https"), "{url}: {error}");
        }
        for url in [
            "postgres://user:password@db.example/mixlens",
            "postgres://user:password@db.example/mixlens?sslmode=require",
            "postgres://user:password@db.example/mixlens?sslmode=verify-ca",
            "postgres://user:password@10.0.0.5:5432/mixlens",
            "postgresql://localhost:password@db.example/mixlens",
        ] {
            let error = load(&[&variables[..], &[("MIXLENS_DATABASE_URL", url)]].concat()).unwrap_err();
            assert!(
                error.to_string().contains("sslmode=verify-full"),
                "{url}: {error}"
            );
            assert!(!error.to_string().contains("password@"), "{error}");
        }
        for url in [
            "postgres://user:password@db.example/mixlens?sslmode=verify-full",
            "postgres://user:password@127.0.0.1/mixlens",
            "postgres://user:password@[::1]/mixlens",
            "postgres://user:password@localhost/mixlens",
            "postgres:///mixlens?host=/run/postgresql",
            "sqlite:data/mixlens.sqlite",
        ] {
            load(&[&variables[..], &[("MIXLENS_DATABASE_URL", url)]].concat()).unwrap();
        }
        for (url, named) in [
            ("redis://cache.example:6379", "with TLS"),
            ("redis://127.0.0.1:password@cache.example", "with TLS"),
            ("rediss://cache.example/#insecure", "with TLS"),
            ("http://cache.example", "cannot be read"),
            ("cache.example", "cannot be read"),
        ] {
            let error = load(&[&variables[..], &[("MIXLENS_REDIS_URL", url)]].concat()).unwrap_err();
            let error = error.to_string();
            assert!(
                error.contains("redis_url") && error.contains(named),
                "{url}: {error}"
            );
        }
        for url in [
            "rediss://user:password@cache.example:6379/1",
            "redis://127.0.0.1",
            "redis://[::1]:6380",
            "redis+unix:///run/redis/redis.sock",
        ] {
            load(&[&variables[..], &[("MIXLENS_REDIS_URL", url)]].concat()).unwrap();
        }
        for url in [
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:9000",
            "https://s3.example",
        ] {
            load(&[&variables[..], &[("MIXLENS_STORAGE__ENDPOINT", url)]].concat()).unwrap();
        }
    }

    #[test]
    fn p26_production_sends_mail_encrypted_or_not_at_all() {
        let load_with = |url| {
            load(&[
                ("MIXLENS_ENVIRONMENT", "production"),
                ("MIXLENS_BASE_URL", "https://mixlens.example"),
                ("MIXLENS_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
                ("MIXLENS_MAIL__FROM", "MixLens <letters@mail.example>"),
                ("MIXLENS_MAIL__SMTP_URL", url),
                ("MIXLENS_TRUSTED_HOPS", "1"),
                ("MIXLENS_CONTACT_EMAIL", "hello@studio.example"),
                ("MIXLENS_PRIVACY_EMAIL", "privacy@studio.example"),
                ("MIXLENS_SECURITY_EMAIL", "security@studio.example"),
            ])
        };
        for good in [
            "smtps://user:password@mail.example",
            "smtp://user:password@mail.example:587?tls=required",
        ] {
            load_with(good).unwrap();
        }
        for (bad, named) in [
            ("smtp://user:password@mail.example", "with TLS"),
            ("smtp://user:password@mail.example?tls=opportunistic", "with TLS"),
            ("smtp://tls=required:password@mail.example", "with TLS"),
            ("https://user:password@mail.example", "cannot be read"),
            ("mail.example", "cannot be read"),
        ] {
            let error = load_with(bad).unwrap_err().to_string();
            assert!(
                error.contains("mail.smtp_url") && error.contains(named),
                "{bad}: {error}"
            );
            assert!(
                !error.contains("password@mail"),
                "the secret is not told: {error}"
            );
        }
    }

    #[test]
    fn a_sender_that_is_no_address_or_not_ones_own_is_refused() {
        let error = load(&[("MIXLENS_MAIL__FROM", "nobody")]).unwrap_err();
        assert!(error.to_string().contains("mail.from cannot be read"), "{error}");
        let error = load(&[("MIXLENS_ENVIRONMENT", "production")]).unwrap_err();
        assert!(error.to_string().contains("mail.from with an address"), "{error}");
    }
}
