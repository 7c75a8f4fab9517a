//! API tokens: how a program acts for a person. Named, with scopes and an end; shown once, stored as SHA-256 (P28).
//!
//! A test token reaches nothing of the person's: it sees the sample alone, so that a program can be written before there is
//! anything to upload.

mod secret;
mod store;

use std::{error::Error as StdError, time::Duration};

use model::{ProblemCode, Timestamp, TokenId, plan::Plan};
use secrecy::SecretString;

use self::secret::TokenSecret;
pub(crate) use self::store::TABLES;
pub use crate::known_tokens::{KnownToken, ShownToken};
use crate::{
    Actor, Backend, Error, Owner, Result, Scope, Token, TokenKind,
    accounts::{
        second_factor::{self, Guarded},
        security_log::{self, SecurityEvent},
    },
    db::{Column, Value, row, sql, text},
    mail::{self, Notification},
    names, plans,
    retention::{self, ExpiredCount},
    transaction,
};
pub use secret::PREFIX;

/// The most characters of a name.
pub const MAX_NAME: usize = 60;

/// Test tokens that an account may have at a time.
const MAX_TEST_TOKENS: u32 = 5;

/// How long a token that has ended is still listed, so that its owner sees why a program stopped.
const LISTED_AFTER_END: Duration = Duration::from_secs(30 * 24 * 3600);

const DAY_MS: i64 = 24 * 3_600_000;

text! { TokenKind }

model::text_enum! {
    /// For how long a token holds.
    #[derive(Default)]
    pub enum Lifetime {
        /// A month.
        Days30 = "30",
        /// Three months.
        #[default]
        Days90 = "90",
        /// A year, the longest there is.
        Days365 = "365",
    }
}

impl Lifetime {
    /// In days.
    #[must_use]
    pub const fn days(self) -> u64 {
        match self {
            Self::Days30 => 30,
            Self::Days90 => 90,
            Self::Days365 => 365,
        }
    }
}

/// What a token may do; stored as its scopes with a space between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(pub Vec<Scope>);

impl Column for Scopes {
    type Raw<'r> = &'r str;

    fn from_raw(raw: &str) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self(raw.split(' ').map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl From<Scopes> for Value {
    fn from(scopes: Scopes) -> Self {
        let texts: Vec<&str> = scopes.0.into_iter().map(Scope::as_str).collect();
        texts.join(" ").into()
    }
}

row! {
    /// A token, as its owner sees it. What opens the door is not in it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TokenView {
        /// Its id.
        pub id: TokenId,
        /// What its owner calls it.
        pub name: String,
        /// What it reaches.
        pub kind: TokenKind,
        /// What it may do.
        pub scopes: Scopes,
        /// Its last four characters.
        pub hint: String,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it ends.
        pub expires_at: Timestamp,
        /// The day of its last use, as its first moment in UTC; finer is not kept.
        pub last_used_day: Option<Timestamp>,
    }
}

/// What the form for a token holds.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// What it reaches.
    pub kind: TokenKind,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// For how long.
    pub lifetime: Lifetime,
    /// A fresh code, where the second factor is on.
    pub code: String,
}

/// Makes a token; its text, which nobody can show again.
///
/// # Errors
/// `ConfirmPassword`; `Invalid` on `name`, `scope` or `code`; `Quota` where the plan allows no more.
pub async fn create(backend: &Backend, actor: &Actor, new: NewToken) -> Result<SecretString> {
    let now = backend.now();
    let user = actor.recent_user(now)?;
    let name = clean_name(&new.name)?;
    let mut scopes = new.scopes;
    scopes.sort_by_key(|scope| Scope::ALL.iter().position(|known| known == scope));
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Error::invalid(
            "scope",
            "Choose at least one thing that the token may do.",
        ));
    }
    let most = match new.kind {
        TokenKind::Live => backend.config.plans.of(user.plan).live_tokens,
        TokenKind::Test => MAX_TEST_TOKENS,
    };
    if most == 0 {
        return Err(quota(new.kind, most));
    }
    second_factor::prove(backend, user, Guarded::CreateToken, &new.code).await?;
    let secret = TokenSecret::new(&*backend.entropy);
    let (id, scopes, hash) = (TokenId(backend.new_id()), Scopes(scopes), secret.hash());
    transaction!(backend.db, |tx| {
        tx.lock_account(user.account).await?;
        if store::count(tx, user.account, new.kind, now).await? >= most {
            return Err(quota(new.kind, most));
        }
        let row = store::NewRow {
            id,
            account: user.account,
            name: &name,
            kind: new.kind,
            scopes: &scopes,
            hash: &hash,
            hint: secret.hint(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(24 * 3600 * new.lifetime.days())),
        };
        store::insert(tx, &row).await?;
        security_log::record(tx, backend, Some(user.account), SecurityEvent::TokenCreated).await?;
        mail::enqueue(
            tx,
            backend,
            user.account,
            Notification::TokenCreated { token: id },
        )
        .await
    })?;
    backend.wake.wake();
    Ok(secret.into_text())
}

