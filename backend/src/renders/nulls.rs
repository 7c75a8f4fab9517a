//! What one step of a render took away, as audio to hear: made when somebody asks for it.
//!
//! It lies beside the render in the store, and its row goes with that of the render, so that whatever removes the one removes the
//! other.

use std::time::Duration;

use analysis::{
    child::{Difference, DifferenceTask},
    render::StepKind,
};
use model::{
    AccountId, RenderId, Timestamp, UploadId,
    analysis::{Audio, AudioLink},
    player::PreviewState,
};
use serde::{Deserialize, Serialize};

use super::{
    conflict, missing, run,
    store::{self, RenderRow},
};
use crate::{
    Actor, Backend, Error, Result, Scope,
    analyses::{PREVIEW_MEDIA_TYPE, anonymous_temp_file, fetch},
    db::{Db, DbError, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    sandbox::{self, Allowance},
    storage::{Key, RemoveRender},
    tables::{Erase, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "step_null",
    title: "What steps of renders took away",
    about: "To let you hear it. The audio is in the object store beside that of the render.",
    kept: "Until you delete the render; the audio as long as that of the mix.",
    export: rows! {
        from "step_null" where Account is "render_id IN (SELECT id FROM render WHERE account_id = $1)" in order of "step"
        given {
            "render_id" Text "Render", "step" Number "Step, from 0", "state" Text "State", "level_dbfs" Number "Level, dBFS",
            "created_at" Time "Asked for",
        }
        withheld {}
    },
    erase: Erase::WithAccount,
}];

model::text_enum! {
    /// How far it has come.
    pub enum NullState {
        /// It is being made.
        Making = "making",
        /// It is in the store.
        Ready = "ready",
        /// It could not be made; asked for again, it is tried again.
        Failed = "failed",
    }
}
text! { NullState }

row! {
    /// What a step took away.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct StepNull {
        /// The index of the step.
        pub step: u32,
        /// How far it has come.
        pub state: NullState,
        /// RMS of all channels, in dBFS; `None` where it took nothing away, or is not there.
        pub level_dbfs: Option<f64>,
    }
}

/// Asks for what the step at `step` of a render took away. Asked for twice, it is made once.
///
/// # Errors
/// `NotFound` where there is no such render or step, or it is somebody else's; `Conflict` where it is not done, its audio is gone, or
/// the step has none to hear.
pub async fn request_null(backend: &Backend, actor: &Actor, id: RenderId, step: u32) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let (row, now) = (found(backend, account, id).await?, backend.now());
    let upload = row.upload_id;
    let steps = row.proof.as_ref().map(|proof| &proof.0.recipe.steps);
    let kind = steps
        .ok_or_else(|| conflict("This render is not done. Try again when it is."))?
        .get(step as usize)
        .map(analysis::render::Step::kind)
        .ok_or_else(|| Error::not_found("step"))?;
    if kind == StepKind::Trim {
        return Err(conflict("A trim takes silence away: there is nothing to hear."));
    }
    if row.summary.summary().audio.kept_until(now).is_none() {
        return Err(conflict(
            "The audio was removed, so that this cannot be heard any more.",
        ));
    }
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if insert(tx, id, step, now).await? {
            let job = MakeStepNull {
                account,
                upload,
                render: id,
                step,
            };
            let options = EnqueueOptions {
                account: Some(account),
                ..EnqueueOptions::default()
            };
            jobs::enqueue(tx, backend, &job, options).await?;
        }
        Ok(())
    })?;
    backend.wake.wake();
    Ok(())
}

/// A signed link to what a step took away, for a few minutes (P04).
///
/// # Errors
/// `NotFound` where there is none, or its audio is gone; `Conflict` while it is being made.
pub async fn null_link(backend: &Backend, actor: &Actor, id: RenderId, step: u32) -> Result<AudioLink> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = found(backend, account, id).await?;
    let upload = row.upload_id;
    let summary = row.summary.summary();
    let nulls = of_render(&backend.db, id).await?;
    let null = nulls.into_iter().find(|null| null.step == step);
    match null.map(|null| null.state) {
        Some(NullState::Making) => Err(conflict("This is being made. It takes a moment; try again then.")),
        Some(NullState::Ready) => {
            let name = format!("{} (taken away by step {}).wav", summary.title, step + 1);
            let key = Key::step_null(account, upload, id, step);
            super::signed(backend, summary.audio, &key, &name, PREVIEW_MEDIA_TYPE).await
        }
        Some(NullState::Failed) | None => Err(Error::not_found("step")),
    }
}

/// Whether what a step took away can be played.
///
/// # Errors
/// `NotFound` where nobody asked for it, or it is somebody else's.
pub async fn null_state(backend: &Backend, actor: &Actor, id: RenderId, step: u32) -> Result<PreviewState> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let audio = found(backend, account, id).await?.summary.summary().audio;
    let nulls = of_render(&backend.db, id).await?;
    let null = nulls.iter().find(|null| null.step == step);
    let null = null.ok_or_else(|| Error::not_found("step"))?;
    Ok(preview_state(null, audio, backend.now()))
}

