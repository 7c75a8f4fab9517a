//! What every use case is given: settings, database, storage, clock, randomness.

use std::{io, path::Path, sync::Arc};

use model::{AccountId, ProblemCode, Timestamp, plan::Plan};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    Child, Error, Result,
    accounts::password::Hasher,
    clock::{Clock, SystemClock},
    config::Config,
    db::Db,
    entropy::{self, Entropy, SystemEntropy},
    jobs::{self, Notifier},
    mail::Mailer,
    sessions::{self, User},
    signing::Signer,
    storage::Storage,
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
    /// Counts how the product is used, where that was allowed.
    pub statistics: Statistics,
    /// Wakes the workers of this process when there is work.
    pub wake: Notifier,
    /// How to start the measuring child process.
    pub child: Child,
    /// The cores that no analysis of this process uses; one that finds two free takes both.
    pub cores: Arc<Semaphore>,
}

impl Backend {
    /// Connects everything that `config` names; with nothing configured, on the machine's own disk.
    ///
    /// # Errors
    /// The data folder cannot be written, or the database or the mail server's URL cannot be used.
    pub async fn connect(config: Config, storage: Storage, child: Child) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let db = Db::connect(
            config.database_url.expose_secret(),
            config.database_max_connections,
        )
        .await?;
        let signer = Signer::new(secret_key(&config, &*entropy).map_err(Error::internal)?);
        let mailer = Mailer::new(&config)?;
        let statistics = Statistics::new(&config.telemetry).await?;
        Ok(Self {
            config: Arc::new(config),
            db,
            storage,
            clock: Arc::new(SystemClock),
            entropy,
            signer,
            hasher: Hasher::new(),
            mailer,
            statistics,
            wake: Notifier::default(),
            child,
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

/// Who asks. Every use case is given one and decides by it, once, for pages and machines alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody is signed in.
    Nobody,
    /// A signed-in person.
    User(User),
    /// A program that acts for a person, within what they allowed it.
    Token(Token),
    /// The program itself: no person's, so that what is a person's is not its own to see.
    System,
}

/// What a program showed that acts for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// For whom.
    pub owner: Owner,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// For whom something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Their account.
    pub account: AccountId,
    /// Their plan.
    pub plan: Plan,
}

model::text_enum! {
    /// What a token may be allowed. What is not among these takes a signed-in person.
    pub enum Scope {
        /// To read analyses, reports, songs and audio.
        ReadAnalyses = "analyses:read",
        /// To rename, group, choose and delete them.
        WriteAnalyses = "analyses:write",
        /// To upload files and have them measured.
        Upload = "uploads:write",
    }
}

impl Actor {
    /// For whom something is done that takes `scope`. A signed-in person may do all of it.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in; `Forbidden` for a token without the scope, and for the system.
    pub fn owner(&self, scope: Scope) -> Result<Owner> {
        match self {
            Self::User(user) => Ok(Owner {
                account: user.account,
                plan: user.plan,
            }),
            Self::Token(token) if token.scopes.contains(&scope) => Ok(token.owner),
            Self::Token(_) => Err(Error::problem(
                ProblemCode::Forbidden,
                format!("This token lacks the scope {scope}. Use one that has it."),
            )),
            Self::Nobody => Err(unauthenticated()),
            Self::System => Err(only_in_person()),
        }
    }

    /// The account of [`Self::owner`].
    ///
    /// # Errors
    /// As [`Self::owner`].
    pub fn account(&self, scope: Scope) -> Result<AccountId> {
        Ok(self.owner(scope)?.account)
    }

    /// The signed-in person: for what is between a person and us, which no scope allows.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in; `Forbidden` for a token and for the system.
    pub fn user(&self) -> Result<&User> {
        match self {
            Self::User(user) => Ok(user),
            Self::Nobody => Err(unauthenticated()),
            Self::Token(_) | Self::System => Err(only_in_person()),
        }
    }

    /// The signed-in person, who has entered the password a short while ago: for what would be dangerous in the hands of
    /// somebody who finds the browser open.
    ///
    /// # Errors
    /// `Unauthenticated`; `ConfirmPassword` where it has to be entered again.
    pub fn recent_user(&self, now: Timestamp) -> Result<&User> {
        let user = self.user()?;
        if now.since(user.confirmed_at) <= sessions::RECENT {
            Ok(user)
        } else {
            Err(Error::problem(
                ProblemCode::ConfirmPassword,
                "Enter your password again to go on.",
            ))
        }
    }
}

fn unauthenticated() -> Error {
    Error::problem(
        ProblemCode::Unauthenticated,
        "Sign in to go on. Your session may have ended in the meantime.",
    )
}

fn only_in_person() -> Error {
    Error::problem(
        ProblemCode::Forbidden,
        "This takes a person who is signed in, in a browser.",
    )
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::SessionId;

    use super::*;

    const OWNER: Owner = Owner {
        account: AccountId(Uuid::from_u128(1)),
        plan: Plan::Pro,
    };

    fn user() -> User {
        User {
            account: OWNER.account,
            session: SessionId(Uuid::from_u128(2)),
            display_name: "Ann".to_owned(),
            email: "ann@example.org".to_owned(),
            plan: OWNER.plan,
            confirmed_at: Timestamp(0),
        }
    }

    fn code<T: std::fmt::Debug>(result: Result<T>) -> ProblemCode {
        result.unwrap_err().code()
    }

    #[test]
    fn a_token_may_do_what_its_scopes_say_and_nothing_that_takes_a_person() {
        let token = Actor::Token(Token {
            owner: OWNER,
            scopes: vec![Scope::ReadAnalyses],
        });
        assert_eq!(token.owner(Scope::ReadAnalyses).unwrap(), OWNER);
        assert_eq!(token.account(Scope::ReadAnalyses).unwrap(), OWNER.account);
        for scope in [Scope::WriteAnalyses, Scope::Upload] {
            assert_eq!(code(token.owner(scope)), ProblemCode::Forbidden);
            assert_eq!(code(token.account(scope)), ProblemCode::Forbidden);
        }
        assert_eq!(code(token.user()), ProblemCode::Forbidden);
        assert_eq!(code(token.recent_user(Timestamp(0))), ProblemCode::Forbidden);
    }

    #[test]
    fn a_signed_in_person_may_do_everything_and_nobody_and_the_system_nothing_of_a_persons() {
        for scope in Scope::ALL {
            assert_eq!(Actor::User(user()).owner(scope).unwrap(), OWNER);
            assert_eq!(code(Actor::Nobody.owner(scope)), ProblemCode::Unauthenticated);
            assert_eq!(code(Actor::System.owner(scope)), ProblemCode::Forbidden);
        }
        assert_eq!(Actor::User(user()).user().unwrap(), &user());
        assert_eq!(code(Actor::Nobody.user()), ProblemCode::Unauthenticated);
        assert_eq!(code(Actor::System.user()), ProblemCode::Forbidden);
    }

    #[test]
    fn a_password_that_was_entered_long_ago_has_to_be_entered_again() {
        let actor = Actor::User(user());
        let end = Timestamp(0).plus(sessions::RECENT);
        assert!(actor.recent_user(end).is_ok());
        let later = end.plus(Duration::from_millis(1));
        assert_eq!(code(actor.recent_user(later)), ProblemCode::ConfirmPassword);
    }
}
