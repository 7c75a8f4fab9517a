//! Corrective renders: the plan for a mix, the render that it starts, its proof, and what is taken along.
//!
//! What a plan holds follows from the stored report and the [`Wishes`]; nothing of it is stored. The same recipe asked for twice is
//! one render. Trap: the audio of a render has no time of its own, it goes with that of its upload (P07, P08).

mod dawproject;
mod run;
mod step_audio;
mod store;
mod taken_along;
mod wishes;

use std::time::Duration;

use analysis::{
    ENGINE_VERSION,
    render::{Container, OutputFormat, Plan, PlanOptions, Proof, Recipe, plan as plan_of},
};
use model::{
    AccountId, AnalysisId, Failure, ProblemCode, RenderId, Report, Timestamp,
    analysis::{AnalysisState, AnalysisView, Audio, AudioLink, Progress},
    plan::Usage,
    player::{AudioRef, PlayerSource, PreviewState, SourceKind},
    upload::{UploadKind, UploadState},
    verdict::{Points, Stage},
};
use sha2::{Digest as _, Sha256};

pub(crate) use run::MakeRender;
pub(crate) use step_audio::MakeStepAudio;
pub use step_audio::{
    StepAudio, StepAudioState, StepPart, request_step_audio, step_audio_link, step_audio_state,
};
pub(crate) use store::keeps_audio;
pub use taken_along::{MarkerFormat, RecipeFormat, TakenAlong, markers, recipe};
pub use wishes::{
    AMOUNT, CEILING, CEILINGS_DBTP, CONTAINER, KEEP, LEVEL, LEVELS_LUFS, LUFS, SAMPLES, SHOWN, STEP, TARGET,
    Wishes, names,
};

use crate::{
    Actor, Backend, Error, Owner, Result, Scope, analyses,
    db::{Db, Tx},
    idempotency,
    jobs::{self, EnqueueOptions},
    storage::{Key, RemoveRender},
    tables::Table,
    transaction, usage,
};

/// The tables of its rooms.
pub(crate) const TABLES: &[&[Table]] = &[store::TABLES, step_audio::TABLES];

/// How many renders of an analysis are listed.
const LISTED: u32 = 50;

/// That a page is watched is not written more often than this.
const WATCHED_EVERY: Duration = Duration::from_secs(10);

/// What a file holds besides its samples, in bytes; a recipe is a few kilobytes.
const HEADERS: u64 = 1 << 20;

/// A render without its proof.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderSummary {
    /// Which one.
    pub id: RenderId,
    /// Of which analysis.
    pub analysis: AnalysisId,
    /// The title of that one.
    pub title: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// How far it has come.
    pub progress: Progress,
    /// The file that is written.
    pub output: OutputFormat,
    /// What both files are judged as.
    pub stage: Stage,
    /// The score of the mix.
    pub before: Points,
    /// The score that the plan expected.
    pub predicted: Points,
    /// The score of the render, once it is measured.
    pub after: Option<Points>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// The size of its file.
    pub size_bytes: Option<u64>,
    /// What becomes of its audio: the same as of that of the mix.
    pub audio: Audio,
}

/// A render with everything that its page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderView {
    /// What a list shows too.
    pub summary: RenderSummary,
    /// What was asked for.
    pub recipe: Recipe,
    /// What was done, and what became of each rule, when it is done.
    pub proof: Option<Proof>,
    /// The mix, the render and its steps, to listen to, when it is done.
    pub sources: Vec<PlayerSource>,
    /// The steps that somebody wants to hear.
    pub step_audio: Vec<StepAudio>,
}

/// What the page of a plan shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanView {
    /// The analysis that it is for.
    pub analysis: AnalysisView,
    /// The plan as the person wants it.
    pub plan: Plan,
    /// What was used of the month's renders.
    pub usage: Usage,
    /// The renders that were made of it, the newest first.
    pub renders: Vec<RenderSummary>,
}

