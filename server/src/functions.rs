//! What islands ask, as JSON: each a shell over a use case of `backend`.

use std::time::Duration;

use app::RequestContext;
use axum::{
    Json,
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};
use backend::{
    Backend, Error, analyses,
    renders::{self, StepPart},
    shares, uploads,
};
use futures::FutureExt as _;
use model::{
    AnalysisId, ProblemCode, RenderId,
    analysis::{AudioLink, Progress, Work},
    demo::DemoTrack,
    paths,
    player::PreviewState,
    upload::{AboutUpload, BeginUpload},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    layers::context,
    problems,
    progress::{self, Look},
    router::{AppState, MAX_BODY},
};

/// A call that came in: who made it, and its arguments as `A` names them, from the body of a POST or the query of a GET.
#[derive(Debug)]
pub(crate) struct Call<A> {
    site: AppState,
    parts: Parts,
    context: RequestContext,
    arguments: A,
}

/// Which analysis a question is about.
#[derive(Debug, Deserialize)]
pub(crate) struct About {
    id: AnalysisId,
}

/// Whose audio a question is about.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AboutAudio {
    /// An analysis of the person's own.
    Analysis { id: AnalysisId },
    /// What a link to a report lets be heard; its token.
    Shared { share: String },
    /// What a step of a render took away; a text, because a query is nothing else.
    StepNull { render: RenderId, step: String },
    /// A render without one of its steps.
    StepBypass { render: RenderId, bypass: String },
    /// A render.
    Render { render: RenderId },
    /// A recording of the demo.
    Demo { demo: DemoTrack },
}

/// A recording of the demo is nobody's: its address stays as it is, and is asked for again in a day all the same.
fn demo_link(backend: &Backend, track: DemoTrack) -> AudioLink {
    AudioLink {
        url: paths::demo_audio(track),
        expires_at: backend.now().plus(Duration::from_secs(24 * 3600)),
    }
}

/// Which render a question is about.
#[derive(Debug, Deserialize)]
pub(crate) struct AboutRender {
    id: RenderId,
}

/// A presigned PUT for one file.
pub(crate) async fn begin_upload(call: Call<BeginUpload>) -> Response {
    let result = uploads::begin(
        &call.context.backend,
        &call.context.actor,
        call.arguments.file.clone(),
    )
    .await;
    call.answer(result).await
}

/// How far an upload in parts has come, and the permissions for what to send next.
pub(crate) async fn upload_parts(call: Call<AboutUpload>) -> Response {
    let result = uploads::parts(&call.context.backend, &call.context.actor, call.arguments.upload).await;
    call.answer(result).await
}

/// Says that the bytes are there.
pub(crate) async fn complete_upload(call: Call<AboutUpload>) -> Response {
    let result = uploads::complete(&call.context.backend, &call.context.actor, call.arguments.upload).await;
    call.answer(result).await
}

/// How far an analysis has come: now, or as it goes on, where events are asked for.
pub(crate) async fn progress(call: Call<About>) -> Response {
    let RequestContext { backend, actor, .. } = call.context.clone();
    let id = call.arguments.id;
    let first = analyses::progress(&backend, &actor, id).await;
    let look = move || {
        let (backend, actor) = (backend.clone(), actor.clone());
        async move { analyses::progress(&backend, &actor, id).await.ok() }.boxed()
    };
    call.follow(Work::Analysis(id), first, Box::new(look)).await
}

/// A signed link to the audio, for a few minutes.
pub(crate) async fn audio_link(call: Call<AboutAudio>) -> Response {
    let RequestContext { backend, actor, .. } = &call.context;
    let result = match &call.arguments {
        AboutAudio::Analysis { id } => analyses::audio_link(backend, actor, *id).await,
        AboutAudio::Shared { share } => shares::audio_link(backend, share).await,
        AboutAudio::StepNull { render, step } => match step.parse() {
            Ok(step) => renders::step_audio_link(backend, actor, *render, step, StepPart::TakenAway).await,
            Err(_) => Err(Error::not_found("step")),
        },
        AboutAudio::StepBypass { render, bypass } => match bypass.parse() {
            Ok(step) => renders::step_audio_link(backend, actor, *render, step, StepPart::Without).await,
            Err(_) => Err(Error::not_found("step")),
        },
        AboutAudio::Render { render } => renders::audio_link(backend, actor, *render).await,
        AboutAudio::Demo { demo } => Ok(demo_link(backend, *demo)),
    };
    call.answer(result).await
}

/// Whether the audio can be played.
pub(crate) async fn preview_state(call: Call<AboutAudio>) -> Response {
    let RequestContext { backend, actor, .. } = &call.context;
    let result = match &call.arguments {
        AboutAudio::Analysis { id } => analyses::preview_state(backend, actor, *id).await,
        AboutAudio::Shared { share } => shares::preview_state(backend, share).await,
        AboutAudio::StepNull { render, step } | AboutAudio::StepBypass { render, bypass: step } => {
            match step.parse() {
                Ok(step) => renders::step_audio_state(backend, actor, *render, step).await,
                Err(_) => Err(Error::not_found("step")),
            }
        }
        AboutAudio::Render { render } => renders::preview_state(backend, actor, *render).await,
        AboutAudio::Demo { .. } => Ok(PreviewState::Ready),
    };
    call.answer(result).await
}

/// How far a render has come, in the same ways.
pub(crate) async fn render_progress(call: Call<AboutRender>) -> Response {
    let RequestContext { backend, actor, .. } = call.context.clone();
    let id = call.arguments.id;
    let first = renders::progress(&backend, &actor, id).await;
    let look = move || {
        let (backend, actor) = (backend.clone(), actor.clone());
        async move { renders::progress(&backend, &actor, id).await.ok() }.boxed()
    };
    call.follow(Work::Render(id), first, Box::new(look)).await
}

impl<A> Call<A> {
    /// How far `of` has come, as one answer, or as events from here on where those are asked for.
    async fn follow(self, of: Work, first: Result<Progress, Error>, look: Look) -> Response {
        match first {
            Ok(first) if progress::is_asked_for(&self.parts.headers) => {
                progress::events(&self.site, of, first, look, Progress::clone)
            }
            first => self.answer(first).await,
        }
    }

    async fn answer(self, result: Result<impl Serialize, Error>) -> Response {
        match result {
            Ok(answer) => Json(answer).into_response(),
            Err(error) => problems::respond(&self.site, self.parts, &error).await,
        }
    }
}

impl<A: DeserializeOwned + Send> FromRequest<AppState> for Call<A> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let arguments = if parts.method == Method::POST {
            match to_bytes(body, MAX_BODY).await {
                Ok(body) => serde_json::from_slice(&body).ok(),
                Err(_) => None,
            }
        } else {
            serde_html_form::from_str(parts.uri.query().unwrap_or_default()).ok()
        };
        let Some(arguments) = arguments else {
            return Err(problems::respond(site, parts, &not_understood()).await);
        };
        Ok(Self {
            site: site.clone(),
            context: context::of(site, &parts),
            parts,
            arguments,
        })
    }
}

fn not_understood() -> Error {
    Error::problem(
        ProblemCode::Invalid,
        "The request was not understood. Reload the page and try again.",
    )
}
