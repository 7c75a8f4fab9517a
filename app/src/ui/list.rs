//! Lists of things as tables that become cards on a phone, and the cells that several of them have.

use leptos::prelude::*;
use model::{Timestamp, analysis::Audio};

use crate::format;

/// The head of a column of a [`List`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// Over words.
    Words(&'static str),
    /// Over numbers, which stand at the end of their column.
    Numbers(&'static str),
    /// For screen readers alone, over controls.
    Unseen(&'static str),
    /// Over words or numbers by which the rows can be put in order.
    Sortable(SortableHead),
}

/// A head that leads to the same rows in another order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortableHead {
    /// What the column holds.
    pub label: &'static str,
    /// The same list by this column, or the other way round.
    pub href: String,
    /// The order of the rows by this column.
    pub order: Option<RowOrder>,
    /// Whether it stands over numbers.
    pub is_number: bool,
}

/// In which direction rows are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

impl RowOrder {
    const fn aria(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

/// A list of things as a table; on a phone each row is a card. The rows are `<tr role="row" class="list__row">`.
#[component]
pub fn List(
    /// What is listed, for screen readers.
    #[prop(into)]
    caption: String,
    /// The heads of the columns.
    heads: Vec<Head>,
    /// The rows.
    children: Children,
) -> impl IntoView {
    let heads = heads
        .into_iter()
        .map(|head| match head {
            Head::Words(head) => view! {
                <th scope="col" role="columnheader">
                    {head}
                </th>
            }
            .into_any(),
            Head::Numbers(head) => view! {
                <th scope="col" role="columnheader" class="is-num">
                    {head}
                </th>
            }
            .into_any(),
            Head::Sortable(head) => sortable(head),
            Head::Unseen(head) => view! {
                <th scope="col" role="columnheader">
                    <span class="visually-hidden">{head}</span>
                </th>
            }
            .into_any(),
        })
        .collect_view();
    // The roles are said again because a phone shows the table as blocks, which drops them.
    view! {
        <table class="table list" role="table">
            <caption class="visually-hidden">{caption}</caption>
            <thead role="rowgroup">
                <tr role="row">{heads}</tr>
            </thead>
            <tbody role="rowgroup">{children()}</tbody>
        </table>
    }
    .into_any()
}

fn sortable(head: SortableHead) -> AnyView {
    let arrow = head.order.map(|order| {
        let path = match order {
            RowOrder::Ascending => "M4 10l4-4 4 4",
            RowOrder::Descending => "M4 6l4 4 4-4",
        };
        view! {
            <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                <path class="line" d=path></path>
            </svg>
        }
    });
    view! {
        <th
            scope="col"
            role="columnheader"
            class:is-num=head.is_number
            aria-sort=head.order.map(RowOrder::aria)
        >
            <a class="list__order" href=head.href>
                {head.label}
                {arrow}
            </a>
        </th>
    }
    .into_any()
}

/// A number in a row of a [`List`]; a phone leaves out one that does not exist.
#[component]
pub fn NumberCell(
    /// What a card calls it.
    label: &'static str,
    /// The number with its unit.
    value: Option<String>,
) -> impl IntoView {
    let class = if value.is_some() {
        "is-num"
    } else {
        "is-num is-absent"
    };
    view! {
        <td role="cell" class=class data-label=label>
            {value.unwrap_or_else(|| format::DASH.to_owned())}
        </td>
    }
    .into_any()
}

/// A day in a row of a [`List`].
#[component]
pub fn DayCell(
    /// What a card calls it.
    label: &'static str,
    /// When.
    at: Timestamp,
) -> impl IntoView {
    view! {
        <td role="cell" data-label=label>
            <time datetime=at.rfc3339() title=format::date_time(at)>
                {format::date(at)}
            </time>
        </td>
    }
    .into_any()
}

/// A length in a row of a [`List`].
#[component]
pub fn LengthCell(
    /// In seconds, once known.
    seconds: Option<f64>,
) -> impl IntoView {
    view! { <NumberCell label="Length" value=seconds.map(format::clock) /> }
}

/// An integrated loudness in a row of a [`List`].
#[component]
pub fn LoudnessCell(
    /// In LUFS, where it exists.
    lufs: Option<f64>,
) -> impl IntoView {
    view! { <NumberCell label="Loudness" value=lufs.map(|lufs| format::with_unit(lufs, 1, "LUFS")) /> }
}

/// How long audio is still there, in a row of a [`List`].
#[component]
pub fn AudioCell(
    /// What becomes of it.
    audio: Audio,
    /// The present moment.
    now: Timestamp,
) -> impl IntoView {
    let left = audio.left(now);
    let left = match audio {
        Audio::Kept { until } => view! {
            <time datetime=until.rfc3339() title=format::date_time(until)>
                {left}
            </time>
        }
        .into_any(),
        Audio::Gone => left.into_any(),
    };
    view! {
        <td role="cell" data-label="Audio" class="muted">
            {left}
        </td>
    }
    .into_any()
}
