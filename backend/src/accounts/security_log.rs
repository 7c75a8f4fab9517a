//! What was done to get into an account, and to its ways in: for its owner, by the account; for the operator, as lines of the log
//! that name nobody (ASVS 16.3.1).
//!
//! A try is written down before it is known whether it is wrong, in the transaction that counts it, and taken out when it was right:
//! so it takes as long for an address that has no account.

use std::time::Duration;

use model::{AccountId, SecurityEventId, Timestamp, text_enum};

use crate::{
    Actor, Backend, Result,
    db::{DbError, Tx, row, sql, text},
    retention::{self, ExpiredCount},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "security_event",
    title: "Security log",
    about: "To show you who tried to get into your account, and what was changed of the ways in. No address of a device is stored.",
    kept: "90 days.",
    export: rows! {
        from "security_event" where Account is "account_id = $1"
        given { "id" Text "Number", "kind" Text "What was done", "created_at" Time "When" }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

/// How long an event is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// The most events that a page shows.
const SHOWN: u32 = 50;

text_enum! {
    /// What was done.
    pub enum SecurityEvent {
        /// Somebody signed in, with all that it takes.
        SignedIn = "signed_in",
        /// Somebody entered a wrong password.
        WrongPassword = "wrong_password",
        /// Somebody entered the password, and a wrong code.
        WrongCode = "wrong_code",
        /// There is a new password, by the old one or by a link.
        PasswordChanged = "password_changed",
        /// The second factor was switched on.
        SecondFactorOn = "second_factor_on",
        /// The second factor was switched off.
        SecondFactorOff = "second_factor_off",
        /// There are new recovery codes.
        NewRecoveryCodes = "new_recovery_codes",
        /// There is a new address.
        AddressChanged = "address_changed",
        /// A token was made, by which a program acts for the person.
        TokenCreated = "token_created",
        /// A token was revoked.
        TokenRevoked = "token_revoked",
        /// The operator signed out every browser.
        SignedOutByOperator = "signed_out_by_operator",
    }
}

text! { SecurityEvent }

row! {
    /// One line of the log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LoggedEvent {
        /// What was done.
        pub kind: SecurityEvent,
        /// When.
        pub created_at: Timestamp,
    }
}

/// The last events of the person's account, the newest first.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn list(backend: &Backend, actor: &Actor) -> Result<Vec<LoggedEvent>> {
    const SELECT: &str = "
        SELECT kind, created_at FROM security_event WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
    let select = sql(SELECT).bind(actor.user()?.account).bind(SHOWN);
    Ok(backend.db.all(select).await?)
}

/// Writes an event down in the transaction of what was done. Nobody's is none, and takes as long.
pub(crate) async fn record(
    tx: &mut Tx,
    backend: &Backend,
    account: Option<AccountId>,
    event: SecurityEvent,
) -> Result<SecurityEventId, DbError> {
    const INSERT: &str = "
        INSERT INTO security_event (id, account_id, kind, created_at) SELECT $1, id, $3, $4 FROM account WHERE id = $2";
    let id = SecurityEventId(backend.new_id());
    let insert = sql(INSERT).bind(id).bind(account).bind(event).bind(backend.now());
    tx.execute(insert).await?;
    Ok(id)
}

/// Takes out a try that was right after all.
pub(super) async fn take_back(tx: &mut Tx, id: SecurityEventId) -> Result<u64, DbError> {
    tx.execute(sql("DELETE FROM security_event WHERE id = $1").bind(id))
        .await
}

/// How a try to get in ended, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The person is in.
    SignedIn,
    /// The password was right; a code is asked for.
    CodeAsked,
    /// The address or the password was wrong.
    WrongPassword,
    /// The code was wrong.
    WrongCode,
    /// There were too many wrong tries before.
    HadToWait,
}

impl Outcome {
    /// Writes it to the log, without saying whose.
    pub(super) fn log(self) {
        let outcome = match self {
            Self::SignedIn => "signed in",
            Self::CodeAsked => "code asked",
            Self::WrongPassword => "wrong password",
            Self::WrongCode => "wrong code",
            Self::HadToWait => "had to wait",
        };
        tracing::info!(outcome, "sign-in");
    }
}

/// Forgets old events; how many.
pub(super) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now().minus(KEPT));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would forget now.
pub(super) async fn expired(backend: &Backend) -> Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(KEPT));
    retention::count(&backend.db, "lines of security logs", count).await
}

mod ended {
    crate::db::ended!("security_event" by "id" where "created_at <= $1");
}
