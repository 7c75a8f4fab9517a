//! A report to keep: as JSON for machines, and as one HTML file that needs nothing else.

use app::{RequestContext, report_file};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use backend::{Error, analyses, storage};
use model::analysis::AnalysisView;

use crate::{pages, router::AppState};

/// The policy of a file that was written by us and loads nothing, should a browser open it in place.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// `report.json`: measurements, verdict, title.
pub(crate) async fn json(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Response {
    let found = async {
        let view = view(&site, &visit, &id).await?;
        let body = serde_json::to_string(&view).map_err(Error::internal)?;
        Ok::<_, Error>((view, body))
    };
    match found.await {
        Ok((view, body)) => attachment(&view, "json", "application/json", body),
        Err(error) => pages::plain_problem(&error, &visit.request_id),
    }
}

/// `report.html`: the page without what moves, its style inside.
pub(crate) async fn html(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Response {
    match view(&site, &visit, &id).await {
        Ok(view) => {
            let body = report_file(
                view.clone(),
                site.backend.now(),
                site.assets.style(),
                &site.backend.config.base_url,
            );
            attachment(&view, "html", "text/html; charset=utf-8", body)
        }
        Err(error) => pages::plain_problem(&error, &visit.request_id),
    }
}

async fn view(site: &AppState, visit: &RequestContext, id: &str) -> Result<AnalysisView, Error> {
    let id = id.parse().map_err(|_| Error::not_found("analysis"))?;
    let view = analyses::view(&site.backend, &visit.actor, id).await?;
    if view.report.is_none() {
        return Err(Error::problem(
            model::ProblemCode::Conflict,
            "There is no report yet. Try again when the file is measured.",
        ));
    }
    Ok(view)
}

/// Saved under the title.
fn attachment(view: &AnalysisView, ending: &str, media_type: &'static str, body: String) -> Response {
    let name = format!("{} (MixLens).{ending}", view.summary.title);
    let disposition = storage::attachment(&name);
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
