//! The letters of this part, as plain text.

use crate::{config::Config, mail::Letter};

/// A copy of somebody's data can be fetched.
pub(super) fn export_ready(config: &Config, to: String) -> Letter {
    let base = &config.base_url;
    Letter {
        to,
        subject: "The copy of your data is ready".into(),
        text: format!(
            "The copy of everything that MixLens holds about you is ready.\n\nFetch it here, within 24 hours:\n{base}/account/privacy\n\n\
             If you did not ask for it, change your password: somebody else is signed in as you.\n"
        ),
    }
}

/// An account is gone.
pub(super) fn account_deleted(config: &Config, to: String) -> Letter {
    let contact = &config.contact_email;
    Letter {
        to,
        subject: "Your MixLens account is deleted".into(),
        text: format!(
            "Your MixLens account is deleted: your reports, your files, your settings and your sessions. It cannot be undone.\n\n\
             This is the last e-mail that you get from us; your address is forgotten with it.\n\
             If it was not you, write to {contact} at once.\n"
        ),
    }
}

/// The policies have changed in something that matters (P19).
pub(super) fn policy_changed(config: &Config, to: String, version: &str, summary: &str) -> Letter {
    let base = &config.base_url;
    Letter {
        to,
        subject: "What changes in the policies of MixLens".into(),
        text: format!(
            "The terms and the privacy policy of MixLens have a new version, of {version}.\n\nWhat is new:\n{summary}\n\n\
             All of it:\n{base}/privacy\n\nEvery change so far:\n{base}/policies\n\n\
             If you do not agree, you can take a copy of your data and delete your account:\n{base}/account/privacy\n"
        ),
    }
}
