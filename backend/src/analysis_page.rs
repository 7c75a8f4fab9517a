//! What the page of one analysis shows, of analyses and songs.

use model::{AnalysisId, analysis::AnalysisView, player::PlayerSource, song::SongAside};

use crate::{Actor, Backend, Result, analyses, songs};

/// Everything that the page of one analysis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisPageView {
    /// The analysis with its report.
    pub view: AnalysisView,
    /// What can be listened to: the mix and what it is compared with.
    pub sources: Vec<PlayerSource>,
    /// The song it belongs to, or may.
    pub song: SongAside,
}

/// One analysis with everything that its page shows.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn view(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<AnalysisPageView> {
    let view = analyses::view(backend, actor, id).await?;
    Ok(AnalysisPageView {
        sources: analyses::sources(backend, actor, id).await?,
        song: songs::aside(backend, actor, &view).await?,
        view,
    })
}
