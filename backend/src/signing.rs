//! Keyed hashes: CSRF tokens, links in mail, subjects of throttles. One secret key, one purpose a use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What a keyed hash is for. Hashes of different purposes never equal each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Csrf,
    CsrfSeed,
    ConfirmSignUp,
    SignUpBrowser,
    KnownBrowser,
    SignInThrottle,
    PasswordReset,
    ConfirmAddress,
    SecondStep,
    RecoveryCode,
    DeclineMail,
    SealSecondFactor,
    Share,
    SealWebhookSecret,
    RedisNames,
    SharedRate,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Csrf => "csrf",
            Self::CsrfSeed => "csrf-seed",
            Self::SignUpBrowser => "sign-up-browser",
            Self::KnownBrowser => "known-browser",
            Self::ConfirmSignUp => "confirm-sign-up",
            Self::SignInThrottle => "sign-in-throttle",
            Self::PasswordReset => "password-reset",
            Self::ConfirmAddress => "confirm-address",
            Self::SecondStep => "second-step",
            Self::RecoveryCode => "recovery-code",
            Self::DeclineMail => "decline-mail",
            Self::SealSecondFactor => "seal-second-factor",
            Self::Share => "share",
            Self::SealWebhookSecret => "seal-webhook-secret",
            Self::RedisNames => "redis-names",
            Self::SharedRate => "shared-rate",
        }
    }
}

/// Signs and verifies with the installation's secret key (HMAC-SHA256).
#[derive(Debug, Clone)]
pub struct Signer(SecretString);

impl Signer {
    /// A signer of `key`, of at least 32 characters.
    #[must_use]
    pub const fn new(key: SecretString) -> Self {
        Self(key)
    }

    /// The keyed hash of `parts`, as base64url. Each part is preceded by its length, so that no two lists of parts
    /// read the same.
    pub(crate) fn sign(&self, purpose: Purpose, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, parts).finalize().into_bytes())
    }

    /// Whether `signature` is the one of `parts`, compared in constant time.
    pub(crate) fn verify(&self, purpose: Purpose, parts: &[&str], signature: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|signature| self.mac(purpose, parts).verify_slice(&signature).is_ok())
    }

    /// A key of 256 bits for `purpose`, for ciphers.
    pub(crate) fn derive(&self, purpose: Purpose) -> [u8; 32] {
        self.mac(purpose, &["key"]).finalize().into_bytes().into()
    }

    fn mac(&self, purpose: Purpose, parts: &[&str]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()).expect("any length is a key");
        for part in std::iter::once(&purpose.label()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

/// SHA-256 as hex: what is stored of a secret of full entropy, which needs no slow hash (ASVS 6.5.2).
pub(crate) fn sha256_hex(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(SecretString::from("0123456789abcdef0123456789abcdef"))
    }

    #[test]
    fn a_signature_fits_its_purpose_and_its_parts_only() {
        let signature = signer().sign(Purpose::Csrf, &["ab", "c"]);
        assert!(signer().verify(Purpose::Csrf, &["ab", "c"], &signature));
        assert!(!signer().verify(Purpose::Csrf, &["a", "bc"], &signature));
        assert!(!signer().verify(Purpose::ConfirmSignUp, &["ab", "c"], &signature));
        assert!(
            !Signer::new(SecretString::from("another key of more than 32 characters")).verify(
                Purpose::Csrf,
                &["ab", "c"],
                &signature
            )
        );
    }

    #[test]
    fn nonsense_is_no_signature() {
        assert!(!signer().verify(Purpose::Csrf, &[], ""));
        assert!(!signer().verify(Purpose::Csrf, &[], "!!"));
    }
}
