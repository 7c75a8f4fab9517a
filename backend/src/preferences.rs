//! Which emails a person wants (P16). Emails about the account and its security cannot be unsubscribed from.
//!
//! An email that can be unsubscribed from carries a signed link, which works signed out and for good, and can do one thing only:
//! decline. A forwarded email lets nobody consent in somebody's name.

use model::{AccountId, ProblemCode};

use crate::{
    Actor, Backend, Error, Result,
    db::{Db, DbError, Tx, sql},
    mail::Unsubscribe,
    signing::Purpose,
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "email_preference",
        title: "Which e-mails you want",
        about: "To send you the e-mails that you want and no others.",
        kept: "Until you delete your account.",
        export: rows! {
            from "email_preference" where Account is "account_id = $1"
            given { "kind" Text "Kind", "wanted" Flag "Wanted", "changed_at" Time "Changed" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "email_consent",
        title: "Consent to marketing",
        about: "To be able to prove what you agreed to, and when you took it back.",
        kept: "Until you delete your account.",
        export: rows! {
            from "email_consent" where Account is "account_id = $1"
            given { "id" Text "Number", "granted" Flag "Given", "wording" Text "What you read", "decided_at" Time "Said" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
];

/// The words beside the box by which a person consents to [`NotificationKind::Marketing`]; kept with each consent.
pub const MARKETING_WORDING: &str =
    "News about MixLens: new features and how to use them, a few times a year.";

/// How a withdrawal by the link in an email is worded in the log.
const LINK_WORDING: &str = "By the link in an e-mail.";

/// A kind of email that can be unsubscribed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// An analysis has ended.
    AnalysisReady,
    /// A render has ended while nobody watched.
    RenderReady,
    /// News; only with consent.
    Marketing,
}

impl NotificationKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AnalysisReady, Self::RenderReady, Self::Marketing];

    /// As the database, links and forms spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnalysisReady => "analysis_ready",
            Self::RenderReady => "render_ready",
            Self::Marketing => "marketing",
        }
    }

    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnalysisReady => "Analysis ready",
            Self::RenderReady => "Render ready",
            Self::Marketing => "News about MixLens",
        }
    }

    /// What a person gets who never chose.
    #[must_use]
    pub const fn is_wanted_by_default(self) -> bool {
        !matches!(self, Self::Marketing)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a person wants of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences(pub [(NotificationKind, bool); NotificationKind::ALL.len()]);

impl Preferences {
    /// Whether emails of `kind` are wanted.
    #[must_use]
    pub fn wants(&self, kind: NotificationKind) -> bool {
        self.0.iter().any(|(known, wanted)| *known == kind && *wanted)
    }
}

/// What a link in an email is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeLink {
    account: AccountId,
    /// The kind of the email that it is from.
    pub kind: NotificationKind,
}

/// How much a link in an email ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsubscribeScope {
    /// The kind of the email.
    ThisKind,
    /// Every kind.
    EveryKind,
}

/// The choices of the signed-in person.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn for_person(backend: &Backend, actor: &Actor) -> Result<Preferences> {
    let rows = rows(&backend.db, actor.user()?.account).await?;
    Ok(Preferences(
        NotificationKind::ALL.map(|kind| (kind, choice(&rows, kind))),
    ))
}

/// Replaces the choices of the signed-in person. A change of [`NotificationKind::Marketing`] is logged with the words they saw.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn set(backend: &Backend, actor: &Actor, wanted: impl Fn(NotificationKind) -> bool) -> Result<()> {
    let account = actor.user()?.account;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        for kind in NotificationKind::ALL {
            store(backend, tx, account, kind, wanted(kind), MARKETING_WORDING).await?;
        }
        Ok(())
    })
}

