//! Browsers that have signed in to an account before. Their wrong tries are counted apart, so that whoever fills the count
//! of an address from elsewhere shuts out nobody who has been here.
//!
//! The cookie holds a random number, and a signature of it for each of the last accounts; we keep nothing. It opens nothing:
//! it only says by which counter a try goes.

use std::time::Duration;

use model::AccountId;

use crate::{Backend, entropy, signing::Purpose};

/// How long a browser stays known after its last sign-in.
pub const KNOWN_FOR: Duration = Duration::from_secs(180 * 24 * 3600);

/// Accounts of one browser; a further one takes the place of the oldest.
const MAX_ACCOUNTS: usize = 4;

/// The number of the browser whose cookie is `cookie`, if it has signed in to `account`.
pub(super) fn number<'a>(backend: &Backend, cookie: Option<&'a str>, account: AccountId) -> Option<&'a str> {
    let (number, signatures) = cookie?.split_once('.')?;
    let account = account.to_string();
    signatures
        .split('.')
        .take(MAX_ACCOUNTS)
        .any(|signature| {
            backend
                .signer
                .verify(Purpose::KnownBrowser, &[number, &account], signature)
        })
        .then_some(number)
}

/// The cookie of a browser that has just signed in to `account`, in place of `cookie`.
pub(super) fn remember(backend: &Backend, cookie: Option<&str>, account: AccountId) -> String {
    let (number, signatures) = match cookie.and_then(|cookie| cookie.split_once('.')) {
        // A number that is not ours has no signature that fits, and can be anything.
        Some((number, signatures)) if number.len() == entropy::SECRET_CHARS => {
            (number.to_owned(), signatures)
        }
        _ => (entropy::new_secret(&*backend.entropy), ""),
    };
    let new = backend
        .signer
        .sign(Purpose::KnownBrowser, &[&number, &account.to_string()]);
    let others = signatures
        .split('.')
        .filter(|other| *other != new && other.len() == new.len())
        .take(MAX_ACCOUNTS - 1);
    std::iter::once(number.as_str())
        .chain(std::iter::once(new.as_str()))
        .chain(others)
        .collect::<Vec<_>>()
        .join(".")
}
