//! The program `mixlens`: router, middleware, process roles. A library, so that tests build the same router.

mod account;
mod admin;
mod answers;
mod assets;
pub mod cli;
mod dev_mail;
mod downloads;
mod error_reports;
mod forms;
pub mod health;
mod limits;
mod logging;
mod metrics;
mod pages;
mod privacy;
mod process;
pub mod router;
pub mod setup;
mod songs;
mod telemetry;
mod visitor;
