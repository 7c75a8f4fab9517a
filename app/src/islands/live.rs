//! The progress of an analysis or a render while its page is open; the report or the proof takes its place without a reload.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use model::{
    ProblemCode,
    analysis::{Progress, Work},
    paths,
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Document;

use super::browser::{self, Backoff};
use crate::{api, ui::ProgressPanel};

/// The element whose content is replaced when the work has ended.
pub const REPLACED: &str = "live";

/// How often the page asks, where nobody tells it.
const ASK_EVERY: Duration = Duration::from_millis(600);

/// After so many streams that broke without a word the page asks, and listens no more: something between us and the server passes none.
const STREAMS: u32 = 3;

/// Stage and percent, kept up to date.
#[island]
pub fn Live(
    /// Of what.
    of: Work,
    /// How far it had come when the page was made.
    progress: Progress,
) -> impl IntoView {
    let now = RwSignal::new(progress);
    let phases = of.phases();
    Effect::new(move |_| spawn_local(follow(of, now)));
    view! { {move || view! { <ProgressPanel progress=now.get() phases=phases /> }} }
}

/// Listens until the work has ended, where there is room for a stream, and asks where there is none or it broke; waits longer each time
/// that the server is away: it goes on without us.
async fn follow(of: Work, now: RwSignal<Progress>) {
    let mut away = Backoff::new(ASK_EVERY);
    let mut streams_left = if browser::has_room_for_a_stream() {
        STREAMS
    } else {
        0
    };
    loop {
        if streams_left > 0 {
            let before = now.get_untracked();
            if listen(of, now).await {
                break;
            }
            // One that told something has ended with its process, or after its time.
            streams_left = if now.get_untracked() == before {
                streams_left - 1
            } else {
                STREAMS
            };
        }
        match api::get_progress(of).await {
            Ok(progress) => {
                away.reset();
                let ended = progress.state.is_final();
                now.set(progress);
                if ended {
                    break;
                }
            }
            Err(problem) if matches!(problem.code, ProblemCode::Unauthenticated | ProblemCode::NotFound) => {
                return reload();
            }
            Err(_) => away.more(),
        }
        browser::sleep(away.wait()).await;
    }
    // A page of a proxy has no report: this one stays until there is one.
    while let Some(page) = fresh_page(&mut away).await {
        if replace(&page).is_some() {
            return;
        }
        away.more();
    }
}

/// Follows the work by what the server tells; whether it told the end.
async fn listen(of: Work, now: RwSignal<Progress>) -> bool {
    let hear = move |text: &str| {
        let Ok(progress) = serde_json::from_str::<Progress>(text) else {
            return false;
        };
        let has_ended = progress.state.is_final();
        now.set(progress);
        has_ended
    };
    browser::hear_events(&paths::progress(of), "progress", hear).await
}

/// This very page as it is now, as soon as the server gives it.
async fn fresh_page(away: &mut Backoff) -> Option<Document> {
    loop {
        if let Some(page) = browser::fetch_page().await {
            return Some(page);
        }
        away.more();
        browser::sleep(away.wait()).await;
    }
}

/// Puts what `page` holds where the progress was.
pub(super) fn replace(page: &Document) -> Option<()> {
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
