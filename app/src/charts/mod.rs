//! Charts as SVG, drawn on the server.
//!
//! A plot has no `viewBox`: it counts in percent, so that lettering keeps its size from 320 px to 2000 px. Curves live
//! in a nested `<svg>` that is stretched (`preserveAspectRatio="none"`) while its strokes are not.

pub mod chart_track;
pub mod difference;
mod evidence;
mod heatmap;
pub mod loudness;
pub mod plot;
pub mod score_path;
pub mod spectrum;
pub mod stereo;
pub mod stereo_bands;
pub mod timeline;
pub mod waveform;

pub use difference::DifferenceChart;
pub use evidence::evidence;
pub use loudness::LoudnessChart;
pub use score_path::ScorePath;
pub use spectrum::{BandsChart, SpectrumChart};
pub use stereo::StereoMeters;
pub use stereo_bands::StereoBandsChart;
pub use timeline::TimelineChart;
pub use waveform::{FindingMark, SourceStrip, WaveformChart, WaveformStrip};

/// Where a report is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Medium {
    /// On its page, with what moves, at a known moment.
    #[default]
    Page,
    /// The same, by somebody whose it is not: where it is stored, and until when, is no concern of theirs.
    Shared,
    /// From a file, without what moves, whenever somebody opens it.
    File,
}
