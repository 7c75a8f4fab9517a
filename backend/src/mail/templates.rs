//! The wording of every email there is (P26), one function each.

use model::{
    AnalysisId, Failure, RenderId, Timestamp, WebhookEndpointId, paths, plan::Plan, text, verdict::Points,
    webhook::DisabledReason,
};

use super::{BillingOccasion, Block, Email, Newsletter, Unsubscribe, email::one_line};
use crate::config::Config;

/// An analysis that has ended, for the e-mail about it.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedAnalysis {
    /// Which one.
    pub id: AnalysisId,
    /// Its title.
    pub title: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was judged.
    Judged {
        /// The score, as a number.
        score: String,
        /// The sentence of the report.
        sentence: String,
        /// What to do first, each with its place.
        fixes: Vec<String>,
    },
    /// It was measured, and its verdict is not there yet.
    Measured,
    /// It could not be measured.
    Failed(Failure),
}

impl Outcome {
    fn in_brief(&self) -> String {
        match self {
            Self::Judged { score, sentence, .. } => format!("{score} of 100. {sentence}"),
            Self::Measured => "measured".to_owned(),
            Self::Failed(failure) => {
                format!(
                    "not measured. {}",
                    one_line(&failure.sentence(model::Audience::Website))
                )
            }
        }
    }
}

/// What an email says about what somebody pays for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingFacts {
    /// The number of the contract.
    pub contract: String,
    /// What it is for.
    pub plan: Plan,
    /// What that costs a month.
    pub price: Option<String>,
    /// How the price is to be read.
    pub tax: &'static str,
    /// The end of what is paid.
    pub paid_until: Option<Timestamp>,
    /// When it ends, where it was cancelled.
    pub ends_at: Option<Timestamp>,
    /// The last day on which it may be withdrawn from.
    pub withdraw_until: Option<Timestamp>,
    /// When it was withdrawn from.
    pub withdrawn_at: Option<Timestamp>,
}

/// Writes emails with the addresses of this installation.
#[derive(Debug, Clone, Copy)]
pub struct EmailTemplates<'a> {
    base: &'a str,
    contact: &'a str,
    free_hours: u32,
}

const SECURITY: &str =
    "You get this e-mail because it is about the security of your account. It cannot be declined.";
const ACCOUNT: &str = "You get this e-mail because it is about your account. It cannot be declined.";

impl<'a> EmailTemplates<'a> {
    /// Emails from the installation of `config`.
    #[must_use]
    pub fn from(config: &'a Config) -> Self {
        Self {
            base: &config.base_url,
            contact: &config.contact_email,
            free_hours: config.plans.of(Plan::Free).audio_kept_hours,
        }
    }

    /// To an address that somebody signed up with. It may be a stranger's, so nothing that was typed is in it.
    #[must_use]
    pub fn verify_address(&self, to: String, token: &str) -> Email {
        email(
            to,
            "Confirm your address for MixLens",
            vec![
                text(
                    "Confirm this address, and your account is ready. You are asked for the password that you chose, unless you open the link in the browser in which you signed up.",
                ),
                button(
                    "Confirm the address",
                    self.url(&paths::with_token(paths::CONFIRM, token)),
                ),
                note(
                    "The link works once, for 24 hours. If you did not ask for an account, do not open it: everything about it is forgotten then.",
                ),
            ],
            "Somebody, probably you, asked for a MixLens account with this address.",
        )
    }

    /// In its place, where the address has an account.
    #[must_use]
    pub fn has_account(&self, to: String) -> Email {
        email(
            to,
            "You have a MixLens account already",
            vec![
                text(
                    "Somebody, probably you, asked for a MixLens account with this address. There is one already, so nothing was changed.",
                ),
                button("Sign in", self.url(paths::SIGN_IN)),
                link(
                    "Choose a new password, if you do not know it any more",
                    self.url(paths::FORGOT),
                ),
                note("If it was not you, there is nothing to do."),
            ],
            SECURITY,
        )
    }

