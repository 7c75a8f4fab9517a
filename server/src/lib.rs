//! The program `mixlens`: router, middleware, process roles. A library, so that tests build the same router.

mod account;
mod assets;
pub mod cli;
mod dev_mail;
mod forms;
pub mod health;
mod logging;
mod pages;
mod process;
pub mod router;
pub mod setup;
mod visitor;
