//! The rows of analyses. Every query of a person's carries the account: somebody else's row is not found.

use model::{
    AccountId, AnalysisId, Failure, RenderId, Report, SongId, Timestamp, UploadId,
    analysis::{AnalysisState, AnalysisSummary, Audio, EarlierVerdict, Phase, Progress, Score},
    plan::Plan,
    song::SongMembership,
    upload::{UploadKind, UploadState},
    verdict::{Points, Stage, Standing, Verdict},
};

use crate::{
    Error, Result,
    db::{Db, DbError, Json, Tx, row, sql},
    names::{self, BaseTitle},
    tables::{Erase, REFERENCE, Table, rows},
};

row! {
    /// What the history shows.
    #[derive(Debug)]
    pub(crate) struct SummaryRow {
        pub(super) id: AnalysisId,
        kind: UploadKind,
        title: String,
        created_at: Timestamp,
        progress: ProgressRow,
        failure: Option<Json<Failure>>,
        duration_s: Option<f64>,
        pub(super) integrated_lufs: Option<f64>,
        stage: Option<Stage>,
        stage_is_chosen: bool,
        pub(super) score_tenths: Option<Points>,
        standing: Option<Standing>,
        first_finding: Option<String>,
        audio_until: Option<Timestamp>,
        song_id: Option<SongId>,
        song_title: Option<String>,
        version: u32,
    }
}