    /// After the confirmation.
    #[must_use]
    pub fn welcome(&self, to: String, name: &str) -> Email {
        email(
            to,
            "Welcome to MixLens",
            vec![
                text(format!("Hello {},", one_line(name))),
                text(
                    "Your account is ready. Upload a mix, and MixLens measures its loudness, its peaks, its spectrum and its stereo image, and shows you each number with its unit and its place in the song.",
                ),
                button("Upload a mix", self.url(paths::UPLOAD)),
                note(format!(
                    "On the Free plan the audio is removed {} hours after the upload. The report stays until you delete it.",
                    self.free_hours
                )),
                link("Choose which e-mails you get", self.url(paths::EMAIL_PREFERENCES)),
            ],
            ACCOUNT,
        )
    }

    /// Analyses have ended that nobody looked at: one e-mail for all of them.
    #[must_use]
    pub fn analyses_ready(&self, to: String, ended: &[EndedAnalysis], unsubscribe: Unsubscribe) -> Email {
        let (subject, blocks) = match ended {
            [one] => self.one_ready(one),
            all => {
                let blocks = all
                    .iter()
                    .map(|ended| Block::Link {
                        label: format!("{}: {}", one_line(&ended.title), ended.outcome.in_brief()),
                        url: self.url(&paths::analysis(ended.id)),
                    })
                    .chain([button("Open your history", self.url(paths::HISTORY))]);
                (format!("Measured: {} mixes", all.len()), blocks.collect())
            }
        };
        Email {
            unsubscribe: Some(unsubscribe),
            ..email(
                to,
                subject,
                blocks,
                "You get this e-mail because you uploaded a mix and did not see its report yet.",
            )
        }
    }

    fn one_ready(&self, ended: &EndedAnalysis) -> (String, Vec<Block>) {
        let title = one_line(&ended.title);
        let page = self.url(&paths::analysis(ended.id));
        match &ended.outcome {
            Outcome::Judged {
                score,
                sentence,
                fixes,
            } => {
                let mut blocks = vec![text(format!("“{title}” scores {score} of 100. {sentence}"))];
                blocks.extend(fixes.iter().map(|fix| text(fix.as_str())));
                blocks.push(button("Open the report", page));
                (format!("Measured: {title}"), blocks)
            }
            Outcome::Measured => (
                format!("Measured: {title}"),
                vec![
                    text(format!("The report of “{title}” is ready.")),
                    button("Open the report", page),
                ],
            ),
            Outcome::Failed(failure) => (
                format!("Not measured: {title}"),
                vec![
                    text(format!(
                        "“{title}” could not be measured. {}",
                        one_line(&failure.sentence(model::Audience::Website))
                    )),
                    text(failure.advice(model::Audience::Website)),
                    button("Open the page", page),
                ],
            ),
        }
    }

    /// A render has ended, with the scores before and after it, or failed.
    #[must_use]
    pub fn render_ready(
        &self,
        to: String,
        title: &str,
        render: RenderId,
        scores: Option<(Points, Points)>,
        unsubscribe: Unsubscribe,
    ) -> Email {
        let title = one_line(title);
        let page = self.url(&paths::render(render));
        let (subject, words, open) = match scores {
            Some((before, after)) => (
                format!("Rendered: {title}"),
                format!(
                    "The render of “{title}” is ready. It scores {} of 100; the mix scores {}. The page proves it rule by rule.",
                    after.number(),
                    before.number()
                ),
                "Open the render",
            ),
            None => (
                format!("Not rendered: {title}"),
                format!(
                    "“{title}” could not be rendered. The page says why; it takes nothing from your plan."
                ),
                "Open the page",
            ),
        };
        Email {
            unsubscribe: Some(unsubscribe),
            ..email(
                to,
                subject,
                vec![text(words), button(open, page)],
                "You get this e-mail because you asked for a render.",
            )
        }
    }

    /// A forgotten password.
    #[must_use]
    pub fn password_reset(&self, to: String, token: &str) -> Email {
        email(
            to,
            "Choose a new password for MixLens",
            vec![
                text("Somebody, probably you, asked for a new password."),
                button(
                    "Choose a new password",
                    self.url(&paths::with_token(paths::RESET, token)),
                ),
                note("The link works once, for an hour. A new password signs you out everywhere."),
                note("If it was not you, leave it: the password stays as it is."),
            ],
            SECURITY,
        )
    }

