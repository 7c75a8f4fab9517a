//! The rows of analyses. Every query of a person's carries the account: somebody else's row is not found.

use model::{
    AccountId, AnalysisId, Failure, Report, Timestamp, UploadId,
    analysis::{AnalysisState, AnalysisSummary, EarlierVerdict, Phase, Progress, Score},
    song::SongMembership,
    upload::UploadKind,
    verdict::{Points, Stage, Verdict},
};

use super::audio_of;
use crate::{
    Error, Result,
    db::{Db, DbError, Tx, sql},
    names::{self, Stem},
};

/// What the history shows.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SummaryRow {
    pub(super) id: String,
    kind: String,
    title: String,
    created_at: i64,
    #[sqlx(flatten)]
    progress: ProgressRow,
    failure: Option<String>,
    duration_s: Option<f64>,
    pub(super) integrated_lufs: Option<f64>,
    stage: Option<String>,
    stage_is_chosen: bool,
    pub(super) score_tenths: Option<i64>,
    upload_state: String,
    delete_after: Option<i64>,
    song_id: Option<String>,
    song_title: Option<String>,
    version: i64,
}

/// The columns of a [`SummaryRow`], from `analysis` and `upload`.
macro_rules! summary_columns {
    () => {
        "analysis.id, analysis.kind, analysis.title, analysis.created_at, analysis.state, phase, percent, status_message, failure, duration_s,
         integrated_lufs, stage, stage_is_chosen, score_tenths, upload.state AS upload_state, delete_after, song_id,
         (SELECT song.title FROM song WHERE song.id = song_id) AS song_title,
         (SELECT COUNT(*) FROM analysis AS version WHERE version.song_id = analysis.song_id AND version.id <= analysis.id) AS version"
    };
}
pub(crate) use summary_columns;

#[derive(Debug, sqlx::FromRow)]
pub(super) struct ProgressRow {
    state: String,
    phase: String,
    percent: i64,
    status_message: Option<String>,
}

/// A whole analysis.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct AnalysisRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    pub(super) file_name: String,
    pub(super) size_bytes: i64,
    pub(super) media_type: String,
    pub(super) report: Option<String>,
}

/// What a worker needs to begin.
#[derive(Debug, PartialEq, sqlx::FromRow)]
pub(super) struct WorkRow {
    pub(super) state: String,
    pub(super) account_id: String,
    pub(super) upload_id: String,
    pub(super) upload_state: String,
    pub(super) size_bytes: i64,
    pub(super) media_type: String,
    pub(super) plan: String,
}

impl SummaryRow {
    pub(crate) fn summary(self) -> Result<AnalysisSummary> {
        let version = u32::try_from(self.version).map_err(Error::internal)?;
        let song = self
            .song_id
            .zip(self.song_title)
            .map(|(id, title)| {
                Ok::<_, Error>(SongMembership {
                    id: id.parse().map_err(Error::internal)?,
                    title,
                    version,
                })
            })
            .transpose()?;
        Ok(AnalysisSummary {
            id: self.id.parse().map_err(Error::internal)?,
            kind: kind_of(&self.kind)?,
            title: self.title,
            created_at: Timestamp(self.created_at),
            progress: self.progress.progress()?,
            duration_s: self.duration_s,
            integrated_lufs: self.integrated_lufs,
            song,
            score: score_of(self.stage.as_deref(), self.stage_is_chosen, self.score_tenths)?,
            failure: self
                .failure
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(Error::internal)?,
            audio: audio_of(&self.upload_state, self.delete_after),
        })
    }
}

fn kind_of(kind: &str) -> Result<UploadKind> {
    kind.parse().map_err(|()| Error::internal("unknown kind"))
}

fn score_of(stage: Option<&str>, is_chosen: bool, tenths: Option<i64>) -> Result<Option<Score>> {
    let (Some(stage), Some(tenths)) = (stage, tenths) else {
        return Ok(None);
    };
    Ok(Some(Score {
        stage: stage.parse().map_err(|()| Error::internal("unknown stage"))?,
        is_chosen,
        points: points(tenths)?,
    }))
}

