//! What a person changes of their own account (P13), and proving again who they are.

use model::ProblemCode;
use secrecy::SecretString;

use super::{
    check_name,
    second_factor::{self, Guarded},
    security_log::{self, SecurityEvent},
    store,
    throttle::{self, Counter, Secret},
};
use crate::{
    Actor, Backend, Error, Result, User,
    mail::{self, Notification},
    password, sessions, transaction,
};

/// What a signed-in person enters to show that it is them: the password, and a code where the second factor is on.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Their password.
    pub password: SecretString,
    /// A fresh code of the authenticator app, or a recovery code; empty where the second factor is off.
    pub code: String,
}

/// Changes the name that the person is called by.
///
/// # Errors
/// `Invalid` on `display_name`.
pub async fn rename(backend: &Backend, actor: &Actor, name: &str) -> Result<()> {
    let user = actor.user()?;
    let name = check_name(name)?;
    store::set_name(&backend.db, user.account, &name).await?;
    Ok(())
}

/// Changes the password. Every other session ends, and the person is notified; the new token of this session.
///
/// # Errors
/// `Invalid` on `current`, `code` or `password`; `RateLimited` after too many wrong ones.
pub async fn change_password(
    backend: &Backend,
    actor: &Actor,
    current: Proof,
    new: SecretString,
) -> Result<String> {
    let user = actor.user()?;
    if let Err(error) = check_password(backend, user, current.password, "current").await {
        // A form that is sent a second time: the new password is in force.
        if error.code() == ProblemCode::Invalid && is_password(backend, user, new.clone()).await? {
            // With its code, which is taken again for a moment: the session is confirmed by this as by the first one.
            second_factor::prove(backend, user, Guarded::ChangePassword, &current.code).await?;
            return renew(backend, user).await;
        }
        return Err(error);
    }
    // Before the code, which is good once.
    password::check_new(&backend.hasher, &new, &user.email, &user.display_name).await?;
    second_factor::prove(backend, user, Guarded::ChangePassword, &current.code).await?;
    let hash = backend.hasher.hash(&*backend.entropy, new).await?;
    let mut tx = backend.db.begin().await?;
    store::set_password(&mut tx, user.account, &hash).await?;
    sessions::end_all(&mut tx, user.account, Some(user.session)).await?;
    super::recovery::forget(&mut tx, user.account).await?;
    super::address::forget_pending(&mut tx, user.account, backend.now()).await?;
    let token = sessions::renew(backend, &mut tx, user.session).await?;
    security_log::record(
        &mut tx,
        backend,
        Some(user.account),
        SecurityEvent::PasswordChanged,
    )
    .await?;
    mail::enqueue(&mut tx, backend, user.account, Notification::PasswordChanged).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(token)
}

/// Takes the password again, and a code where the second factor is on, so that what is dangerous may be done for a while; the
/// new token of this session.
///
/// # Errors
/// `Invalid` on `password` or `code`; `RateLimited` after too many wrong ones.
pub async fn confirm_password(backend: &Backend, actor: &Actor, proof: Proof) -> Result<String> {
    let user = actor.user()?;
    prove(backend, user, Guarded::Confirm, proof).await?;
    renew(backend, user).await
}

async fn renew(backend: &Backend, user: &User) -> Result<String> {
    transaction!(backend.db, |tx| {
        sessions::renew(backend, tx, user.session).await
    })
}

/// Whether whoever sits there is the person: asked before what cannot be undone.
///
/// # Errors
/// `Invalid` on `password` or `code`; `RateLimited` after too many wrong ones.
pub(crate) async fn prove(backend: &Backend, user: &User, guarded: Guarded, proof: Proof) -> Result<()> {
    check_password(backend, user, proof.password, "password").await?;
    second_factor::prove(backend, user, guarded, &proof.code).await
}

/// Whether `password` is the person's. Wrong ones count for this session alone.
async fn check_password(
    backend: &Backend,
    user: &User,
    password: SecretString,
    field: &'static str,
) -> Result<()> {
    let counter = Counter::of_session(backend, user, Secret::Password);
    let attempt = throttle::attempt(backend, &counter).await?;
    if !is_password(backend, user, password).await? {
        return Err(Error::invalid(
            field,
            "This is not your password. Check it for typing errors.",
        ));
    }
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(&mut tx, &counter, attempt).await?;
    Ok(tx.commit().await?)
}

async fn is_password(backend: &Backend, user: &User, password: SecretString) -> Result<bool> {
    let owner = store::find_owner(&backend.db, user.account)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    backend.hasher.verify(password, Some(owner.password_hash)).await
}
