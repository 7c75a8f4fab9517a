//! One step of a render as audio to hear: what it took away, and the render without it, so that it can be switched off while it
//! plays. Both are made when somebody asks for the step.
//!
//! They lie beside the render in the store, and their row goes with that of the render, so that whatever removes the one removes the
//! others.

use std::{fs::File, time::Duration};

use analysis::{
    child::{Difference, StepTask},
    render::{Bypassed, StepKind},
};
use model::{
    AccountId, RenderId, Timestamp, UploadId,
    analysis::{Audio, AudioLink},
    player::{AudioRef, PlayerSource, PreviewState, SourceKind},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    conflict, missing, run,
    store::{self, RenderRow},
};
use crate::{
    Actor, Backend, Error, Result, Scope,
    analyses::{PREVIEW_MEDIA_TYPE, anonymous_temp_file, fetch, lowered_db},
    db::{Db, DbError, Json, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    sandbox::{self, Allowance},
    storage::{Key, RemoveRender},
    tables::{Erase, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "step_audio",
    title: "Steps of renders, to hear",
    about: "To let you hear what a step took away, and the render without it. The audio is in the object store beside that of the render.",
    kept: "Until you delete the render; the audio as long as that of the mix.",
    export: rows! {
        from "step_audio" where Account is "render_id IN (SELECT id FROM render WHERE account_id = $1)" in order of "step"
        given {
            "render_id" Text "Render", "step" Number "Step, from 0", "state" Text "State", "level_dbfs" Number "Level, dBFS",
            "bypass" Json "Loudness without it", "created_at" Time "Asked for",
        }
        withheld {}
    },
    erase: Erase::WithAccount,
}];

model::text_enum! {
    /// How far it has come.
    pub enum StepAudioState {
        /// It is being made.
        Making = "making",
        /// It is in the store.
        Ready = "ready",
        /// It could not be made; asked for again, it is tried again.
        Failed = "failed",
    }
}
text! { StepAudioState }

/// What a player must know of a render without one of its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bypass {
    bypassed: Bypassed,
    /// By how much its audio is lower than it is, in dB, so that nothing clips.
    lowered_db: f64,
}

