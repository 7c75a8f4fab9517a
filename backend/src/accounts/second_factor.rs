//! The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.
//!
//! SHA-1, six digits, thirty seconds: what every app understands; some apps silently ignore anything else. The secret is
//! sealed in the database; recovery codes are there as keyed hashes. A code is taken once: the time step of the last one
//! is kept, and nothing at or before it is taken again. But a form that is sent twice (a second click while the answer is on
//! its way) is answered twice: the last code that was taken is known for a few seconds by its keyed hash, for the form that sent it.

use std::time::Duration;

use model::{AccountId, ProblemCode, Timestamp};
use totp_rs::{Builder, Secret, Totp};

use super::{
    security_log::{self, SecurityEvent},
    throttle::{self, Counter, Secret as Tried},
};
use crate::{
    Actor, Backend, Error, Result, User,
    db::{Db, DbError, Tx, row, sql},
    encryption,
    mail::{self, Notification},
    sessions,
    signing::Purpose,
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "second_factor",
        title: "Second factor",
        about: "To ask for a code of your device when you sign in.",
        kept: "Until you turn it off or delete your account.",
        export: rows! {
            from "second_factor" where Account is "account_id = $1"
            given { "created_at" Time "Begun", "confirmed_at" Time "Turned on", "last_step" Number "Last code used (step of 30 s)", "answered_at" Time "Last code entered" }
            withheld {
                "account_id" REFERENCE, "encrypted_secret" "is the key of your codes", "answer_hash" "stands for the last code",
            }
        },
        erase: Erase::AtOnce("DELETE FROM second_factor WHERE account_id = $1"),
    },
    Table {
        name: "recovery_code",
        title: "Recovery codes",
        about: "To let you in once without your device.",
        kept: "Until each is used, or you turn the second factor off.",
        export: rows! {
            from "recovery_code" where Account is "account_id = $1"
            given { "created_at" Time "Made" }
            withheld { "account_id" REFERENCE, "code_hash" "stands for the code" }
        },
        erase: Erase::AtOnce("DELETE FROM recovery_code WHERE account_id = $1"),
    },
];

/// 160 bits, as RFC 4226 4 recommends.
const SECRET_BYTES: usize = 20;

/// Recovery codes that are made at once.
const RECOVERY_CODES: usize = 10;

/// How long a form may be sent again with the code that it was taken with.
const SENT_AGAIN_WITHIN: Duration = Duration::from_secs(15);

/// Characters of a recovery code: 80 bits.
const RECOVERY_CHARS: usize = 16;

/// Crockford's: without the letters that are taken for digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Where the second factor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorState {
    /// Signing in takes the password alone.
    Off,
    /// A secret was made, and no code of it was seen yet; signing in takes the password alone.
    Begun,
    /// Signing in asks for a code.
    On {
        /// Since when.
        since: Timestamp,
        /// Recovery codes that were not used yet.
        codes_left: u32,
    },
}

/// What a signed-in person does with a code: each takes one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarded {
    Confirm,
    SwitchOn,
    ChangePassword,
    TurnOff,
    RenewCodes,
    NewAddress,
    CreateToken,
    Delete,
}

impl Guarded {
    /// The form of it that a session sends, by which a code that is sent twice is known.
    fn form(self, user: &User) -> String {
        format!("{self:?} in {}", user.session)
    }
}

/// What an authenticator app is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: String,
    /// The same with names, as the address that a QR code holds.
    pub url: String,
}

/// Where the second factor of the signed-in person stands.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn state(backend: &Backend, actor: &Actor) -> Result<SecondFactorState> {
    let account = actor.user()?.account;
    let Some(row) = find(&backend.db, account).await? else {
        return Ok(SecondFactorState::Off);
    };
    let Some(since) = row.confirmed_at else {
        return Ok(SecondFactorState::Begun);
    };
    let codes_left = count_codes(&backend.db, account).await?;
    Ok(SecondFactorState::On { since, codes_left })
}