pub(super) fn preview_state(null: &StepNull, audio: Audio, now: Timestamp) -> PreviewState {
    match (null.state, audio.kept_until(now)) {
        (NullState::Ready, Some(_)) => PreviewState::Ready,
        (NullState::Making, Some(_)) => PreviewState::Making,
        (NullState::Failed, _) | (_, None) => PreviewState::Gone,
    }
}

async fn found(backend: &Backend, account: AccountId, id: RenderId) -> Result<RenderRow> {
    store::find(&backend.db, account, id).await?.ok_or_else(missing)
}

/// Makes what a step took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MakeStepNull {
    /// Whose it is.
    account: AccountId,
    /// The upload of the render.
    upload: UploadId,
    /// The render, in state `done`.
    render: RenderId,
    /// The index of the step.
    step: u32,
}

impl Job for MakeStepNull {
    const POLICY: Policy = Policy {
        kind: "step_null",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(60 * 60),
    };
}

impl RunJob<Backend> for MakeStepNull {
    /// As often as it is called: the object is written over itself.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let made = tokio::select! {
            made = self.make(backend) => made?,
            () = lease.cancelled() => return Err(JobError::retry("the lease ended")),
        };
        Ok(self.end(backend, made).await?)
    }

    async fn on_dead(self, backend: &Backend) -> Result<()> {
        self.end(backend, None).await
    }
}

impl MakeStepNull {
    /// Notes how it ended, with the level. Where the render or its upload went meanwhile, what was written is removed.
    async fn end(self, backend: &Backend, made: Option<Difference>) -> Result<()> {
        transaction!(backend.db, |tx| {
            tx.lock_account(self.account).await?;
            set_ended(tx, self.render, self.step, made).await?;
            if !store::keeps_audio_in(tx, self.account, self.render).await? {
                let removal = RemoveRender {
                    account: self.account,
                    upload: self.upload,
                    render: self.render,
                };
                jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
            }
            Ok(())
        })?;
        backend.wake.wake();
        Ok(())
    }

    /// `None` where it cannot be made, or there is nothing to do any more.
    async fn make(self, backend: &Backend) -> Result<Option<Difference>> {
        let Some(row) = store::find(&backend.db, self.account, self.render).await? else {
            return Ok(None);
        };
        let Some(work) = store::work(&backend.db, self.render).await? else {
            return Ok(None);
        };
        let kept = row.summary.summary().audio.kept_until(backend.now());
        let (Some(_), Some(proof)) = (kept, row.proof) else {
            return Ok(None);
        };
        let source = match fetch(backend, &Key::source(self.account, self.upload), None).await {
            Ok(file) => file,
            Err(Error::Problem(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let _core = backend.cores.try_acquire();
        let task = DifferenceTask {
            recipe: proof.0.recipe,
            step: self.step as usize,
        };
        let most_bytes = backend.config.plans.of(work.plan).max_render_bytes();
        let cpu = Duration::from_secs_f64((row.duration_s.unwrap_or(0.0) * run::CPU_PER_SECOND).max(0.0));
        let file = anonymous_temp_file().await?;
        let job = sandbox::Job {
            command: "difference-child",
            work: &task,
            input: source,
            output: Some((file.try_clone().map_err(Error::internal)?, most_bytes)),
            timeout: Duration::from_secs(backend.config.measuring.decode_timeout_seconds) + cpu,
            allowance: Allowance {
                cpu,
                descriptors: run::DESCRIPTORS,
            },
        };
        let sandbox::Outcome::Done(difference) = backend.sandbox.run(job, &mut ()).await? else {
            return Ok(None);
        };
        let Some(playable) = run::preview(backend, &file, most_bytes).await? else {
            return Ok(None);
        };
        let key = Key::step_null(self.account, self.upload, self.render, self.step);
        backend
            .storage
            .put_file(&key, playable, PREVIEW_MEDIA_TYPE)
            .await?;
        Ok(Some(difference))
    }
}

/// Notes that it is being made; `false` where it is, or is there.
async fn insert(tx: &mut Tx, id: RenderId, step: u32, now: Timestamp) -> Result<bool, DbError> {
    const UPSERT: &str = "
        INSERT INTO step_null (render_id, step, state, created_at) VALUES ($1, $2, 'making', $3)
        ON CONFLICT (render_id, step) DO UPDATE SET state = 'making', created_at = $3 WHERE step_null.state = 'failed'";
    let upsert = sql(UPSERT).bind(id).bind(step).bind(now);
    Ok(tx.execute(upsert).await? == 1)
}

async fn set_ended(tx: &mut Tx, id: RenderId, step: u32, made: Option<Difference>) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE step_null SET state = $3, level_dbfs = $4 WHERE render_id = $1 AND step = $2 AND state = 'making'";
    let state = made.map_or(NullState::Failed, |_| NullState::Ready);
    let update = sql(UPDATE)
        .bind(id)
        .bind(step)
        .bind(state)
        .bind(made.and_then(|made| made.level_dbfs));
    tx.execute(update).await
}

/// What was asked for of a render, in the order of its steps.
pub(super) async fn of_render(db: &Db, id: RenderId) -> Result<Vec<StepNull>, DbError> {
    const SELECT: &str = "SELECT step, state, level_dbfs FROM step_null WHERE render_id = $1 ORDER BY step";
    db.all(sql(SELECT).bind(id)).await
}