    /// The password is another one.
    #[must_use]
    pub fn password_changed(&self, to: String) -> Email {
        email(
            to,
            "Your MixLens password was changed",
            vec![
                text("The password of your account was changed, and every other browser was signed out."),
                link(
                    "If it was not you, choose a new one at once",
                    self.url(paths::FORGOT),
                ),
                note(format!("Is something else wrong? Write to {}.", self.contact)),
            ],
            SECURITY,
        )
    }

    /// Strangers guess passwords or codes. Nothing was changed.
    #[must_use]
    pub fn wrong_tries(&self, to: String) -> Email {
        email(
            to,
            "Wrong passwords for your MixLens account",
            vec![
                text(
                    "Somebody enters wrong passwords or codes for your account, from a browser that has never signed in to it. Nobody got in.",
                ),
                text(
                    "Tries are slowed down. Browsers in which you have signed in before are not affected; in a new one, choose a new password to get in at once.",
                ),
                link("Choose a new password", self.url(paths::FORGOT)),
                link("Ask for a code at sign-in, too", self.url(paths::SECURITY)),
                note("We tell you of this at most once a day."),
            ],
            SECURITY,
        )
    }

    /// To the new address, which may be a stranger's: nothing that was typed is in it.
    #[must_use]
    pub fn confirm_new_address(&self, to: String, token: &str) -> Email {
        email(
            to,
            "Confirm your new address for MixLens",
            vec![
                text(
                    "One click makes this the address of your MixLens account. Until then the old one stays.",
                ),
                button(
                    "Confirm the new address",
                    self.url(&paths::with_token(paths::CONFIRM_EMAIL, token)),
                ),
                note(
                    "The link works once, for 24 hours. If you did not ask for it, leave it: nothing changes then.",
                ),
            ],
            "Somebody, probably you, gave this as the new address of a MixLens account.",
        )
    }

    /// In its place, where the address has an account of its own.
    #[must_use]
    pub fn address_taken(&self, to: String) -> Email {
        email(
            to,
            "This address has a MixLens account already",
            vec![
                text(
                    "Somebody, probably you, wanted to make this the address of another MixLens account. It belongs to an account already, so nothing was changed.",
                ),
                button("Sign in to it", self.url(paths::SIGN_IN)),
                note("If it was not you, there is nothing to do."),
            ],
            SECURITY,
        )
    }

    /// To the old address, when the new one was confirmed. The new one is not in it.
    #[must_use]
    pub fn address_changed(&self, to: String) -> Email {
        email(
            to,
            "The address of your MixLens account was changed",
            vec![
                text(
                    "Your MixLens account has a new address. You sign in with that one, and our e-mails go there; this is the last one to the old address.",
                ),
                self.ask_us(),
            ],
            SECURITY,
        )
    }

    /// The second factor was switched on.
    #[must_use]
    pub fn second_factor_enabled(&self, to: String) -> Email {
        self.second_factor(
            to,
            "Signing in to MixLens now asks for a code",
            "From now on, signing in asks for a code of your authenticator app. Keep the recovery codes where you find them without it.",
        )
    }

    /// The second factor was switched off.
    #[must_use]
    pub fn second_factor_disabled(&self, to: String) -> Email {
        self.second_factor(
            to,
            "Signing in to MixLens asks for no code any more",
            "The second factor of your account was switched off. Signing in takes the password alone.",
        )
    }

    fn second_factor(&self, to: String, subject: &str, body: &str) -> Email {
        email(
            to,
            subject,
            vec![
                text(body),
                button("Security of your account", self.url(paths::SECURITY)),
                self.ask_us(),
            ],
            SECURITY,
        )
    }

    /// The second factor was switched off by the operator.
    #[must_use]
    pub fn second_factor_removed(&self, to: String) -> Email {
        email(
            to,
            "Your second factor was switched off for you",
            vec![
                text(
                    "You, or somebody who proved to us to be you, told us that the authenticator app and the recovery codes are lost. We switched the second factor off and signed you out everywhere. Signing in takes the password alone.",
                ),
                button("Sign in", self.url(paths::SIGN_IN)),
                note("Set it up again under “Security”, with your new app."),
                self.ask_us(),
            ],
            SECURITY,
        )
    }

