//! The rows of renders. Every query of a person's carries the account: somebody else's row is not found.

use analysis::render::{Proof, Recipe};
use model::{
    AccountId, AnalysisId, Failure, RenderId, Timestamp, UploadId,
    analysis::{AnalysisState, Phase},
    plan::Plan,
    upload::{UploadKind, UploadState},
    verdict::{Points, Stage},
};

use super::RenderSummary;
use crate::{
    Error, Result,
    analyses::{ProgressRow, audio_of},
    db::{Db, DbError, Json, Tx, row, sql},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "render",
    title: "Renders",
    about: "The corrected versions that you asked for: what was done, and the proof of what it did. The audio is in the object store beside that of the mix.",
    kept: "The facts until you delete the render or its report; the audio as long as that of the mix.",
    export: rows! {
        from "render" where Account is "account_id = $1"
        given {
            "id" Text "Number", "analysis_id" Text "Of", "state" Text "State", "phase" Text "Phase", "percent" Number "Percent",
            "status_message" Text "Trouble on our side", "recipe" Json "Recipe", "stage" Text "Judged as",
            "before_tenths" Number "Score before, in tenths", "predicted_tenths" Number "Score expected, in tenths",
            "after_tenths" Number "Score after, in tenths", "proof" Json "Proof", "failure" Json "Failure", "size_bytes" Number "Bytes",
            "has_preview" Flag "With a copy to play", "taken_at" Time "Counted for your plan", "watched_at" Time "Its page was last open",
            "created_at" Time "Asked for", "finished_at" Time "Finished",
        }
        withheld {
            "account_id" REFERENCE,
            "recipe_hash" "a sum of the recipe, to know the same one again",
        }
    },
    erase: Erase::WithAccount,
}];

/// A render to make.
#[derive(Debug)]
pub(super) struct NewRender<'a> {
    pub(super) id: RenderId,
    pub(super) account: AccountId,
    pub(super) analysis: AnalysisId,
    pub(super) recipe: &'a Recipe,
    pub(super) recipe_hash: &'a str,
    pub(super) stage: Stage,
    pub(super) before: Points,
    pub(super) predicted: Points,
}

row! {
    /// What a list of renders shows.
    #[derive(Debug)]
    pub(super) struct SummaryRow {
        id: RenderId,
        analysis_id: AnalysisId,
        title: String,
        created_at: Timestamp,
        progress: ProgressRow,
        recipe: Json<Recipe>,
        stage: Stage,
        before_tenths: Points,
        predicted_tenths: Points,
        after_tenths: Option<Points>,
        failure: Option<Json<Failure>>,
        size_bytes: Option<u64>,
        upload_state: UploadState,
        delete_after: Option<Timestamp>,
    }
}

/// The columns of a [`SummaryRow`], from `render`, `analysis` and `upload`.
macro_rules! summary_columns {
    () => {
        "render.id, analysis_id, title, render.created_at, render.state, render.phase, render.percent, render.status_message,
         recipe, render.stage, before_tenths, predicted_tenths, after_tenths, render.failure, render.size_bytes,
         upload.state AS upload_state, delete_after"
    };
}

/// Where a render stands with its analysis and its upload.
macro_rules! from_all {
    () => {
        " FROM render JOIN analysis ON analysis.id = analysis_id JOIN upload ON upload.id = upload_id "
    };
}

impl SummaryRow {
    pub(super) fn summary(self) -> RenderSummary {
        RenderSummary {
            id: self.id,
            analysis: self.analysis_id,
            title: self.title,
            created_at: self.created_at,
            progress: self.progress.progress(),
            output: self.recipe.0.output,
            stage: self.stage,
            before: self.before_tenths,
            predicted: self.predicted_tenths,
            after: self.after_tenths,
            failure: self.failure.map(|Json(failure)| failure),
            size_bytes: self.size_bytes,
            audio: audio_of(self.upload_state, self.delete_after),
        }
    }
}

row! {
    /// A whole render.
    #[derive(Debug)]
    pub(super) struct RenderRow {
        pub(super) summary: SummaryRow,
        pub(super) asked_for: Json<Recipe>,
        pub(super) proof: Option<Json<Proof>>,
        pub(super) upload_id: UploadId,
        pub(super) has_preview: bool,
        pub(super) duration_s: Option<f64>,
    }
}

row! {
    /// What a worker needs to begin.
    #[derive(Debug)]
    pub(super) struct WorkRow {
        pub(super) state: AnalysisState,
        pub(super) upload_state: UploadState,
        pub(super) recipe: Json<Recipe>,
        pub(super) stage: Stage,
        pub(super) predicted_tenths: Points,
        pub(super) duration_s: Option<f64>,
        pub(super) plan: Plan,
    }
}

