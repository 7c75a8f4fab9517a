//! E-mail addresses as they are taken, kept and looked up.
//!
//! Taken is what every mail server can be given: a local part that is a dot-atom of ASCII (RFC 5321 4.1.2), so that it needs
//! neither quotes nor SMTPUTF8 (RFC 6531), and a domain by name, in its ASCII form (UTS 46). So two addresses that look alike
//! are either the same one or one of them is refused: no letter is folded that only Unicode calls equal.

use crate::{Error, Result};

/// The most bytes of an address, of its local part, and of its domain (RFC 5321 4.5.3.1).
const MAX_EMAIL: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;

/// What RFC 5322 3.2.3 allows in an atom besides letters and digits.
const ATOM_SIGNS: &str = "!#$%&'*+-/=?^_`{|}~";

/// An address that mail can be sent to, its domain in ASCII; only the confirmation proves that somebody reads it.
///
/// # Errors
/// `Invalid` on `email`, saying what to do.
pub(super) fn check(email: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::invalid("email", why));
    let typed = email.trim();
    let Some((local, domain)) = typed.rsplit_once('@') else {
        return refuse("Give a whole e-mail address, such as ann@example.org.");
    };
    if local.starts_with('"') {
        return refuse("An address in quotes cannot be used here. Give one without.");
    }
    if !local.is_ascii() {
        return refuse(
            "Many mail servers take only the letters a to z before the “@”. Give an address without accents or other letters there.",
        );
    }
    if domain.starts_with('[') {
        return refuse("Give an address with the name of a server behind the “@”, not its number.");
    }
    let domain = ascii_domain(domain);
    match domain {
        Some(domain) if is_dot_atom(local) && local.len() + 1 + domain.len() <= MAX_EMAIL => {
            Ok(format!("{local}@{domain}"))
        }
        _ => refuse("Give a whole e-mail address, such as ann@example.org."),
    }
}

/// What an address is looked up by: its small letters. Total, so that what is no address is simply nobody's.
pub(crate) fn key_of(email: &str) -> String {
    let email = email.trim();
    check(email)
        .unwrap_or_else(|_| email.to_owned())
        .to_ascii_lowercase()
}

fn is_dot_atom(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ATOM_SIGNS.contains(c))
    };
    local.len() <= MAX_LOCAL && local.split('.').all(is_atom)
}

/// The name of a host that mail can go to: at least two labels, and the last is no number.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let labels: Vec<_> = ascii.split('.').collect();
    let has_name = labels
        .last()
        .is_some_and(|last| last.contains(|c: char| c.is_ascii_alphabetic()));
    (labels.len() > 1 && has_name && ascii.len() <= MAX_DOMAIN && labels.into_iter().all(is_label))
        .then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_with_its_domain_in_ascii() {
        for (typed, kept) in [
            (" Ann@Example.org ", "Ann@example.org"),
            ("ann+mix@example.org", "ann+mix@example.org"),
            ("o'neil@example.co.uk", "o'neil@example.co.uk"),
            ("ann@bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
            ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(check(typed).unwrap(), kept, "{typed}");
            // It can be mailed.
            assert!(kept.parse::<lettre::Address>().is_ok(), "{kept}");
        }
    }

    #[test]
    fn what_cannot_be_mailed_everywhere_is_refused_with_advice() {
        for typed in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@example",
            "ann@example.org.",
            "ann@.example.org",
            "ann@example..org",
            "ann@-example.org",
            "ann@[127.0.0.1]",
            "ann@[IPv6:::1]",
            "ann@127.0.0.1",
            "\"a b\"@example.org",
            "\"ann\"@example.org",
            "a b@example.org",
            "ann.@example.org",
            ".ann@example.org",
            "a..b@example.org",
            "ann@mail@example.org",
            "jörg@example.org",
            "mi\u{212a}e@example.org",
            "ａnn@example.org",
            "ann\u{200b}@example.org",
            "ann@exa mple.org",
            "ann@example.org\r\nBcc: bob@example.org",
            &format!("{}@example.org", "a".repeat(65)),
            &format!("ann@{}.org", "a".repeat(64)),
            &format!("ann@{}org", "a2345678.".repeat(30)),
        ] {
            let problem = check(typed).unwrap_err().to_problem("");
            assert_eq!(problem.field.as_deref(), Some("email"), "{typed}");
        }
    }

    #[test]
    fn an_address_is_found_however_it_is_typed_and_nobody_elses_is() {
        for typed in [
            "ann@bücher.example",
            " ANN@Bücher.example",
            "Ann@XN--BCHER-KVA.example",
        ] {
            assert_eq!(key_of(typed), "ann@xn--bcher-kva.example");
        }
        assert_ne!(key_of("mi\u{212a}e@example.org"), key_of("mike@example.org"));
        assert_ne!(key_of("ａnn@example.org"), key_of("ann@example.org"));
    }
}