    /// A token was made; `name` is what it is called, where it was not revoked since.
    #[must_use]
    pub fn token_created(&self, to: String, name: Option<&str>) -> Email {
        let what = match name {
            Some(name) => format!("An API token was made for your account: “{}”.", one_line(name)),
            None => "An API token was made for your account, and revoked again.".to_owned(),
        };
        email(
            to,
            "A new API token for your MixLens account",
            vec![
                text(what),
                text(
                    "Whoever has it can do in your name what it was made for, until it ends or you revoke it.",
                ),
                button("See your tokens", self.url(paths::TOKENS)),
                note(
                    "If it was not you, revoke it and change your password: somebody else is signed in as you.",
                ),
            ],
            SECURITY,
        )
    }

    /// A webhook endpoint was disabled; `host` is where it is.
    #[must_use]
    pub fn webhook_disabled(
        &self,
        to: String,
        endpoint: WebhookEndpointId,
        host: &str,
        reason: DisabledReason,
    ) -> Email {
        let why = match reason {
            DisabledReason::Gone => "It answered 410, which says that it is gone for good.",
            DisabledReason::Failing => "Every delivery of the last five days failed.",
        };
        email(
            to,
            "A webhook endpoint of yours is disabled",
            vec![
                text(format!(
                    "MixLens sends nothing more to your webhook endpoint at {}. {why}",
                    one_line(host)
                )),
                text(
                    "What was answered is in its log. Resume the endpoint when it works again: what still waits is sent then.",
                ),
                button("See the endpoint", self.url(&paths::webhook(endpoint))),
            ],
            ACCOUNT,
        )
    }

    /// Something about what the person pays for. None of these can be declined: each confirms what the law has us confirm, or says what
    /// becomes of files.
    #[must_use]
    pub fn billing(&self, to: String, occasion: BillingOccasion, facts: &BillingFacts) -> Email {
        let plan = facts.plan.name();
        let contract = note(format!("Your contract number is {}.", facts.contract));
        let day = |at: Option<Timestamp>| at.map_or("the end of the paid time".to_owned(), text::date);
        let price = facts.price.as_deref().unwrap_or("nothing");
        let billing = button("Your plan", self.url(paths::BILLING));
        let (subject, blocks) = match occasion {
            BillingOccasion::Started => (
                format!("Your MixLens plan: {plan}"),
                vec![
                    text(format!(
                        "You have {plan} from now on, for {price} a month. {} Files that are still there are kept for as long as the plan says.",
                        facts.tax
                    )),
                    text(format!(
                        "Your contract number is {}. It runs from month to month until you cancel it, which takes two clicks and is good for the end of what you have paid.",
                        facts.contract
                    )),
                    text(format!(
                        "You may withdraw until {} without a reason, and get back everything that you paid.",
                        day(facts.withdraw_until)
                    )),
                    billing,
                    link("Withdraw from contract here", self.url(paths::WITHDRAW)),
                    link("The terms", self.url(paths::TERMS)),
                ],
            ),
            BillingOccasion::Changed => (
                format!("Your MixLens plan changes to {plan}"),
                vec![
                    text(format!(
                        "Your next invoice is for {plan}, {price} a month. {} A larger plan is yours at once; a smaller one begins when what you have paid is over, on {}, and shortens the time of no file that is there then.",
                        facts.tax,
                        day(facts.paid_until)
                    )),
                    billing,
                    contract,
                ],
            ),
            BillingOccasion::PaymentFailed => (
                "A payment for MixLens failed".to_owned(),
                vec![
                    text(format!(
                        "Your payment for {plan} did not come about. Nothing changes for now: it is tried again over the next days."
                    )),
                    text(
                        "If it still fails then, your account is on Free: files that are there stay as long as you were told, new ones are kept for the time of Free, and tokens beyond its limits pause.",
                    ),
                    button("Look at the card", self.url(paths::BILLING)),
                    contract,
                ],
            ),
            BillingOccasion::Cancelled => (
                format!("Your MixLens plan is cancelled for {}", day(facts.ends_at)),
                vec![
                    text(format!(
                        "You cancelled {plan}. It goes on until {}, and nothing is charged any more. Your account and your reports stay.",
                        day(facts.ends_at)
                    )),
                    link("Take a copy of your data with you", self.url(paths::YOUR_DATA)),
                    link("Go on with the plan after all", self.url(paths::BILLING)),
                    contract,
                ],
            ),
            BillingOccasion::Ended => (
                "Your MixLens plan has ended".to_owned(),
                vec![
                    text(format!(
                        "{plan} has ended, and your account is on the plan that it has without it. Your reports stay. Files that are there stay as long as you were told; new ones are kept {}. Tokens beyond the limit pause and are not deleted.",
                        text::retention(self.free_hours)
                    )),
                    link("Choose a plan again", self.url(paths::BILLING)),
                    contract,
                ],
            ),
            BillingOccasion::Withdrawn => (
                "We have received your withdrawal".to_owned(),
                vec![
                    text(format!(
                        "You withdrew from the contract {} ({plan}). Your withdrawal arrived on {}.",
                        facts.contract,
                        facts.withdrawn_at.map_or(String::new(), text::date_time)
                    )),
                    text(
                        "The plan has ended. Everything that you paid for it goes back to where it came from; your bank may take some days to show it.",
                    ),
                    link("Your plan", self.url(paths::BILLING)),
                    self.ask_us(),
                ],
            ),
        };
        email(
            to,
            subject,
            blocks,
            "You get this e-mail because it is about what you pay for. It cannot be declined.",
        )
    }