/// Makes a new secret, which counts for nothing until [`confirm`].
///
/// # Errors
/// `ConfirmPassword`; `Conflict` where the second factor is on.
pub async fn begin(backend: &Backend, actor: &Actor) -> Result<()> {
    let account = actor.recent_user(backend.now())?.account;
    let mut secret = [0; SECRET_BYTES];
    backend.entropy.fill(&mut secret);
    let sealed = encryption::seal(
        &backend.signer,
        &*backend.entropy,
        Purpose::SealSecondFactor,
        &account.to_string(),
        &secret,
    )?;
    transaction!(backend.db, |tx| {
        if replace(tx, account, &sealed, backend.now()).await? == 0 {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "The second factor is on already. Switch it off first to use another app.",
            ));
        }
        Ok(())
    })
}

/// What the app is to be given; nothing unless [`begin`] was called and [`confirm`] was not.
///
/// # Errors
/// `ConfirmPassword`; the database does not answer.
pub async fn enrolment(backend: &Backend, actor: &Actor) -> Result<Option<Enrolment>> {
    let user = actor.recent_user(backend.now())?;
    let Some(row) = find(&backend.db, user.account).await? else {
        return Ok(None);
    };
    if row.confirmed_at.is_some() {
        return Ok(None);
    }
    let secret = Secret::from(open(backend, user.account, &row)?).to_base32();
    let label: String = form_urlencoded::byte_serialize(user.email.as_bytes()).collect();
    Ok(Some(Enrolment {
        url: format!("otpauth://totp/MixLens:{label}?secret={secret}&issuer=MixLens"),
        secret,
    }))
}

/// Switches it on by the first code of the app; the recovery codes, which nobody can show again.
///
/// # Errors
/// `ConfirmPassword`; `Invalid` on `code`; `Conflict` where nothing was begun.
pub async fn confirm(backend: &Backend, actor: &Actor, code: &str) -> Result<Vec<String>> {
    let now = backend.now();
    let user = actor.recent_user(now)?;
    let account = user.account;
    let row = find(&backend.db, account).await?.ok_or_else(not_begun)?;
    let answer = answer_hash(backend, account, &Guarded::SwitchOn.form(user), &normal(code));
    if row.confirmed_at.is_some() {
        // Its codes were in an answer that the browser did not wait for.
        return if row.was_just_answered(&answer, now) {
            transaction!(backend.db, |tx| { new_codes(backend, tx, account).await })
        } else {
            Err(not_begun())
        };
    }
    let counter = Counter::of_session(backend, user, Tried::Code);
    let attempt = throttle::attempt(backend, &counter).await?;
    let step = step_of(&totp(open(backend, account, &row)?)?, code, now).ok_or_else(wrong_code)?;
    let mut tx = backend.db.begin().await?;
    if switch_on(&mut tx, account, &row.encrypted_secret, step, now).await? == 0 {
        return Err(not_begun());
    }
    remember_answer(&mut tx, account, &answer, now).await?;
    throttle::succeeded(&mut tx, &counter, attempt).await?;
    security_log::record(&mut tx, backend, Some(account), SecurityEvent::SecondFactorOn).await?;
    let codes = new_codes(backend, &mut tx, account).await?;
    mail::enqueue(&mut tx, backend, account, Notification::SecondFactorEnabled).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(codes)
}

/// Makes new recovery codes; the old ones end. Takes a fresh code.
///
/// # Errors
/// `ConfirmPassword`; `Invalid` on `code`; `Conflict` where it is off.
pub async fn renew_codes(backend: &Backend, actor: &Actor, code: &str) -> Result<Vec<String>> {
    let user = actor.recent_user(backend.now())?;
    if !is_on(&backend.db, user.account).await? {
        return Err(Error::problem(ProblemCode::Conflict, "The second factor is off."));
    }
    prove(backend, user, Guarded::RenewCodes, code).await?;
    transaction!(backend.db, |tx| {
        security_log::record(tx, backend, Some(user.account), SecurityEvent::NewRecoveryCodes).await?;
        new_codes(backend, tx, user.account).await
    })
}

/// Switches it off and forgets the secret and the recovery codes. Takes a fresh code where it is on. The person is notified by
/// mail.
///
/// # Errors
/// `ConfirmPassword`; `Invalid` on `code`.
pub async fn turn_off(backend: &Backend, actor: &Actor, code: &str) -> Result<()> {
    let user = actor.recent_user(backend.now())?;
    let was_on = is_on(&backend.db, user.account).await?;
    prove(backend, user, Guarded::TurnOff, code).await?;
    transaction!(backend.db, |tx| {
        remove(tx, user.account).await?;
        if was_on {
            security_log::record(tx, backend, Some(user.account), SecurityEvent::SecondFactorOff).await?;
            mail::enqueue(tx, backend, user.account, Notification::SecondFactorDisabled).await?;
        }
        Ok(())
    })?;
    backend.wake.wake();
    Ok(())
}