row! {
    /// The mix that a render is asked of.
    #[derive(Debug)]
    pub(super) struct SourceRow {
        pub(super) kind: UploadKind,
        pub(super) state: AnalysisState,
        pub(super) upload_id: UploadId,
        pub(super) upload_state: UploadState,
        pub(super) delete_after: Option<Timestamp>,
    }
}

row! {
    /// Whether a render was asked for already, and how it went.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct ExistingRow {
        pub(super) id: RenderId,
        pub(super) state: AnalysisState,
    }
}

row! {
    /// Whose a render is, what it was made of, and what it was counted in.
    #[derive(Debug)]
    pub(super) struct OwnerRow {
        pub(super) account_id: AccountId,
        pub(super) analysis_id: AnalysisId,
        pub(super) upload_id: UploadId,
        pub(super) state: AnalysisState,
        pub(super) taken_at: Timestamp,
        pub(super) watched_at: Option<Timestamp>,
        pub(super) upload_state: UploadState,
        pub(super) delete_after: Option<Timestamp>,
    }
}

row! {
    /// What the email about the end of a render says.
    #[derive(Debug)]
    pub(super) struct EndedRow {
        pub(super) title: String,
        pub(super) state: AnalysisState,
        pub(super) before_tenths: Points,
        pub(super) after_tenths: Option<Points>,
    }
}

pub(super) async fn source(
    tx: &mut Tx,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<SourceRow>, DbError> {
    const SELECT: &str = "
        SELECT analysis.kind, analysis.state, upload_id, upload.state AS upload_state, delete_after
        FROM analysis JOIN upload ON upload.id = upload_id WHERE analysis.id = $1 AND analysis.account_id = $2";
    tx.optional(sql(SELECT).bind(id).bind(account)).await
}

pub(super) async fn existing(
    tx: &mut Tx,
    id: AnalysisId,
    recipe_hash: &str,
) -> Result<Option<ExistingRow>, DbError> {
    const SELECT: &str = "SELECT id, state FROM render WHERE analysis_id = $1 AND recipe_hash = $2";
    tx.optional(sql(SELECT).bind(id).bind(recipe_hash)).await
}

pub(super) async fn insert(tx: &mut Tx, new: &NewRender<'_>, now: Timestamp) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO render
            (id, account_id, analysis_id, state, phase, percent, recipe_hash, recipe, stage, before_tenths, predicted_tenths,
             taken_at, created_at)
        VALUES ($1, $2, $3, 'queued', 'waiting', 0, $4, $5, $6, $7, $8, $9, $9)";
    let recipe = serde_json::to_string(new.recipe).map_err(Error::internal)?;
    let insert = sql(INSERT)
        .bind(new.id)
        .bind(new.account)
        .bind(new.analysis)
        .bind(new.recipe_hash)
        .bind(recipe)
        .bind(new.stage)
        .bind(new.before)
        .bind(new.predicted)
        .bind(now);
    tx.execute(insert).await?;
    Ok(())
}

/// failed → queued, counted now; `false` where it had not failed.
pub(super) async fn queue_again(tx: &mut Tx, id: RenderId, now: Timestamp) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE render SET state = 'queued', phase = 'waiting', percent = 0, failure = NULL, finished_at = NULL, taken_at = $2
        WHERE id = $1 AND state = 'failed'";
    Ok(tx.execute(sql(UPDATE).bind(id).bind(now)).await? == 1)
}

pub(super) async fn find(db: &Db, account: AccountId, id: RenderId) -> Result<Option<RenderRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT ",
        summary_columns!(),
        ", recipe AS asked_for, proof, upload_id, has_preview, duration_s",
        from_all!(),
        "WHERE render.id = $1 AND render.account_id = $2"
    );
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// The newest renders of an analysis.
pub(super) async fn of_analysis(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
    count: u32,
) -> Result<Vec<SummaryRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT ",
        summary_columns!(),
        from_all!(),
        "WHERE analysis_id = $1 AND render.account_id = $2 ORDER BY render.id DESC LIMIT $3"
    );
    db.all(sql(SELECT).bind(id).bind(account).bind(count)).await
}

pub(super) async fn progress(
    db: &Db,
    account: AccountId,
    id: RenderId,
) -> Result<Option<ProgressRow>, DbError> {
    const SELECT: &str =
        "SELECT state, phase, percent, status_message FROM render WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// Notes that somebody looks at the page of a render that is being made; not more often than every few seconds.
pub(super) async fn set_watched(
    db: &Db,
    id: RenderId,
    now: Timestamp,
    before: Timestamp,
) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE render SET watched_at = $2
        WHERE id = $1 AND state IN ('queued', 'running') AND (watched_at IS NULL OR watched_at < $3)";
    db.execute(sql(UPDATE).bind(id).bind(now).bind(before)).await
}

