//! Accounts: signing up, confirming the address, signing in with one factor or two, and changing what is in them.
//!
//! Answers are alike for addresses that have an account and those that have none, in time too: signing up always hashes a
//! password, writes one row and sends one mail; signing in always verifies a hash.

pub mod address;
mod mail_sign_up;
mod profile;
pub mod recovery;
pub mod second_factor;
mod store;
mod throttle;

pub(crate) use mail_sign_up::MailSignUp;
pub(crate) use profile::prove;
pub use profile::{change_password, confirm_password, rename};

use std::time::Duration;

use model::{AccountId, ProblemCode, SignUpId, Timestamp};
use secrecy::SecretString;

use crate::{
    Backend, Error, Result,
    db::{Tx, sql},
    jobs::{self, EnqueueOptions},
    mail::{self, Notification},
    password,
    retention::ExpiredCount,
    sessions,
    signing::Purpose,
};
use store::SignUpRow;

/// The version of the Terms that a sign-up accepts: the day they were published.
pub const TERMS_VERSION: &str = "2026-11-24";

/// The youngest who may have an account, in years (P18).
pub const MIN_AGE: u32 = 13;

/// How long the link in the confirmation mail works.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// How long a person has for the code after the password.
const SECOND_STEP_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Confirmation mails that one address gets within [`MAIL_WINDOW`]; further sign-ups answer the same and send nothing.
const MAX_MAILS: usize = 3;
const MAIL_WINDOW: Duration = Duration::from_secs(3600);

/// The most characters of a display name.
const MAX_NAME: usize = 60;

/// The most bytes of an address (RFC 5321 4.5.3.1.3).
const MAX_EMAIL: usize = 254;

/// What the sign-up form holds.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// How the person wants to be called.
    pub display_name: String,
    /// Their address.
    pub email: String,
    /// Their new password.
    pub password: SecretString,
    /// "I am 13 or older".
    pub age_ok: bool,
    /// "I accept the terms".
    pub terms_ok: bool,
}

/// Takes a sign-up and sends a mail to its address: a link to confirm it, or, where there is an account already, a word
/// about that. The answer is the same.
///
/// # Errors
/// `Invalid` with the field at fault; `Unavailable` when too many sign up at once.
pub async fn sign_up(backend: &Backend, form: SignUp) -> Result<()> {
    let display_name = check_name(&form.display_name)?;
    let email = check_email(&form.email)?;
    if !form.age_ok {
        return Err(Error::invalid(
            "age_ok",
            format!(
                "MixLens is for people of {MIN_AGE} and older. If you are, tick the box; if not, you cannot have an account yet."
            ),
        ));
    }
    if !form.terms_ok {
        return Err(Error::invalid(
            "terms_ok",
            "An account needs your agreement to the terms. Tick the box if you agree.",
        ));
    }
    password::check_new(&backend.hasher, &form.password, &email, &display_name).await?;

    let password_hash = backend.hasher.hash(&*backend.entropy, form.password).await?;
    let now = backend.now();
    let row = SignUpRow {
        id: SignUpId(backend.new_id()),
        email_key: key_of(&email),
        email,
        display_name,
        password_hash,
        terms_version: TERMS_VERSION.to_owned(),
        created_at: now,
        expires_at: now.plus(CONFIRM_WITHIN),
    };
    let mut tx = backend.db.begin().await?;
    let recent = store::sign_ups_since(&mut tx, &row.email_key, now.minus(MAIL_WINDOW)).await?;
    store::insert_sign_up(&mut tx, &row).await?;
    if recent < MAX_MAILS {
        let job = MailSignUp { sign_up: row.id };
        jobs::enqueue(&mut tx, backend, &job, EnqueueOptions::default()).await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(())
}

/// Makes the account of a confirmed sign-up and signs the person in; the session's token.
///
/// # Errors
/// `NotFound` where the link is not ours, was used, or is too old.
pub async fn confirm_sign_up(backend: &Backend, token: &str) -> Result<String> {
    let gone = || {
        Error::problem(
            ProblemCode::NotFound,
            "This link was used already or is older than 24 hours. If you confirmed before, sign in; otherwise sign up again.",
        )
    };
    let id = verify_confirmation(backend, token).ok_or_else(gone)?;
    let now = backend.now();
    let mut tx = backend.db.begin().await?;
    let row = store::take_sign_up(&mut tx, id, now).await?.ok_or_else(gone)?;
    let account = AccountId(backend.new_id());
    if !store::insert_account(&mut tx, account, &row, now).await? {
        return Err(gone());
    }
    store::forget_sign_ups(&mut tx, &row.email_key).await?;
    let session = sessions::open(backend, &mut tx, account).await?;
    mail::enqueue(&mut tx, backend, account, Notification::Welcome).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(session)
}

/// What a right password leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// The person is in; the token of the new session.
    Session(String),
    /// A code is needed, too; what [`sign_in_with_code`] has to be given with it.
    CodeNeeded(String),
}

