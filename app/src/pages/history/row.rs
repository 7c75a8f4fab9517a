//! One analysis in the history.

use leptos::prelude::*;
use model::{
    Timestamp,
    analysis::{AnalysisState, AnalysisSummary, Score},
};

use crate::{
    pages::report::verdict::tone_of,
    paths,
    ui::{AudioCell, DayCell, LengthCell, LoudnessCell, StateChip},
};

/// One analysis.
#[component]
pub fn HistoryRow(
    /// The analysis.
    row: AnalysisSummary,
    /// The present moment.
    now: Timestamp,
    /// Whether it has a box to tick.
    is_selecting: bool,
) -> impl IntoView {
    let waiting = matches!(row.progress.state, AnalysisState::Queued | AnalysisState::Running);
    let aside = match (&row.failure, &row.progress.status_message) {
        (Some(failure), _) => Some(failure.headline().to_owned()),
        (None, Some(status_message)) => Some(status_message.clone()),
        (None, None) if waiting => Some(row.progress.phase.words().to_owned()),
        (None, None) => row.first_finding.map(|first| format!("First to fix: {first}")),
    };
    let song = row.song.map(|membership| {
        view! {
            <span class="list__song">
                {format!("Version {} of ", membership.version)} <a href=paths::song(membership.id)>{membership.title}</a>
            </span>
        }
    });
    let choice = is_selecting.then(|| {
        let label = format!("Choose {}", row.title);
        view! {
            <td role="cell" class="list__choice">
                <input type="checkbox" name="analysis" value=row.id.to_string() aria-label=label />
            </td>
        }
    });
    let score = match row.score {
        Some(score) => view! { <ScoreCell score=score /> }.into_any(),
        None => view! { <StateChip progress=row.progress /> }.into_any(),
    };
    view! {
        <tr class="list__row" role="row">
            {choice}
            <th scope="row" role="rowheader" class="list__title">
                <a href=paths::analysis(row.id)>{row.title}</a>
                {song}
                {aside.map(|aside| view! { <span class="list__aside">{aside}</span> })}
            </th>
            <td role="cell" class="list__state">
                {score}
            </td>
            <LoudnessCell lufs=row.integrated_lufs />
            <LengthCell seconds=row.duration_s />
            <DayCell label="Uploaded" at=row.created_at />
            <AudioCell audio=row.audio now=now />
        </tr>
    }
    .into_any()
}

/// The score as a number with a small gauge, and what it is judged as.
#[component]
pub fn ScoreCell(
    /// The score.
    score: Score,
) -> impl IntoView {
    let arc = format!("{} 200", score.points.value());
    view! {
        <span class=format!("row-score {}", tone_of(score.standing).class())>
            <svg class="row-score__ring" viewBox="0 0 24 24" aria-hidden="true">
                <circle class="row-score__track" cx="12" cy="12" r="9.5"></circle>
                <circle
                    class="row-score__arc"
                    cx="12"
                    cy="12"
                    r="9.5"
                    pathLength="100"
                    stroke-dasharray=arc
                    transform="rotate(-90 12 12)"
                ></circle>
            </svg>
            <span class="row-score__number num">{score.points.number()}</span>
            <span class="row-score__stage">{score.stage.name()}</span>
        </span>
    }
    .into_any()
}