/// What the token of an email is good for.
///
/// # Errors
/// `NotFound` where it is not ours.
pub fn read_link(backend: &Backend, token: &str) -> Result<UnsubscribeLink> {
    let parse = || {
        let mut parts = token.splitn(3, '.');
        let (account, kind, signature) = (parts.next()?, parts.next()?, parts.next()?);
        backend
            .signer
            .verify(Purpose::DeclineMail, &[account, kind], signature)
            .then(|| {
                Some(UnsubscribeLink {
                    account: account.parse().ok()?,
                    kind: NotificationKind::parse(kind)?,
                })
            })
            .flatten()
    };
    parse().ok_or_else(|| {
        Error::problem(
            ProblemCode::NotFound,
            "This link is not complete. Open it from the e-mail again, or sign in and choose which e-mails you get.",
        )
    })
}

/// Unsubscribes by the token of an email: from its kind, or from every kind. Answers alike when the account is gone.
///
/// # Errors
/// `NotFound` where the token is not ours; the database does not answer.
pub async fn unsubscribe_by_link(
    backend: &Backend,
    token: &str,
    scope: UnsubscribeScope,
) -> Result<UnsubscribeLink> {
    let link = read_link(backend, token)?;
    let mut tx = backend.db.begin().await?;
    let row: Option<(String,)> = tx
        .optional(sql("SELECT id FROM account WHERE id = $1").bind(link.account))
        .await?;
    if row.is_some() {
        for kind in NotificationKind::ALL
            .into_iter()
            .filter(|kind| scope == UnsubscribeScope::EveryKind || *kind == link.kind)
        {
            store(backend, &mut tx, link.account, kind, false, LINK_WORDING).await?;
        }
        tx.commit().await?;
    }
    Ok(link)
}

/// Whether the person wants emails of this kind.
pub(crate) async fn wants(db: &Db, account: AccountId, kind: NotificationKind) -> Result<bool> {
    Ok(choice(&rows(db, account).await?, kind))
}

/// The links to unsubscribe that an email of this kind carries.
pub(crate) fn unsubscribe(backend: &Backend, account: AccountId, kind: NotificationKind) -> Unsubscribe {
    let account = account.to_string();
    let signature = backend
        .signer
        .sign(Purpose::DeclineMail, &[&account, kind.as_str()]);
    let token = format!("{account}.{}.{signature}", kind.as_str());
    Unsubscribe::with(&backend.config.base_url, &token)
}

fn choice(rows: &[(String, bool)], kind: NotificationKind) -> bool {
    rows.iter()
        .find(|(name, _)| name == kind.as_str())
        .map_or(kind.is_wanted_by_default(), |(_, wanted)| *wanted)
}

async fn rows(db: &Db, account: AccountId) -> Result<Vec<(String, bool)>, DbError> {
    const SELECT: &str = "SELECT kind, wanted FROM email_preference WHERE account_id = $1";
    db.all(sql(SELECT).bind(account)).await
}

/// Notes a choice, and logs it where it is about consent and differs from before.
async fn store(
    backend: &Backend,
    tx: &mut Tx,
    account: AccountId,
    kind: NotificationKind,
    wanted: bool,
    wording: &'static str,
) -> Result<()> {
    const SELECT: &str = "SELECT wanted FROM email_preference WHERE account_id = $1 AND kind = $2";
    const UPSERT: &str = "
        INSERT INTO email_preference (account_id, kind, wanted, changed_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, kind) DO UPDATE SET wanted = excluded.wanted, changed_at = excluded.changed_at";
    const LOG: &str = "INSERT INTO email_consent (id, account_id, granted, wording, decided_at) VALUES ($1, $2, $3, $4, $5)";
    let before: Option<(bool,)> = tx.optional(sql(SELECT).bind(account).bind(kind.as_str())).await?;
    if before.map_or(kind.is_wanted_by_default(), |(before,)| before) == wanted {
        return Ok(());
    }
    let now = backend.now();
    tx.execute(
        sql(UPSERT)
            .bind(account)
            .bind(kind.as_str())
            .bind(wanted)
            .bind(now),
    )
    .await?;
    if kind == NotificationKind::Marketing {
        let id = backend.new_id().simple().to_string();
        tx.execute(
            sql(LOG)
                .bind(id)
                .bind(account)
                .bind(wanted)
                .bind(wording)
                .bind(now),
        )
        .await?;
    }
    Ok(())
}