    /// News, to those who asked for them.
    #[must_use]
    pub fn newsletter(&self, to: String, news: &Newsletter, unsubscribe: Unsubscribe) -> Email {
        Email {
            unsubscribe: Some(unsubscribe),
            ..email(
                to,
                news.subject.as_str(),
                news.blocks(),
                "You get this e-mail because you asked for news about MixLens.",
            )
        }
    }

    /// A material change of the privacy policy (P19); `version` is the day of the new text, `summary` says what changed.
    #[must_use]
    pub fn policy_changed(&self, to: String, version: &str, summary: &str) -> Email {
        email(
            to,
            "The policies of MixLens change",
            vec![
                text(format!(
                    "There is a new version of the terms and the privacy policy, of {version}. What is different: {summary}"
                )),
                button("Read the policy", self.url(paths::PRIVACY)),
                link("Every change so far", self.url(paths::POLICIES)),
                link(
                    "Take your data with you or delete the account, if you do not agree",
                    self.url(paths::YOUR_DATA),
                ),
            ],
            ACCOUNT,
        )
    }

    /// The archive of everything that is held about the person (P15).
    #[must_use]
    pub fn export_ready(&self, to: String) -> Email {
        email(
            to,
            "Your MixLens data is ready to download",
            vec![
                text(
                    "The archive that you asked for is ready: everything that is held about you, in files that programs can read.",
                ),
                button("Download it", self.url(paths::YOUR_DATA)),
                note(
                    "It asks you to sign in. The archive is removed after a day; you can have another one made at any time.",
                ),
                note("If you did not ask for it, change your password: somebody else is signed in as you."),
            ],
            SECURITY,
        )
    }

    /// The last email (P14).
    #[must_use]
    pub fn account_deleted(&self, to: String) -> Email {
        email(
            to,
            "Your MixLens account is deleted",
            vec![
                text(
                    "Your account and everything that belonged to it is deleted: audio, reports, sessions, settings. It cannot be brought back.",
                ),
                self.ask_us(),
            ],
            "You get this e-mail because your account was deleted. It is the last one: this address is forgotten with it.",
        )
    }

