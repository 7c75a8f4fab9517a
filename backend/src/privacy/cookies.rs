//! Every cookie that MixLens sets. The server takes the names from here, the cookie page prints them, and a test compares
//! them with what browsers are really given (P21).

use std::time::Duration;

use crate::{accounts, sessions, telemetry::Statistics};

/// One cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// Its name. `__Host-`: over HTTPS only, for this very host, for all of its pages.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// How long the browser keeps it, in words.
    pub life: &'static str,
    /// When it is set.
    pub when: Need,
}

/// When a cookie is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The page cannot work without it.
    Necessary,
    /// Remembers an answer; set with the answer.
    Answer,
    /// Only after it was allowed.
    Optional,
}

/// The token of the session.
pub const SESSION: Cookie = Cookie {
    name: "__Host-session",
    purpose: "Keeps you signed in. It holds a random number and nothing about you.",
    life: "30 days at most; it ends after 7 days without use, and when you sign out",
    when: Need::Necessary,
};

/// The seed of CSRF tokens.
pub const CSRF: Cookie = Cookie {
    name: "__Host-csrf",
    purpose: "Protects your forms from other sites. It holds a random number.",
    life: "until you close the browser",
    when: Need::Necessary,
};

/// Of which browsers wrong passwords are counted apart.
pub const KNOWN: Cookie = Cookie {
    name: "__Host-known",
    purpose: "Says that you have signed in here before, so that you can even while a stranger tries passwords on your account. It holds a random number and our signature.",
    life: "180 days after you last signed in",
    when: Need::Necessary,
};

/// In which browser somebody signed up.
pub const SIGN_UP: Cookie = Cookie {
    name: "__Host-signup",
    purpose: "Lets you confirm your address in the browser in which you signed up without entering the password again. It holds the number of the sign-up and our signature.",
    life: "24 hours after you signed up",
    when: Need::Necessary,
};

/// The answer of the banner.
pub const CONSENT: Cookie = Cookie {
    name: "__Host-consent",
    purpose: "Remembers whether you allowed statistics, so that you are not asked again. It holds “yes” or “no”.",
    life: "180 days",
    when: Need::Answer,
};

/// The number that holds the page views of one day together.
pub const STATISTICS: Cookie = Cookie {
    name: "__Host-aid",
    purpose: "Holds the page views of one day together, so that we see how MixLens is used. It holds a random number that is thrown away after the day and is tied to no account.",
    life: "until midnight (UTC)",
    when: Need::Optional,
};

/// All of them.
pub const ALL: [Cookie; 6] = [SESSION, CSRF, KNOWN, SIGN_UP, CONSENT, STATISTICS];

/// How long the answer is remembered.
pub const CONSENT_KEPT: Duration = Duration::from_secs(180 * 24 * 3600);

/// Those that can be set at all: without statistics there is nothing to allow.
#[must_use]
pub fn in_use(statistics: &Statistics) -> Vec<Cookie> {
    ALL.into_iter()
        .filter(|cookie| statistics.is_on() || cookie.when == Need::Necessary)
        .collect()
}

const _: () = assert!(
    accounts::known_browsers::KNOWN_FOR.as_secs() == 180 * 24 * 3600
        && accounts::CONFIRM_WITHIN.as_secs() == 24 * 3600
);
const _: () =
    assert!(sessions::ABSOLUTE.as_secs() == 30 * 24 * 3600 && sessions::IDLE.as_secs() == 7 * 24 * 3600);
