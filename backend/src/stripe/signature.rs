//! The signature of an event: `Stripe-Signature: t=<seconds>,v1=<hex>,…`, HMAC-SHA-256 of `<t>.<body>` with the secret of the
//! endpoint (<https://docs.stripe.com/webhooks#verify-manually>). The body is the bytes as they came.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far the moment of a signature may lie from ours, before and after it: what was recorded cannot be sent again later.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Signatures of a header that are looked at; Stripe sends one for each secret of the endpoint, two at most.
const MOST: usize = 8;

/// Why an event was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no header, or none that can be read.
    #[error("it has no signature that can be read")]
    Unreadable,
    /// None of the signatures is that of the body.
    #[error("no signature is that of the body")]
    Wrong,
    /// It was signed too long ago, or will be.
    #[error("it was signed at another time")]
    Untimely,
}

/// Whether `header` signs `body` with one of `secrets`, which stand with a space between.
///
/// # Errors
/// It does not.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &SecretString,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (at, signatures) = parse(header).ok_or(SignatureError::Unreadable)?;
    let fits = secrets.expose_secret().split_whitespace().any(|secret| {
        signatures.iter().any(|signature| {
            // Compared in constant time.
            signed(secret, at, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
        })
    });
    if !fits {
        return Err(SignatureError::Wrong);
    }
    let at = Timestamp(at.saturating_mul(1000));
    // Stripe cuts to whole seconds.
    let slack = TOLERANCE + Duration::from_millis(999);
    if now.since(at) <= slack && at.since(now) <= TOLERANCE {
        Ok(())
    } else {
        Err(SignatureError::Untimely)
    }
}

fn signed(secret: &str, at: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// The moment, in seconds, and the signatures of the scheme v1; other schemes are passed over.
fn parse(header: &str) -> Option<(i64, Vec<[u8; 32]>)> {
    let mut at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        match name {
            "t" => {
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let seconds = value.parse::<i64>().ok().filter(|_| is_number)?;
                // Two moments would be one that is checked and one that is signed.
                if at.replace(seconds).is_some() {
                    return None;
                }
            }
            "v1" if signatures.len() < MOST => {
                let mut signature = [0; 32];
                if hex::decode_to_slice(value, &mut signature).is_ok() {
                    signatures.push(signature);
                }
            }
            _ => {}
        }
    }
    Some((at?, signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_795_491_766;

    fn signature_of(secret: &str, at: i64, body: &[u8]) -> String {
        hex::encode(signed(secret, at, body).unwrap().finalize().into_bytes())
    }

    fn check(header: &str, body: &[u8], now_ms: i64) -> Result<(), SignatureError> {
        let secrets = SecretString::from(format!("{SECRET} whsec_next"));
        verify(header, body, &secrets, Timestamp(now_ms))
    }

    /// Made by npm `stripe` 23.1.0, `webhooks.generateTestHeaderString({ payload: '{"id":"evt_1"}', secret: 'whsec_test', timestamp: 1795491766 })`.
    const OF_STRIPE: &str =
        "t=1795491766,v1=1cb8aab9f409b4b2d3b8857992023f991b653b632ebefef0f84da9e0004896ae";

    #[test]
    fn what_stripes_own_library_signs_is_believed() {
        assert_eq!(check(OF_STRIPE, BODY, AT * 1000), Ok(()));
    }

    #[test]
    fn a_signature_fits_its_body_its_secret_and_its_moment_alone() {
        let right = signature_of(SECRET, AT, BODY);
        let next = signature_of("whsec_next", AT, BODY);
        let other = signature_of("whsec_other", AT, BODY);
        for (header, outcome) in [
            (format!("t={AT},v1={right}"), Ok(())),
            (format!("t={AT}, v1={right}"), Ok(())),
            (format!("t={AT},v1={next}"), Ok(())),
            (format!("t={AT},v1={other},v1={right},v0=ab"), Ok(())),
            (format!("t={AT},v1={other}"), Err(SignatureError::Wrong)),
            (format!("t={AT},v0={right}"), Err(SignatureError::Wrong)),
            (format!("t={AT},v1={}", &right[..62]), Err(SignatureError::Wrong)),
            (format!("t={},v1={right}", AT + 1), Err(SignatureError::Wrong)),
            (format!("t={AT}"), Err(SignatureError::Wrong)),
            (format!("v1={right}"), Err(SignatureError::Unreadable)),
            (
                format!("t={AT},t={AT},v1={right}"),
                Err(SignatureError::Unreadable),
            ),
            (format!("t=-{AT},v1={right}"), Err(SignatureError::Unreadable)),
            (format!("t=+{AT},v1={right}"), Err(SignatureError::Unreadable)),
            (
                format!("t=99999999999999999999,v1={right}"),
                Err(SignatureError::Unreadable),
            ),
            (String::new(), Err(SignatureError::Unreadable)),
            ("nonsense".to_owned(), Err(SignatureError::Unreadable)),
        ] {
            assert_eq!(check(&header, BODY, AT * 1000), outcome, "{header}");
        }
        let header = format!("t={AT},v1={right}");
        assert_eq!(
            check(&header, br#"{"id":"evt_2"}"#, AT * 1000),
            Err(SignatureError::Wrong)
        );
        for (now, outcome) in [
            (AT + 300, Ok(())),
            (AT - 300, Ok(())),
            (AT + 301, Err(SignatureError::Untimely)),
            (AT - 301, Err(SignatureError::Untimely)),
            (AT + 600, Err(SignatureError::Untimely)),
        ] {
            assert_eq!(check(&header, BODY, now * 1000), outcome, "{now}");
        }
    }
}
