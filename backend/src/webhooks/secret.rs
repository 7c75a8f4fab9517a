//! The secret of an endpoint: `mlwhs_` and 256 random bits as base64url. Its SHA-256 is the key of the signatures, and all that is
//! stored (P28): sealed with the key of the installation, because the hash is enough to sign. The libraries of Standard Webhooks take
//! the same key as `whsec_` and base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::WebhookEndpointId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::sign::Key;
use crate::{
    Backend, Error, Result, encryption,
    entropy::{self, Entropy},
    signing::Purpose,
};

const PREFIX: &str = "mlwhs_";
const STANDARD_PREFIX: &str = "whsec_";

/// How many characters of its end are kept, so that people can tell secrets apart.
const HINT_CHARS: usize = 4;

/// A secret that was just made, to be shown once.
#[derive(Debug, Clone)]
pub struct FreshSecret {
    text: SecretString,
    key: Key,
}

impl FreshSecret {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let text = format!("{PREFIX}{}", entropy::new_secret(entropy));
        Self {
            key: Key::new(Sha256::digest(text.as_bytes()).into()),
            text: SecretString::from(text),
        }
    }

    /// `mlwhs_…`
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// The key as libraries of Standard Webhooks take it: `whsec_…`.
    #[must_use]
    pub fn standard(&self) -> String {
        format!("{STANDARD_PREFIX}{}", STANDARD.encode(self.key.bytes()))
    }

    /// Its last characters.
    pub(super) fn hint(&self) -> &str {
        let text = self.text();
        &text[text.len() - HINT_CHARS..]
    }

    /// What is stored of it, for the endpoint that it belongs to.
    pub(super) fn sealed(&self, backend: &Backend, id: WebhookEndpointId) -> Result<String> {
        encryption::seal(
            &backend.signer,
            &*backend.entropy,
            Purpose::SealWebhookSecret,
            &id.to_string(),
            self.key.bytes(),
        )
    }
}

/// The key that [`FreshSecret::sealed`] sealed.
pub(super) fn open(backend: &Backend, id: WebhookEndpointId, sealed: &str) -> Result<Key> {
    let opened = encryption::open(
        &backend.signer,
        Purpose::SealWebhookSecret,
        &id.to_string(),
        sealed,
    )?;
    let key: [u8; 32] = opened
        .try_into()
        .map_err(|_| Error::internal("a sealed secret has another length"))?;
    Ok(Key::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn both_forms_of_a_secret_are_the_same_key() {
        let secret = FreshSecret::new(&SeededEntropy::new(1));
        let text = secret.text();
        assert_eq!(text.len(), "mlwhs_".len() + 43);
        let standard = secret.standard();
        let key = STANDARD.decode(standard.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key, Sha256::digest(text.as_bytes()).to_vec());
        assert!(text.ends_with(secret.hint()));
        assert!(
            !format!("{secret:?}").contains(&text[6..]),
            "not even in a debug text"
        );
    }
}
