//! The four levels of severity. Each has a shape and a word; the colour only repeats them.

use leptos::prelude::*;

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Severe,
}

impl Severity {
    /// Every level, mildest first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Info, Self::Warn, Self::Severe];

    /// The class that sets `--tone` and `--tone-soft`.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Severe => "severe",
        }
    }

    /// The word that goes with the shape.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "Good",
            Self::Info => "Note",
            Self::Warn => "Warning",
            Self::Severe => "Problem",
        }
    }

    /// The shape on a 16 by 16 field: tick in a circle, i in a circle, triangle, octagon with a cross.
    const fn path(self) -> &'static str {
        match self {
            Self::Ok => "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13M5 8.2l2.2 2.2l4-4.4",
            Self::Info => "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13M8 7.4v4M8 4.7v.1",
            Self::Warn => "M8 1.8l6.7 12.4H1.3zM8 6.4v3.4M8 11.9v.1",
            Self::Severe => {
                "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"
            }
        }
    }
}

/// The shape of a severity. Decoration: the word must stand beside it.
#[component]
pub fn SeverityIcon(
    /// Which level.
    severity: Severity,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <path class="line" d=severity.path()></path>
        </svg>
    }
    .into_any()
}

/// A paragraph that stands out: a note on a report, a message after an action.
#[component]
pub fn Notice(
    /// How much it matters.
    severity: Severity,
    /// A heading in place of the severity's own word.
    #[prop(optional, into)]
    title: Option<String>,
    /// `status` or `alert`, where it appears as the answer to an action.
    #[prop(optional, into)]
    role: Option<String>,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let title = title.unwrap_or_else(|| severity.word().to_owned());
    view! {
        <div class=format!("notice {}", severity.class()) role=role>
            <SeverityIcon severity=severity />
            <div>
                <strong>{title}</strong>
                <div>{children()}</div>
            </div>
        </div>
    }
    .into_any()
}