/// Which of the tokens of an account pause, because its plan has fewer: the oldest work.
#[must_use]
pub fn paused(backend: &Backend, plan: Plan, tokens: &[TokenView]) -> Vec<TokenId> {
    let now = backend.now();
    let allowed = backend.config.plans.of(plan).live_tokens;
    let live = tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Live && token.expires_at > now)
        .map(|token| token.id)
        .collect();
    plans::paused(live, allowed)
}

/// The person's tokens, the newest first.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn list(backend: &Backend, actor: &Actor) -> Result<Vec<TokenView>> {
    Ok(store::list(&backend.db, actor.user()?.account).await?)
}

/// Ends a token at once.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn revoke(backend: &Backend, actor: &Actor, id: TokenId) -> Result<()> {
    let user = actor.user()?;
    transaction!(backend.db, |tx| {
        tx.lock_account(user.account).await?;
        if !store::delete(tx, user.account, id).await? {
            return Err(Error::not_found("token"));
        }
        security_log::record(tx, backend, Some(user.account), SecurityEvent::TokenRevoked).await?;
        Ok(())
    })
}

/// For whom the program acts that shows `text`; `None` where it is no token, was revoked, or has ended. A text whose check is
/// wrong asks no database.
///
/// # Errors
/// `Forbidden` where the token pauses; the database does not answer.
pub async fn resolve(backend: &Backend, text: &str) -> Result<Option<ShownToken>> {
    let Some(secret) = TokenSecret::parse(text) else {
        return Ok(None);
    };
    let (hash, now) = (secret.hash(), backend.now());
    // Until it is known to hold: whoever shows one that has ended is not let in by what is remembered.
    backend.known_tokens.forget(&hash);
    let Some(found) = store::find(&backend.db, &hash, now).await? else {
        return Ok(None);
    };
    if pauses(backend, &found) {
        return Err(Error::problem(
            ProblemCode::Forbidden,
            "This token pauses: the plan of its account has fewer live tokens, and the oldest ones work. A larger plan wakes it, and so does revoking an older one.",
        ));
    }
    let today = day_of(now);
    if found.last_used_day.is_none_or(|day| day < today) {
        store::touch(&backend.db, found.id, today).await?;
    }
    let owner = Owner {
        account: found.account_id,
        plan: found.plan,
    };
    let shown = ShownToken {
        id: found.id,
        token: Token {
            kind: found.kind,
            ..Token::live(owner, found.scopes.0)
        },
    };
    backend.known_tokens.remember(hash, shown.clone(), today);
    Ok(Some(shown))
}

/// The token that a program shows, where this process has found today that it holds. It may have ended since: who acts by it asks in
/// its own statement ([`crate::known_tokens`]).
#[must_use]
pub fn known(backend: &Backend, text: &str) -> Option<KnownToken> {
    let hash = TokenSecret::parse(text)?.hash();
    backend.known_tokens.get(&hash, day_of(backend.now()))
}

/// The first moment of the day.
const fn day_of(now: Timestamp) -> Timestamp {
    Timestamp(now.0.div_euclid(DAY_MS) * DAY_MS)
}

/// Whether a token that was resolved before still holds.
///
/// # Errors
/// The database does not answer.
pub async fn holds(backend: &Backend, id: TokenId) -> Result<bool> {
    let found = store::find_by_id(&backend.db, id, backend.now()).await?;
    Ok(found.is_some_and(|found| !pauses(backend, &found)))
}

/// Whether the plan of the account has fewer live tokens than the account, and this is none of the oldest.
fn pauses(backend: &Backend, found: &store::FoundRow) -> bool {
    let allowed = backend.config.plans.of(found.plan).live_tokens;
    found.kind == TokenKind::Live && plans::is_paused(found.older, allowed)
}

/// What the token of an email is called; `None` where it was revoked since.
pub(crate) async fn name_of(backend: &Backend, id: TokenId) -> Result<Option<String>> {
    const SELECT: &str = "SELECT name FROM api_token WHERE id = $1";
    Ok(backend.db.scalar(sql(SELECT).bind(id)).await?)
}

/// Forgets tokens that ended long ago; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now().minus(LISTED_AFTER_END));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would forget now.
pub(crate) async fn expired(backend: &Backend) -> Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(LISTED_AFTER_END));
    retention::count(&backend.db, "API tokens that have ended", count).await
}

mod ended {
    crate::db::ended!("api_token" by "id" where "expires_at <= $1");
}

fn clean_name(name: &str) -> Result<String> {
    let name = names::clean_title(name, "name", "Name the token after the program that will use it.")?;
    if name.chars().count() > MAX_NAME {
        return Err(Error::invalid(
            "name",
            format!("Use at most {MAX_NAME} characters."),
        ));
    }
    Ok(name)
}

fn quota(kind: TokenKind, most: u32) -> Error {
    let message = match (kind, most) {
        (TokenKind::Live, 0) => {
            "Your plan has no live tokens. A test token works on every plan, with a sample in place of your own files."
                .to_owned()
        }
        (TokenKind::Live, _) => {
            format!("Your plan has {most} live tokens, and all are in use. Revoke one that you do not need any more.")
        }
        (TokenKind::Test, _) => {
            format!("There are {most} test tokens already. Revoke one that you do not need any more.")
        }
    };
    Error::problem(ProblemCode::Quota, message)
}
