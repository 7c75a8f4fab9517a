//! The signature of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, with a dot between, as `v1,` and base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key of the signatures of an endpoint.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: one signature for each key, with a space between.
pub(super) fn signatures(keys: &[Key], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signed: Vec<String> = keys.iter().map(|key| key.sign(id, timestamp_s, body)).collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification: a key, an id, a time, a body and what their signature is.
    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        // Its key has 24 bytes, ours have 32: the HMAC itself is compared.
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.1614265330.").as_bytes());
        mac.update(body);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())),
            expected
        );
    }

    #[test]
    fn a_signature_is_of_its_key_id_time_and_body_and_there_is_one_for_each_key() {
        let (one, other) = (Key([1; 32]), Key([2; 32]));
        let both = signatures(&[one.clone(), other.clone()], "a", 5, b"{}");
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts, [one.sign("a", 5, b"{}"), other.sign("a", 5, b"{}")]);
        assert_ne!(parts[0], parts[1]);
        for changed in [
            one.sign("b", 5, b"{}"),
            one.sign("a", 6, b"{}"),
            one.sign("a", 5, b"{ }"),
        ] {
            assert_ne!(changed, parts[0]);
        }
    }
}
