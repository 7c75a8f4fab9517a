//! The page of one analysis: its title block, and one of three bodies (report, failure, progress).
//!
//! A report begins with what must be seen first: title, score, what to fix, and the player. What the file is follows below;
//! where there is no report, it stands under the title.

pub mod failure;
pub mod measured;
pub mod running;
pub mod sample_report;
pub mod sections;
pub mod song;
pub mod verdict;

pub use failure::FailureBody;
pub use measured::{Bridge, ReportBody, report_file};
pub use running::RunningBody;
pub use song::SongLine;

use leptos::prelude::*;
use model::{
    Timestamp,
    analysis::{AnalysisView, Audio},
    format::Codec,
};

use crate::{charts::Medium, format};

/// When the audio goes, for the title block. What stays is named where there is something that stays.
#[must_use]
pub fn audio_sentence(audio: Audio, now: Timestamp, has_report: bool, medium: Medium) -> String {
    let stays = if has_report { "; the report stays." } else { "." };
    match audio {
        // A span would be wrong the moment after it was written.
        Audio::Kept { until } if medium == Medium::File => {
            format!("Audio is removed on {}{stays}", format::date_time(until))
        }
        Audio::Kept { until } if until > now => format!(
            "Audio is removed in {} ({}){stays}",
            format::span(until.since(now)),
            format::date_time(until)
        ),
        Audio::Kept { .. } => format!("Audio is being removed{stays}"),
        Audio::Gone => format!("The audio was removed{stays}"),
    }
}

/// What the file is, as far as it is known: `WAV`, `PCM 24-bit`, `44.1 kHz`, `stereo`, `3:34`, `48.2 MB`.
fn facts(view: &AnalysisView) -> Vec<String> {
    let mut facts = Vec::new();
    match &view.report {
        Some(report) => {
            let file = &report.file;
            facts.push(file.format.name().to_owned());
            let codec = file.codec_name();
            facts.push(match (file.codec, file.bits_per_sample) {
                // The name says the bits: `PCM 24-bit`.
                (Codec::Pcm | Codec::PcmFloat, _) | (_, None) => codec,
                (_, Some(bits)) => format!("{codec}, {bits}{}bit", format::THIN),
            });
            facts.push(format::sample_rate(file.sample_rate_hz));
            facts.push(format::channels(file.channels));
            facts.push(format::clock(file.duration_s));
        }
        None => {
            facts.push(view.declared_format.name().to_owned());
            facts.extend(view.summary.duration_s.map(format::clock));
        }
    }
    facts.push(format::bytes(view.size_bytes));
    facts
}

/// Title, actions, file line and dates.
#[component]
fn TitleBlock(
    /// The analysis.
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// Rename, delete.
    actions: ViewFnOnce,
) -> impl IntoView {
    view! {
        <TitleLine title=view.summary.title.clone() kind="Analysis" actions=actions />
        <FileLine view=view now=now />
    }
    .into_any()
}

/// One line: what it is, its title, what stands beside it, and what can be done with it.
#[component]
pub(in crate::pages) fn TitleLine(
    /// Its title.
    title: String,
    /// What kind of page this is, in small capitals above the title.
    kind: &'static str,
    /// What can be done with it.
    #[prop(into)]
    actions: ViewFnOnce,
    /// What stands beside the kind of page: the stage.
    #[prop(optional, into)]
    badge: ViewFnOnce,
) -> impl IntoView {
    view! {
        <header class="title-line">
            <div class="title-line__words">
                <div class="title-line__kind">
                    <p class="label">{kind}</p>
                    {badge.run()}
                </div>
                <h1>{title}</h1>
            </div>
            <div class="title-line__actions">{actions.run()}</div>
        </header>
    }
    .into_any()
}

/// What the file is, when it came, and when its audio goes.
#[component]
fn FileLine(
    /// The analysis.
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// Where it is read.
    #[prop(optional)]
    medium: Medium,
) -> impl IntoView {
    let facts = facts(&view)
        .into_iter()
        .map(|fact| view! { <li>{fact}</li> })
        .collect_view();
    let renamed = view.file_name != view.summary.title;
    let created = view.summary.created_at;
    let audio = audio_sentence(view.summary.audio, now, view.report.is_some(), medium);
    let digest = view.report.as_ref().and_then(|report| report.digest.as_ref());
    let digest = digest.map(|digest| {
        view! {
            <span title="Equal digests mean the same report of the same file.">
                "Report " <code>{digest.short().to_owned()}</code>
            </span>
        }
    });
    view! {
        <div class="file-line">
            <ul class="facts" aria-label="File">
                {renamed.then(|| view! { <li class="facts__name">{view.file_name}</li> })} {facts}
            </ul>
            <p class="file-line__when">
                {(medium != Medium::Shared)
                    .then(|| {
                        view! {
                            "Uploaded " <time datetime=created.rfc3339()>{format::date_time(created)}</time> ". "
                            <span class="file-line__audio">{audio}</span>
                            " · "
                        }
                    })}
                {digest}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_audio_sentence_names_span_and_moment() {
        let now = Timestamp(1_795_491_766_000);
        let until = now.plus(Duration::from_secs(23 * 3600 + 300));
        assert_eq!(
            audio_sentence(Audio::Kept { until }, now, true, Medium::Page),
            "Audio is removed in 23\u{202f}h (25 Nov 2026, 02:47 UTC); the report stays."
        );
        assert_eq!(
            audio_sentence(Audio::Kept { until: now }, now, false, Medium::Page),
            "Audio is being removed."
        );
        assert_eq!(
            audio_sentence(Audio::Kept { until }, now, true, Medium::File),
            "Audio is removed on 25 Nov 2026, 02:47 UTC; the report stays."
        );
    }

    #[test]
    fn the_file_line_names_bits_once() {
        let view = sample_report::view(Timestamp(0));
        assert_eq!(facts(&view).iter().filter(|fact| fact.contains("24")).count(), 1);
    }
}