/// The columns of a [`SummaryRow`], from `analysis`. Where there is no song, none is asked about: two statements within one
/// are a third of what a page costs.
macro_rules! summary_columns {
    () => {
        "analysis.id, analysis.kind, analysis.title, analysis.created_at, analysis.state, phase, percent, status_message, failure, duration_s,
         integrated_lufs, stage, stage_is_chosen, score_tenths, standing, first_finding, audio_until, song_id,
         CASE WHEN song_id IS NOT NULL THEN (SELECT song.title FROM song WHERE song.id = song_id) END AS song_title,
         CASE WHEN song_id IS NOT NULL
             THEN (SELECT COUNT(*) FROM analysis AS version WHERE version.song_id = analysis.song_id AND version.id <= analysis.id)
             ELSE 0 END AS version"
    };
}
pub(crate) use summary_columns;

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "analysis",
        title: "Analyses",
        about: "The reports of your mixes, with every number that was measured.",
        kept: "Until you delete the report.",
        export: rows! {
            from "analysis" where Account is "account_id = $1"
            given {
                "id" Text "Number", "title" Text "Title", "upload_id" Text "File", "kind" Text "For", "state" Text "State", "phase" Text "Phase",
                "percent" Number "Percent", "status_message" Text "Trouble on our side", "created_at" Time "Begun", "finished_at" Time "Finished",
                "engine" Text "Engine", "duration_s" Number "Length in seconds", "integrated_lufs" Number "Integrated loudness, LUFS",
                "report" Json "Report", "failure" Json "Failure",
                "rule_set" Text "Judged by rules of", "stage" Text "Judged as", "stage_is_chosen" Flag "You chose that",
                "score_tenths" Number "Score in tenths", "standing" Text "How it stands", "first_finding" Text "First to fix", "unseen_since" Time "Ended, and not looked at", "audio_until" Time "Audio is removed", "song_id" Text "Song", "song_declined" Flag "You said that it is no version of what was suggested",
            }
            withheld {
                "account_id" REFERENCE, "title_key" "the title once more, in lower case, to sort by",
                "search_key" "the title, the song and the name of the file once more, to look them up by",
                "base_title" "the title once more, without what marks a version, to suggest a song by",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "verdict",
        title: "Verdicts",
        about: "What our rules said of each report.",
        kept: "Until you delete the report.",
        export: rows! {
            from "verdict" where Account is "account_id = $1" in order of "rule_set"
            given {
                "analysis_id" Text "Analysis", "rule_set" Text "Rules of", "mix_tenths" Number "Score as a mix, in tenths",
                "master_tenths" Number "Score as a master, in tenths", "verdict" Json "Verdict", "created_at" Time "Made",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
];

row! {
    #[derive(Debug)]
    pub(crate) struct ProgressRow {
        state: AnalysisState,
        phase: Phase,
        percent: u8,
        status_message: Option<String>,
    }
}

row! {
    /// A whole analysis.
    #[derive(Debug)]
    pub(super) struct AnalysisRow {
        pub(super) summary: SummaryRow,
        pub(super) file_name: String,
        pub(super) size_bytes: u64,
        pub(super) media_type: String,
        pub(super) report: Option<Json<Report>>,
    }
}

row! {
    /// What a worker needs to begin.
    #[derive(Debug, PartialEq)]
    pub(super) struct WorkRow {
        pub(super) state: AnalysisState,
        pub(super) account_id: AccountId,
        pub(super) upload_id: UploadId,
        pub(super) upload_state: UploadState,
        pub(super) size_bytes: u64,
        pub(super) media_type: String,
        pub(super) plan: Plan,
    }
}

row! {
    /// Whose an analysis is, and what for.
    #[derive(Debug)]
    pub(super) struct OwnerRow {
        pub(super) account_id: AccountId,
        pub(super) kind: UploadKind,
        pub(super) created_at: Timestamp,
    }
}

row! {
    /// The upload that went with an analysis.
    #[derive(Debug)]
    pub(super) struct DeletedRow {
        pub(super) kind: UploadKind,
        pub(super) state: UploadState,
    }
}

row! {
    struct RenderIdRow {
        id: RenderId,
    }
}

row! {
    struct TakenRow {
        taken_at: Timestamp,
    }
}

row! {
    /// A report to judge.
    #[derive(Debug)]
    pub(super) struct ReportRow {
        pub(super) id: AnalysisId,
        pub(super) report: Json<Report>,
    }
}

row! {
    struct ScoresRow {
        rule_set: String,
        mix_tenths: Points,
        master_tenths: Points,
        created_at: Timestamp,
    }
}

impl SummaryRow {
    /// What the file is for.
    pub(super) const fn kind(&self) -> UploadKind {
        self.kind
    }

    pub(crate) fn summary(self) -> AnalysisSummary {
        let song = self
            .song_id
            .zip(self.song_title)
            .map(|(id, title)| SongMembership {
                id,
                title,
                version: self.version,
            });
        let judged = self.stage.zip(self.score_tenths).zip(self.standing);
        let score = judged.map(|((stage, points), standing)| Score {
            stage,
            is_chosen: self.stage_is_chosen,
            points,
            standing,
        });
        AnalysisSummary {
            id: self.id,
            kind: self.kind,
            title: self.title,
            created_at: self.created_at,
            progress: self.progress.progress(),
            duration_s: self.duration_s,
            integrated_lufs: self.integrated_lufs,
            song,
            score,
            first_finding: self.first_finding,
            failure: self.failure.map(|Json(failure)| failure),
            audio: self
                .audio_until
                .map_or(Audio::Gone, |until| Audio::Kept { until }),
        }
    }
}

impl ProgressRow {
    pub(crate) fn progress(self) -> Progress {
        Progress {
            state: self.state,
            phase: self.phase,
            percent: self.percent,
            status_message: self.status_message,
            outcome: None,
        }
    }
}

/// An analysis to make.
#[derive(Debug)]
pub(crate) struct NewAnalysis<'a> {
    pub(crate) id: AnalysisId,
    pub(crate) account: AccountId,
    pub(crate) upload: UploadId,
    pub(crate) kind: UploadKind,
    pub(crate) title: &'a str,
    pub(crate) file_name: &'a str,
    /// Why it has failed already, where its first bytes say so.
    pub(crate) failure: Option<&'a Failure>,
}

/// Makes the analysis of a stored upload: queued, or failed at once where its first bytes say so already.
pub(crate) async fn insert(tx: &mut Tx, new: &NewAnalysis<'_>, now: Timestamp) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO analysis
            (id, account_id, upload_id, kind, title, state, phase, percent, created_at, finished_at, failure, title_key, search_key, base_title, audio_until)
        VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $7, $8, $9, $10, $11, $12,
                (SELECT delete_after FROM upload WHERE id = $3 AND state = 'stored'))";
    let state = if new.failure.is_some() {
        AnalysisState::Failed
    } else {
        AnalysisState::Queued
    };
    tx.execute(
        sql(INSERT)
            .bind(new.id)
            .bind(new.account)
            .bind(new.upload)
            .bind(new.kind)
            .bind(new.title)
            .bind(state)
            .bind(now)
            .bind(new.failure.map(|_| now))
            .bind(
                new.failure
                    .map(serde_json::to_string)
                    .transpose()
                    .map_err(Error::internal)?,
            )
            .bind(names::sort_key(new.title))
            .bind(names::search_key(new.title, None, new.file_name))
            .bind(BaseTitle::of(new.title).text()),
    )
    .await?;
    Ok(())
}

pub(crate) async fn of_upload(
    db: &Db,
    account: AccountId,
    upload: UploadId,
) -> Result<Option<AnalysisId>, DbError> {
    const SELECT: &str = "SELECT id FROM analysis WHERE upload_id = $1 AND account_id = $2";
    db.scalar(sql(SELECT).bind(upload).bind(account)).await
}

/// The analysis of an upload, as a transaction sees it.
pub(crate) async fn of_upload_in(tx: &mut Tx, upload: UploadId) -> Result<Option<AnalysisId>, DbError> {
    tx.scalar(sql("SELECT id FROM analysis WHERE upload_id = $1").bind(upload))
        .await
}

pub(super) async fn find(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<AnalysisRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT ",
        summary_columns!(),
        ", file_name, size_bytes, media_type, report
        FROM analysis JOIN upload ON upload.id = upload_id
        WHERE analysis.id = $1 AND analysis.account_id = $2"
    );
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

pub(super) async fn progress(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<ProgressRow>, DbError> {
    const SELECT: &str =
        "SELECT state, phase, percent, status_message FROM analysis WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// What an analysis came to, in a few words; `None` where it was not judged.
pub(super) async fn outcome(db: &Db, account: AccountId, id: AnalysisId) -> Result<Option<String>, DbError> {
    const SELECT: &str =
        "SELECT score_tenths, first_finding, failure FROM analysis WHERE id = $1 AND account_id = $2";
    let row: Option<OutcomeRow> = db.optional(sql(SELECT).bind(id).bind(account)).await?;
    Ok(row.and_then(|row| {
        if let Some(Json(failure)) = row.failure {
            return Some(failure.headline().to_owned());
        }
        let score = row.score_tenths?.number();
        Some(match row.first_finding {
            Some(first) => format!("{score} of 100. First to fix: {first}"),
            None => format!("{score} of 100. No issues found"),
        })
    }))
}

row! {
    struct OutcomeRow {
        score_tenths: Option<Points>,
        first_finding: Option<String>,
        failure: Option<Json<Failure>>,
    }
}

/// Notes that the owner has looked at what an analysis came to.
pub(super) async fn set_seen(db: &Db, account: AccountId, id: AnalysisId) -> Result<(), DbError> {
    const UNSEEN: &str =
        "SELECT unseen_since FROM analysis WHERE id = $1 AND account_id = $2 AND unseen_since IS NOT NULL";
    const UPDATE: &str = "UPDATE analysis SET unseen_since = NULL WHERE id = $1 AND account_id = $2 AND unseen_since IS NOT NULL";
    // Most of the time it was before, and a page that is looked at writes nothing.
    let unseen: Option<Timestamp> = db.scalar(sql(UNSEEN).bind(id).bind(account)).await?;
    if unseen.is_some() {
        db.execute(sql(UPDATE).bind(id).bind(account)).await?;
    }
    Ok(())
}

pub(super) async fn rename(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
    title: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "UPDATE analysis SET title = $3 WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(UPDATE).bind(id).bind(account).bind(title)).await? == 1)
}

/// Deletes an analysis and its upload; what it was for, where there was one.
pub(super) async fn delete(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<DeletedRow>, DbError> {
    const DELETE: &str = "
        DELETE FROM upload
        WHERE id = (SELECT upload_id FROM analysis WHERE id = $1 AND account_id = $2)
        RETURNING kind, state";
    // The analysis goes with its upload, by ON DELETE CASCADE.
    tx.optional(sql(DELETE).bind(id).bind(account)).await
}

/// The renders that were made of an upload: objects beside its own.
pub(crate) async fn renders_of(tx: &mut Tx, upload: UploadId) -> Result<Vec<RenderId>, DbError> {
    const SELECT: &str = "
        SELECT render.id FROM render JOIN analysis ON analysis.id = analysis_id WHERE upload_id = $1";
    let rows: Vec<RenderIdRow> = tx.all(sql(SELECT).bind(upload)).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// When each of them was counted that has not ended.
pub(super) async fn unfinished_renders(tx: &mut Tx, upload: UploadId) -> Result<Vec<Timestamp>, DbError> {
    const SELECT: &str = "
        SELECT taken_at FROM render JOIN analysis ON analysis.id = analysis_id
        WHERE upload_id = $1 AND render.state IN ('queued', 'running')";
    let rows: Vec<TakenRow> = tx.all(sql(SELECT).bind(upload)).await?;
    Ok(rows.into_iter().map(|row| row.taken_at).collect())
}

/// The upload of an analysis.
pub(super) async fn upload_of(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<UploadId>, DbError> {
    const SELECT: &str = "SELECT upload_id FROM analysis WHERE id = $1 AND account_id = $2";
    tx.scalar(sql(SELECT).bind(id).bind(account)).await
}

pub(super) async fn work(db: &Db, id: AnalysisId) -> Result<Option<WorkRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.state, analysis.account_id, upload_id, upload.state AS upload_state, size_bytes, media_type, plan
        FROM analysis JOIN upload ON upload.id = upload_id JOIN account ON account.id = analysis.account_id
        WHERE analysis.id = $1";
    db.optional(sql(SELECT).bind(id)).await
}

/// Whose it is, and what for.
pub(super) async fn owner(tx: &mut Tx, id: AnalysisId) -> Result<Option<OwnerRow>, DbError> {
    tx.optional(sql("SELECT account_id, kind, created_at FROM analysis WHERE id = $1").bind(id))
        .await
}

/// Notes how far a running analysis has come. Changes nothing once it has ended.
pub(super) async fn set_progress(
    db: &Db,
    id: AnalysisId,
    phase: Phase,
    percent: u8,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET state = 'running', phase = $2, percent = $3, status_message = NULL
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db.execute(sql(UPDATE).bind(id).bind(phase).bind(percent)).await? == 1)
}

/// Notes that our side is in trouble and the work will be tried again: running → queued.
pub(super) async fn set_status_message(db: &Db, id: AnalysisId, words: &str) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET state = 'queued', phase = 'waiting', status_message = $2
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db.execute(sql(UPDATE).bind(id).bind(words)).await? == 1)
}

/// running → done, with the report; `false` where it had ended already, or is gone.
pub(super) async fn set_done(tx: &mut Tx, id: AnalysisId, report: &Report, now: Timestamp) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE analysis
        SET state = 'done', phase = 'saving', percent = 100, status_message = NULL, finished_at = $2, engine = $3, report = $4,
            duration_s = $5, integrated_lufs = $6, unseen_since = CASE WHEN kind = 'mix' THEN $2 END
        WHERE id = $1 AND state IN ('queued', 'running')";
    let json = serde_json::to_string(report).map_err(Error::internal)?;
    let update = sql(UPDATE)
        .bind(id)
        .bind(now)
        .bind(report.engine.as_str())
        .bind(json)
        .bind(report.file.duration_s)
        .bind(report.loudness.integrated_lufs.value());
    Ok(tx.execute(update).await? == 1)
}

/// queued or running → failed; `false` where it had ended already, or is gone.
pub(super) async fn set_failed(
    tx: &mut Tx,
    id: AnalysisId,
    failure: &Failure,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE analysis
        SET state = 'failed', status_message = NULL, finished_at = $2, failure = $3,
            unseen_since = CASE WHEN kind = 'mix' THEN $2 END
        WHERE id = $1 AND state IN ('queued', 'running')";
    let json = serde_json::to_string(failure).map_err(Error::internal)?;
    Ok(tx.execute(sql(UPDATE).bind(id).bind(now).bind(json)).await? == 1)
}

pub(super) async fn insert_verdict(
    tx: &mut Tx,
    id: AnalysisId,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO verdict (analysis_id, account_id, rule_set, verdict, mix_tenths, master_tenths, created_at)
        SELECT id, account_id, $2, $3, $4, $5, $6 FROM analysis WHERE id = $1
        ON CONFLICT (analysis_id, rule_set) DO NOTHING";
    let json = serde_json::to_string(verdict).map_err(Error::internal)?;
    let insert = sql(INSERT)
        .bind(id)
        .bind(verdict.rule_set.as_str())
        .bind(json)
        .bind(verdict.mix.score)
        .bind(verdict.master.score)
        .bind(now);
    tx.execute(insert).await?;
    Ok(())
}

/// What the person chose, where they did.
pub(super) async fn chosen_stage(tx: &mut Tx, id: AnalysisId) -> Result<Option<Stage>, DbError> {
    const SELECT: &str = "SELECT stage FROM analysis WHERE id = $1 AND stage_is_chosen";
    tx.scalar(sql(SELECT).bind(id)).await
}

/// Notes the person's choice, or that there is none any more; `false` where the analysis is not theirs.
pub(super) async fn choose_stage(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
    choice: Option<Stage>,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET stage_is_chosen = $3, stage = COALESCE($4, stage) WHERE id = $1 AND account_id = $2";
    let update = sql(UPDATE)
        .bind(id)
        .bind(account)
        .bind(choice.is_some())
        .bind(choice);
    Ok(tx.execute(update).await? == 1)
}

/// Copies the score by `stage` to where the history finds it.
pub(super) async fn set_score(
    tx: &mut Tx,
    id: AnalysisId,
    verdict: &Verdict,
    stage: Stage,
) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET rule_set = $2, stage = $3, score_tenths = $4, standing = $5, first_finding = $6 WHERE id = $1";
    let breakdown = verdict.by(stage);
    let first = breakdown.findings.first().map(|finding| finding.title.as_str());
    let update = sql(UPDATE)
        .bind(id)
        .bind(verdict.rule_set.as_str())
        .bind(stage)
        .bind(breakdown.score)
        .bind(breakdown.standing())
        .bind(first);
    tx.execute(update).await.map(drop)
}

