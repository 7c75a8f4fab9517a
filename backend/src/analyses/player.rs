//! What can be listened to: the mix and what it is compared with, and a signed link for each.

use std::time::Duration;

use model::{
    AnalysisId, Timestamp, UploadId,
    analysis::AudioLink,
    player::{AudioRef, PlayerSource, PreviewState, SourceKind},
    upload::{UploadKind, UploadState},
};

use super::{MOST_COMPARED, audio_of, missing, preview::PreviewProgress};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{row, sql},
    storage::Key,
};

/// The media type of a copy to play.
pub(crate) const PREVIEW_MEDIA_TYPE: &str = "audio/wav";

/// A query for [`SourceRow`]s.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT analysis.id, analysis.kind, title, duration_s, integrated_lufs, upload_id, file_name, media_type,
                    upload.state AS upload_state, delete_after, preview_state, preview_attenuation_db
             FROM analysis JOIN upload ON upload.id = upload_id ",
            $rest
        )
    };
}

/// The most earlier and later versions of a song that the player offers; the history compares the rest.
const VERSIONS: u32 = 3;

/// The mix of a report and what it is compared with: other versions of its song, then the references chosen for it.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's.
pub async fn sources(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<Vec<PlayerSource>> {
    // The account is asked for where the mix is found: songs and references are of one account. Beside the rest, SQLite would go
    // through everything that the account has.
    const VERSIONS_OF: &str = select!(
        "WHERE song_id = (SELECT song_id FROM analysis WHERE id = $2 AND account_id = $1)
           AND analysis.id <> $2 AND analysis.state = 'done'
         ORDER BY analysis.id DESC LIMIT $3"
    );
    const REFERENCES_OF: &str = select!(
        "JOIN comparison ON reference_id = analysis.id
         WHERE analysis_id = (SELECT id FROM analysis WHERE id = $2 AND account_id = $1) AND analysis.state = 'done'
         ORDER BY title, analysis.id LIMIT $3"
    );
    let account = actor.account(Scope::ReadAnalyses)?;
    let of_mix = |text: &'static str| sql(text).bind(account).bind(id);
    let now = backend.now();
    let mix = find(backend, actor, id).await?;
    let versions: Vec<SourceRow> = backend.db.all(of_mix(VERSIONS_OF).bind(VERSIONS)).await?;
    let references: Vec<SourceRow> = backend
        .db
        .all(of_mix(REFERENCES_OF).bind(u32::try_from(MOST_COMPARED).unwrap_or(u32::MAX)))
        .await?;
    let mut sources = vec![mix.source(SourceKind::Mix, now)];
    for row in versions.into_iter().chain(references) {
        // Another mix of the person's own is a version of the song; its length says whether it is one to switch within.
        let kind = match row.kind {
            UploadKind::Mix => SourceKind::Version,
            UploadKind::Reference => SourceKind::Reference,
        };
        let source = row.source(kind, now);
        if sources.iter().all(|known| known.audio != source.audio) {
            sources.push(source);
        }
    }
    Ok(sources)
}

/// The mix of a report alone.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's.
pub(crate) async fn mix_source(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<PlayerSource> {
    let mix = find(backend, actor, id).await?;
    Ok(mix.source(SourceKind::Mix, backend.now()))
}

/// Whether the audio of an analysis can be played.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's.
pub async fn preview_state(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<PreviewState> {
    Ok(find(backend, actor, id).await?.preview_state(backend.now()))
}

/// A signed link to the audio of an analysis, for a few minutes (P04): to its copy to play, where it has one.
///
/// # Errors
/// `NotFound` where there is no such analysis or its audio is gone; `Conflict` while a copy to play is being made.
pub async fn audio_link(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<AudioLink> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = find(backend, actor, id).await?;
    let now = backend.now();
    let problem = |code, words: &str| Err(Error::problem(code, words));
    match row.preview_state(now) {
        PreviewState::Ready => {}
        PreviewState::Making => {
            return problem(
                model::ProblemCode::Conflict,
                "A copy to play is being made. It takes a minute at most; try again then.",
            );
        }
        PreviewState::Gone | PreviewState::Withheld => {
            return problem(
                model::ProblemCode::NotFound,
                "This audio was removed. The report stays.",
            );
        }
    }
    let (key, file_name, media_type) = if row.preview_state == PreviewProgress::Ready {
        let name = row
            .file_name
            .rsplit_once('.')
            .map_or(&*row.file_name, |(name, _)| name);
        (
            Key::preview(account, row.upload_id),
            format!("{name}.wav"),
            PREVIEW_MEDIA_TYPE.to_owned(),
        )
    } else {
        (Key::source(account, row.upload_id), row.file_name, row.media_type)
    };
    let until = row.delete_after.unwrap_or(now);
    signed_link(backend, &key, &file_name, &media_type, until).await
}

/// A signed link to an object for a few minutes (P04), and never beyond `until`, when its audio is to go: whenever the object
/// itself does.
pub(crate) async fn signed_link(
    backend: &Backend,
    key: &Key,
    file_name: &str,
    media_type: &str,
    until: Timestamp,
) -> Result<AudioLink> {
    let now = backend.now();
    let play = Duration::from_secs(60 * u64::from(backend.config.uploads.play_minutes));
    let valid_for = play.min(until.since(now));
    let of_machine = backend.clock.of_machine();
    let url = backend
        .storage
        .presign_get(key, file_name, media_type, valid_for, of_machine)
        .await?;
    Ok(AudioLink {
        url,
        expires_at: now.plus(valid_for),
    })
}

row! {
    #[derive(Debug)]
    struct SourceRow {
        id: AnalysisId,
        kind: UploadKind,
        title: String,
        duration_s: Option<f64>,
        integrated_lufs: Option<f64>,
        upload_id: UploadId,
        file_name: String,
        media_type: String,
        upload_state: UploadState,
        delete_after: Option<Timestamp>,
        preview_state: PreviewProgress,
        preview_attenuation_db: f64,
    }
}

impl SourceRow {
    fn preview_state(&self, now: Timestamp) -> PreviewState {
        let kept = audio_of(self.upload_state, self.delete_after).kept_until(now);
        match (kept, self.preview_state) {
            (None, _) => PreviewState::Gone,
            (Some(_), PreviewProgress::Making) => PreviewState::Making,
            // Where no preview could be made, Safari may still play the source, and the others say that they cannot.
            (Some(_), PreviewProgress::None | PreviewProgress::Ready | PreviewProgress::Failed) => {
                PreviewState::Ready
            }
        }
    }

    fn source(self, kind: SourceKind, now: Timestamp) -> PlayerSource {
        PlayerSource {
            audio: AudioRef::analysis(self.id),
            kind,
            preview_state: self.preview_state(now),
            // Known before the copy is there, so that a page that waits for it need not ask again.
            gain_db: match self.preview_state {
                PreviewProgress::Making | PreviewProgress::Ready => self.preview_attenuation_db,
                PreviewProgress::None | PreviewProgress::Failed => 0.0,
            },
            title: self.title,
            duration_s: self.duration_s.unwrap_or(0.0),
            integrated_lufs: self.integrated_lufs,
            loudness: None,
        }
    }
}

async fn find(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<SourceRow> {
    const SELECT: &str = select!("WHERE analysis.account_id = $1 AND analysis.id = $2");
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = backend.db.optional(sql(SELECT).bind(account).bind(id)).await?;
    row.ok_or_else(missing)
}
