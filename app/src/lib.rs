//! What people see: pages rendered on the server, islands that move in the browser, and what they ask the server.
//!
//! Feature `ssr` is the server's half, `hydrate` the browser's. Only islands, what they ask and what they share are
//! compiled for the browser: pages, charts and components never are, which keeps the download small.

pub mod api;
pub mod islands;
pub mod ui;

pub use model::{paths, text as format};

#[cfg(feature = "ssr")]
pub mod charts;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod request_context;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use self::{
    pages::{
        account_area::{
            tokens::SCOPES,
            webhooks::{EVENTS, FRESH_SECRET, STANDARD_SECRET},
        },
        docs,
        report::report_file,
        withdraw::{WITHDRAW_PLAN, WITHDRAW_SINCE, WITHDRAWN_AT},
    },
    request_context::{FORM_NAME, FormErrors, PageContent, PageRequest, RequestContext, problem_of},
    shell::shell,
};
