//! Secrets that have to be read again: sealed with XChaCha20-Poly1305 under a key that follows from the installation's
//! secret key, so that a copy of the database alone opens none. Bound to whose they are.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};

use crate::{
    Error, Result,
    entropy::Entropy,
    signing::{Purpose, Signer},
};

const NONCE_BYTES: usize = 24;

/// `secret` as text that only the same installation opens, for the same `owner`. Nonces of 192 bits may be random.
pub(crate) fn seal(
    signer: &Signer,
    entropy: &dyn Entropy,
    purpose: Purpose,
    owner: &str,
    secret: &[u8],
) -> Result<String> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let payload = Payload {
        msg: secret,
        aad: owner.as_bytes(),
    };
    let sealed = cipher(signer, purpose)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::internal("a secret could not be sealed"))?;
    Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
}

/// What [`seal`] sealed.
pub(crate) fn open(signer: &Signer, purpose: Purpose, owner: &str, sealed: &str) -> Result<Vec<u8>> {
    let broken = || Error::internal("a sealed secret does not open: was secret_key changed?");
    let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| broken())?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
    let payload = Payload {
        msg: sealed,
        aad: owner.as_bytes(),
    };
    cipher(signer, purpose)
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| broken())
}

fn cipher(signer: &Signer, purpose: Purpose) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&signer.derive(purpose).into())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::entropy::SeededEntropy;

    fn signer(key: &str) -> Signer {
        Signer::new(SecretString::from(key))
    }

    #[test]
    fn an_encrypted_secret_opens_for_its_owner_under_its_key_only() {
        let ours = signer("0123456789abcdef0123456789abcdef");
        let entropy = SeededEntropy::new(1);
        let sealed = seal(&ours, &entropy, Purpose::SealSecondFactor, "ann", b"secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_ne!(
            sealed,
            seal(&ours, &entropy, Purpose::SealSecondFactor, "ann", b"secret").unwrap(),
            "the nonce is fresh"
        );
        assert_eq!(
            open(&ours, Purpose::SealSecondFactor, "ann", &sealed).unwrap(),
            b"secret"
        );
        assert!(open(&ours, Purpose::SealSecondFactor, "bob", &sealed).is_err());
        assert!(open(&ours, Purpose::Csrf, "ann", &sealed).is_err());
        let theirs = signer("another key of more than 32 characters");
        assert!(open(&theirs, Purpose::SealSecondFactor, "ann", &sealed).is_err());
        let mut changed = sealed.clone().into_bytes();
        changed[40] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(open(&ours, Purpose::SealSecondFactor, "ann", &changed).is_err());
        assert!(open(&ours, Purpose::SealSecondFactor, "ann", "short").is_err());
    }
}
