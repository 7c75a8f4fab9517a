//! The text of a token: `mlp_`, 30 base62 characters of randomness (178 bits), and 6 that check them.
//!
//! The check (CRC-32 of the 30, in base62, as other APIs lay theirs out) tells a typing error from a token without asking the
//! database, and lets scanners that look for leaked secrets report few false ones.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{entropy::Entropy, signing::sha256_hex};

/// What every token begins with.
pub const PREFIX: &str = "mlp_";

const RANDOM_CHARS: usize = 30;
const CHECK_CHARS: usize = 6;

/// How many characters of its end are kept, so that people can tell their tokens apart.
const HINT_CHARS: usize = 4;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token that is well-formed; whether it is anybody's, the database knows.
#[derive(Debug, Clone)]
pub(super) struct TokenSecret(SecretString);

impl TokenSecret {
    /// A fresh one.
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let random = random_base62(entropy);
        Self(SecretString::from(format!(
            "{PREFIX}{random}{}",
            check_of(&random)
        )))
    }

    /// `text`, where its check fits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_base62 = rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if rest.len() != RANDOM_CHARS + CHECK_CHARS || !is_base62 {
            return None;
        }
        let (random, check) = rest.split_at(RANDOM_CHARS);
        (check == check_of(random)).then(|| Self(SecretString::from(text)))
    }

    /// What is stored of it (P28).
    pub(super) fn hash(&self) -> String {
        sha256_hex(self.0.expose_secret())
    }

    /// Its last characters.
    pub(super) fn hint(&self) -> &str {
        let text = self.0.expose_secret();
        &text[text.len() - HINT_CHARS..]
    }

    /// The whole of it, to be shown once.
    pub(super) fn into_text(self) -> SecretString {
        self.0
    }
}

/// Every character is as likely as every other: bytes beyond the last whole multiple of 62 are drawn again.
fn random_base62(entropy: &dyn Entropy) -> String {
    const FAIR: u8 = 248;
    let mut text = String::with_capacity(RANDOM_CHARS);
    while text.len() < RANDOM_CHARS {
        let mut bytes = [0; RANDOM_CHARS];
        entropy.fill(&mut bytes);
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let missing = RANDOM_CHARS - text.len();
        text.extend(
            fair.take(missing)
                .map(|byte| char::from(BASE62[usize::from(byte % 62)])),
        );
    }
    text
}

fn check_of(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut check = [b'0'; CHECK_CHARS];
    for place in check.iter_mut().rev() {
        *place = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    check.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_token_is_mlp_and_36_characters_of_base62_and_reads_back() {
        let entropy = SeededEntropy::new(1);
        for _ in 0..1000 {
            let token = TokenSecret::new(&entropy);
            let text = token.clone().into_text();
            let text = text.expose_secret();
            assert_eq!(text.len(), 40);
            assert!(text.starts_with("mlp_") && text[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let read = TokenSecret::parse(text).unwrap();
            assert_eq!(read.hash(), token.hash());
            assert!(text.ends_with(read.hint()));
        }
    }

    #[test]
    fn one_wrong_character_anywhere_is_no_token() {
        let text = TokenSecret::new(&SeededEntropy::new(2)).into_text();
        let text = text.expose_secret();
        for at in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(TokenSecret::parse(&wrong).is_none(), "{at}");
        }
        for wrong in [
            "",
            "mlp_",
            "mlp_é",
            &text[1..],
            &format!("{text}0"),
            &format!(" {text}"),
        ] {
            assert!(TokenSecret::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn every_character_of_base62_is_as_likely_as_every_other() {
        let entropy = SeededEntropy::new(3);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..20_000 {
            for letter in random_base62(&entropy).chars() {
                *counts.entry(letter).or_insert(0_i64) += 1;
            }
        }
        let expected = 20_000 * 30 / 62;
        assert_eq!(counts.len(), 62);
        // 5 standard deviations of a binomial count.
        assert!(
            counts.values().all(|count| (count - expected).abs() < 5 * 98),
            "{counts:?}"
        );
    }
}
