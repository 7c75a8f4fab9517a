//! Links to reports: an owner gives one away, whoever has it reads the report without an account, until it ends.
//!
//! The token of a link is its id with a signature of ours. So it can be shown to its owner again, nobody can try ids, and who
//! reads the database can open nothing.

use std::time::Duration;

use model::{
    AccountId, AnalysisId, ProblemCode, ShareId, Timestamp,
    analysis::{AnalysisView, AudioLink},
    plan::Plan,
    player::{AudioRef, PlayerSource, PreviewState},
    share::{SHARE_DAYS, Share, SharedAudio},
};

use crate::{
    Actor, Backend, Error, Result, Scope,
    actor::{Owner, Token},
    analyses,
    db::{row, sql},
    idempotency,
    retention::{self, ExpiredCount},
    signing::Purpose,
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "share",
    title: "Links to reports",
    about: "So that whoever you gave a link reads the report, and you can end it. Who opened it is not kept.",
    kept: "Until the link ends, you end it, or you delete the report.",
    export: rows! {
        from "share" where Account is "account_id = $1"
        given {
            "id" Text "Link", "analysis_id" Text "Report", "includes_audio" Flag "With audio", "created_at" Time "Made",
            "expires_at" Time "Ends",
        }
        withheld { "account_id" REFERENCE }
    },
    // A link opens a part of the account: none is left when it is closed.
    erase: Erase::AtOnce("DELETE FROM share WHERE account_id = $1"),
}];

/// How many links a report may have at a time.
pub const MOST_SHARES: usize = 20;

/// The characters of an id, which a token begins with.
const ID_CHARS: usize = 32;

/// What whoever has a link is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedReport {
    /// The analysis, without what is the owner's alone: the name of the file, references, songs, earlier verdicts.
    pub view: AnalysisView,
    /// The mix, for the player; without sound where the audio is withheld.
    pub source: PlayerSource,
    /// From when on the link opens nothing.
    pub expires_at: Timestamp,
}

/// Makes a link to a report that is good for `days`.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's; `Conflict` where it has no report, or too many links;
/// `Invalid` on `days` where it is none of [`SHARE_DAYS`].
pub async fn create(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    days: u32,
    audio: SharedAudio,
) -> Result<ShareId> {
    const INSERT: &str = "
        INSERT INTO share (id, account_id, analysis_id, includes_audio, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    const COUNT: &str = "SELECT COUNT(*) FROM share WHERE analysis_id = $1 AND expires_at > $2";
    let account = actor.account(Scope::WriteAnalyses)?;
    if !SHARE_DAYS.contains(&days) {
        let mut choices = SHARE_DAYS;
        choices.sort_unstable();
        let choices = choices.map(|days| days.to_string()).join(", ");
        return Err(Error::invalid(
            "days",
            format!("Choose for how many days the link is good: {choices}."),
        ));
    }
    if !analyses::has_report(&backend.db, account, id).await? {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "There is no report to share yet. Try again when the file is measured.",
        ));
    }
    let now = backend.now();
    let share = ShareId(backend.new_id());
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let count: i64 = tx.scalar(sql(COUNT).bind(id).bind(now)).await?.unwrap_or(0);
        if count >= MOST_SHARES as i64 {
            return Err(Error::problem(
                ProblemCode::Conflict,
                format!("This report has {MOST_SHARES} links already. End one of them first."),
            ));
        }
        let insert = sql(INSERT)
            .bind(share)
            .bind(account)
            .bind(id)
            .bind(audio == SharedAudio::Included)
            .bind(now)
            .bind(now.plus(Duration::from_secs(u64::from(days) * 24 * 3600)));
        tx.execute(insert).await?;
        idempotency::finish(tx, backend, actor, share).await
    })?;
    Ok(share)
}

/// The links that the person gave away and that are still good, newest first; only those to the report `id`, where it is given.
///
/// # Errors
/// The database does not answer.
pub async fn list(backend: &Backend, actor: &Actor, id: Option<AnalysisId>) -> Result<Vec<Share>> {
    const SELECT: &str = "
        SELECT share.id, analysis_id, title, includes_audio, share.created_at, expires_at
        FROM share JOIN analysis ON analysis.id = analysis_id
        WHERE share.account_id = $1 AND expires_at > $2 AND ($3 = '' OR analysis_id = $3)
        ORDER BY share.id DESC";
    let account = actor.account(Scope::ReadAnalyses)?;
    let of_one = id.map(|id| id.to_string()).unwrap_or_default();
    let select = sql(SELECT).bind(account).bind(backend.now()).bind(of_one);
    let rows: Vec<ShareRow> = backend.db.all(select).await?;
    Ok(rows.into_iter().map(|row| row.share(backend)).collect())
}

/// Ends a link at once.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn end(backend: &Backend, actor: &Actor, id: ShareId) -> Result<()> {
    const DELETE: &str = "DELETE FROM share WHERE id = $1 AND account_id = $2";
    let account = actor.account(Scope::WriteAnalyses)?;
    if backend.db.execute(sql(DELETE).bind(id).bind(account)).await? == 0 {
        return Err(Error::not_found("link"));
    }
    Ok(())
}