/// Switches it off for somebody who lost the app and the recovery codes, and ends all of their sessions; they are notified by
/// mail. Whoever calls it has made sure by other means that it is the person who asks. Whether it was on; `None` where the
/// address has no account.
///
/// # Errors
/// The database does not answer.
pub async fn turn_off_by_address(backend: &Backend, email: &str) -> Result<Option<bool>> {
    let Some(account) = super::find_by_address(backend, email).await? else {
        return Ok(None);
    };
    if !is_on(&backend.db, account).await? {
        return Ok(Some(false));
    }
    transaction!(backend.db, |tx| {
        remove(tx, account).await?;
        // What was tried before counts no longer.
        throttle::forget(backend, tx, account, &super::key_of(email)).await?;
        sessions::end_all(tx, account, None).await?;
        security_log::record(tx, backend, Some(account), SecurityEvent::SecondFactorOff).await?;
        security_log::record(tx, backend, Some(account), SecurityEvent::SignedOutByOperator).await?;
        mail::enqueue(tx, backend, account, Notification::SecondFactorRemoved).await?;
        Ok(())
    })?;
    backend.wake.wake();
    tracing::info!("the operator switched off a second factor");
    Ok(Some(true))
}

/// Whether signing in asks for a code.
pub(super) async fn is_on(db: &Db, account: AccountId) -> Result<bool> {
    Ok(find(db, account)
        .await?
        .is_some_and(|row| row.confirmed_at.is_some()))
}

/// Takes a fresh code of a signed-in person, where the second factor is on. Wrong ones count for this session alone.
///
/// # Errors
/// `Invalid` on `code`; `RateLimited` after too many wrong ones.
pub(crate) async fn prove(backend: &Backend, user: &User, guarded: Guarded, code: &str) -> Result<()> {
    if !is_on(&backend.db, user.account).await? {
        return Ok(());
    }
    if code.trim().is_empty() {
        return Err(Error::invalid(
            "code",
            "Enter a code of your authenticator app, or a recovery code.",
        ));
    }
    let counter = Counter::of_session(backend, user, Tried::Code);
    check(backend, user.account, code, &guarded.form(user), &counter).await
}

/// Takes a code of the app or a recovery code, each once; `form` is what the code came with, and may bring the same one again
/// for a few seconds.
///
/// # Errors
/// `Invalid` on `code`; `RateLimited` after too many wrong ones.
pub(super) async fn check(
    backend: &Backend,
    account: AccountId,
    code: &str,
    form: &str,
    counter: &Counter,
) -> Result<()> {
    let attempt = throttle::attempt(backend, counter).await?;
    let now = backend.now();
    let row = find(&backend.db, account)
        .await?
        .filter(|row| row.confirmed_at.is_some())
        .ok_or_else(wrong_code)?;
    let typed = normal(code);
    let answer = answer_hash(backend, account, form, &typed);
    let mut tx = backend.db.begin().await?;
    let taken = if typed.len() == RECOVERY_CHARS {
        use_code(&mut tx, account, &code_hash(backend, account, &typed)).await?
    } else {
        match step_of(&totp(open(backend, account, &row)?)?, &typed, now) {
            Some(step) => use_step(&mut tx, account, step).await?,
            None => 0,
        }
    };
    if taken == 1 {
        remember_answer(&mut tx, account, &answer, now).await?;
    } else {
        // Read in the transaction: the first of two may have ended since.
        let row = find_in(&mut tx, account).await?;
        if !row.is_some_and(|row| row.was_just_answered(&answer, now)) {
            return Err(wrong_code());
        }
    }
    throttle::succeeded(&mut tx, counter, attempt).await?;
    Ok(tx.commit().await?)
}

fn wrong_code() -> Error {
    Error::invalid(
        "code",
        "This code is not right, or was used already. Wait for the next one of your app, and check that the clock of your phone is right.",
    )
}

fn not_begun() -> Error {
    Error::problem(
        ProblemCode::Conflict,
        "There is nothing to confirm. Begin with the second factor again.",
    )
}

