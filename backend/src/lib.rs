//! Everything of MixLens that touches the world. Use cases are free functions:
//! `domain::verb(&Backend, &Actor, input) -> Result<View>`. Knows no HTTP server, and no HTML but that of emails.

pub mod accounts;
pub mod actor;
pub mod analyses;
pub mod analysis_page;
mod backend;
pub mod billing;
pub mod cleanup;
pub mod clock;
pub mod config;
pub mod csrf;
pub mod db;
pub mod demo;
mod encryption;
pub mod entropy;
mod error;
pub mod idempotency;
pub mod installation;
pub mod jobs;
pub mod known_tokens;
pub mod ledger;
pub mod mail;
mod names;
pub mod newsletter;
mod notifications;
pub mod outbound;
pub mod password;
pub mod plans;
pub mod preferences;
pub mod privacy;
mod progress;
mod redact;
pub mod redis;
pub mod renders;
pub mod retention;
pub mod running_requests;
pub mod sample;
mod sandbox;
pub mod sessions;
pub mod shares;
pub mod signing;
pub mod songs;
mod spreadsheet;
pub mod storage;
pub mod stripe;
pub mod sweep;
mod tables;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
mod transaction;
pub mod uploads;
pub mod usage;
pub mod webhooks;
pub mod work;

pub(crate) use self::transaction::transaction;
pub use self::{
    actor::{Actor, IdempotentRequest, Owner, Scope, Token, TokenKind, User},
    backend::Backend,
    error::{Error, Result},
    redact::{Cause, LogSafe},
    sandbox::Sandbox,
};