row! {
    /// A step that somebody wants to hear.
    #[derive(Debug, Clone, PartialEq)]
    pub struct StepAudio {
        /// The index of the step.
        pub step: u32,
        /// How far it has come.
        pub state: StepAudioState,
        /// RMS of what it took away over all channels, in dBFS; `None` where that is nothing, or not there.
        pub level_dbfs: Option<f64>,
        /// The render without it, where it is there.
        bypass: Option<Json<Bypass>>,
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepPart {
    /// What the step took away.
    TakenAway,
    /// The render without the step.
    Without,
}

impl StepPart {
    fn key(self, account: AccountId, upload: UploadId, render: RenderId, step: u32) -> Key {
        match self {
            Self::TakenAway => Key::step_null(account, upload, render, step),
            Self::Without => Key::step_bypass(account, upload, render, step),
        }
    }
}

impl StepAudio {
    /// What the step, which is of this kind, took away, for a player; `mix_s` is the length of the mix in seconds.
    pub(super) fn null(
        &self,
        render: RenderId,
        kind: StepKind,
        mix_s: f64,
        preview_state: PreviewState,
    ) -> PlayerSource {
        PlayerSource {
            audio: AudioRef::step_null(render, self.step),
            kind: SourceKind::StepNull,
            title: format!("Taken away by {}", self.name(kind)),
            duration_s: mix_s,
            // At its own level, however quiet that is.
            integrated_lufs: None,
            preview_state,
            gain_db: 0.0,
            loudness: None,
        }
    }

    /// The render without the step, for a player; `render_s` is the length of the render in seconds.
    pub(super) fn bypass(
        &self,
        render: RenderId,
        kind: StepKind,
        render_s: f64,
        preview_state: PreviewState,
    ) -> PlayerSource {
        let bypass = self.bypass.as_ref().map(|Json(bypass)| bypass);
        PlayerSource {
            audio: AudioRef::step_bypass(render, self.step),
            kind: SourceKind::StepBypass,
            title: self.name(kind),
            duration_s: render_s,
            integrated_lufs: bypass.and_then(|bypass| bypass.bypassed.integrated_lufs),
            preview_state,
            gain_db: bypass.map_or(0.0, |bypass| bypass.lowered_db),
            loudness: bypass.map(|bypass| bypass.bypassed.loudness.clone()),
        }
    }

    fn name(&self, kind: StepKind) -> String {
        format!("{}. {}", self.step + 1, kind.name())
    }
}

/// Asks for the audio of the step at `step` of a render. Asked for twice, it is made once.
///
/// # Errors
/// `NotFound` where there is no such render or step, or it is somebody else's; `Conflict` where it is not done, its audio is gone, or
/// the step has none to hear.
pub async fn request_step_audio(backend: &Backend, actor: &Actor, id: RenderId, step: u32) -> Result<()> {
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
            let job = MakeStepAudio {
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

/// A signed link to the audio of a step, for a few minutes (P04).
///
/// # Errors
/// `NotFound` where there is none, or its audio is gone; `Conflict` while it is being made.
pub async fn step_audio_link(
    backend: &Backend,
    actor: &Actor,
    id: RenderId,
    step: u32,
    part: StepPart,
) -> Result<AudioLink> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = found(backend, account, id).await?;
    let upload = row.upload_id;
    let summary = row.summary.summary();
    let heard = of_render(&backend.db, id).await?;
    let heard = heard.into_iter().find(|heard| heard.step == step);
    match heard.map(|heard| heard.state) {
        Some(StepAudioState::Making) => {
            Err(conflict("This is being made. It takes a moment; try again then."))
        }
        Some(StepAudioState::Ready) => {
            let words = match part {
                StepPart::TakenAway => "taken away by step",
                StepPart::Without => "without step",
            };
            let name = format!("{} ({words} {}).wav", summary.title, step + 1);
            let key = part.key(account, upload, id, step);
            super::signed(backend, summary.audio, &key, &name, PREVIEW_MEDIA_TYPE).await
        }
        Some(StepAudioState::Failed) | None => Err(Error::not_found("step")),
    }
}

/// Whether the audio of a step can be played.
///
/// # Errors
/// `NotFound` where nobody asked for it, or it is somebody else's.
pub async fn step_audio_state(
    backend: &Backend,
    actor: &Actor,
    id: RenderId,
    step: u32,
) -> Result<PreviewState> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let audio = found(backend, account, id).await?.summary.summary().audio;
    let heard = of_render(&backend.db, id).await?;
    let heard = heard.iter().find(|heard| heard.step == step);
    let heard = heard.ok_or_else(|| Error::not_found("step"))?;
    Ok(preview_state(heard, audio, backend.now()))
}

pub(super) fn preview_state(heard: &StepAudio, audio: Audio, now: Timestamp) -> PreviewState {
    match (heard.state, audio.kept_until(now)) {
        (StepAudioState::Ready, Some(_)) => PreviewState::Ready,
        (StepAudioState::Making, Some(_)) => PreviewState::Making,
        (StepAudioState::Failed, _) | (_, None) => PreviewState::Gone,
    }
}

async fn found(backend: &Backend, account: AccountId, id: RenderId) -> Result<RenderRow> {
    store::find(&backend.db, account, id).await?.ok_or_else(missing)
}

/// Makes the audio of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MakeStepAudio {
    /// Whose it is.
    account: AccountId,
    /// The upload of the render.
    upload: UploadId,
    /// The render, in state `done`.
    render: RenderId,
    /// The index of the step.
    step: u32,
}

impl Job for MakeStepAudio {
    const POLICY: Policy = Policy {
        kind: "step_audio",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(60 * 60),
    };
}

impl RunJob<Backend> for MakeStepAudio {
    /// As often as it is called: the objects are written over themselves.
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

impl MakeStepAudio {
    /// Notes how it ended. Where the render or its upload went meanwhile, what was written is removed.
    async fn end(self, backend: &Backend, made: Option<Made>) -> Result<()> {
        let bypass = made.as_ref().map(|made| serde_json::to_string(&made.bypass));
        let bypass = bypass.transpose().map_err(Error::internal)?;
        let level_dbfs = made.and_then(|made| made.level_dbfs);
        transaction!(backend.db, |tx| {
            tx.lock_account(self.account).await?;
            set_ended(tx, self.render, self.step, level_dbfs, bypass.as_deref()).await?;
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
    async fn make(self, backend: &Backend) -> Result<Option<Made>> {
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
        let children = Children {
            backend,
            source,
            task: StepTask {
                recipe: proof.0.recipe,
                step: self.step as usize,
            },
            most_bytes: backend.config.plans.of(work.plan).max_render_bytes(),
            cpu: Duration::from_secs_f64((row.duration_s.unwrap_or(0.0) * run::CPU_PER_SECOND).max(0.0)),
        };
        let Some((file, difference)) = children.run::<Difference>("difference-child").await? else {
            return Ok(None);
        };
        if !self.store(&children, StepPart::TakenAway, &file, 0.0).await? {
            return Ok(None);
        }
        let Some((file, bypassed)) = children.run::<Bypassed>("bypass-child").await? else {
            return Ok(None);
        };
        let lowered_db = lowered_db(bypassed.sample_peak_dbfs);
        if !self
            .store(&children, StepPart::Without, &file, lowered_db)
            .await?
        {
            return Ok(None);
        }
        Ok(Some(Made {
            level_dbfs: difference.level_dbfs,
            bypass: Bypass { bypassed, lowered_db },
        }))
    }

    /// Stores a copy of `file` that browsers play; `false` where there can be none.
    async fn store(
        self,
        children: &Children<'_>,
        part: StepPart,
        file: &File,
        lowered_db: f64,
    ) -> Result<bool> {
        let backend = children.backend;
        let Some(playable) = run::preview(backend, file, children.most_bytes, lowered_db).await? else {
            return Ok(false);
        };
        let key = part.key(self.account, self.upload, self.render, self.step);
        backend
            .storage
            .put_file(&key, playable, PREVIEW_MEDIA_TYPE)
            .await?;
        Ok(true)
    }
}

/// What came of it.
struct Made {
    level_dbfs: Option<f64>,
    bypass: Bypass,
}

/// The child processes that make the audio of one step.
struct Children<'a> {
    backend: &'a Backend,
    /// The mix.
    source: File,
    task: StepTask,
    most_bytes: u64,
    cpu: Duration,
}

impl Children<'_> {
    /// The file that the child of this name wrote, and what it says of it; `None` where the mix is at fault.
    async fn run<T: DeserializeOwned + Send>(&self, command: &'static str) -> Result<Option<(File, T)>> {
        let backend = self.backend;
        let file = anonymous_temp_file().await?;
        let job = sandbox::Job {
            command,
            work: &self.task,
            input: self.source.try_clone().map_err(Error::internal)?,
            output: Some((file.try_clone().map_err(Error::internal)?, self.most_bytes)),
            timeout: Duration::from_secs(backend.config.measuring.decode_timeout_seconds) + self.cpu,
            allowance: Allowance {
                cpu: self.cpu,
                descriptors: run::DESCRIPTORS,
            },
        };
        Ok(match backend.sandbox.run(job, &mut ()).await? {
            sandbox::Outcome::Done(said) => Some((file, said)),
            sandbox::Outcome::Rejected(_) => None,
        })
    }
}

/// Notes that it is being made; `false` where it is, or is there.
async fn insert(tx: &mut Tx, id: RenderId, step: u32, now: Timestamp) -> Result<bool, DbError> {
    const UPSERT: &str = "
        INSERT INTO step_audio (render_id, step, state, created_at) VALUES ($1, $2, 'making', $3)
        ON CONFLICT (render_id, step) DO UPDATE SET state = 'making', created_at = $3 WHERE step_audio.state = 'failed'";
    let upsert = sql(UPSERT).bind(id).bind(step).bind(now);
    Ok(tx.execute(upsert).await? == 1)
}

/// Notes that it is there, or, without a `bypass`, that it could not be made.
async fn set_ended(
    tx: &mut Tx,
    id: RenderId,
    step: u32,
    level_dbfs: Option<f64>,
    bypass: Option<&str>,
) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE step_audio SET state = $3, level_dbfs = $4, bypass = $5
        WHERE render_id = $1 AND step = $2 AND state = 'making'";
    let state = bypass.map_or(StepAudioState::Failed, |_| StepAudioState::Ready);
    let update = sql(UPDATE)
        .bind(id)
        .bind(step)
        .bind(state)
        .bind(level_dbfs)
        .bind(bypass);
    tx.execute(update).await
}

/// What was asked for of a render, in the order of its steps.
pub(super) async fn of_render(db: &Db, id: RenderId) -> Result<Vec<StepAudio>, DbError> {
    const SELECT: &str =
        "SELECT step, state, level_dbfs, bypass FROM step_audio WHERE render_id = $1 ORDER BY step";
    db.all(sql(SELECT).bind(id)).await
}