fn open(backend: &Backend, account: AccountId, row: &FactorRow) -> Result<Vec<u8>> {
    encryption::open(
        &backend.signer,
        Purpose::SealSecondFactor,
        &account.to_string(),
        &row.encrypted_secret,
    )
}

fn totp(secret: Vec<u8>) -> Result<Totp> {
    Builder::new()
        .with_secret(secret)
        .build()
        .map_err(|_| Error::internal("the second factor cannot be set up"))
}

/// The time step whose code this is: the present one, or the one before or after it (RFC 6238 5.2).
fn step_of(totp: &Totp, code: &str, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.0 / 1000).ok()?;
    totp.check(&normal(code), seconds)
        .and_then(|step| i64::try_from(step).ok())
}

/// As it is compared: however it was spaced and written.
fn normal(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        })
        .collect()
}

fn code_hash(backend: &Backend, account: AccountId, normal: &str) -> String {
    backend
        .signer
        .sign(Purpose::RecoveryCode, &[&account.to_string(), normal])
}

/// What a code and the form that it came with are known by.
fn answer_hash(backend: &Backend, account: AccountId, form: &str, normal: &str) -> String {
    let parts = ["answer", &account.to_string(), form, normal];
    backend.signer.sign(Purpose::RecoveryCode, &parts)
}

/// Replaces the recovery codes; the new ones as they are shown, in groups of four.
async fn new_codes(backend: &Backend, tx: &mut Tx, account: AccountId) -> Result<Vec<String>> {
    const INSERT: &str = "INSERT INTO recovery_code (account_id, code_hash, created_at) VALUES ($1, $2, $3)";
    tx.execute(sql("DELETE FROM recovery_code WHERE account_id = $1").bind(account))
        .await?;
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut random = [0; RECOVERY_CHARS];
        backend.entropy.fill(&mut random);
        // 256 is a multiple of 32, so that every character is as likely.
        let code: String = random
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
            .collect();
        let insert = sql(INSERT)
            .bind(account)
            .bind(code_hash(backend, account, &code))
            .bind(backend.now());
        tx.execute(insert).await?;
        let groups: Vec<_> = code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        codes.push(groups.join("-"));
    }
    Ok(codes)
}

row! {
    #[derive(Debug)]
    struct FactorRow {
        encrypted_secret: String,
        confirmed_at: Option<Timestamp>,
        answer_hash: Option<String>,
        answered_at: Option<Timestamp>,
    }
}

impl FactorRow {
    fn was_just_answered(&self, answer: &str, now: Timestamp) -> bool {
        self.answer_hash.as_deref() == Some(answer)
            && self
                .answered_at
                .is_some_and(|at| now.since(at) <= SENT_AGAIN_WITHIN)
    }
}

const FIND: &str = "SELECT encrypted_secret, confirmed_at, answer_hash, answered_at FROM second_factor WHERE account_id = $1";

async fn find(db: &Db, account: AccountId) -> Result<Option<FactorRow>, DbError> {
    db.optional(sql(FIND).bind(account)).await
}

async fn find_in(tx: &mut Tx, account: AccountId) -> Result<Option<FactorRow>, DbError> {
    tx.optional(sql(FIND).bind(account)).await
}

/// Keeps which form the last code came with.
async fn remember_answer(
    tx: &mut Tx,
    account: AccountId,
    answer: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE second_factor SET answer_hash = $2, answered_at = $3 WHERE account_id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(answer).bind(now)).await
}

async fn count_codes(db: &Db, account: AccountId) -> Result<u32, DbError> {
    const SELECT: &str = "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1";
    Ok(db.scalar(sql(SELECT).bind(account)).await?.unwrap_or(0))
}

/// Off or begun → begun with this secret; changes nothing where it is on.
async fn replace(tx: &mut Tx, account: AccountId, sealed: &str, now: Timestamp) -> Result<u64, DbError> {
    const UPSERT: &str = "
        INSERT INTO second_factor (account_id, encrypted_secret, last_step, created_at) VALUES ($1, $2, 0, $3)
        ON CONFLICT (account_id) DO UPDATE SET encrypted_secret = excluded.encrypted_secret, created_at = excluded.created_at
        WHERE second_factor.confirmed_at IS NULL";
    tx.execute(sql(UPSERT).bind(account).bind(sealed).bind(now)).await
}