/// The plan for a mix as `wishes` want it, with what it is expected to do.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's; `Conflict` where it has no report, or is a reference.
pub async fn plan(backend: &Backend, actor: &Actor, id: AnalysisId, wishes: &Wishes) -> Result<PlanView> {
    let owner = actor.owner(Scope::ReadAnalyses)?;
    let (analysis, plan) = planned(backend, actor, id, wishes).await?;
    let usage = Usage {
        used: usage::renders_used(&backend.db, owner.account, backend.now()).await?,
        allowed: backend.config.plans.of(owner.plan).renders_per_month,
    };
    Ok(PlanView {
        analysis,
        plan,
        usage,
        renders: of_analysis(backend, actor, id).await?,
    })
}

async fn planned(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    wishes: &Wishes,
) -> Result<(AnalysisView, Plan)> {
    let view = analyses::view(backend, actor, id).await?;
    let report = match (&view.report, view.summary.kind) {
        (Some(report), UploadKind::Mix) => report,
        (None, _) => {
            return Err(conflict(
                "There is no report yet. Try again when the mix is measured.",
            ));
        }
        (Some(_), UploadKind::Reference) => {
            return Err(conflict(
                "A reference is measured and compared with. Only a mix is corrected.",
            ));
        }
    };
    let references = analyses::reference_reports(&backend.db, id).await?;
    let references: Vec<&Report> = references.iter().collect();
    let usual = PlanOptions::default();
    let options = PlanOptions {
        stage: view.summary.score.map(|score| score.stage),
        target: wishes.target.clone(),
        container: wishes.container,
        samples: wishes.samples,
        references: &references,
        ceiling_dbtp: wishes.ceiling_dbtp.unwrap_or(usual.ceiling_dbtp),
        ..usual
    };
    let mut plan = plan_of(report, &options);
    let proposed = plan.clone();
    wishes.apply(&mut plan);
    if plan != proposed {
        plan.switch(report, |planned| planned.is_on);
    }
    Ok((view, plan))
}

/// What becomes of a wish about a step that the plan does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownSteps {
    /// Nothing: a page may show an older plan.
    Ignored,
    /// The render is refused: a program would not learn that its wish was left out.
    Refused,
}

/// Starts the render that the plan with these wishes describes. One that was asked for before is answered again, and made again
/// where it had failed.
///
/// # Errors
/// As [`plan`]; `Conflict` where the audio is gone; `TooLarge` where the file would be larger than the plan allows; `Quota`.
pub async fn start(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    wishes: &Wishes,
    unknown: UnknownSteps,
) -> Result<RenderId> {
    let owner = actor.owner(Scope::WriteAnalyses)?;
    let (view, plan) = planned(backend, actor, id, wishes).await?;
    if unknown == UnknownSteps::Refused
        && let Some(name) = wishes.unknown_step(&plan)
    {
        return Err(Error::invalid(
            "steps",
            format!("The plan has no step {name}. Its steps stand in the plan of the analysis."),
        ));
    }
    let recipe = plan.recipe();
    recipe.check().map_err(|error| {
        Error::problem(ProblemCode::Invalid, format!("This cannot be rendered: {error}."))
    })?;
    if let Some(report) = &view.report {
        check_size(backend, &owner, report, recipe.output)?;
    }
    let recipe_hash = hash(&recipe, plan.stage)?;
    let render = RenderId(backend.new_id());
    let (now, account) = (backend.now(), owner.account);
    let started = transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let source = store::source(tx, account, id).await?.ok_or_else(missing)?;
        let is_there = source.upload_state == UploadState::Stored
            && source.delete_after.is_some_and(|until| until > now);
        if let Some(existing) = store::existing(tx, id, &recipe_hash).await? {
            if existing.state == AnalysisState::Failed && is_there {
                queue_again(backend, tx, &owner, source.upload_id, existing.id).await?;
            }
            idempotency::finish(tx, backend, actor, existing.id).await?;
            return Ok(existing.id);
        }
        if source.state != AnalysisState::Done || source.kind != UploadKind::Mix {
            return Err(missing());
        }
        if !is_there {
            return Err(audio_is_gone());
        }
        reserve(backend, tx, &owner).await?;
        let new = store::NewRender {
            id: render,
            account,
            analysis: id,
            recipe: &recipe,
            recipe_hash: &recipe_hash,
            stage: plan.stage,
            before: plan.score_before,
            predicted: plan.score_predicted,
        };
        store::insert(tx, &new, now).await?;
        enqueue(backend, tx, account, source.upload_id, render).await?;
        idempotency::finish(tx, backend, actor, render).await?;
        Ok(render)
    })?;
    backend.wake.wake();
    Ok(started)
}