/// Signs in. `replaces` is the token of the session that this browser had, which ends.
///
/// # Errors
/// `Invalid` on `password` where address and password do not belong together, whichever of them is wrong;
/// `RateLimited` after too many wrong tries.
pub async fn sign_in(
    backend: &Backend,
    email: &str,
    password: SecretString,
    replaces: Option<&str>,
) -> Result<SignedIn> {
    let email_key = key_of(email);
    throttle::attempt(backend, &email_key).await?;
    let found = store::find_credentials(&backend.db, &email_key).await?;
    let (account, hash) = found.map_or((None, None), |row| (Some(row.id), Some(row.password_hash)));
    let fits = backend.hasher.verify(password, hash.clone()).await?;
    let (Some(account), Some(hash), true) = (account, hash, fits) else {
        return Err(Error::invalid(
            "password",
            "This address and this password do not belong together. Check both for typing errors.",
        ));
    };
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(backend, &mut tx, &email_key).await?;
    if second_factor::is_on(&backend.db, account).await? {
        tx.commit().await?;
        return Ok(SignedIn::CodeNeeded(second_step(backend, account, &hash)));
    }
    enter(backend, tx, account, replaces).await.map(SignedIn::Session)
}

/// The second step of [`sign_in`]: a code of the authenticator app, or a recovery code. The token of the new session.
///
/// # Errors
/// `Invalid` on `code`; `RateLimited` after too many wrong ones; `NotFound` when the password was entered too long ago.
pub async fn sign_in_with_code(
    backend: &Backend,
    step: &str,
    code: &str,
    replaces: Option<&str>,
) -> Result<String> {
    let account = verify_second_step(backend, step).await?.ok_or_else(|| {
        Error::problem(
            ProblemCode::NotFound,
            "You entered your password too long ago. Sign in from the beginning.",
        )
    })?;
    second_factor::check(backend, account, code).await?;
    enter(backend, backend.db.begin().await?, account, replaces).await
}

/// Opens the session of somebody who has shown who they are, in place of the one that this browser had.
async fn enter(backend: &Backend, mut tx: Tx, account: AccountId, replaces: Option<&str>) -> Result<String> {
    let session = sessions::open(backend, &mut tx, account).await?;
    tx.commit().await?;
    if let Some(old) = replaces {
        sessions::end(backend, old).await?;
    }
    Ok(session)
}

/// Forgets sign-ups, requests and tries that have had their time; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let now = backend.now();
    let sign_ups = store::purge_sign_ups(&backend.db, now).await?;
    let resets = recovery::purge(&backend.db, now).await?;
    let addresses = address::purge(&backend.db, now).await?;
    Ok(sign_ups + resets + addresses + throttle::purge(backend).await?)
}

