//! How far something has come.

use leptos::prelude::*;
use model::analysis::{Phase, Progress};

use super::{Notice, Tone};

/// A bar from 0 to 100. Its width is an SVG attribute, because a `style` would be dropped.
#[component]
pub fn ProgressBar(
    /// 0 to 100.
    percent: u8,
    /// What is progressing.
    #[prop(into)]
    label: String,
    /// The value in words, where the number alone says too little.
    #[prop(optional, into)]
    text: Option<String>,
) -> impl IntoView {
    let percent = percent.min(100).to_string();
    view! {
        <div
            class="progress"
            role="progressbar"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=percent.clone()
            aria-valuetext=text
        >
            <svg aria-hidden="true">
                <rect x="0" y="0" width=format!("{percent}%") height="100%"></rect>
            </svg>
        </div>
    }
    .into_any()
}

/// The phases of some work and how far it has come. What a live island renders again and again.
#[component]
pub fn ProgressPanel(
    /// The latest known progress.
    progress: Progress,
    /// What it goes through, in order.
    #[prop(default = Phase::OF_ANALYSIS)]
    phases: [Phase; 4],
) -> impl IntoView {
    let percent = progress.percent.min(100);
    let phases = phases
        .into_iter()
        .map(|phase| {
            let at = phases.iter().position(|other| *other == progress.phase);
            let own = phases.iter().position(|other| *other == phase);
            let class = if own < at { "is-done" } else { "" };
            let current = (own == at).then_some("step");
            view! {
                <li class=class aria-current=current>
                    {phase.words()}
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="stack">
            <p class="progress-panel__value">
                <span class="reading">
                    <span class="num">{percent}</span>
                    <span class="unit">"%"</span>
                </span>
                <span class="progress-panel__phase" role="status">
                    {progress.phase.words()}
                </span>
            </p>
            <ProgressBar
                percent=percent
                label="Progress"
                text=format!("{percent} percent, {}", progress.phase.words().to_lowercase())
            />
            <ol class="phases">{phases}</ol>
            {progress
                .status_message
                .map(|words| {
                    view! {
                        <Notice tone=Tone::Warn title="Delayed">
                            <p>{words}</p>
                        </Notice>
                    }
                })}
        </div>
    }
    .into_any()
}
