//! Who else gets something of a person, and what (P17). The policy prints those that this installation uses; there is no
//! other, and no page of ours makes a browser ask anybody else.

use secrecy::ExposeSecret as _;

use crate::config::{Config, Environment};

/// One company that works for us.
#[derive(Debug, Clone, Copy)]
pub struct Processor {
    /// Its name.
    pub name: &'static str,
    /// What it does for us.
    pub does: &'static str,
    /// What it gets of a person.
    pub gets: &'static str,
    is_used: fn(&Config) -> bool,
}

/// Whoever collects error reports.
pub const SENTRY: &str = "Sentry";

/// All that this software can be set up to use.
pub const PROCESSORS: [Processor; 6] = [
    Processor {
        name: "Railway",
        does: "Runs our servers and our database.",
        gets: "Everything that the database holds, as its keeper.",
        is_used: |config| matches!(config.environment, Environment::Production),
    },
    Processor {
        name: "Cloudflare R2",
        does: "Keeps audio, renders and copies of your data.",
        gets: "The audio and what was rendered of it, under numbers instead of names, for as long as it is kept.",
        is_used: |config| !config.uses_builtin_storage(),
    },
    Processor {
        name: "Stripe",
        does: "Sells our plans: shows the checkout, keeps your card, charges it, writes the invoices and sees to the tax.",
        gets: "If you buy a plan: your e-mail address, the number of your account, and which plan. What you type on its own pages (card, name, address) goes to it alone and never to us.",
        is_used: Config::sells,
    },
    Processor {
        name: "Our e-mail provider",
        does: "Delivers our e-mails.",
        gets: "Your address and the text of the e-mail, nothing else.",
        is_used: |config| !config.mail.smtp_url.expose_secret().is_empty(),
    },
    Processor {
        name: SENTRY,
        does: "Collects reports of errors in our software.",
        gets: "Where in our program an error happened and which kind of page it was: no name, no address, no cookie, no file, no form.",
        is_used: |config| !config.telemetry.sentry_dsn.expose_secret().is_empty(),
    },
    Processor {
        name: "PostHog",
        does: "Counts how MixLens is used, if you allow it.",
        gets: "Which kinds of pages and functions were used, under a random number that changes every day: no name, no address, no file name, no account.",
        is_used: |config| !config.telemetry.posthog_key.expose_secret().is_empty(),
    },
];

/// Those that this installation uses.
#[must_use]
pub fn in_use(config: &Config) -> Vec<Processor> {
    PROCESSORS
        .into_iter()
        .filter(|party| (party.is_used)(config))
        .collect()
}
