//! Badges and the chip of an analysis's state.

use leptos::prelude::*;
use model::analysis::{AnalysisState, Progress};

use super::{Tone, ToneIcon};

/// A word in a capsule, with the shape of its tone where it has one.
#[component]
pub fn Badge(
    /// The level, when the word is a verdict.
    #[prop(optional_no_strip, into)]
    tone: Option<Tone>,
    /// The word.
    children: Children,
) -> impl IntoView {
    view! {
        <span class=format!(
            "badge {}",
            tone.map_or("neutral", Tone::class),
        )>{tone.map(|tone| view! { <ToneIcon tone=tone /> })} {children()}</span>
    }
    .into_any()
}

/// Where an analysis stands, as shape and word.
#[component]
pub fn StateChip(
    /// The state and how far it has come.
    progress: Progress,
) -> impl IntoView {
    let (class, shape, word) = match progress.state {
        AnalysisState::Queued => {
            let ring =
                view! { <circle class="line" cx="8" cy="8" r="6.5" stroke-dasharray="2.6 2.5"></circle> };
            (
                "chip neutral chip--queued",
                icon(ring.into_any()),
                "Waiting".to_owned(),
            )
        }
        AnalysisState::Running => {
            let ring = view! {
                <circle class="line" cx="8" cy="8" r="6.5"></circle>
                <path class="line sweep" d="M8 8V3.6"></path>
            };
            (
                "chip info chip--running",
                icon(ring.into_any()),
                format!("Measuring {} %", progress.percent.min(100)),
            )
        }
        AnalysisState::Done => (
            "chip ok chip--done",
            view! { <ToneIcon tone=Tone::Ok /> }.into_any(),
            "Measured".to_owned(),
        ),
        AnalysisState::Failed => (
            "chip severe",
            view! { <ToneIcon tone=Tone::Severe /> }.into_any(),
            "No report".to_owned(),
        ),
    };
    view! { <span class=class>{shape} {word}</span> }
}

fn icon(shape: AnyView) -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            {shape}
        </svg>
    }
    .into_any()
}