/// What [`purge`] would delete now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let (db, now) = (&backend.db, backend.now());
    Ok(vec![
        store::expired_sign_ups(db, now).await?,
        recovery::expired(db, now).await?,
        address::expired(db, now).await?,
        throttle::expired(backend).await?,
    ])
}

/// The keyed hashes that a person's wrong tries are counted by.
#[derive(Debug, Clone)]
pub(crate) struct TryHashes {
    /// Of wrong passwords.
    pub(crate) passwords: String,
    /// Of wrong codes.
    pub(crate) codes: String,
}

/// What the wrong tries of a person are counted by.
pub(crate) fn try_hashes(backend: &Backend, account: AccountId, email_key: &str) -> TryHashes {
    TryHashes {
        passwords: throttle::subject(backend, email_key),
        codes: throttle::subject(backend, &second_factor::throttle_key(account)),
    }
}

/// The account of an address, however it is written; `None` where there is none.
pub(crate) async fn find_by_address(backend: &Backend, email: &str) -> Result<Option<AccountId>> {
    const SELECT: &str = "SELECT id FROM account WHERE email_key = $1";
    Ok(backend.db.scalar(sql(SELECT).bind(key_of(email))).await?)
}

/// An address is looked up trimmed and in lower case: people type theirs both ways.
pub(crate) fn key_of(email: &str) -> String {
    email.trim().to_lowercase()
}

fn confirmation_token(backend: &Backend, id: SignUpId) -> String {
    let id = id.to_string();
    let signature = backend.signer.sign(Purpose::ConfirmSignUp, &[&id]);
    format!("{id}.{signature}")
}

fn verify_confirmation(backend: &Backend, token: &str) -> Option<SignUpId> {
    let (id, signature) = token.split_once('.')?;
    backend
        .signer
        .verify(Purpose::ConfirmSignUp, &[id], signature)
        .then(|| id.parse().ok())
        .flatten()
}

/// What proves for a while that the password was right. It ends with the password, because its hash is in it.
fn second_step(backend: &Backend, account: AccountId, password_hash: &str) -> String {
    let account = account.to_string();
    let until = backend.now().plus(SECOND_STEP_WITHIN).0.to_string();
    let signature = backend
        .signer
        .sign(Purpose::SecondStep, &[&account, &until, password_hash]);
    format!("{account}.{until}.{signature}")
}

async fn verify_second_step(backend: &Backend, step: &str) -> Result<Option<AccountId>> {
    let mut parts = step.splitn(3, '.');
    let (Some(account), Some(until), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let (Ok(id), Ok(end)) = (account.parse::<AccountId>(), until.parse()) else {
        return Ok(None);
    };
    let Some(owner) = store::find_owner(&backend.db, id).await? else {
        return Ok(None);
    };
    let parts = [account, until, &owner.password_hash];
    let is_ours = backend.signer.verify(Purpose::SecondStep, &parts, signature);
    Ok((is_ours && Timestamp(end) > backend.now()).then_some(id))
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::invalid(
            "display_name",
            "Tell us how you want to be called.",
        ));
    }
    if name.chars().count() > MAX_NAME {
        return Err(Error::invalid(
            "display_name",
            format!("Use at most {MAX_NAME} characters."),
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "display_name",
            "Use letters, digits and signs only; no line breaks.",
        ));
    }
    Ok(name.to_owned())
}

/// Whether mail could go to `email`; only the confirmation proves that it does.
fn check_email(email: &str) -> Result<String> {
    let email = email.trim();
    let parses = email.parse::<lettre::Address>().is_ok();
    let has_dotted_domain = email
        .rsplit_once('@')
        .is_some_and(|(_, domain)| domain.contains('.'));
    if email.len() > MAX_EMAIL || !parses || !has_dotted_domain {
        return Err(Error::invalid(
            "email",
            "Give a whole e-mail address, such as ann@example.org.",
        ));
    }
    Ok(email.to_owned())
}
