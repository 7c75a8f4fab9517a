//! Accounts: signing up, confirming the address, signing in with one factor or two, and changing what is in them.
//!
//! Answers are alike for addresses that have an account and those that have none, in time too: signing up always hashes a
//! password, writes one row and sends one mail; signing in always verifies a hash.

pub mod address;
mod email_address;
pub mod known_browsers;
mod mail_sign_up;
mod profile;
pub mod recovery;
pub mod second_factor;
pub mod security_log;
mod store;
mod throttle;

pub(crate) use email_address::key_of;
pub(crate) use mail_sign_up::MailSignUp;
pub(crate) use profile::prove;
pub use profile::{Proof, change_password, confirm_password, rename};

use std::time::Duration;

use model::{AccountId, ProblemCode, SignUpId, Timestamp};
use secrecy::SecretString;

use crate::{
    Backend, Error, Result,
    db::{Tx, sql},
    entropy,
    jobs::{self, EnqueueOptions},
    mail::{self, Notification},
    password,
    retention::ExpiredCount,
    sessions,
    signing::Purpose,
    tables::Table,
    transaction,
};
use email_address::check as check_email;
use security_log::{Outcome, SecurityEvent};
use store::SignUpRow;
use throttle::{Counter, Secret};

/// The tables of its rooms.
pub(crate) const TABLES: &[&[Table]] = &[
    store::TABLES,
    security_log::TABLES,
    recovery::TABLES,
    address::TABLES,
    second_factor::TABLES,
    throttle::TABLES,
];

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

/// What a browser carries of its past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browser {
    /// The token of its session, which ends with a new sign-in.
    pub session: Option<String>,
    /// That it has signed in before, see [`known_browsers`].
    pub known: Option<String>,
    /// That it has signed up, see [`sign_up`].
    pub sign_up: Option<String>,
}

/// What a browser is given when its person is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The token of the new session.
    pub session: String,
    /// That it has signed in, for [`Browser::known`].
    pub known: String,
}

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
/// about that. The answer is the same: what the browser shows to confirm without the password, as [`Browser::sign_up`].
///
/// # Errors
/// `Invalid` with the field at fault; `Unavailable` when too many sign up at once.
pub async fn sign_up(backend: &Backend, form: SignUp) -> Result<String> {
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
    tx.lock_name(&row.email_key).await?;
    let recent = store::sign_ups_since(&mut tx, &row.email_key, now.minus(MAIL_WINDOW)).await?;
    store::insert_sign_up(&mut tx, &row).await?;
    if recent < MAX_MAILS {
        let job = MailSignUp { sign_up: row.id };
        jobs::enqueue(&mut tx, backend, &job, EnqueueOptions::default()).await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(signed_id(backend, Purpose::SignUpBrowser, row.id))
}

/// Whether the e-mail of the sign-up that this browser did was given up, because no server took it. The same whether the address has
/// an account.
///
/// # Errors
/// The database does not answer.
pub async fn sign_up_was_not_mailed(backend: &Backend, browser: &Browser) -> Result<bool> {
    let shown = browser.sign_up.as_deref();
    match shown.and_then(|shown| verify_id(backend, Purpose::SignUpBrowser, shown)) {
        Some(sign_up) => jobs::is_dead(&backend.db, &MailSignUp { sign_up }).await,
        None => Ok(false),
    }
}

/// What a confirmation leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// The account is made, and the person is in.
    Now(Entered),
    /// The link was used before, and the account is there.
    Before,
}

/// Whether confirming by the link of `token` takes the password: the link shows who reads the mailbox, not who chose the
/// password of the sign-up, and a stranger may have. A browser that did that sign-up need not enter it again.
#[must_use]
pub fn confirming_takes_password(backend: &Backend, token: &str, browser: &Browser) -> bool {
    let of_link = verify_id(backend, Purpose::ConfirmSignUp, token);
    let of_browser = browser
        .sign_up
        .as_deref()
        .and_then(|shown| verify_id(backend, Purpose::SignUpBrowser, shown));
    of_link != of_browser
}