pub(crate) fn points(tenths: i64) -> Result<Points> {
    Ok(Points::from_tenths(
        i32::try_from(tenths).map_err(Error::internal)?,
    ))
}

impl AnalysisRow {
    pub(super) fn summary(self) -> Result<AnalysisSummary> {
        self.summary.summary()
    }
}

impl ProgressRow {
    pub(super) fn progress(self) -> Result<Progress> {
        Ok(Progress {
            state: self
                .state
                .parse()
                .map_err(|()| Error::internal("unknown state"))?,
            phase: self
                .phase
                .parse()
                .map_err(|()| Error::internal("unknown stage"))?,
            percent: u8::try_from(self.percent).map_err(Error::internal)?,
            status_message: self.status_message,
        })
    }
}

/// Makes the analysis of a stored upload: queued, or failed at once where its first bytes say so already.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: AnalysisId,
    account: AccountId,
    (upload, kind): (UploadId, UploadKind),
    (title, file_name): (&str, &str),
    now: Timestamp,
    failure: Option<&Failure>,
) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO analysis
            (id, account_id, upload_id, kind, title, state, phase, percent, created_at, finished_at, failure, title_key, search_key, base_title)
        VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $7, $8, $9, $10, $11, $12)";
    let state = if failure.is_some() {
        AnalysisState::Failed
    } else {
        AnalysisState::Queued
    };
    tx.execute(
        sql(INSERT)
            .bind(id)
            .bind(account)
            .bind(upload)
            .bind(kind.as_str())
            .bind(title)
            .bind(state.as_str())
            .bind(now)
            .bind(failure.map(|_| now))
            .bind(
                failure
                    .map(serde_json::to_string)
                    .transpose()
                    .map_err(Error::internal)?,
            )
            .bind(names::sort_key(title))
            .bind(names::search_key(title, None, file_name))
            .bind(Stem::of(title).text()),
    )
    .await?;
    Ok(())
}