/// The report that a link opens.
///
/// # Errors
/// `NotFound` where the link has ended or never was one.
pub async fn open(backend: &Backend, token: &str) -> Result<SharedReport> {
    let link = find(backend, token).await?;
    let reader = link.reader();
    let view = analyses::view(backend, &reader, link.analysis_id).await?;
    // Of what it is compared with nothing is shared, not even the names.
    let mix = analyses::mix_source(backend, &reader, link.analysis_id).await?;
    let source = PlayerSource {
        audio: AudioRef::shared(token),
        preview_state: if link.includes_audio {
            mix.preview_state
        } else {
            PreviewState::Withheld
        },
        ..mix
    };
    Ok(SharedReport {
        view: without_what_is_private(view),
        source,
        expires_at: link.expires_at,
    })
}

/// A signed link to the audio of a shared report, for a few minutes (P04).
///
/// # Errors
/// `NotFound` where the link has ended or lets nothing be heard, or the audio is gone; `Conflict` while a copy to play is made.
pub async fn audio_link(backend: &Backend, token: &str) -> Result<AudioLink> {
    let link = find_audible(backend, token).await?;
    analyses::audio_link(backend, &link.reader(), link.analysis_id).await
}

/// Whether the audio of a shared report can be played.
///
/// # Errors
/// `NotFound` where the link has ended, or lets nothing be heard.
pub async fn preview_state(backend: &Backend, token: &str) -> Result<PreviewState> {
    let link = find_audible(backend, token).await?;
    analyses::preview_state(backend, &link.reader(), link.analysis_id).await
}

/// Removes the links that have ended.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now());
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would remove now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let count = sql(ended::COUNT).bind(backend.now());
    Ok(vec![
        retention::count(&backend.db, "links to reports that have ended", count).await?,
    ])
}

mod ended {
    crate::db::ended!("share" by "id" where "expires_at <= $1");
}

row! {
    struct ShareRow {
        id: ShareId,
        analysis_id: AnalysisId,
        title: String,
        includes_audio: bool,
        created_at: Timestamp,
        expires_at: Timestamp,
    }
}

impl ShareRow {
    fn share(self, backend: &Backend) -> Share {
        Share {
            id: self.id,
            analysis: self.analysis_id,
            title: self.title,
            token: token_of(backend, self.id),
            audio: if self.includes_audio {
                SharedAudio::Included
            } else {
                SharedAudio::Withheld
            },
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

row! {
    struct LinkRow {
        account_id: AccountId,
        plan: Plan,
        analysis_id: AnalysisId,
        includes_audio: bool,
        expires_at: Timestamp,
    }
}

impl LinkRow {
    /// Whoever has the link reads in the owner's name, and this analysis alone is asked for.
    fn reader(&self) -> Actor {
        let owner = Owner {
            account: self.account_id,
            plan: self.plan,
        };
        Actor::Token(Token::live(owner, vec![Scope::ReadAnalyses]))
    }
}

async fn find(backend: &Backend, token: &str) -> Result<LinkRow> {
    const SELECT: &str = "
        SELECT share.account_id, plan, analysis_id, includes_audio, expires_at
        FROM share JOIN account ON account.id = share.account_id
        WHERE share.id = $1 AND expires_at > $2";
    // Before the database is asked: whoever guesses costs nothing.
    let id = signed_id(backend, token).ok_or_else(missing)?;
    let row = backend
        .db
        .optional(sql(SELECT).bind(id).bind(backend.now()))
        .await?;
    row.ok_or_else(missing)
}

async fn find_audible(backend: &Backend, token: &str) -> Result<LinkRow> {
    let link = find(backend, token).await?;
    if link.includes_audio {
        Ok(link)
    } else {
        Err(missing())
    }
}

fn token_of(backend: &Backend, id: ShareId) -> String {
    let id = id.to_string();
    let signature = backend.signer.sign(Purpose::Share, &[&id]);
    format!("{id}{signature}")
}

fn signed_id(backend: &Backend, token: &str) -> Option<ShareId> {
    let (id, signature) = token.split_at_checked(ID_CHARS)?;
    backend
        .signer
        .verify(Purpose::Share, &[id], signature)
        .then(|| id.parse().ok())?
}

/// What the owner sees of a report and nobody else: what they call the file, their other music, what older rules said.
fn without_what_is_private(view: AnalysisView) -> AnalysisView {
    let mut summary = view.summary;
    summary.song = None;
    AnalysisView {
        file_name: summary.title.clone(),
        summary,
        earlier: Vec::new(),
        compared: None,
        ..view
    }
}

fn missing() -> Error {
    Error::problem(
        ProblemCode::NotFound,
        "This link opens nothing: it has ended, or is not complete. Ask whoever sent it for a new one.",
    )
}