/// Makes the account of a confirmed sign-up and signs the person in. Where [`confirming_takes_password`], `password` has to be
/// the one that was chosen in that sign-up.
///
/// # Errors
/// `Invalid` on `password`; `RateLimited` after too many wrong ones; `NotFound` where the link is not ours, was used, or is
/// too old.
pub async fn confirm_sign_up(
    backend: &Backend,
    token: &str,
    password: SecretString,
    browser: &Browser,
) -> Result<Confirmed> {
    let gone = || {
        Error::problem(
            ProblemCode::NotFound,
            "This link is older than 24 hours, or its address has an account by another link. If you confirmed before, sign in; otherwise sign up again.",
        )
    };
    let id = verify_id(backend, Purpose::ConfirmSignUp, token).ok_or_else(gone)?;
    let now = backend.now();
    let Some(row) = store::find_sign_up(&backend.db, id, now).await? else {
        return confirmed_before(backend, id).await?.ok_or_else(gone);
    };
    if confirming_takes_password(backend, token, browser) {
        let counter = Counter::of_sign_up(backend, id);
        let _counted = throttle::attempt(backend, &counter).await?;
        if !backend.hasher.verify(password, Some(row.password_hash)).await? {
            return Err(Error::invalid(
                "password",
                "This is not the password that was chosen with this link. Check it for typing errors. If you have another e-mail of ours, use its link; otherwise sign up again.",
            ));
        }
    }
    let mut tx = backend.db.begin().await?;
    let Some(row) = store::take_sign_up(&mut tx, id, now).await? else {
        drop(tx);
        return confirmed_before(backend, id).await?.ok_or_else(gone);
    };
    let account = account_of(id);
    if !store::insert_account(&mut tx, account, &row, now).await? {
        return Err(gone());
    }
    store::forget_sign_ups(&mut tx, &row.email_key).await?;
    mail::enqueue(&mut tx, backend, account, Notification::Welcome).await?;
    let entered = enter(backend, tx, account, browser).await?;
    backend.wake.wake();
    Ok(Confirmed::Now(entered))
}

/// The account that a sign-up leads to: of the same id, so that a link that is used again is known for what it is.
const fn account_of(sign_up: SignUpId) -> AccountId {
    AccountId(sign_up.0)
}

async fn confirmed_before(backend: &Backend, id: SignUpId) -> Result<Option<Confirmed>> {
    let owner = store::find_owner(&backend.db, account_of(id)).await?;
    Ok(owner.map(|_| Confirmed::Before))
}

/// What a right password leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// The person is in.
    Entered(Entered),
    /// A code is needed, too; what [`sign_in_with_code`] has to be given with it.
    CodeNeeded(String),
}

/// What the form for signing in holds.
#[derive(Debug, Clone, Default)]
pub struct SignIn<'a> {
    /// The address, however it is written.
    pub email: &'a str,
    /// The password.
    pub password: SecretString,
    /// A code along with it, which is asked for where there is to be waited; else empty.
    pub code: &'a str,
    /// What the form is known by when it is sent twice.
    pub form: &'a str,
}

/// Signs in. Who has to wait gets in with the password and a code at once; every other answer is the same then, so that no
/// guess of the password is told whether it was right.
///
/// # Errors
/// `Invalid` on `password` where address and password do not belong together, whichever of them is wrong;
/// `RateLimited` after too many wrong tries.
pub async fn sign_in(backend: &Backend, form: SignIn<'_>, browser: &Browser) -> Result<SignedIn> {
    let email_key = key_of(form.email);
    let found = store::find_credentials(&backend.db, &email_key).await?;
    let (account, hash) = found.map_or((None, None), |row| (Some(row.id), Some(row.password_hash)));
    let number =
        account.and_then(|account| known_browsers::number(backend, browser.known.as_deref(), account));
    let tries = Tries {
        email_key: &email_key,
        account,
        number,
    };
    let counter = tries.of_passwords(backend);
    let attempt = throttle::attempt(backend, &counter).await;
    // In any case, so that the time of an answer says nothing either.
    let fits = backend.hasher.verify(form.password.clone(), hash.clone()).await?;
    let attempt = match attempt {
        Err(waits) if waits.code() == ProblemCode::RateLimited => {
            let owner = account.filter(|_| fits);
            return sign_in_with_both(backend, &form, tries, owner, browser)
                .await?
                .ok_or_else(|| {
                    Outcome::HadToWait.log();
                    waits
                });
        }
        counted => counted?,
    };
    let (Some(account), Some(hash), true) = (account, hash, fits) else {
        Outcome::WrongPassword.log();
        return Err(Error::invalid(
            "password",
            "Wrong e-mail or password. Check both for typing errors.",
        ));
    };
    let asks_for_code = second_factor::is_on(&backend.db, account).await?;
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(&mut tx, &counter, attempt).await?;
    if asks_for_code {
        tx.commit().await?;
        Outcome::CodeAsked.log();
        return Ok(SignedIn::CodeNeeded(second_step(backend, account, &hash)));
    }
    Ok(SignedIn::Entered(enter(backend, tx, account, browser).await?))
}

