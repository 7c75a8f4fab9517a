//! What the rules say: score and sentence, the first things to fix, the score breakdown, strengths, what cannot be known.
//!
//! Everything here is read from one score breakdown, so that ring, sentence, chips and rows cannot disagree.

pub mod breakdown;
pub mod judged;
pub mod stage;

pub use breakdown::{Fixes, Receipt};
pub use judged::Judged;
pub use stage::StageChip;

use leptos::prelude::*;
use model::verdict::{Area, ScoreBreakdown, Severity, Stage, Standing};

use crate::{
    pages::report::sections::ReportSection,
    ui::{Tone, ToneIcon, meter::percent},
};

/// The page's severity for that of a finding.
const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Note => Tone::Info,
        Severity::Warning => Tone::Warn,
        Severity::Problem => Tone::Severe,
    }
}

/// The page's severity for a whole judgement.
pub(in crate::pages) const fn tone_of(standing: Standing) -> Tone {
    match standing {
        Standing::Ready => Tone::Ok,
        Standing::Close => Tone::Info,
        Standing::NeedsWork => Tone::Warn,
        Standing::InTrouble => Tone::Severe,
    }
}

/// The score as a ring, its word, and the sentence.
#[component]
pub fn ScorePanel(
    /// The score breakdown that it follows from.
    breakdown: ScoreBreakdown,
    /// What the file counts as.
    stage: Stage,
    /// Where the breakdown is; here, where it is left out.
    #[prop(optional)]
    page: &'static str,
) -> impl IntoView {
    let score = breakdown.score;
    let (whole, tenths) = (score.whole(), score.tenths() % 10);
    let tone = tone_of(breakdown.standing());
    view! {
        <section class=format!("score {}", tone.class()) aria-label="Score">
            <svg class="score__ring" viewBox="0 0 120 120" role="img" aria-label=format!("{} of 100", score.number())>
                <circle class="score__track" cx="60" cy="60" r="52"></circle>
                <circle
                    class="score__arc"
                    cx="60"
                    cy="60"
                    r="52"
                    pathLength="100"
                    stroke-dasharray=format!("{} 200", score.value())
                    transform="rotate(-90 60 60)"
                ></circle>
                <text x="60" y="68" aria-hidden="true">
                    {whole}
                    <tspan class="score__tenths">{format!(".{tenths}")}</tspan>
                </text>
            </svg>
            <div class="score__words">
                <p class="score__word">
                    <ToneIcon tone=tone />
                    {breakdown.standing().words(stage)}
                </p>
                <p class="score__sentence">{breakdown.advice(stage)}</p>
                <p class="small">
                    <a href=format!("{page}#breakdown")>
                        {deductions(breakdown.findings.len(), &score.number())}
                    </a>
                </p>
            </div>
        </section>
    }
    .into_any()
}

/// `See the 5 deductions behind 80.4`.
fn deductions(count: usize, score: &str) -> String {
    match count {
        0 => format!("See what was checked for {score}"),
        1 => format!("See the one deduction behind {score}"),
        _ => format!("See the {count} deductions behind {score}"),
    }
}

/// Each area with its grade: the gravest finding, and what it costs.
#[component]
pub fn Areas(
    /// The score breakdown.
    breakdown: ScoreBreakdown,
) -> impl IntoView {
    let areas = Area::ALL
        .into_iter()
        .map(|area| {
            let severity = breakdown.gravest(area).map_or(Tone::Ok, tone);
            let lost = breakdown.lost(area);
            let grade = if lost.tenths() == 0 {
                "Good".to_owned()
            } else {
                crate::format::signed(-lost.value(), 1)
            };
            view! {
                <li class=format!("areas__item {}", severity.class())>
                    <ToneIcon tone=severity />
                    <span>{area.name()}</span>
                    <span class="areas__grade num">{grade}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="areas" aria-label="Grades by area, in points">{areas}</ul> }.into_any()
}

/// What is good with a margin; no section where there is nothing.
#[component]
pub fn Strengths(
    /// The score breakdown.
    breakdown: ScoreBreakdown,
) -> impl IntoView {
    let strengths: Vec<String> = breakdown.strengths().map(str::to_owned).collect();
    if strengths.is_empty() {
        return ().into_any();
    }
    let items = strengths
        .into_iter()
        .map(|sentence| {
            view! {
                <li>
                    <ToneIcon tone=Tone::Ok />
                    <span>{sentence}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <ReportSection id="strengths" title="What is good" about="Values inside of their range with a margin. Keep these while you fix the rest.">
            <ul class="statements ok">{items}</ul>
        </ReportSection>
    }
    .into_any()
}

/// What nobody can tell from a stereo file, and why.
const UNKNOWN: [(&str, &str); 6] = [
    (
        "Which track causes a finding",
        "A stereo file is a sum. The places and frequencies narrow it down; soloing tracks in your session settles it.",
    ),
    (
        "Masking between instruments",
        "No standard measures it from a sum. Crowded low mids are a sign, and are said as one.",
    ),
    (
        "Whether the vocal is loud enough",
        "That needs the vocal alone. Compare with a reference at equal loudness.",
    ),
    (
        "Whether a clipped or saturated sound is meant",
        "Clipping is measured; the intention is yours.",
    ),
    (
        "Whether a lossless file was once an MP3",
        "A steep edge is consistent with it; a missing edge proves nothing, since high bitrates leave none.",
    ),
    ("Whether it is a good song", "No number knows."),
];

/// What cannot be known from a stereo file.
#[component]
pub fn Unknown() -> impl IntoView {
    let items = UNKNOWN
        .into_iter()
        .map(|(what, why)| {
            view! {
                <div>
                    <dt>{what}</dt>
                    <dd>{why}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <ReportSection id="unknown" title="What cannot be known" about="Not determinable from a stereo file, by us or by anybody.">
            <dl class="unknown">{items}</dl>
        </ReportSection>
    }
    .into_any()
}

/// A bar of the waterfall: 100 points across, the part from `from` that is `points` wide filled.
fn bar(from: f64, points: f64) -> impl IntoView {
    view! {
        <svg class="waterfall" aria-hidden="true">
            <rect class="waterfall__rest" x="0" y="0" width=percent(from - points) height="100%"></rect>
            <rect class="waterfall__lost" x=percent(from - points) y="0" width=percent(points) height="100%"></rect>
        </svg>
    }
    .into_any()
}