/// Makes a render again that failed.
///
/// # Errors
/// `NotFound`; `Conflict` where it has not failed, or the audio is gone; `Quota`.
pub async fn start_again(backend: &Backend, actor: &Actor, id: RenderId) -> Result<()> {
    let owner = actor.owner(Scope::WriteAnalyses)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(owner.account).await?;
        let row = owned(tx, owner.account, id).await?;
        let is_there = row.upload_state == UploadState::Stored
            && row.delete_after.is_some_and(|until| until > backend.now());
        if !is_there {
            return Err(audio_is_gone());
        }
        if !queue_again(backend, tx, &owner, row.upload_id, id).await? {
            return Err(conflict(
                "This render has not failed. There is nothing to do again.",
            ));
        }
        Ok(())
    })?;
    backend.wake.wake();
    Ok(())
}

/// A render of the account's own.
async fn owned(tx: &mut Tx, account: AccountId, id: RenderId) -> Result<store::OwnerRow> {
    let row = store::owner(tx, id).await?;
    row.filter(|row| row.account_id == account).ok_or_else(missing)
}

/// failed → queued; whether it was.
async fn queue_again(
    backend: &Backend,
    tx: &mut Tx,
    owner: &Owner,
    upload: model::UploadId,
    id: RenderId,
) -> Result<bool> {
    if !store::queue_again(tx, id, backend.now()).await? {
        return Ok(false);
    }
    reserve(backend, tx, owner).await?;
    enqueue(backend, tx, owner.account, upload, id).await?;
    Ok(true)
}

/// Takes one render of this month's.
async fn reserve(backend: &Backend, tx: &mut Tx, owner: &Owner) -> Result<()> {
    let used = usage::take_render(tx, owner.account, backend.now()).await?;
    match backend.config.plans.of(owner.plan).renders_per_month {
        Some(allowed) if used > allowed => Err(Error::problem(
            ProblemCode::Quota,
            format!(
                "The {allowed} renders of this month are used up. New ones start on the 1st (UTC); the plan and its recipe are yours to take along."
            ),
        )),
        _ => Ok(()),
    }
}

async fn enqueue(
    backend: &Backend,
    tx: &mut Tx,
    account: AccountId,
    upload: model::UploadId,
    render: RenderId,
) -> Result<()> {
    let job = MakeRender {
        account,
        upload,
        render,
    };
    let options = EnqueueOptions {
        account: Some(account),
        ..EnqueueOptions::default()
    };
    jobs::enqueue(tx, backend, &job, options).await?;
    Ok(())
}

/// Refuses what would become larger than a file of the plan may.
fn check_size(backend: &Backend, owner: &Owner, report: &Report, output: OutputFormat) -> Result<()> {
    let limits = backend.config.plans.of(owner.plan);
    let samples = report.file.frames * u64::from(report.file.channels);
    let bytes = samples * u64::from(output.samples.bits() / 8) + HEADERS;
    // What FLAC saves is not known before.
    if output.container == Container::Flac || bytes <= limits.max_render_bytes() {
        return Ok(());
    }
    Err(Error::Problem(model::Problem {
        field: Some(SAMPLES.into()),
        ..model::Problem::new(
            ProblemCode::TooLarge,
            format!(
                "This file would have {} MB, and your plan takes up to {}. Choose FLAC or fewer bits.",
                bytes.div_ceil(1_000_000),
                limits.max_render_bytes() / 1_000_000
            ),
        )
    }))
}