/// By whom and at what account passwords and codes are tried.
struct Tries<'a> {
    email_key: &'a str,
    account: Option<AccountId>,
    /// That of a browser that has signed in to it before.
    number: Option<&'a str>,
}

impl Tries<'_> {
    fn of_passwords(&self, backend: &Backend) -> Counter {
        match (self.account, self.number) {
            (Some(account), Some(number)) => Counter::of_browser(backend, account, number, Secret::Password),
            _ => Counter::of_address(backend, self.email_key, self.account),
        }
    }

    fn of_codes(&self, backend: &Backend) -> Counter {
        match (self.account, self.number) {
            (Some(account), Some(number)) => Counter::of_browser(backend, account, number, Secret::Code),
            (Some(account), None) => Counter::of_codes(backend, account),
            (None, _) => Counter::of_codes_in_vain(backend, self.email_key),
        }
    }
}

/// Signs in whoever has to wait and brings a right password and a right code at once; `None` for everything else, after the same
/// work. `owner` is there if the password is right: whose it is.
async fn sign_in_with_both(
    backend: &Backend,
    form: &SignIn<'_>,
    tries: Tries<'_>,
    owner: Option<AccountId>,
    browser: &Browser,
) -> Result<Option<SignedIn>> {
    if form.code.trim().is_empty() {
        return Ok(None);
    }
    // Whoever does not know the password cannot fill the count of codes, nor use one up.
    let codes = Tries {
        account: owner,
        ..tries
    }
    .of_codes(backend);
    let account = owner.unwrap_or_else(|| AccountId(backend.new_id()));
    match second_factor::check(backend, account, form.code, form.form, &codes).await {
        Err(error) if matches!(error.code(), ProblemCode::Invalid | ProblemCode::RateLimited) => {
            return Ok(None);
        }
        checked => checked?,
    }
    let mut tx = backend.db.begin().await?;
    throttle::clear(&mut tx, &tries.of_passwords(backend)).await?;
    let entered = enter(backend, tx, account, browser).await?;
    Ok(Some(SignedIn::Entered(entered)))
}

/// The second step of [`sign_in`]: a code of the authenticator app, or a recovery code.
///
/// # Errors
/// `Invalid` on `code`; `RateLimited` after too many wrong ones; `NotFound` when the password was entered too long ago.
pub async fn sign_in_with_code(
    backend: &Backend,
    step: &str,
    code: &str,
    browser: &Browser,
) -> Result<Entered> {
    let owner = verify_second_step(backend, step).await?.ok_or_else(|| {
        Error::problem(
            ProblemCode::NotFound,
            "You entered your password too long ago. Sign in from the beginning.",
        )
    })?;
    let account = owner.account;
    let tries = Tries {
        email_key: &owner.email_key,
        account: Some(account),
        number: known_browsers::number(backend, browser.known.as_deref(), account),
    };
    let checked = second_factor::check(backend, account, code, step, &tries.of_codes(backend)).await;
    match checked.as_ref().map_err(Error::code) {
        Err(ProblemCode::Invalid) => Outcome::WrongCode.log(),
        Err(ProblemCode::RateLimited) => Outcome::HadToWait.log(),
        _ => {}
    }
    checked?;
    let mut tx = backend.db.begin().await?;
    // Only now has the owner been seen: the password alone may be a thief's.
    throttle::clear(&mut tx, &tries.of_passwords(backend)).await?;
    enter(backend, tx, account, browser).await
}

/// Opens the session of somebody who has shown who they are, in place of the one that this browser had.
async fn enter(backend: &Backend, mut tx: Tx, account: AccountId, browser: &Browser) -> Result<Entered> {
    let session = sessions::open(backend, &mut tx, account).await?;
    security_log::record(&mut tx, backend, Some(account), SecurityEvent::SignedIn).await?;
    tx.commit().await?;
    Outcome::SignedIn.log();
    if let Some(old) = &browser.session {
        sessions::end(backend, old).await?;
    }
    Ok(Entered {
        session,
        known: known_browsers::remember(backend, browser.known.as_deref(), account),
    })
}

