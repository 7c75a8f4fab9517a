//! The rows of analyses. Every query of a person's carries the account: somebody else's row is not found.

use model::{
    AccountId, AnalysisId, Failure, Report, Timestamp, UploadId,
    analysis::{AnalysisState, AnalysisSummary, Progress, Stage},
};

use super::audio_of;
use crate::{
    Error, Result,
    db::{Db, DbError, Tx, sql},
};

/// What the history shows, from `analysis` and `upload`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SummaryRow {
    pub(super) id: String,
    title: String,
    created_at: i64,
    #[sqlx(flatten)]
    progress: ProgressRow,
    failure: Option<String>,
    duration_s: Option<f64>,
    integrated_lufs: Option<f64>,
    upload_state: String,
    delete_after: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct ProgressRow {
    state: String,
    stage: String,
    percent: i64,
    trouble: Option<String>,
}

/// A whole analysis.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct AnalysisRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    pub(super) upload_id: String,
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
    pub(super) fn summary(self) -> Result<AnalysisSummary> {
        Ok(AnalysisSummary {
            id: self.id.parse().map_err(Error::internal)?,
            title: self.title,
            created_at: Timestamp(self.created_at),
            progress: self.progress.progress()?,
            duration_s: self.duration_s,
            integrated_lufs: self.integrated_lufs,
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
            stage: self
                .stage
                .parse()
                .map_err(|()| Error::internal("unknown stage"))?,
            percent: u8::try_from(self.percent).map_err(Error::internal)?,
            trouble: self.trouble,
        })
    }
}

/// Makes the analysis of a stored upload: queued, or failed at once where its first bytes say so already.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: AnalysisId,
    account: AccountId,
    upload: UploadId,
    title: String,
    now: Timestamp,
    failure: Option<&Failure>,
) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO analysis (id, account_id, upload_id, title, state, stage, percent, created_at, finished_at, failure)
        VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $7, $8)";
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
            .bind(title)
            .bind(state.as_str())
            .bind(now)
            .bind(failure.map(|_| now))
            .bind(
                failure
                    .map(serde_json::to_string)
                    .transpose()
                    .map_err(Error::internal)?,
            ),
    )
    .await?;
    Ok(())
}

pub(crate) async fn of_upload(db: &Db, account: AccountId, upload: UploadId) -> Result<Option<AnalysisId>> {
    const SELECT: &str = "SELECT id FROM analysis WHERE upload_id = $1 AND account_id = $2";
    let row: Option<(String,)> = db.optional(sql(SELECT).bind(upload).bind(account)).await?;
    row.map(|(id,)| id.parse().map_err(Error::internal)).transpose()
}

pub(super) async fn page(
    db: &Db,
    account: AccountId,
    before: Option<AnalysisId>,
    count: u32,
) -> Result<Vec<SummaryRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.id, title, analysis.created_at, analysis.state, stage, percent, trouble, failure, duration_s,
               integrated_lufs, upload.state AS upload_state, delete_after
        FROM analysis JOIN upload ON upload.id = upload_id
        WHERE analysis.account_id = $1 AND ($2 IS NULL OR analysis.id < $2)
        ORDER BY analysis.id DESC LIMIT $3";
    // Two texts would let the planner use the key in both; with `$2 IS NULL OR` SQLite still walks the index in order.
    db.all(
        sql(SELECT)
            .bind(account)
            .bind(before.map(|id| id.to_string()))
            .bind(count),
    )
    .await
}

pub(super) async fn find(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<AnalysisRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.id, title, analysis.created_at, analysis.state, stage, percent, trouble, failure, duration_s,
               integrated_lufs, upload.state AS upload_state, delete_after,
               upload_id, file_name, size_bytes, media_type, report
        FROM analysis JOIN upload ON upload.id = upload_id
        WHERE analysis.id = $1 AND analysis.account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

pub(super) async fn progress(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<ProgressRow>, DbError> {
    const SELECT: &str =
        "SELECT state, stage, percent, trouble FROM analysis WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

pub(super) async fn rename(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
    title: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "UPDATE analysis SET title = $3 WHERE id = $1 AND account_id = $2";
    Ok(db.execute(sql(UPDATE).bind(id).bind(account).bind(title)).await? == 1)
}

/// Deletes an analysis and its upload; the upload's id, where there was one.
pub(super) async fn delete(tx: &mut Tx, account: AccountId, id: AnalysisId) -> Result<Option<UploadId>> {
    const DELETE: &str = "
        DELETE FROM upload
        WHERE id = (SELECT upload_id FROM analysis WHERE id = $1 AND account_id = $2)
        RETURNING id";
    // The analysis goes with its upload, by ON DELETE CASCADE.
    let row: Option<(String,)> = tx.optional(sql(DELETE).bind(id).bind(account)).await?;
    row.map(|(id,)| id.parse().map_err(Error::internal)).transpose()
}

pub(super) async fn work(db: &Db, id: AnalysisId) -> Result<Option<WorkRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.state, analysis.account_id, upload_id, upload.state AS upload_state, size_bytes, media_type, plan
        FROM analysis JOIN upload ON upload.id = upload_id JOIN account ON account.id = analysis.account_id
        WHERE analysis.id = $1";
    db.optional(sql(SELECT).bind(id)).await
}

pub(super) async fn owner(tx: &mut Tx, id: AnalysisId) -> Result<Option<AccountId>> {
    let row: Option<(String,)> = tx
        .optional(sql("SELECT account_id FROM analysis WHERE id = $1").bind(id))
        .await?;
    row.map(|(id,)| id.parse().map_err(Error::internal)).transpose()
}

/// Notes how far a running analysis has come. Changes nothing once it has ended.
pub(super) async fn set_progress(
    db: &Db,
    id: AnalysisId,
    stage: Stage,
    percent: u8,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET state = 'running', stage = $2, percent = $3, trouble = NULL
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db
        .execute(sql(UPDATE).bind(id).bind(stage.as_str()).bind(u32::from(percent)))
        .await?
        == 1)
}

/// Notes that our side is in trouble and the work will be tried again: running → queued.
pub(super) async fn set_trouble(db: &Db, id: AnalysisId, words: &str) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE analysis SET state = 'queued', stage = 'waiting', trouble = $2
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db.execute(sql(UPDATE).bind(id).bind(words)).await? == 1)
}

/// running → done, with the report; `false` where it had ended already, or is gone.
pub(super) async fn set_done(tx: &mut Tx, id: AnalysisId, report: &Report, now: Timestamp) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE analysis
        SET state = 'done', stage = 'saving', percent = 100, trouble = NULL, finished_at = $2, engine = $3, report = $4,
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
        UPDATE analysis SET state = 'failed', trouble = NULL, finished_at = $2, failure = $3
        WHERE id = $1 AND state IN ('queued', 'running')";
    let json = serde_json::to_string(failure).map_err(Error::internal)?;
    Ok(tx.execute(sql(UPDATE).bind(id).bind(now).bind(json)).await? == 1)
}