/// Deletes a render.
pub(super) async fn delete(tx: &mut Tx, id: RenderId) -> Result<u64, DbError> {
    tx.execute(sql("DELETE FROM render WHERE id = $1").bind(id)).await
}

pub(super) async fn work(db: &Db, id: RenderId) -> Result<Option<WorkRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT render.state, upload.state AS upload_state, recipe, render.stage, predicted_tenths, duration_s, plan",
        from_all!(),
        "JOIN account ON account.id = render.account_id WHERE render.id = $1"
    );
    db.optional(sql(SELECT).bind(id)).await
}

pub(super) async fn owner(tx: &mut Tx, id: RenderId) -> Result<Option<OwnerRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT render.account_id, analysis_id, upload_id, render.state, taken_at, watched_at, upload.state AS upload_state, delete_after",
        from_all!(),
        "WHERE render.id = $1"
    );
    tx.optional(sql(SELECT).bind(id)).await
}

/// Notes how far a render has come; `false` where it has ended, or is gone.
pub(super) async fn set_progress(db: &Db, id: RenderId, phase: Phase, percent: u8) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE render SET state = 'running', phase = $2, percent = $3, status_message = NULL
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db.execute(sql(UPDATE).bind(id).bind(phase).bind(percent)).await? == 1)
}

/// Notes that our side is in trouble and the work will be tried again: running → queued.
pub(super) async fn set_status_message(db: &Db, id: RenderId, words: &str) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE render SET state = 'queued', phase = 'waiting', status_message = $2
        WHERE id = $1 AND state IN ('queued', 'running')";
    Ok(db.execute(sql(UPDATE).bind(id).bind(words)).await? == 1)
}

/// What came out of a render.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) proof: Proof,
    pub(super) size_bytes: u64,
    pub(super) has_preview: bool,
}

/// running → done, with the proof; `false` where it had ended already, or is gone.
pub(super) async fn set_done(tx: &mut Tx, id: RenderId, rendered: &Rendered, now: Timestamp) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE render
        SET state = 'done', phase = 'saving', percent = 100, status_message = NULL, finished_at = $2, proof = $3,
            after_tenths = $4, size_bytes = $5, has_preview = $6
        WHERE id = $1 AND state IN ('queued', 'running')";
    let json = serde_json::to_string(&rendered.proof).map_err(Error::internal)?;
    let update = sql(UPDATE)
        .bind(id)
        .bind(now)
        .bind(json)
        .bind(rendered.proof.after.score)
        .bind(rendered.size_bytes)
        .bind(rendered.has_preview);
    Ok(tx.execute(update).await? == 1)
}

/// queued or running → failed; `false` where it had ended already, or is gone.
pub(super) async fn set_failed(tx: &mut Tx, id: RenderId, failure: &Failure, now: Timestamp) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE render SET state = 'failed', status_message = NULL, finished_at = $2, failure = $3
        WHERE id = $1 AND state IN ('queued', 'running')";
    let json = serde_json::to_string(failure).map_err(Error::internal)?;
    Ok(tx.execute(sql(UPDATE).bind(id).bind(now).bind(json)).await? == 1)
}

/// A render whose audio the storage keeps, or is given.
macro_rules! keeps_audio {
    () => {
        concat!(
            "SELECT render.id",
            from_all!(),
            "WHERE render.id = $1 AND render.account_id = $2 AND render.state IN ('queued', 'running', 'done') AND upload.state = 'stored'"
        )
    };
}

/// Whether a render has a row that keeps its audio in the storage.
pub(crate) async fn keeps_audio(db: &Db, account: AccountId, id: RenderId) -> Result<bool, DbError> {
    let found: Option<RenderId> = db.scalar(sql(keeps_audio!()).bind(id).bind(account)).await?;
    Ok(found.is_some())
}

/// The same as a transaction sees it.
pub(super) async fn keeps_audio_in(tx: &mut Tx, account: AccountId, id: RenderId) -> Result<bool, DbError> {
    let found: Option<RenderId> = tx.scalar(sql(keeps_audio!()).bind(id).bind(account)).await?;
    Ok(found.is_some())
}