/// Names everything that bytes and proof depend on besides the source.
fn hash(recipe: &Recipe, stage: Stage) -> Result<String> {
    let recipe = serde_json::to_string(recipe).map_err(Error::internal)?;
    Ok(hex::encode(Sha256::digest(format!(
        "{ENGINE_VERSION} {stage} {recipe}"
    ))))
}

/// One render with its proof.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn view(backend: &Backend, actor: &Actor, id: RenderId) -> Result<RenderView> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = store::find(&backend.db, account, id).await?.ok_or_else(missing)?;
    let proof = row.proof.map(|proof| proof.0);
    let summary = row.summary.summary();
    let step_audio = step_audio::of_render(&backend.db, id).await?;
    let mut sources = Vec::new();
    if let Some(proof) = &proof {
        let source_s = row.duration_s.unwrap_or(0.0);
        sources.push(PlayerSource {
            loudness: proof.loudness.before_over_time.clone(),
            ..analyses::mix_source(backend, actor, summary.analysis).await?
        });
        sources.push(PlayerSource {
            audio: AudioRef::render(id),
            kind: SourceKind::Render,
            title: summary.title.clone(),
            duration_s: duration_of(&proof.recipe, source_s),
            integrated_lufs: proof.loudness.after_lufs,
            preview_state: playable(summary.audio, backend.now()),
            gain_db: 0.0,
            loudness: proof.loudness.after_over_time.clone(),
        });
        let [mix_s, render_s] = [source_s, duration_of(&proof.recipe, source_s)];
        let heard = step_audio.iter().filter_map(|heard| {
            let kind = proof.recipe.steps.get(heard.step as usize)?.kind();
            let state = step_audio::preview_state(heard, summary.audio, backend.now());
            Some((
                heard.null(id, kind, mix_s, state),
                heard.bypass(id, kind, render_s, state),
            ))
        });
        let (nulls, bypasses): (Vec<_>, Vec<_>) = heard.unzip();
        sources.extend(nulls.into_iter().chain(bypasses));
    }
    Ok(RenderView {
        step_audio,
        recipe: row.asked_for.0,
        proof,
        sources,
        summary,
    })
}

/// How long a file of `source_s` seconds is behind `recipe`.
fn duration_of(recipe: &Recipe, source_s: f64) -> f64 {
    recipe
        .kept()
        .map_or(source_s, |kept| kept.end_s.min(source_s) - kept.start_s)
}

fn playable(audio: Audio, now: Timestamp) -> PreviewState {
    match audio.kept_until(now) {
        Some(_) => PreviewState::Ready,
        None => PreviewState::Gone,
    }
}

/// Whether the audio of a render can be played.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn preview_state(backend: &Backend, actor: &Actor, id: RenderId) -> Result<PreviewState> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = store::find(&backend.db, account, id).await?.ok_or_else(missing)?;
    let summary = row.summary.summary();
    Ok(match summary.progress.state {
        AnalysisState::Done => playable(summary.audio, backend.now()),
        AnalysisState::Queued | AnalysisState::Running => PreviewState::Making,
        AnalysisState::Failed => PreviewState::Gone,
    })
}

/// The renders of an analysis, the newest first.
///
/// # Errors
/// The database does not answer.
pub async fn of_analysis(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<Vec<RenderSummary>> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let rows = store::of_analysis(&backend.db, account, id, LISTED).await?;
    Ok(rows.into_iter().map(store::SummaryRow::summary).collect())
}

/// How far a render has come.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn progress(backend: &Backend, actor: &Actor, id: RenderId) -> Result<Progress> {
    let row = store::progress(&backend.db, actor.account(Scope::ReadAnalyses)?, id).await?;
    let progress = row.ok_or_else(missing)?.progress();
    if !progress.state.is_final() {
        let now = backend.now();
        store::set_watched(&backend.db, id, now, now.minus(WATCHED_EVERY)).await?;
    }
    Ok(progress)
}

