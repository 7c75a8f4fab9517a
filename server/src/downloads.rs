//! What is kept: a report as JSON for machines and as one HTML file that needs nothing else, a render with its recipe, and the
//! archive of an export.

use std::str::FromStr;

use app::report_file;
use axum::{
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backend::{
    Error, analyses, demo,
    privacy::export,
    renders::{self, TakenAlong},
    storage,
};
use model::{Problem, ProblemCode, analysis::AnalysisView, demo::DemoTrack, history::HistoryQuery};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use crate::{layers::context, pages, problems, router::AppState};

/// The policy of a file that was written by us and loads nothing, should a browser open it in place.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// `report.json`: measurements, verdict, title.
pub(crate) async fn json(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let found = async {
        let view = view(&site, &mut parts).await?;
        let body = serde_json::to_string(&view).map_err(Error::internal)?;
        Ok(attachment(&view, "json", "application/json", body))
    };
    match found.await {
        Ok(file) => file,
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// `report.html`: the page without what moves, its style inside.
pub(crate) async fn html(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match view(&site, &mut parts).await {
        Ok(view) => {
            let (now, base_url) = (site.backend.now(), &site.backend.config.base_url);
            let body = report_file(view.clone(), now, site.assets.style(), base_url);
            attachment(&view, "html", "text/html; charset=utf-8", body)
        }
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// The history as it is looked for, for a spreadsheet.
pub(crate) async fn history_table(State(site): State<AppState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let found = async {
        let asked = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(asked.as_bytes()).into_owned().collect();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let query = HistoryQuery::of(pairs)
            .map_err(|name| Error::Problem(Problem::invalid(name, "This parameter has no such value.")))?;
        analyses::table(&site.backend, &context::of(&site, &parts).actor, &query).await
    };
    match found.await {
        Ok(table) => saved_as("MixLens history.csv", "text/csv; charset=utf-8", table),
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// Leads to the archive of an export, by a link that is good for a few minutes.
pub(crate) async fn export(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let found = async {
        let id = id_of(&mut parts, "copy").await?;
        export::download(&site.backend, &context::of(&site, &parts).actor, id).await
    };
    match found.await {
        Ok(link) => Redirect::temporary(&link).into_response(),
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// A recording of the demo, whole or in ranges.
pub(crate) async fn demo_audio(
    State(site): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let found = match id.parse::<DemoTrack>() {
        Ok(track) => demo::get().await.map(|demo| demo.file(track)),
        Err(_) => Err(Error::not_found("recording")),
    };
    match found {
        Ok(file) => match ServeFile::new(file).oneshot(request).await {
            Ok(mut response) => {
                let kept = HeaderValue::from_static("public, max-age=86400");
                response.headers_mut().insert(header::CACHE_CONTROL, kept);
                response.into_response()
            }
            Err(never) => match never {},
        },
        Err(error) => problems::respond(&site, request.into_parts().0, &error).await,
    }
}

/// Leads to the file of a render, by a link that is good for a few minutes.
pub(crate) async fn render_file(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let found = async {
        let id = id_of(&mut parts, "render").await?;
        renders::download(&site.backend, &context::of(&site, &parts).actor, id).await
    };
    match found.await {
        Ok(link) => Redirect::temporary(&link.url).into_response(),
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// What a render did, for another program.
pub(crate) async fn recipe(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let found = async {
        let id = id_of(&mut parts, "render").await?;
        let format = format_of(&parts, renders::RecipeFormat::Words)?;
        renders::recipe(&site.backend, &context::of(&site, &parts).actor, id, format).await
    };
    match found.await {
        Ok(file) => taken_along(file),
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// The time ranges of all findings as markers.
pub(crate) async fn markers(State(site): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let found = async {
        let id = id_of(&mut parts, "analysis").await?;
        let format = format_of(&parts, renders::MarkerFormat::Audacity)?;
        renders::markers(&site.backend, &context::of(&site, &parts).actor, id, format).await
    };
    match found.await {
        Ok(file) => taken_along(file),
        Err(error) => problems::respond(&site, parts, &error).await,
    }
}

/// The id that the address names.
async fn id_of<Id: FromStr>(parts: &mut Parts, what: &str) -> Result<Id, Error> {
    let id = pages::path_id(parts).await.and_then(|id| id.parse().ok());
    id.ok_or_else(|| Error::not_found(what))
}

/// What `?as=` asks for, `usual` where it is left out.
fn format_of<F: FromStr>(parts: &Parts, usual: F) -> Result<F, Error> {
    let query = parts.uri.query().unwrap_or_default();
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "as");
    match wanted {
        Some((_, format)) => format.parse().map_err(|_| Error::not_found("format")),
        None => Ok(usual),
    }
}

fn taken_along(file: TakenAlong) -> Response {
    saved_as(&file.file_name, file.media_type, file.content)
}

/// The analysis that the address names, with its report.
async fn view(site: &AppState, parts: &mut Parts) -> Result<AnalysisView, Error> {
    let id = id_of(parts, "analysis").await?;
    let view = analyses::view(&site.backend, &context::of(site, parts).actor, id).await?;
    if view.report.is_none() {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "There is no report yet. Try again when the file is measured.",
        ));
    }
    Ok(view)
}

/// Saved under the title.
fn attachment(view: &AnalysisView, ending: &str, media_type: &'static str, body: String) -> Response {
    saved_as(
        &format!("{} (MixLens).{ending}", view.summary.title),
        media_type,
        body,
    )
}

fn saved_as(name: &str, media_type: &'static str, body: impl IntoResponse) -> Response {
    let disposition = storage::attachment(name);
    let mut response = (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        ],
        body,
    )
        .into_response();
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("content-disposition"), value);
    }
    response
}
