//! What the page of one analysis shows, of analyses, songs, renders and links to it.

use model::{AnalysisId, analysis::AnalysisView, player::PlayerSource, share::Share, song::SongAside};

use crate::{
    Actor, Backend, Result, analyses,
    renders::{self, RenderSummary},
    shares, songs,
};

/// Everything that the page of one analysis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisPageView {
    /// The analysis with its report.
    pub view: AnalysisView,
    /// What can be listened to: the mix and what it is compared with.
    pub sources: Vec<PlayerSource>,
    /// The song it belongs to, or may.
    pub song: SongAside,
    /// The links to its report that are good.
    pub shares: Vec<Share>,
    /// The renders that were made of it, the newest first.
    pub renders: Vec<RenderSummary>,
}

/// One analysis with everything that its page shows.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn view(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<AnalysisPageView> {
    let view = analyses::view(backend, actor, id).await?;
    analyses::set_seen(backend, actor, id).await?;
    Ok(AnalysisPageView {
        sources: analyses::sources(backend, actor, id).await?,
        renders: renders::of_analysis(backend, actor, id).await?,
        song: songs::aside(backend, actor, &view).await?,
        shares: shares::list(backend, actor, Some(id)).await?,
        view,
    })
}
