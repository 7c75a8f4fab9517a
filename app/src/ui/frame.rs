//! The frame around every chart, and the frame where there is nothing yet.

use leptos::prelude::*;

use super::{DataTable, Table};

/// A chart with its title, what it shows in words, and the numbers behind it.
/// The SVG inside names `<id>-title` and `<id>-summary` in `aria-labelledby`.
#[component]
pub fn ChartFrame(
    /// Prefix of the ids; unique on the page.
    id: &'static str,
    /// What the chart is.
    #[prop(into)]
    title: String,
    /// The unit of its readings, in its own spelling.
    #[prop(optional)]
    unit: &'static str,
    /// What it shows, as one or two sentences from the data.
    #[prop(into)]
    summary: String,
    /// The numbers, where no table is already on the page.
    #[prop(optional_no_strip, into)]
    table: Option<DataTable>,
    /// The SVG and its axis.
    children: Children,
) -> impl IntoView {
    let table = table.map(|table| {
        let label = table.caption.clone();
        view! {
            <details class="chart__data">
                <summary>"Show the numbers"</summary>
                <div class="scroller" role="region" tabindex="0" aria-label=label>
                    <Table data=table />
                </div>
            </details>
        }
    });
    view! {
        <figure class="chart" id=id>
            <figcaption class="chart__caption">
                <span class="label" id=format!("{id}-title")>
                    {title}
                    {(!unit.is_empty()).then(|| view! { " " <span class="label__unit">{unit}</span> })}
                </span>
                <span class="chart__summary" id=format!("{id}-summary")>
                    {summary}
                </span>
            </figcaption>
            <div>{children()}</div>
            {table}
        </figure>
    }
    .into_any()
}

/// What stands where a list would be: what will be here, and the way to it.
#[component]
pub fn EmptyState(
    /// What is not there yet, positively put.
    #[prop(into)]
    title: String,
    /// The sentence and the button.
    children: Children,
) -> impl IntoView {
    // A scale without a pointer: the instrument is on, nothing is connected.
    let ticks = (0..=40)
        .map(|at| {
            let x = format!("{}%", 0.5 + f64::from(at) * 2.475);
            let height = if at % 5 == 0 { "14" } else { "24" };
            view! { <line x1=x.clone() x2=x y1=height y2="32" stroke="currentColor"></line> }
        })
        .collect_view();
    view! {
        <div class="empty">
            <svg aria-hidden="true">{ticks} <line x1="0" x2="100%" y1="32.5" y2="32.5" stroke="currentColor"></line></svg>
            <h2>{title}</h2>
            {children()}
        </div>
    }
    .into_any()
}