/// What is fetched of a render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The file itself.
    File,
    /// What browsers play of it.
    Playable,
}

/// A signed link to what browsers play of a render, for a few minutes (P04).
///
/// # Errors
/// `NotFound` where there is no such render or its audio is gone; `Conflict` while it is being made.
pub async fn audio_link(backend: &Backend, actor: &Actor, id: RenderId) -> Result<AudioLink> {
    link(backend, actor, id, Part::Playable).await
}

/// A signed link to the file of a render, for a few minutes (P04).
///
/// # Errors
/// As [`audio_link`].
pub async fn download(backend: &Backend, actor: &Actor, id: RenderId) -> Result<AudioLink> {
    link(backend, actor, id, Part::File).await
}

async fn link(backend: &Backend, actor: &Actor, id: RenderId, part: Part) -> Result<AudioLink> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = store::find(&backend.db, account, id).await?.ok_or_else(missing)?;
    let (upload, has_preview) = (row.upload_id, row.has_preview);
    let summary = row.summary.summary();
    if summary.progress.state != AnalysisState::Done {
        return Err(conflict(
            "There is no file yet. Try again when the render is done.",
        ));
    }
    let (key, media_type) = match part {
        Part::Playable if has_preview => (
            Key::render_preview(account, upload, id),
            analyses::PREVIEW_MEDIA_TYPE,
        ),
        Part::File | Part::Playable => {
            let key = Key::render(account, upload, id);
            (key, run::media_type(summary.output))
        }
    };
    let name = file_name(&summary);
    signed(backend, summary.audio, &key, &name, media_type).await
}

/// A signed link to an object of a render, where its audio is there.
async fn signed(
    backend: &Backend,
    audio: Audio,
    key: &Key,
    file_name: &str,
    media_type: &str,
) -> Result<AudioLink> {
    let until = audio
        .kept_until(backend.now())
        .ok_or_else(|| Error::problem(ProblemCode::NotFound, "This audio was removed. The proof stays."))?;
    analyses::signed_link(backend, key, file_name, media_type, until).await
}

/// The name under which the file is saved: `Okapi (corrected, 24 bit).wav`.
#[must_use]
pub fn file_name(summary: &RenderSummary) -> String {
    format!(
        "{} (corrected, {}).{}",
        summary.title,
        summary.output.samples.words(),
        summary.output.container
    )
}

/// Deletes a render; the analysis that it was made of. Its row is gone when this returns, the object a moment later. One that has
/// not ended is counted no more.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn delete(backend: &Backend, actor: &Actor, id: RenderId) -> Result<AnalysisId> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let analysis = transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let row = owned(tx, account, id).await?;
        store::delete(tx, id).await?;
        if !row.state.is_final() {
            usage::give_back_render(tx, account, row.taken_at).await?;
        }
        let removal = RemoveRender {
            account,
            upload: row.upload_id,
            render: id,
        };
        jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
        Ok(row.analysis_id)
    })?;
    backend.wake.wake();
    Ok(analysis)
}

/// How a render ended, for the email about it.
pub(crate) struct Ended {
    pub(crate) title: String,
    /// Before and after; `None` where it failed.
    pub(crate) scores: Option<(Points, Points)>,
}

/// `None` where there is no such render, or it has not ended.
pub(crate) async fn ended(db: &Db, account: AccountId, id: RenderId) -> Result<Option<Ended>> {
    let row = store::ended(db, account, id).await?;
    Ok(row.map(|row| Ended {
        scores: (row.state == AnalysisState::Done)
            .then_some(row.before_tenths)
            .zip(row.after_tenths),
        title: row.title,
    }))
}

fn missing() -> Error {
    Error::not_found("render")
}

fn conflict(words: &str) -> Error {
    Error::problem(ProblemCode::Conflict, words)
}

fn audio_is_gone() -> Error {
    conflict(
        "The audio of this mix was removed, so it cannot be rendered. The plan is still right: upload the mix again, or take the recipe along.",
    )
}
