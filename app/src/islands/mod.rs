//! The parts of pages that move: uploader, live progress, player. Everything else is plain HTML.
//!
//! An island is rendered on the server first and then woken in the browser. What only a browser has (files, requests in
//! flight) lives in `browser`, never in signals, because signals exist on the server too and cross threads there.

#![expect(
    missing_docs,
    reason = "`#[island]` makes a struct of each island and does not document it"
)]

pub mod browser;
mod cursor;
mod deck;
mod desk;
pub mod lanes;
pub mod live;
mod parts;
pub mod player;
pub mod probe;
pub mod uploader;