/// Begun with this secret → on.
async fn switch_on(
    tx: &mut Tx,
    account: AccountId,
    sealed: &str,
    step: i64,
    now: Timestamp,
) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE second_factor SET confirmed_at = $4, last_step = $3
        WHERE account_id = $1 AND encrypted_secret = $2 AND confirmed_at IS NULL";
    tx.execute(sql(UPDATE).bind(account).bind(sealed).bind(step).bind(now))
        .await
}

/// Uses up a time step and all before it; 0 where it was used already.
async fn use_step(tx: &mut Tx, account: AccountId, step: i64) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE second_factor SET last_step = $2 WHERE account_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL";
    tx.execute(sql(UPDATE).bind(account).bind(step)).await
}

/// Uses up a recovery code; 0 where there is none.
async fn use_code(tx: &mut Tx, account: AccountId, hash: &str) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM recovery_code WHERE account_id = $1 AND code_hash = $2";
    tx.execute(sql(DELETE).bind(account).bind(hash)).await
}

/// On or begun → off.
async fn remove(tx: &mut Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute(sql("DELETE FROM recovery_code WHERE account_id = $1").bind(account))
        .await?;
    tx.execute(sql("DELETE FROM second_factor WHERE account_id = $1").bind(account))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::store;

    /// The secret of the examples in RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let totp = totp(SECRET.to_vec()).unwrap();
        // Appendix B has eight digits; six are their end.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(step_of(&totp, code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_or_late_and_however_it_is_spaced() {
        let totp = totp(SECRET.to_vec()).unwrap();
        let step = Some(1_111_111_109 / 30);
        for shift in [-30, 0, 30] {
            assert_eq!(step_of(&totp, "081 804", at(1_111_111_109 + shift)), step);
        }
        for shift in [-60, 60] {
            assert_eq!(step_of(&totp, "081804", at(1_111_111_109 + shift)), None);
        }
        for nonsense in ["", "08180", "0818044", "+81804", "０８１８０４"] {
            assert_eq!(step_of(&totp, nonsense, at(1_111_111_109)), None, "{nonsense}");
        }
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_written() {
        assert_eq!(normal(" O1aB-CdEf IjLk-0000 "), "01abcdef1j1k0000");
    }

    crate::contract! {
        async fn a_step_and_a_recovery_code_are_used_once(db: &Db) {
            let ann = store::tests::account(db, 1, "ann@example.org").await;
            let bob = store::tests::account(db, 2, "bob@example.org").await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(replace(&mut tx, ann, "first", at(1)).await.unwrap(), 1);
            assert_eq!(replace(&mut tx, ann, "second", at(2)).await.unwrap(), 1);
            assert_eq!(use_step(&mut tx, ann, 10).await.unwrap(), 0, "not on yet");
            assert_eq!(switch_on(&mut tx, ann, "first", 9, at(3)).await.unwrap(), 0, "that secret was replaced");
            assert_eq!(switch_on(&mut tx, ann, "second", 9, at(3)).await.unwrap(), 1);
            assert_eq!(replace(&mut tx, ann, "third", at(4)).await.unwrap(), 0, "it is on");
            for (step, taken) in [(9, 0), (10, 1), (10, 0), (9, 0), (11, 1)] {
                assert_eq!(use_step(&mut tx, ann, step).await.unwrap(), taken, "{step}");
            }
            tx.execute(sql("INSERT INTO recovery_code (account_id, code_hash, created_at) VALUES ($1, 'hash', 1)").bind(ann)).await.unwrap();
            assert_eq!(use_code(&mut tx, bob, "hash").await.unwrap(), 0);
            assert_eq!(use_code(&mut tx, ann, "hash").await.unwrap(), 1);
            assert_eq!(use_code(&mut tx, ann, "hash").await.unwrap(), 0);
            tx.commit().await.unwrap();
            assert!(is_on(db, ann).await.unwrap() && !is_on(db, bob).await.unwrap());
            assert_eq!(count_codes(db, ann).await.unwrap(), 0);
            let mut tx = db.begin().await.unwrap();
            remove(&mut tx, ann).await.unwrap();
            tx.commit().await.unwrap();
            assert!(!is_on(db, ann).await.unwrap());
        }
    }
}
