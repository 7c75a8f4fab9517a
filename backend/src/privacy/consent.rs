//! What people said about statistics: in this browser (a cookie), and as a signed-in person (a row, with its date and the
//! version of the policy; no address).

use model::AccountId;
use serde::Deserialize;

use super::policy;
use crate::{
    Actor, Backend, Result,
    db::{Db, DbError, sql},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "consent",
    title: "Choices about statistics",
    about: "To keep to what you said, and to be able to prove it.",
    kept: "Until you delete your account.",
    export: rows! {
        from "consent" where Account is "account_id = $1"
        given {
            "id" Text "Number", "purpose" Text "For", "granted" Flag "Allowed", "policy" Text "Version of the policy", "decided_at" Time "Said",
        }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

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

/// What a person says when they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Visits may be counted.
    Yes,
    /// They may not.
    No,
}

/// What a request says about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// `DNT: 1` or `Sec-GPC: 1`.
    pub do_not_track: bool,
    /// The answer that this browser remembers.
    pub remembered: Option<Answer>,
}

impl Consent {
    /// Decides. A "no" from anywhere is stronger than a "yes" from anywhere else.
    #[must_use]
    pub const fn decide(signals: Signals, account: Option<Answer>) -> Self {
        if signals.do_not_track {
            return Self::Signalled;
        }
        match (signals.remembered, account) {
            (Some(Answer::No), _) | (_, Some(Answer::No)) => Self::Declined,
            (Some(Answer::Yes), _) => Self::Granted,
            // A yes of another browser allows no cookie in this one.
            (None, Some(Answer::Yes) | None) => Self::Undecided,
        }
    }
}

/// Keeps what a signed-in person said; for nobody, the cookie alone remembers.
///
/// # Errors
/// The database does not answer.
pub async fn record(backend: &Backend, actor: &Actor, answer: Answer) -> Result<()> {
    const INSERT: &str = "INSERT INTO consent (id, account_id, purpose, granted, policy, decided_at) VALUES ($1, $2, 'statistics', $3, $4, $5)";
    let Ok(user) = actor.user() else {
        return Ok(());
    };
    let policy = policy::current(&backend.db).await?.version;
    let id = backend.new_id().simple().to_string();
    let insert = sql(INSERT)
        .bind(id)
        .bind(user.account)
        .bind(answer == Answer::Yes)
        .bind(policy)
        .bind(backend.now());
    backend.db.execute(insert).await?;
    Ok(())
}

/// What a person said last, in whatever browser.
///
/// # Errors
/// The database does not answer.
pub async fn of_account(db: &Db, account: AccountId) -> Result<Option<Answer>, DbError> {
    const SELECT: &str = "SELECT granted FROM consent WHERE account_id = $1 AND purpose = 'statistics' ORDER BY id DESC LIMIT 1";
    let row: Option<(bool,)> = db.optional(sql(SELECT).bind(account)).await?;
    Ok(row.map(|(granted,)| if granted { Answer::Yes } else { Answer::No }))
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
        let (yes, no) = (Some(Answer::Yes), Some(Answer::No));
        for (signals, account, expected) in [
            (signals(true, yes), yes, Consent::Signalled),
            (signals(false, no), yes, Consent::Declined),
            (signals(false, yes), no, Consent::Declined),
            (signals(false, yes), None, Consent::Granted),
            (signals(false, yes), yes, Consent::Granted),
            (signals(false, None), yes, Consent::Undecided),
            (signals(false, None), None, Consent::Undecided),
        ] {
            assert_eq!(
                Consent::decide(signals, account),
                expected,
                "{signals:?} {account:?}"
            );
        }
    }
}
