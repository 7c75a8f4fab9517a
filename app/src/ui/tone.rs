//! The four tones in which something is said. Each has a shape and a word; the colour only repeats them.

use leptos::prelude::*;

/// How much something matters, as a page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Severe,
}

impl Tone {
    /// Every level, mildest first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Info, Self::Warn, Self::Severe];

    /// The class that sets `--tone`.
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

    /// The outline on a 16 by 16 field: circle, circle, triangle, octagon.
    const fn outline(self) -> &'static str {
        match self {
            Self::Ok => "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13",
            Self::Info => "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13",
            Self::Warn => "M8 1.8l6.7 12.4H1.3z",
            Self::Severe => "M5.2 1.3h5.6l3.9 3.9v5.6l-3.9 3.9H5.2l-3.9-3.9V5.2z",
        }
    }
}

impl Tone {
    /// The sign inside: tick, i, exclamation mark, cross.
    const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "M5 8.2l2.2 2.2l4-4.4",
            Self::Info => "M8 7.4v4M8 4.7v.1",
            Self::Warn => "M8 6.4v3.4M8 11.9v.1",
            Self::Severe => "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
        }
    }
}

/// The shape of a tone. Decoration: the word must stand beside it.
#[component]
pub fn ToneIcon(
    /// Which level.
    tone: Tone,
) -> impl IntoView {
    let (outline, sign) = if tone == Tone::Severe {
        ("solid", "line knock")
    } else {
        ("line", "line")
    };
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <path class=outline d=tone.outline()></path>
            <path class=sign d=tone.sign()></path>
        </svg>
    }
    .into_any()
}

/// A paragraph that stands out: a note on a report, a message after an action.
#[component]
pub fn Notice(
    /// How much it matters.
    tone: Tone,
    /// A heading in place of the tone's own word.
    #[prop(optional, into)]
    title: Option<String>,
    /// `status` or `alert`, where it appears as the answer to an action.
    #[prop(optional, into)]
    role: Option<String>,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let title = title.unwrap_or_else(|| tone.word().to_owned());
    view! {
        <div class=format!("notice {}", tone.class()) role=role>
            <ToneIcon tone=tone />
            <div>
                <strong>{title}</strong>
                <div>{children()}</div>
            </div>
        </div>
    }
    .into_any()
}
