//! Slows down guessing of passwords and codes: after some wrong tries one has to wait, longer each time, never for good.
//!
//! Tries are counted by what the owner does not share with whoever guesses: of a signed-in person by their session, of a
//! browser that has signed in before by its number, of all other browsers together by the address, whether it has an account
//! or not, so that the wait tells nothing. What counts is a keyed hash; neither address nor number is kept.

use std::time::Duration;

use model::{AccountId, Problem, ProblemCode, SecurityEventId, SignUpId, Timestamp};

use super::security_log::{self, SecurityEvent};
use crate::{
    Backend, Error, Result, User,
    db::{DbError, Tx, sql},
    jobs::{self, EnqueueOptions},
    mail::{self, Notification, SendNotification},
    retention::{self, ExpiredCount},
    signing::Purpose,
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "sign_in_throttle",
    title: "Wrong passwords and codes",
    about: "To slow down whoever guesses your password or your codes.",
    kept: "24 hours after the last wrong one; gone with the right one.",
    export: rows! {
        from "sign_in_throttle" where Tries is "(account_id = $1 OR subject_hash = $2)"
        given { "failures" Number "Wrong tries", "blocked_until" Time "Sign-in waits until", "updated_at" Time "The last one" }
        withheld { "subject_hash" "stands for your address, a browser or a session and says nothing else", "account_id" REFERENCE }
    },
    erase: Erase::AtOnce("DELETE FROM sign_in_throttle WHERE account_id = $1 OR subject_hash = $2"),
}];

/// Wrong tries that cost nothing.
const FREE_TRIES: u32 = 5;

/// The owner is notified when strangers have tried this often, at most once a day.
const TOLD_AFTER: u32 = 10;

/// The longest wait. A lock without end would let anybody shut out anybody.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// Wrong tries are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    Password,
    Code,
}

impl Secret {
    const fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
        }
    }

    const fn wrong(self) -> SecurityEvent {
        match self {
            Self::Password => SecurityEvent::WrongPassword,
            Self::Code => SecurityEvent::WrongCode,
        }
    }
}

/// What tries are counted by.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    subject: String,
    /// The row goes with it.
    account: Option<AccountId>,
    /// Whether strangers fill it, and who is notified then.
    kind: Kind,
    /// What a wrong try is in the security log, and in whose.
    wrong: Option<(Option<AccountId>, SecurityEvent)>,
}

/// A try that was counted; see [`attempt`].
#[derive(Debug)]
#[must_use = "a right one is taken back with `succeeded`"]
pub(super) struct Attempt(Option<SecurityEventId>);

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One browser's.
    Own,
    /// That of every browser that is not known; of an address without an account, nobody is notified.
    Strangers(Option<AccountId>),
}

impl Counter {
    /// Of browsers that have never signed in to the account of the address.
    pub(super) fn of_address(backend: &Backend, email_key: &str, owner: Option<AccountId>) -> Self {
        Self {
            subject: address_hash(backend, email_key),
            account: None,
            kind: Kind::Strangers(owner),
            wrong: Some((owner, Secret::Password.wrong())),
        }
    }

    /// Of codes, by browsers that have never signed in to the account: they know its password.
    pub(super) fn of_codes(backend: &Backend, account: AccountId) -> Self {
        Self {
            kind: Kind::Strangers(Some(account)),
            wrong: Some((Some(account), Secret::Code.wrong())),
            ..Self::own(backend, Some(account), &["codes", &account.to_string()])
        }
    }

    /// Of codes that came with a wrong password, so that they cost what they cost with the right one.
    pub(super) fn of_codes_in_vain(backend: &Backend, email_key: &str) -> Self {
        Self {
            kind: Kind::Strangers(None),
            wrong: Some((None, Secret::Code.wrong())),
            ..Self::own(backend, None, &["codes in vain", email_key])
        }
    }

    /// Of a browser that has signed in to the account before.
    pub(super) fn of_browser(backend: &Backend, account: AccountId, number: &str, secret: Secret) -> Self {
        let parts = ["browser", number, &account.to_string(), secret.label()];
        Self {
            wrong: Some((Some(account), secret.wrong())),
            ..Self::own(backend, Some(account), &parts)
        }
    }

    /// Of a signed-in person.
    pub(super) fn of_session(backend: &Backend, user: &User, secret: Secret) -> Self {
        let parts = ["session", &user.session.to_string(), secret.label()];
        Self {
            wrong: Some((Some(user.account), secret.wrong())),
            ..Self::own(backend, Some(user.account), &parts)
        }
    }

    /// Of the password of a sign-up that waits.
    pub(super) fn of_sign_up(backend: &Backend, sign_up: SignUpId) -> Self {
        Self::own(backend, None, &["sign-up", &sign_up.to_string()])
    }

    /// Of a link for a new password that was used.
    pub(super) fn of_used_link(backend: &Backend, account: AccountId, token_hash: &str) -> Self {
        Self::own(backend, Some(account), &["link", token_hash])
    }

    fn own(backend: &Backend, account: Option<AccountId>, parts: &[&str]) -> Self {
        Self {
            subject: backend.signer.sign(Purpose::SignInThrottle, parts),
            account,
            kind: Kind::Own,
            wrong: None,
        }
    }
}