    /// The address of a page in this installation.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn ask_us(&self) -> Block {
        note(format!(
            "If it was not you, or something is wrong, write to {}.",
            self.contact
        ))
    }

    /// One of each, for previews and tests.
    #[must_use]
    pub fn previews(&self, to: &str, title: &str) -> Vec<Email> {
        let to = || to.to_owned();
        let token = "0190000000007000800000000000000a.c2lnbmF0dXJl";
        let unsubscribe = || Unsubscribe::with(self.base, token);
        let analysis = AnalysisId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000a));
        let ended = |outcome| EndedAnalysis {
            id: analysis,
            title: title.to_owned(),
            outcome,
        };
        let judged = ended(Outcome::Judged {
            score: "74.8".to_owned(),
            sentence: "Usable, with faults. Fix first: clipping.".to_owned(),
            fixes: vec![
                "1. Clipping: 38 per minute, at 0:36.9. Pull down what goes over until the meter stays below 0.".to_owned(),
            ],
        });
        let failed = ended(Outcome::Failed(Failure::with(model::FailureCode::TooLong, 10)));
        let render = RenderId(analysis.0);
        let scores = Some((Points::from_tenths(643), Points::from_tenths(871)));
        let at = |seconds: i64| Some(Timestamp(seconds * 1000));
        let facts = BillingFacts {
            contract: "ML-01234-ABCDE".to_owned(),
            plan: Plan::Pro,
            price: Some("€9".to_owned()),
            tax: "All prices include VAT.",
            paid_until: at(1_798_083_766),
            ends_at: at(1_798_083_766),
            withdraw_until: at(1_796_688_000),
            withdrawn_at: at(1_795_491_766),
        };
        let news = Newsletter {
            subject: "MixLens compares your mix with a reference".to_owned(),
            body: format!(
                "A reference is a song that you want to sound like. Upload one, and each report shows both at the same loudness.\n\n\
                 Everything that was measured so far can be compared, too: nothing needs to be uploaded again.\n\n\
                 [Upload a reference]({})",
                self.url(paths::UPLOAD)
            ),
        };
        vec![
            self.verify_address(to(), token),
            self.has_account(to()),
            self.welcome(to(), title),
            self.analyses_ready(to(), std::slice::from_ref(&judged), unsubscribe()),
            self.analyses_ready(to(), std::slice::from_ref(&failed), unsubscribe()),
            self.analyses_ready(to(), &[judged, failed], unsubscribe()),
            self.render_ready(to(), title, render, scores, unsubscribe()),
            self.render_ready(to(), title, render, None, unsubscribe()),
            self.password_reset(to(), token),
            self.password_changed(to()),
            self.confirm_new_address(to(), token),
            self.address_taken(to()),
            self.address_changed(to()),
            self.second_factor_enabled(to()),
            self.second_factor_disabled(to()),
            self.wrong_tries(to()),
            self.second_factor_removed(to()),
            self.token_created(to(), Some(title)),
            self.webhook_disabled(
                to(),
                WebhookEndpointId(analysis.0),
                "hooks.example.org",
                DisabledReason::Failing,
            ),
            self.billing(to(), BillingOccasion::Started, &facts),
            self.billing(to(), BillingOccasion::Changed, &facts),
            self.billing(to(), BillingOccasion::PaymentFailed, &facts),
            self.billing(to(), BillingOccasion::Cancelled, &facts),
            self.billing(to(), BillingOccasion::Ended, &facts),
            self.billing(to(), BillingOccasion::Withdrawn, &facts),
            self.newsletter(to(), &news, unsubscribe()),
            self.policy_changed(
                to(),
                "2027-01-01",
                "previews are kept for as long as their source.",
            ),
            self.export_ready(to()),
            self.account_deleted(to()),
        ]
    }
}

fn email(to: String, subject: impl Into<String>, blocks: Vec<Block>, why: &str) -> Email {
    Email {
        to,
        subject: subject.into(),
        blocks,
        why: why.to_owned(),
        unsubscribe: None,
    }
}

fn text(words: impl Into<String>) -> Block {
    Block::Text(words.into())
}

fn note(words: impl Into<String>) -> Block {
    Block::Note(words.into())
}

fn link(label: &str, url: String) -> Block {
    Block::Link {
        label: label.to_owned(),
        url,
    }
}

const fn button(label: &'static str, url: String) -> Block {
    Block::Button { label, url }
}