pub(super) async fn ended(db: &Db, account: AccountId, id: RenderId) -> Result<Option<EndedRow>, DbError> {
    const SELECT: &str = "
        SELECT title, render.state, before_tenths, after_tenths FROM render JOIN analysis ON analysis.id = analysis_id
        WHERE render.id = $1 AND render.account_id = $2 AND render.state IN ('done', 'failed')";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

#[cfg(test)]
mod tests {
    use analysis::render::{Container, SampleFormat};
    use model::FailureCode;
    use uuid::Uuid;

    use super::*;
    use crate::testing::some_account;

    /// An analysis of an upload, by number.
    async fn analysis_of(db: &Db, account: AccountId, number: u128) -> AnalysisId {
        const UPLOAD: &str = "
            INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at, stored_at, delete_after)
            VALUES ($1, $2, 'mix', 'stored', 'a.wav', 1, 'audio/wav', 1, 1, 100)";
        const ANALYSIS: &str = "
            INSERT INTO analysis (id, account_id, upload_id, title, state, phase, percent, created_at)
            VALUES ($1, $2, $3, 'Okapi', 'done', 'saving', 100, 1)";
        let (upload, id) = (
            UploadId(Uuid::from_u128(number)),
            AnalysisId(Uuid::from_u128(number)),
        );
        db.execute(sql(UPLOAD).bind(upload).bind(account)).await.unwrap();
        db.execute(sql(ANALYSIS).bind(id).bind(account).bind(upload))
            .await
            .unwrap();
        id
    }

    async fn insert_one(db: &Db, account: AccountId, analysis: AnalysisId, number: u128) -> RenderId {
        let id = RenderId(Uuid::from_u128(number));
        let recipe = Recipe::empty(analysis::render::OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Int24,
        });
        let new = NewRender {
            id,
            account,
            analysis,
            recipe: &recipe,
            recipe_hash: &number.to_string(),
            stage: Stage::Mix,
            before: Points::from_tenths(600),
            predicted: Points::from_tenths(800),
        };
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &new, Timestamp(10)).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    crate::contract! {
        async fn a_render_is_found_by_its_owner_only_and_once_for_a_recipe(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let analysis = analysis_of(db, owner, 1).await;
            let id = insert_one(db, owner, analysis, 7).await;
            let row = find(db, owner, id).await.unwrap().unwrap();
            assert_eq!(row.summary.summary().progress.state, AnalysisState::Queued);
            assert!(find(db, other, id).await.unwrap().is_none());
            assert!(progress(db, other, id).await.unwrap().is_none());
            assert_eq!(of_analysis(db, owner, analysis, 10).await.unwrap().len(), 1);
            assert_eq!(of_analysis(db, other, analysis, 10).await.unwrap().len(), 0);
            assert!(!keeps_audio(db, other, id).await.unwrap());
            let mut tx = db.begin().await.unwrap();
            let existing = existing(&mut tx, analysis, "7").await.unwrap();
            assert_eq!(existing, Some(ExistingRow { id, state: AnalysisState::Queued }));
            assert_eq!(delete(&mut tx, id).await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert!(find(db, owner, id).await.unwrap().is_none());
        }

        async fn a_render_that_has_ended_stays_so_until_it_is_asked_for_again(db: &Db) {
            let owner = some_account(db, 1).await;
            let analysis = analysis_of(db, owner, 1).await;
            let id = insert_one(db, owner, analysis, 7).await;
            assert!(set_progress(db, id, Phase::Rendering, 40).await.unwrap());
            assert!(keeps_audio(db, owner, id).await.unwrap());
            let failure = Failure::new(FailureCode::Internal);
            let mut tx = db.begin().await.unwrap();
            assert!(set_failed(&mut tx, id, &failure, Timestamp(20)).await.unwrap());
            assert!(!set_failed(&mut tx, id, &failure, Timestamp(21)).await.unwrap());
            tx.commit().await.unwrap();
            assert!(!set_progress(db, id, Phase::Saving, 95).await.unwrap());
            assert!(!keeps_audio(db, owner, id).await.unwrap(), "what failed keeps nothing");
            assert_eq!(ended(db, owner, id).await.unwrap().unwrap().state, AnalysisState::Failed);
            let mut tx = db.begin().await.unwrap();
            assert!(queue_again(&mut tx, id, Timestamp(30)).await.unwrap());
            assert!(!queue_again(&mut tx, id, Timestamp(30)).await.unwrap());
            assert_eq!(super::owner(&mut tx, id).await.unwrap().unwrap().taken_at, Timestamp(30));
            tx.commit().await.unwrap();
        }

        async fn p07_a_render_keeps_its_audio_no_longer_than_its_upload(db: &Db) {
            let owner = some_account(db, 1).await;
            let analysis = analysis_of(db, owner, 1).await;
            let id = insert_one(db, owner, analysis, 7).await;
            assert!(keeps_audio(db, owner, id).await.unwrap());
            db.execute(sql("UPDATE upload SET state = 'removed'")).await.unwrap();
            assert!(!keeps_audio(db, owner, id).await.unwrap());
            db.execute(sql("DELETE FROM upload")).await.unwrap();
            assert!(find(db, owner, id).await.unwrap().is_none(), "a render goes with its analysis");
        }
    }
}