/// Counts a try before it is known whether it is wrong, so that many at once are not more than one after the other.
/// Refuses while there is to be waited. A right one is followed by [`succeeded`].
pub(super) async fn attempt(backend: &Backend, counter: &Counter) -> Result<Attempt> {
    const UPSERT: &str = "
        INSERT INTO sign_in_throttle (subject_hash, account_id, failures, blocked_until, updated_at) VALUES ($1, $3, 1, 0, $2)
        ON CONFLICT (subject_hash) DO UPDATE SET failures = sign_in_throttle.failures + 1, updated_at = $2
        WHERE sign_in_throttle.blocked_until <= $2
        RETURNING failures";
    const BLOCK: &str = "UPDATE sign_in_throttle SET blocked_until = $2 WHERE subject_hash = $1";
    const SELECT: &str = "SELECT blocked_until FROM sign_in_throttle WHERE subject_hash = $1";
    let now = backend.now();
    let subject = counter.subject.as_str();
    let mut tx = backend.db.begin().await?;
    let upsert = sql(UPSERT).bind(subject).bind(now).bind(counter.account);
    if let Some(failures) = tx.scalar(upsert).await? {
        let until = now.plus(wait_after(failures));
        tx.execute(sql(BLOCK).bind(subject).bind(until)).await?;
        if failures == TOLD_AFTER
            && let Kind::Strangers(owner) = counter.kind
        {
            tell(backend, &mut tx, owner).await?;
        }
        let mut event = None;
        if let Some((account, wrong)) = counter.wrong {
            event = Some(security_log::record(&mut tx, backend, account, wrong).await?);
        }
        tx.commit().await?;
        backend.wake.wake();
        return Ok(Attempt(event));
    }
    let until: Option<Timestamp> = tx.scalar(sql(SELECT).bind(subject)).await?;
    let wait = until.map_or(Duration::ZERO, |until| until.since(now));
    let seconds = wait.as_secs() + 1;
    let way_out = match counter.kind {
        Kind::Own => "",
        Kind::Strangers(_) => {
            " They may be somebody else's. A new password by e-mail lets this browser in at once: “Forgot your password?”."
        }
    };
    Err(Error::Problem(Problem {
        retry_after: Some(seconds),
        ..Problem::new(
            ProblemCode::RateLimited,
            format!("Too many wrong tries. Try again in {seconds} s.{way_out}"),
        )
    }))
}

/// Writes to the owner that strangers try to get in, once a day. Where there is none, a job is made all the same, so that
/// both take as long.
async fn tell(backend: &Backend, tx: &mut Tx, owner: Option<AccountId>) -> Result<()> {
    let now = backend.now();
    let notification = Notification::WrongTries {
        day: now.rfc3339().chars().take(10).collect(),
    };
    let Some(account) = owner else {
        let account = AccountId(backend.new_id());
        let job = SendNotification {
            account,
            notification,
        };
        jobs::enqueue(tx, backend, &job, EnqueueOptions::default()).await?;
        return Ok(());
    };
    mail::enqueue(tx, backend, account, notification).await
}

/// Forgets the tries of a counter, because the last one, `attempt`, was right.
pub(super) async fn succeeded(tx: &mut Tx, counter: &Counter, attempt: Attempt) -> Result<(), DbError> {
    if let Attempt(Some(event)) = attempt {
        security_log::take_back(tx, event).await?;
    }
    clear(tx, counter).await?;
    Ok(())
}

/// Forgets the tries of a counter, because its owner was seen by other means.
pub(super) async fn clear(tx: &mut Tx, counter: &Counter) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM sign_in_throttle WHERE subject_hash = $1";
    tx.execute(sql(DELETE).bind(counter.subject.as_str())).await
}

/// Forgets all tries at an account, because its owner was seen by other means.
pub(super) async fn forget(
    backend: &Backend,
    tx: &mut Tx,
    account: AccountId,
    email_key: &str,
) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM sign_in_throttle WHERE account_id = $1 OR subject_hash = $2";
    let delete = sql(DELETE).bind(account).bind(address_hash(backend, email_key));
    tx.execute(delete).await
}

/// Forgets old wrong tries; how many counters.
pub(super) async fn purge(backend: &Backend) -> Result<u64> {
    let before = backend.now().minus(FORGET_AFTER);
    Ok(backend
        .db
        .execute_until_done(sql(ended::DELETE).bind(before))
        .await?)
}

pub(super) async fn expired(backend: &Backend) -> crate::Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(FORGET_AFTER));
    retention::count(&backend.db, "counts of wrong passwords and codes", count).await
}

mod ended {
    crate::db::ended!("sign_in_throttle" by "subject_hash" where "updated_at <= $1");
}

/// The keyed hash of an address in the table.
pub(super) fn address_hash(backend: &Backend, email_key: &str) -> String {
    backend
        .signer
        .sign(Purpose::SignInThrottle, &["address", email_key])
}

/// No wait for the first tries, then 1, 2, 4, … seconds.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(exponent) => Duration::from_secs(1 << exponent.min(16)).min(MAX_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_after_five_wrong_tries_doubles_and_ends_at_fifteen_minutes() {
        assert_eq!(wait_after(4), Duration::ZERO);
        assert_eq!(wait_after(5), Duration::from_secs(1));
        assert_eq!(wait_after(8), Duration::from_secs(8));
        assert_eq!(wait_after(400), MAX_WAIT);
    }
}
