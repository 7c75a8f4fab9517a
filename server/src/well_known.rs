//! The address for whoever found a weakness (RFC 9116, P31).

use std::time::Duration;

use axum::{extract::State, http::header, response::IntoResponse};
use model::paths;

use crate::router::AppState;

/// For how long the published contact holds; told from the time of each request, so that it never lapses while the server runs
/// (RFC 9116 2.5.5 advises less than a year).
const CONTACT_HOLDS: Duration = Duration::from_secs(180 * 24 * 3600);

/// Whom to tell of a weakness (RFC 9116, P31).
pub(crate) async fn security_txt(State(site): State<AppState>) -> impl IntoResponse {
    let config = &site.backend.config;
    let expires = site.backend.now().plus(CONTACT_HOLDS).rfc3339();
    let base = &config.base_url;
    let text = format!(
        "Contact: mailto:{}\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {base}{}\nPolicy: {base}{}\n",
        config.security_email,
        paths::SECURITY_TXT,
        paths::CONTACT
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}
