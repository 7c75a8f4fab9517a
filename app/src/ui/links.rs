//! The addresses that components link to by themselves.

use model::AnalysisId;

/// The public first page.
pub const HOME: &str = "/";
/// Where files are uploaded.
pub const UPLOAD: &str = "/upload";
/// The list of analyses.
pub const HISTORY: &str = "/analyses";
/// The account's own page.
pub const ACCOUNT: &str = "/account";
/// The sign-in form.
pub const LOGIN: &str = "/login";
/// The sign-up form.
pub const SIGNUP: &str = "/signup";
/// Where the sign-out form is posted to.
pub const LOGOUT: &str = "/logout";
/// The privacy policy.
pub const PRIVACY: &str = "/privacy";
/// The terms of service.
pub const TERMS: &str = "/terms";

/// The page of one analysis.
#[must_use]
pub fn analysis(id: AnalysisId) -> String {
    format!("{HISTORY}/{id}")
}
