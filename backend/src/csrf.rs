//! CSRF tokens by the signed double submit (P22): a random seed in the cookie, and in the form or header a token that is
//! the keyed hash of session, seed and a fresh salt.
//!
//! The salt differs with every page, so that a compressed page never repeats the token (BREACH). The seed stays for
//! the life of the browser session and comes along from other sites' links, so that several open tabs do not refuse each other.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::SessionId;

use crate::{
    entropy::Entropy,
    signing::{Purpose, Signer},
};

/// A token for the session (or for nobody's session) and the seed in the browser's cookie.
#[must_use]
pub fn token(signer: &Signer, entropy: &dyn Entropy, session: Option<SessionId>, seed: &str) -> String {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let salt = URL_SAFE_NO_PAD.encode(salt);
    let signature = signer.sign(Purpose::Csrf, &[&subject(session), seed, &salt]);
    format!("{salt}.{signature}")
}

/// The seed of a browser that comes with a session and without a seed: one for all of its pages, so that those that are
/// loaded at once (a restored window) do not refuse each other.
#[must_use]
pub fn seed_of(signer: &Signer, session: SessionId) -> String {
    signer.sign(Purpose::CsrfSeed, &[&session.to_string()])
}

/// Whether `token` was made for this session and this seed.
#[must_use]
pub fn verify(signer: &Signer, session: Option<SessionId>, seed: &str, token: &str) -> bool {
    token.split_once('.').is_some_and(|(salt, signature)| {
        signer.verify(Purpose::Csrf, &[&subject(session), seed, salt], signature)
    })
}

fn subject(session: Option<SessionId>) -> String {
    session.map(|session| session.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use secrecy::SecretString;

    #[test]
    fn p22_a_token_fits_its_own_session_and_cookie_only() {
        let signer = Signer::new(SecretString::from("0123456789abcdef0123456789abcdef"));
        let entropy = SeededEntropy::new(1);
        let session = Some(SessionId(uuid::Uuid::from_u128(1)));
        let first = token(&signer, &entropy, session, "seed");
        assert_ne!(
            first,
            token(&signer, &entropy, session, "seed"),
            "the salt is fresh"
        );
        assert!(verify(&signer, session, "seed", &first));
        assert!(!verify(&signer, None, "seed", &first));
        assert!(!verify(
            &signer,
            Some(SessionId(uuid::Uuid::from_u128(2))),
            "seed",
            &first
        ));
        assert!(!verify(&signer, session, "another seed", &first));
        assert!(!verify(&signer, session, "seed", "nonsense"));
    }
}
