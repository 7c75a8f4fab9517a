//! Everything of MixLens that touches the world. Use cases are free functions:
//! `domain::verb(&Backend, &Actor, input) -> Result<View>`. Knows no HTTP server and no HTML.

pub mod clock;
pub mod db;
pub mod entropy;
mod error;
pub mod jobs;

pub use error::{Error, Result};
