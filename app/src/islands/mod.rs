//! The parts of pages that move: uploader, live progress, player, read-out of the spectrum. Everything else is plain HTML.
//!
//! An island is rendered on the server first and then woken in the browser. What only a browser has (files, requests in
//! flight) lives in `browser`, never in signals, because signals exist on the server too and cross threads there.

#![expect(
    missing_docs,
    reason = "`#[island]` makes a struct of each island and does not document it"
)]

mod audio_graph;
pub mod browser;
pub mod chart_tracks;
mod controls;
mod cursor;
pub mod live;
pub mod plan_form;
pub mod player;
pub mod spectrum_readout;
pub mod uploader;
