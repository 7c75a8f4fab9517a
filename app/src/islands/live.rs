//! The progress of an analysis while its page is open; the report takes its place without a reload.

use leptos::{prelude::*, task::spawn_local};
use model::{AnalysisId, ProblemCode, analysis::Progress};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomParser, Response, SupportedType};

use super::browser;
use crate::{api, ui::ProgressPanel};

/// The element whose content is replaced when the analysis has ended.
pub const REPLACED: &str = "analysis";

/// How often the page asks, in milliseconds.
const ASK_EVERY_MS: i32 = 600;

/// Stage and percent, kept up to date.
#[island]
pub fn Live(
    /// Which analysis.
    id: AnalysisId,
    /// How far it had come when the page was made.
    progress: Progress,
) -> impl IntoView {
    let now = RwSignal::new(progress);
    Effect::new(move |_| spawn_local(follow(id, now)));
    view! { {move || view! { <ProgressPanel progress=now.get() /> }} }
}

async fn follow(id: AnalysisId, now: RwSignal<Progress>) {
    loop {
        match api::analysis_progress(id).await {
            Ok(progress) => {
                let ended = progress.state.is_final();
                now.set(progress);
                if ended {
                    return show_result().await;
                }
            }
            // Offline for a moment; the analysis goes on without us.
            Err(error) if error.0.code == ProblemCode::Unavailable => {}
            Err(_) => return reload(),
        }
        browser::sleep(ASK_EVERY_MS).await;
    }
}

/// Fetches this very page again and puts its report where the progress was.
async fn show_result() {
    if replace().await.is_none() {
        reload();
    }
}

async fn replace() -> Option<()> {
    let address = window().location().href().ok()?;
    let response: Response = JsFuture::from(window().fetch_with_str(&address))
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    let html = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    let page = DomParser::new()
        .ok()?
        .parse_from_string(&html, SupportedType::TextHtml)
        .ok()?;
    let fresh = page.get_element_by_id(REPLACED)?;
    let stale = document().get_element_by_id(REPLACED)?;
    document().set_title(&page.title());
    let fresh: web_sys::Node = document().adopt_node(&fresh).ok()?;
    stale.replace_with_with_node_1(&fresh).ok()?;
    let fresh: web_sys::Element = fresh.dyn_into().ok()?;
    browser::wake_islands(&fresh);
    Some(())
}

fn reload() {
    // A page that cannot be reloaded stays as it is.
    let _: Result<(), JsValue> = window().location().reload();
}
