//! What is taken along to other programs: the recipe of a render, and the findings of a mix as markers.

use analysis::render::export;
use model::{AnalysisId, RenderId, analysis::AnalysisView};

use super::{
    conflict,
    dawproject::{self, MixTrack},
    view,
};
use crate::{Actor, Backend, Error, Result, analyses};

model::text_enum! {
    /// How a recipe is taken along.
    pub enum RecipeFormat {
        /// A line for each step.
        Words = "words",
        /// What `mixlens-cli render --recipe` reads.
        Json = "json",
        /// What EqualizerAPO and REW read.
        Apo = "apo",
        /// A filter graph of ffmpeg.
        Ffmpeg = "ffmpeg",
        /// A project for Bitwig Studio, Studio One and Cubase, with the mix on a track.
        DawProject = "dawproject",
        /// The filters and the gain as an impulse response, for a convolver.
        Impulse = "impulse",
    }
}

/// A file to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenAlong {
    /// The name to save it under.
    pub file_name: String,
    /// What it is.
    pub media_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

const TEXT: &str = "text/plain; charset=utf-8";

/// What a render does, for other programs: the recipe with everything that was adjusted, once it is done.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn recipe(
    backend: &Backend,
    actor: &Actor,
    id: RenderId,
    format: RecipeFormat,
) -> Result<TakenAlong> {
    let view = view(backend, actor, id).await?;
    let analysis = analyses::view(backend, actor, view.summary.analysis).await?;
    let rate = analysis
        .report
        .as_ref()
        .map_or(44_100, |report| report.file.sample_rate_hz);
    let recipe = view.proof.map_or(view.recipe, |proof| proof.recipe);
    let (ending, media_type, content) = match format {
        RecipeFormat::Words => ("steps.txt", TEXT, export::table(&recipe).into_bytes()),
        RecipeFormat::Json => ("recipe.json", TEXT, recipe.to_json().into_bytes()),
        RecipeFormat::Apo => (
            "equaliser.txt",
            TEXT,
            export::equalizer_apo(&recipe, rate).into_bytes(),
        ),
        RecipeFormat::DawProject => {
            let report = analysis
                .report
                .as_ref()
                .ok_or_else(|| Error::not_found("report"))?;
            let track = MixTrack {
                title: &view.summary.title,
                file_name: &analysis.file_name,
                duration_s: report.file.duration_s,
                channels: report.file.channels,
                rate,
            };
            let markers = markers_of(&analysis).unwrap_or_default();
            let project = dawproject::write(&track, &recipe, &markers)?;
            (PROJECT, "application/zip", project)
        }
        RecipeFormat::Impulse => {
            let response = export::impulse_response(&recipe, rate).ok_or_else(|| {
                conflict("This recipe has no filter and no gain, so that there is no impulse response.")
            })?;
            ("impulse response.wav", "audio/wav", response)
        }
        RecipeFormat::Ffmpeg => {
            let (graph, left_out) = export::ffmpeg_filters(&recipe, rate);
            let comments: String = left_out
                .iter()
                .map(|step| format!("# Left out, because ffmpeg has no filter like it: {step}\n"))
                .collect();
            let filters = if graph.is_empty() { "anull" } else { &graph };
            (
                "ffmpeg.txt",
                TEXT,
                format!("{comments}ffmpeg -i in.wav -af \"{filters}\" out.wav\n").into_bytes(),
            )
        }
    };
    Ok(TakenAlong {
        // A project has its ending, and no words before it.
        file_name: match format {
            RecipeFormat::DawProject => format!("{}.{ending}", view.summary.title),
            _ => format!("{} - {ending}", view.summary.title),
        },
        media_type,
        content,
    })
}

const PROJECT: &str = "dawproject";

/// Where the findings of an analysis are; `None` where it is not judged.
fn markers_of(view: &AnalysisView) -> Option<Vec<export::Marker>> {
    let (stage, verdict) = view.judged()?;
    Some(export::markers(verdict.by(stage)))
}

model::text_enum! {
    /// How markers are taken along.
    pub enum MarkerFormat {
        /// Labels of Audacity.
        Audacity = "audacity",
        /// Markers and regions of Reaper.
        Reaper = "reaper",
        /// Markers of Audition.
        Audition = "audition",
    }
}

/// The time ranges of all findings of an analysis as markers.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's; `Conflict` where it is not judged.
pub async fn markers(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    format: MarkerFormat,
) -> Result<TakenAlong> {
    let view = analyses::view(backend, actor, id).await?;
    let markers = markers_of(&view)
        .ok_or_else(|| conflict("There is no verdict yet. Try again when the mix is measured."))?;
    let (ending, text) = match format {
        MarkerFormat::Audacity => ("labels.txt", export::audacity_labels(&markers)),
        MarkerFormat::Reaper => ("Reaper.csv", export::reaper_csv(&markers)),
        MarkerFormat::Audition => ("Audition.csv", export::audition_csv(&markers)),
    };
    Ok(TakenAlong {
        file_name: format!("{} - {ending}", view.summary.title),
        media_type: TEXT,
        content: text.into_bytes(),
    })
}