/// Ends every session of the account with this address, for the operator; how many. `None` where there is no account. The person reads it in the security log.
///
/// # Errors
/// The database does not answer.
pub async fn end_sessions_by_address(backend: &Backend, email: &str) -> Result<Option<u64>> {
    let Some(account) = find_by_address(backend, email).await? else {
        return Ok(None);
    };
    let ended = transaction!(backend.db, |tx| {
        security_log::record(tx, backend, Some(account), SecurityEvent::SignedOutByOperator).await?;
        Ok(sessions::end_all(tx, account, None).await?)
    })?;
    tracing::info!("the operator ended the sessions of an account");
    Ok(Some(ended))
}

/// Forgets sign-ups, requests and tries that have had their time; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let now = backend.now();
    let sign_ups = store::purge_sign_ups(&backend.db, now).await?;
    let resets = recovery::purge(&backend.db, now).await?;
    let addresses = address::purge(&backend.db, now).await?;
    let tries = throttle::purge(backend).await? + security_log::purge(backend).await?;
    Ok(sign_ups + resets + addresses + tries)
}

/// What [`purge`] would delete now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let (db, now) = (&backend.db, backend.now());
    Ok(vec![
        store::expired_sign_ups(db, now).await?,
        recovery::expired(db, now).await?,
        address::expired(db, now).await?,
        throttle::expired(backend).await?,
        security_log::expired(backend).await?,
    ])
}

/// The keyed hash that wrong passwords of an address are counted by.
pub(crate) fn address_hash(backend: &Backend, email_key: &str) -> String {
    throttle::address_hash(backend, email_key)
}

/// The account of an address, however it is written; `None` where there is none.
pub(crate) async fn find_by_address(backend: &Backend, email: &str) -> Result<Option<AccountId>> {
    const SELECT: &str = "SELECT id FROM account WHERE email_key = $1";
    Ok(backend.db.scalar(sql(SELECT).bind(key_of(email))).await?)
}

/// The id of a sign-up, signed for one purpose.
fn signed_id(backend: &Backend, purpose: Purpose, id: SignUpId) -> String {
    let id = id.to_string();
    let signature = backend.signer.sign(purpose, &[&id]);
    format!("{id}.{signature}")
}

fn verify_id(backend: &Backend, purpose: Purpose, signed: &str) -> Option<SignUpId> {
    let (id, signature) = signed.split_once('.')?;
    backend
        .signer
        .verify(purpose, &[id], signature)
        .then(|| id.parse().ok())
        .flatten()
}

/// What proves for a while that the password was right. It ends with the password, because its hash is in it.
fn second_step(backend: &Backend, account: AccountId, password_hash: &str) -> String {
    let account = account.to_string();
    let until = backend.now().plus(SECOND_STEP_WITHIN).0.to_string();
    // Of two sign-ins, each has its own: a code is taken again only where it was taken.
    let number = entropy::new_secret(&*backend.entropy);
    let signature = backend
        .signer
        .sign(Purpose::SecondStep, &[&account, &until, &number, password_hash]);
    format!("{account}.{until}.{number}.{signature}")
}

/// Whose password was right.
struct SecondStep {
    account: AccountId,
    email_key: String,
}

async fn verify_second_step(backend: &Backend, step: &str) -> Result<Option<SecondStep>> {
    let parts: Vec<&str> = step.split('.').collect();
    let [account, until, number, signature] = parts[..] else {
        return Ok(None);
    };
    let (Ok(id), Ok(end)) = (account.parse::<AccountId>(), until.parse()) else {
        return Ok(None);
    };
    let Some(owner) = store::find_owner(&backend.db, id).await? else {
        return Ok(None);
    };
    let parts = [account, until, number, &owner.password_hash];
    let is_ours = backend.signer.verify(Purpose::SecondStep, &parts, signature);
    Ok((is_ours && Timestamp(end) > backend.now()).then_some(SecondStep {
        account: id,
        email_key: owner.email_key,
    }))
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::invalid("display_name", "Enter a display name."));
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
