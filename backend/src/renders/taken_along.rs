//! What is taken along to other programs: the recipe of a render, and the findings of a mix as markers.

use analysis::render::export;
use model::{AnalysisId, RenderId};

use super::{conflict, view};
use crate::{Actor, Backend, Result, analyses};

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
    }
}

/// A text to save, with the name to save it under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenAlong {
    /// Its name.
    pub file_name: String,
    /// Its content.
    pub text: String,
}

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
        .map_or(44_100, |report| report.file.sample_rate_hz);
    let recipe = view.proof.map_or(view.recipe, |proof| proof.recipe);
    let (ending, text) = match format {
        RecipeFormat::Words => ("steps.txt", export::table(&recipe)),
        RecipeFormat::Json => ("recipe.json", recipe.to_json()),
        RecipeFormat::Apo => ("equaliser.txt", export::equalizer_apo(&recipe, rate)),
        RecipeFormat::Ffmpeg => {
            let (graph, left_out) = export::ffmpeg_filters(&recipe, rate);
            let comments: String = left_out
                .iter()
                .map(|step| format!("# Left out, because ffmpeg has no filter like it: {step}\n"))
                .collect();
            let filters = if graph.is_empty() { "anull" } else { &graph };
            (
                "ffmpeg.txt",
                format!("{comments}ffmpeg -i in.wav -af \"{filters}\" out.wav\n"),
            )
        }
    };
    Ok(TakenAlong {
        file_name: format!("{} - {ending}", view.summary.title),
        text,
    })
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
    let verdict = view
        .verdict
        .ok_or_else(|| conflict("There is no verdict yet. Try again when the mix is measured."))?;
    let stage = view
        .summary
        .score
        .map_or(verdict.detected.stage, |score| score.stage);
    let markers = export::markers(verdict.by(stage));
    let (ending, text) = match format {
        MarkerFormat::Audacity => ("labels.txt", export::audacity_labels(&markers)),
        MarkerFormat::Reaper => ("Reaper.csv", export::reaper_csv(&markers)),
        MarkerFormat::Audition => ("Audition.csv", export::audition_csv(&markers)),
    };
    Ok(TakenAlong {
        file_name: format!("{} - {ending}", view.summary.title),
        text,
    })
}