const NEWEST_VERDICT: &str = "
    SELECT verdict FROM verdict WHERE analysis_id = $1 ORDER BY created_at DESC, rule_set DESC LIMIT 1";

pub(super) async fn newest_verdict(tx: &mut Tx, id: AnalysisId) -> Result<Option<Verdict>, DbError> {
    let verdict = tx.scalar(sql(NEWEST_VERDICT).bind(id)).await?;
    Ok(verdict.map(|Json(verdict)| verdict))
}

/// The newest verdict, and the scores by older rules, newest first.
pub(super) async fn verdicts(
    db: &Db,
    id: AnalysisId,
) -> Result<(Option<Verdict>, Vec<EarlierVerdict>), DbError> {
    const SCORES: &str = "
        SELECT rule_set, mix_tenths, master_tenths, created_at FROM verdict WHERE analysis_id = $1
        ORDER BY created_at DESC, rule_set DESC";
    let newest = db.scalar(sql(NEWEST_VERDICT).bind(id)).await?;
    let rows: Vec<ScoresRow> = db.all(sql(SCORES).bind(id)).await?;
    let earlier = rows
        .into_iter()
        .skip(1)
        .map(|row| EarlierVerdict {
            rule_set: row.rule_set,
            mix: row.mix_tenths,
            master: row.master_tenths,
            at: row.created_at,
        })
        .collect();
    Ok((newest.map(|Json(verdict)| verdict), earlier))
}

/// Reports that `rule_set` has not judged.
pub(super) async fn to_judge(db: &Db, rule_set: &str, count: u32) -> Result<Vec<ReportRow>, DbError> {
    const SELECT: &str = "
        SELECT id, report FROM analysis
        WHERE report IS NOT NULL AND kind = 'mix' AND (rule_set IS NULL OR rule_set <> $1) ORDER BY id LIMIT $2";
    db.all(sql(SELECT).bind(rule_set).bind(count)).await
}

/// Deletes the songs of which no analysis is a version any more. A song lives by its versions, so whoever takes one away calls
/// it in the same transaction.
pub(crate) async fn delete_empty_songs(tx: &mut Tx, account: AccountId) -> Result<(), DbError> {
    const DELETE: &str = "
        DELETE FROM song WHERE account_id = $1 AND NOT EXISTS (SELECT 1 FROM analysis WHERE song_id = song.id)";
    tx.execute(sql(DELETE).bind(account)).await.map(drop)
}
