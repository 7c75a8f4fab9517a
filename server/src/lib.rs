//! The program `mixlens`: router, middleware, process roles. A library, so that tests build the same router.

mod account;
mod admin;
mod assets;
pub mod cli;
mod downloads;
mod error_reports;
mod form_response;
mod forms;
pub mod health;
mod limits;
mod logging;
mod mail_preview;
mod metrics;
mod pages;
mod privacy;
mod process;
pub mod router;
mod session;
pub mod setup;
mod songs;
mod telemetry;
