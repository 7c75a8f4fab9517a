//! The program `mixlens`: router, middleware, process roles. A library, so that tests build the same router.

mod admin;
mod api;
mod assets;
mod backup;
mod callbacks;
pub mod cli;
mod cookies;
mod docs;
mod downloads;
mod error_reports;
mod forms;
mod functions;
pub mod health;
mod layers;
mod logging;
mod mail_preview;
mod metrics;
mod pages;
mod problems;
mod process;
mod progress;
mod repetitions;
pub mod router;
mod serve;
pub mod setup;
mod traces;
mod well_known;
