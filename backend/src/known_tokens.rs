//! Tokens as this process found them last, so that who lists needs no statement that asks whether a token holds: the one that lists
//! asks it on the way.
//!
//! What is remembered decides nothing. It names the account that is read, and nothing is found unless the token holds at that moment,
//! with the plan that is remembered ([`while_known!`]). So a token that is revoked ends at once, in every process.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use model::{AccountId, Timestamp, TokenId};

use crate::{Token, db::Sql};

/// A token that a program showed, and that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    /// Which one.
    pub id: TokenId,
    /// For whom the program acts, and what it may do.
    pub token: Token,
}

/// How many tokens a process remembers, some 200 bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// What a process remembers, by the hash of each token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KnownTokens(Arc<Mutex<LruCache<String, Remembered>>>);

#[derive(Debug, Clone)]
struct Remembered {
    shown: ShownToken,
    /// Of its last use, which is noted once a day.
    day: Timestamp,
}

impl Default for KnownTokens {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl KnownTokens {
    /// The token of this hash, where it was found on the same day.
    pub(crate) fn get(&self, hash: &str, today: Timestamp) -> Option<KnownToken> {
        let mut tokens = self.lock();
        let known = tokens.get(hash).filter(|known| known.day == today)?;
        Some(KnownToken(known.shown.clone()))
    }

    pub(crate) fn remember(&self, hash: String, shown: ShownToken, day: Timestamp) {
        self.lock().put(hash, Remembered { shown, day });
    }

    pub(crate) fn forget(&self, hash: &str) {
        self.lock().pop(hash);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<String, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that held when it was asked about last, and may have ended since.
#[derive(Debug, Clone)]
pub struct KnownToken(pub(crate) ShownToken);

impl KnownToken {
    /// Whose it is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.0.token.owner.account
    }

    /// Binds what [`while_known!`] compares.
    pub(crate) fn bind(&self, statement: Sql, now: Timestamp) -> Sql {
        statement.bind(self.0.id).bind(now).bind(self.0.token.owner.plan)
    }
}

/// A condition that holds for every row while a token does: that of this id, at this moment, with this plan. A token's scopes never
/// change, and it begins to pause only with another plan.
macro_rules! while_known {
    ($id:literal, $now:literal, $plan:literal) => {
        concat!(
            " AND EXISTS (SELECT 1 FROM api_token JOIN account ON account.id = api_token.account_id WHERE api_token.id = ",
            $id,
            " AND api_token.expires_at > ",
            $now,
            " AND account.plan = ",
            $plan,
            " AND account.closed_at IS NULL)"
        )
    };
}
pub(crate) use while_known;
