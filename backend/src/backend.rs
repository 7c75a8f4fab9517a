//! What every use case is given: settings, database, storage, clock, randomness.

use std::{io, path::Path, sync::Arc};

use model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    Error, Result, Sandbox,
    clock::Clock,
    config::Config,
    db::{Db, InstallationClock},
    entropy::{self, Entropy, SystemEntropy},
    jobs::{self, Notifier},
    known_tokens::KnownTokens,
    mail::Mailer,
    outbound::{Outbound, Reach},
    password::Hasher,
    redis::Redis,
    running_requests::RunningRequests,
    signing::Signer,
    storage::Storage,
    stripe::Stripe,
    telemetry::Statistics,
};

/// The services that use cases need. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Backend {
    /// All settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// The object store.
    pub storage: Storage,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Signs CSRF tokens and links.
    pub signer: Signer,
    /// Hashes passwords, a few at a time.
    pub hasher: Hasher,
    /// Sends email.
    pub mailer: Mailer,
    /// Asks addresses that people name.
    pub outbound: Outbound,
    /// Asks Stripe; none where nothing is sold.
    pub stripe: Option<Stripe>,
    /// Counts how the product is used, where that was allowed.
    pub statistics: Statistics,
    /// What processes say to each other.
    pub redis: Redis,
    /// Wakes the workers when there is work.
    pub wake: Notifier,
    /// How child processes are started.
    pub sandbox: Sandbox,
    /// Tokens of programs that held when they were shown last.
    pub known_tokens: KnownTokens,
    /// Requests that this process is doing and that may be sent again meanwhile.
    pub running_requests: RunningRequests,
    /// The cores that no analysis of this process uses; one that finds two free takes both.
    pub cores: Arc<Semaphore>,
}

impl Backend {
    /// Connects everything that `config` names; with nothing configured, on the machine's own disk.
    ///
    /// # Errors
    /// The data folder cannot be written, or the database or the mail server's URL cannot be used.
    pub async fn connect(config: Config, storage: Storage, sandbox: Sandbox) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let db = Db::connect(
            config.database_url.expose_secret(),
            config.database_max_connections,
        )
        .await?;
        let clock = Arc::new(InstallationClock::connect(&db).await?);
        let signer = Signer::new(secret_key(&config, &*entropy).map_err(Error::internal)?);
        let mailer = Mailer::new(&config)?;
        let outbound = Outbound::new(if config.webhooks.private_networks {
            Reach::PrivateToo
        } else {
            Reach::Public
        })?;
        let stripe = Stripe::new(&config.billing)?;
        let statistics = Statistics::new(&config.telemetry).await?;
        let redis = Redis::at(&config, &signer, &*entropy).map_err(Error::internal)?;
        Ok(Self {
            config: Arc::new(config),
            db,
            storage,
            clock,
            entropy,
            signer,
            hasher: Hasher::new(),
            mailer,
            outbound,
            stripe,
            statistics,
            wake: Notifier::through(redis.clone()),
            redis,
            sandbox,
            known_tokens: KnownTokens::default(),
            running_requests: RunningRequests::default(),
            cores: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            )),
        })
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether something may be removed for good because its time is over; the time is [`Self::now`] then. Not while the clock is in
    /// doubt: what stays too long is counted and removed later, what goes too early is lost.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn may_remove(&self) -> Result<bool> {
        let is_certain = self.clock.ask_before_removal().await?.is_some();
        if !is_certain {
            tracing::error!(
                "the clock was moved, so nothing is removed by it for now; is it right, and synchronised?"
            );
        }
        Ok(is_certain)
    }

    /// A fresh id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        entropy::new_id(&*self.entropy, self.now())
    }
}

impl AsRef<Storage> for Backend {
    fn as_ref(&self) -> &Storage {
        &self.storage
    }
}

impl jobs::IdGenerator for Backend {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn new_id(&self) -> Uuid {
        self.new_id()
    }
}

/// The configured key, or the one of this machine, made at the first start.
fn secret_key(config: &Config, entropy: &dyn Entropy) -> io::Result<SecretString> {
    if !config.secret_key.expose_secret().is_empty() {
        return Ok(config.secret_key.clone());
    }
    let path = config.data_dir.join("secret-key");
    match std::fs::read_to_string(&path) {
        Ok(key) if key.len() >= 32 => Ok(SecretString::from(key)),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{} is damaged; remove it to make a new key (everybody is signed out then)",
                path.display()
            ),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_private(&path, &entropy::new_secret(entropy))?;
            // Several processes may start for the first time at once; the key of the fastest is everybody's.
            std::fs::read_to_string(&path).map(SecretString::from)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file that only the owner of the process may read, whole or not at all, unless there is one already.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}
