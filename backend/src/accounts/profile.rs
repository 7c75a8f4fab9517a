//! What a person changes of their own account (P13), and entering the password again.

use secrecy::SecretString;

use super::{check_name, store, throttle};
use crate::{
    Actor, Backend, Error, Result, User,
    mail::{self, Notification},
    password, sessions,
};

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

/// Changes the password. Every other session ends, and the person is told by mail; the new token of this session.
///
/// # Errors
/// `Invalid` on `current` or `password`; `RateLimited` after too many wrong ones.
pub async fn change_password(
    backend: &Backend,
    actor: &Actor,
    current: SecretString,
    new: SecretString,
) -> Result<String> {
    let user = actor.user()?;
    let email_key = verify(backend, user, current, "current").await?;
    password::check_new(&backend.hasher, &new, &user.email, &user.display_name).await?;
    let hash = backend.hasher.hash(&*backend.entropy, new).await?;
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(backend, &mut tx, &email_key).await?;
    store::set_password(&mut tx, user.account, &hash).await?;
    sessions::end_all(&mut tx, user.account, Some(user.session)).await?;
    super::recovery::forget(&mut tx, user.account).await?;
    let token = sessions::renew(backend, &mut tx, user.session).await?;
    mail::enqueue(&mut tx, backend, user.account, Notification::PasswordChanged).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(token)
}

/// Takes the password again, so that what is dangerous may be done for a while; the new token of this session.
///
/// # Errors
/// `Invalid` on `password`; `RateLimited` after too many wrong ones.
pub async fn confirm_password(backend: &Backend, actor: &Actor, password: SecretString) -> Result<String> {
    let user = actor.user()?;
    let email_key = verify(backend, user, password, "password").await?;
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(backend, &mut tx, &email_key).await?;
    let token = sessions::renew(backend, &mut tx, user.session).await?;
    tx.commit().await?;
    Ok(token)
}

/// Whether whoever sits there knows the password: asked before what cannot be undone.
///
/// # Errors
/// `Invalid` on `password`; `RateLimited` after too many wrong ones.
pub(crate) async fn prove(backend: &Backend, user: &User, password: SecretString) -> Result<()> {
    let email_key = verify(backend, user, password, "password").await?;
    let mut tx = backend.db.begin().await?;
    throttle::succeeded(backend, &mut tx, &email_key).await?;
    Ok(tx.commit().await?)
}

/// Whether `password` is the person's; the key under which the try is counted.
async fn verify(
    backend: &Backend,
    user: &User,
    password: SecretString,
    field: &'static str,
) -> Result<String> {
    let owner = store::find_owner(&backend.db, user.account)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    throttle::attempt(backend, &owner.email_key).await?;
    if backend.hasher.verify(password, Some(owner.password_hash)).await? {
        Ok(owner.email_key)
    } else {
        Err(Error::invalid(
            field,
            "This is not your password. Check it for typing errors.",
        ))
    }
}
