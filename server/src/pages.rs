//! Rendering Leptos pages, with the request's context as theirs.

use app::{FormErrors, PageContent, PageRequest, RequestContext, shell};
use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Request, State},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backend::Error;
use leptos::prelude::{provide_context, use_context};
use model::{
    ProblemCode,
    routes::{Page, Route},
};

use crate::{problems, router::AppState};

/// Shows `page` at its own address.
pub(crate) async fn show(site: AppState, page: Page, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let request = PageRequest {
        content: PageContent::Page(page),
        id: path_id(&mut parts).await,
        uri: parts.uri.clone(),
    };
    render(&site, parts, request, None).await
}

/// Leads from the address of a form, which somebody opened by hand, to the page that it stands on.
pub(crate) async fn lead_to(page: Page, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    // An id of ours, or none: what else was sent could be no address.
    let is_id = |id: &String| {
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let id = path_id(&mut parts).await.filter(is_id);
    Redirect::to(&address_of(page, id.as_deref())).into_response()
}

/// An address that nothing stands at.
pub(crate) async fn not_found(State(site): State<AppState>, request: Request) -> Response {
    if let Some(address) = without_slash(&request) {
        return Redirect::permanent(&address).into_response();
    }
    let error = Error::problem(
        ProblemCode::NotFound,
        "No page has this address. It may have been deleted, or the link is not complete.",
    );
    problems::respond(&site, request.into_parts().0, &error).await
}

/// The address of a page that was written with a slash at its end, as some programs complete it.
fn without_slash(request: &Request) -> Option<String> {
    let path = request.uri().path().strip_suffix('/')?;
    // `//host` would lead to another site, and browsers read `\\` as `/`.
    let is_ours = path.len() > 1
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.to_lowercase().contains("%5c");
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let query = request.uri().query().map(|query| format!("?{query}"));
    (is_ours && is_read).then(|| format!("{path}{}", query.unwrap_or_default()))
}

/// An address that does not take the method; the router adds which it takes. For who only looks, nothing is there.
pub(crate) async fn method_not_allowed(State(site): State<AppState>, request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = not_found(State(site), request).await;
    if !is_read {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    }
    response
}

/// The address of `page`, with `id` where it names one.
pub(crate) fn address_of(page: Page, id: Option<&str>) -> String {
    let path = Route::of_page(page).map_or("/", |route| route.path);
    path.replace("{id}", id.unwrap_or_default())
}

/// The `{id}` of the address as it was sent, if its template has one.
pub(crate) async fn path_id(parts: &mut Parts) -> Option<String> {
    let Path(id) = Path::<String>::from_request_parts(parts, &()).await.ok()?;
    Some(id)
}

/// Renders the document; `errors` is what a refused form is shown with.
pub(crate) async fn render(
    site: &AppState,
    parts: Parts,
    page: PageRequest,
    errors: Option<FormErrors>,
) -> Response {
    let options = site.options.clone();
    let handler = leptos_axum::render_app_async_with_context(
        move || {
            provide_request_context();
            provide_context(page.clone());
            if let Some(errors) = errors.clone() {
                provide_context(errors);
            }
        },
        move || shell(options.clone()),
    );
    handler(Request::from_parts(parts, Body::empty())).await
}

/// Makes what the layers put into the request the context of pages.
fn provide_request_context() {
    if let Some(context) =
        use_context::<Parts>().and_then(|parts| parts.extensions.get::<RequestContext>().cloned())
    {
        provide_context(context);
    }
}