pub(crate) async fn of_upload(db: &Db, account: AccountId, upload: UploadId) -> Result<Option<AnalysisId>> {
    const SELECT: &str = "SELECT id FROM analysis WHERE upload_id = $1 AND account_id = $2";
    let row: Option<(String,)> = db.optional(sql(SELECT).bind(upload).bind(account)).await?;
    row.map(|(id,)| id.parse().map_err(Error::internal)).transpose()
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

pub(super) async fn rename(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
    title: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "UPDATE analysis SET title = $3 WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(UPDATE).bind(id).bind(account).bind(title)).await? == 1)
}

/// Deletes an analysis and its upload; the upload's id and what it was for, where there was one.
pub(super) async fn delete(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<(UploadId, UploadKind)>> {
    const DELETE: &str = "
        DELETE FROM upload
        WHERE id = (SELECT upload_id FROM analysis WHERE id = $1 AND account_id = $2)
        RETURNING id, kind";
    // The analysis goes with its upload, by ON DELETE CASCADE.
    let row: Option<(String, String)> = tx.optional(sql(DELETE).bind(id).bind(account)).await?;
    row.map(|(id, kind)| Ok((id.parse().map_err(Error::internal)?, kind_of(&kind)?)))
        .transpose()
}

pub(super) async fn work(db: &Db, id: AnalysisId) -> Result<Option<WorkRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.state, analysis.account_id, upload_id, upload.state AS upload_state, size_bytes, media_type, plan
        FROM analysis JOIN upload ON upload.id = upload_id JOIN account ON account.id = analysis.account_id
        WHERE analysis.id = $1";
    db.optional(sql(SELECT).bind(id)).await
}

/// Whose it is, and what for.
pub(super) async fn owner(tx: &mut Tx, id: AnalysisId) -> Result<Option<(AccountId, UploadKind)>> {
    let row: Option<(String, String)> = tx
        .optional(sql("SELECT account_id, kind FROM analysis WHERE id = $1").bind(id))
        .await?;
    row.map(|(id, kind)| Ok((id.parse().map_err(Error::internal)?, kind_of(&kind)?)))
        .transpose()
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
    Ok(db
        .execute(sql(UPDATE).bind(id).bind(phase.as_str()).bind(u32::from(percent)))
        .await?
        == 1)
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
            duration_s = $5, integrated_lufs = $6
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
        UPDATE analysis SET state = 'failed', status_message = NULL, finished_at = $2, failure = $3
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
        INSERT INTO verdict (analysis_id, rule_set, verdict, mix_tenths, master_tenths, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (analysis_id, rule_set) DO NOTHING";
    let json = serde_json::to_string(verdict).map_err(Error::internal)?;
    let insert = sql(INSERT)
        .bind(id)
        .bind(verdict.rule_set.as_str())
        .bind(json)
        .bind(i64::from(verdict.mix.score.tenths()))
        .bind(i64::from(verdict.master.score.tenths()))
        .bind(now);
    tx.execute(insert).await?;
    Ok(())
}

/// What the person chose, where they did.
pub(super) async fn chosen_stage(tx: &mut Tx, id: AnalysisId) -> Result<Option<Stage>> {
    const SELECT: &str = "SELECT stage FROM analysis WHERE id = $1 AND stage_is_chosen";
    let row: Option<(String,)> = tx.optional(sql(SELECT).bind(id)).await?;
    row.map(|(stage,)| stage.parse().map_err(|()| Error::internal("unknown stage")))
        .transpose()
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
        .bind(choice.map(Stage::as_str));
    Ok(tx.execute(update).await? == 1)
}

/// Copies the score by `stage` to where the history finds it.
pub(super) async fn set_score(
    tx: &mut Tx,
    id: AnalysisId,
    verdict: &Verdict,
    stage: Stage,
) -> Result<(), DbError> {
    const UPDATE: &str = "UPDATE analysis SET rule_set = $2, stage = $3, score_tenths = $4 WHERE id = $1";
    let update = sql(UPDATE)
        .bind(id)
        .bind(verdict.rule_set.as_str())
        .bind(stage.as_str())
        .bind(i64::from(verdict.by(stage).score.tenths()));
    tx.execute(update).await.map(drop)
}

const NEWEST_VERDICT: &str = "
    SELECT verdict FROM verdict WHERE analysis_id = $1 ORDER BY created_at DESC, rule_set DESC LIMIT 1";

pub(super) async fn newest_verdict(tx: &mut Tx, id: AnalysisId) -> Result<Option<Verdict>> {
    parsed(tx.optional(sql(NEWEST_VERDICT).bind(id)).await?)
}

fn parsed(row: Option<(String,)>) -> Result<Option<Verdict>> {
    row.map(|(json,)| serde_json::from_str(&json).map_err(Error::internal))
        .transpose()
}

/// The newest verdict, and the scores by older rules, newest first.
pub(super) async fn verdicts(db: &Db, id: AnalysisId) -> Result<(Option<Verdict>, Vec<EarlierVerdict>)> {
    const SCORES: &str = "
        SELECT rule_set, mix_tenths, master_tenths, created_at FROM verdict WHERE analysis_id = $1
        ORDER BY created_at DESC, rule_set DESC";
    let newest = parsed(db.optional(sql(NEWEST_VERDICT).bind(id)).await?)?;
    let rows: Vec<(String, i64, i64, i64)> = db.all(sql(SCORES).bind(id)).await?;
    let earlier = rows
        .into_iter()
        .skip(1)
        .map(|(rule_set, mix, master, at)| {
            Ok(EarlierVerdict {
                rule_set,
                mix: points(mix)?,
                master: points(master)?,
                at: Timestamp(at),
            })
        })
        .collect::<Result<_>>()?;
    Ok((newest, earlier))
}

/// Reports that `rule_set` has not judged, as (id, report).
pub(super) async fn to_judge(db: &Db, rule_set: &str, count: u32) -> Result<Vec<(String, String)>, DbError> {
    const SELECT: &str = "
        SELECT id, report FROM analysis
        WHERE report IS NOT NULL AND kind = 'mix' AND (rule_set IS NULL OR rule_set <> $1) ORDER BY id LIMIT $2";
    db.all(sql(SELECT).bind(rule_set).bind(count)).await
}
