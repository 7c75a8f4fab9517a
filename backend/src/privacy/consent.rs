//! What people said about statistics: in this browser (a cookie), and as a signed-in person (a row, with its date and the
//! version of the policy; no address).

use model::AccountId;

use super::policy;
use crate::{
    Actor, Backend, Result,
    db::{Db, DbError, sql},
};

/// Whether this visit may be counted, and whether to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Statistics are not configured: there is nothing to ask.
    NothingToAsk,
    /// The browser asks not to be tracked (`DNT`, `Sec-GPC`). That is an answer; nobody is asked again.
    Signalled,
    /// The person declined, in this browser or in their account.
    Declined,
    /// The person allowed it.
    Granted,
    /// Nobody has answered yet. Nothing is counted.
    Undecided,
}

/// What a request says about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// `DNT: 1` or `Sec-GPC: 1`.
    pub do_not_track: bool,
    /// The answer that this browser remembers.
    pub remembered: Option<bool>,
}

impl Consent {
    /// Decides. A "no" from anywhere is stronger than a "yes" from anywhere else.
    #[must_use]
    pub const fn decide(configured: bool, signals: Signals, account: Option<bool>) -> Self {
        match (configured, signals, account) {
            (false, ..) => Self::NothingToAsk,
            (
                true,
                Signals {
                    do_not_track: true, ..
                },
                _,
            ) => Self::Signalled,
            (
                true,
                Signals {
                    remembered: Some(false),
                    ..
                },
                _,
            )
            | (true, _, Some(false)) => Self::Declined,
            (
                true,
                Signals {
                    remembered: Some(true),
                    ..
                },
                _,
            ) => Self::Granted,
            // A yes of another browser allows no cookie in this one.
            (true, Signals { remembered: None, .. }, Some(true) | None) => Self::Undecided,
        }
    }
}

/// Keeps what a signed-in person said; for nobody, the cookie alone remembers.
///
/// # Errors
/// The database does not answer.
pub async fn record(backend: &Backend, actor: &Actor, granted: bool) -> Result<()> {
    const INSERT: &str = "INSERT INTO consent (id, account_id, purpose, granted, policy, decided_at) VALUES ($1, $2, 'statistics', $3, $4, $5)";
    let Ok(user) = actor.user() else {
        return Ok(());
    };
    let policy = policy::current(&backend.db).await?.version;
    let id = backend.new_id().simple().to_string();
    let insert = sql(INSERT)
        .bind(id)
        .bind(user.account)
        .bind(granted)
        .bind(policy)
        .bind(backend.now());
    backend.db.execute(insert).await?;
    Ok(())
}

/// What a person said last, in whatever browser.
///
/// # Errors
/// The database does not answer.
pub async fn of_account(db: &Db, account: AccountId) -> Result<Option<bool>, DbError> {
    const SELECT: &str = "SELECT granted FROM consent WHERE account_id = $1 AND purpose = 'statistics' ORDER BY id DESC LIMIT 1";
    let row: Option<(bool,)> = db.optional(sql(SELECT).bind(account)).await?;
    Ok(row.map(|(granted,)| granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p24_a_no_from_anywhere_is_stronger_than_a_yes() {
        let signals = |do_not_track, remembered| Signals {
            do_not_track,
            remembered,
        };
        for (configured, signals, account, expected) in [
            (
                false,
                signals(false, Some(true)),
                Some(true),
                Consent::NothingToAsk,
            ),
            (true, signals(true, Some(true)), Some(true), Consent::Signalled),
            (true, signals(false, Some(false)), Some(true), Consent::Declined),
            (true, signals(false, Some(true)), Some(false), Consent::Declined),
            (true, signals(false, Some(true)), None, Consent::Granted),
            (true, signals(false, Some(true)), Some(true), Consent::Granted),
            (true, signals(false, None), Some(true), Consent::Undecided),
            (true, signals(false, None), None, Consent::Undecided),
        ] {
            assert_eq!(
                Consent::decide(configured, signals, account),
                expected,
                "{configured} {signals:?} {account:?}"
            );
        }
    }
}
