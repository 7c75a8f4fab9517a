//! The sections of a report. Each has its name in the rail and its evidence beside it.

pub mod compared;
pub mod dynamics;
pub mod loudness;
pub mod numbers;
pub mod parts;
pub mod platforms;
pub mod signal;
pub mod spectrum;
pub mod stereo;
pub(super) mod words;

pub use compared::ComparedSection;
pub use dynamics::DynamicsSection;
pub use loudness::LoudnessSection;
pub use numbers::RawNumbers;
pub use parts::PartsSection;
pub use platforms::PlatformsSection;
pub use signal::SignalSection;
pub use spectrum::SpectrumSection;
pub use stereo::StereoSection;

use leptos::prelude::*;
use model::{
    Reading,
    report::{Note, NoteCode},
};

use crate::ui::{Notice, Tone, Value};

/// A section: name and one sentence in the rail, the evidence beside it.
#[component]
pub(in crate::pages) fn ReportSection(
    /// Its `id`; also the target of links.
    id: &'static str,
    title: &'static str,
    /// What is measured here, and by which standard.
    about: &'static str,
    children: Children,
    /// What takes the whole width under both: a chart whose time axis is the waveform's.
    #[prop(optional, into)]
    wide: ViewFnOnce,
) -> impl IntoView {
    view! {
        <section class="section" id=id aria-labelledby=format!("{id}-heading")>
            <div class="section__rail">
                <h2 id=format!("{id}-heading")>{title}</h2>
                <p class="small muted">{about}</p>
            </div>
            <div class="section__body">{children()}</div>
            <div class="section__wide">{wide.run()}</div>
        </section>
    }
    .into_any()
}

/// One line of a list of readings.
#[component]
fn Line(
    label: &'static str,
    reading: Reading,
    #[prop(default = "")] unit: &'static str,
    #[prop(optional)] signed: bool,
    /// Where it is, or what to know about it.
    #[prop(optional_no_strip, into)]
    note: Option<String>,
    #[prop(default = 1)] decimals: usize,
) -> impl IntoView {
    view! {
        <div class="lines__row">
            <dt>{label}</dt>
            <dd class="lines__value">
                <Value reading=reading unit=unit signed=signed decimals=decimals />
            </dd>
            <dd class="lines__note">{note}</dd>
        </div>
    }
    .into_any()
}

/// What to know about how this file was measured; no section where there is nothing.
#[component]
pub fn NotesSection(
    /// The notes.
    notes: Vec<Note>,
) -> impl IntoView {
    if notes.is_empty() {
        return ().into_any();
    }
    let notes = notes
        .into_iter()
        .map(|note| {
            let severity = match note.code {
                NoteCode::DualMono | NoteCode::Chained => Tone::Info,
                NoteCode::Mislabelled
                | NoteCode::OverFullScale
                | NoteCode::LengthsDisagree
                | NoteCode::OtherStream => Tone::Warn,
                NoteCode::Truncated | NoteCode::PacketsSkipped | NoteCode::NotNumbers => Tone::Severe,
            };
            view! {
                <li>
                    <Notice tone=severity>
                        <p>{note.sentence()}</p>
                    </Notice>
                </li>
            }
        })
        .collect_view();
    view! {
        <ReportSection id="notes" title="Notes" about="What to know about how this file was measured.">
            <ul class="stack">{notes}</ul>
        </ReportSection>
    }
    .into_any()
}

/// One line whose answer is a word, not a number.
#[component]
fn WordLine(label: &'static str, #[prop(into)] value: String, #[prop(into)] note: String) -> impl IntoView {
    view! {
        <div class="lines__row">
            <dt>{label}</dt>
            <dd class="lines__value lines__value--word">{value}</dd>
            <dd class="lines__note">{note}</dd>
        </div>
    }
    .into_any()
}

/// A heading within a section, over a list or a table.
#[component]
pub(in crate::pages::report) fn Fold(
    /// What opens it.
    summary: String,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="numbers">
            <summary>{summary}</summary>
            {children()}
        </details>
    }
    .into_any()
}
