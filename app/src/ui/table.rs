//! Tables of plain text, and the data behind a chart.

use leptos::prelude::*;

/// A table of text: the first cell of a row is its heading, the others are numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataTable {
    /// What the table holds, as one phrase.
    pub caption: String,
    /// The heads of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl DataTable {
    /// A table with these column heads.
    pub fn new(caption: impl Into<String>, columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self {
            caption: caption.into(),
            columns: columns.iter().map(|head| (*head).to_owned()).collect(),
            rows,
        }
    }
}

/// A [`DataTable`] as `<table>`.
#[component]
pub fn Table(
    /// What it shows.
    data: DataTable,
    /// Whether every cell but the first is a number and stands at the end of its column.
    #[prop(default = true)]
    numeric: bool,
) -> impl IntoView {
    let class = if numeric { "is-num" } else { "" };
    let heads = data
        .columns
        .into_iter()
        .enumerate()
        .map(|(at, head)| {
            view! {
                <th scope="col" class={ if at == 0 { "" } else { class } }>
                    {head}
                </th>
            }
        })
        .collect_view();
    let rows = data
        .rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter();
            let first = cells.next();
            let rest = cells
                .map(|cell| view! { <td class=class>{cell}</td> })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">{first}</th>
                    {rest}
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="table">
            <caption>{data.caption}</caption>
            <thead>
                <tr>{heads}</tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
