//! What is looked for: one form by GET, and what it says at the moment, each with a way to take it back.

use leptos::prelude::*;
use model::{
    SongId,
    history::{HistoryQuery, SongFilter, Sort, StatusFilter},
    verdict::Stage,
};

use crate::{
    paths,
    ui::{Button, Select},
};

/// Search, filters, order.
#[component]
pub fn Tools(
    /// What is asked for.
    query: HistoryQuery,
    /// The songs to choose from.
    songs: Vec<(SongId, String)>,
    /// Whether there are boxes to tick, which stay.
    is_selecting: bool,
) -> impl IntoView {
    let any = |text: &str| (String::new(), text.to_owned());
    let states = std::iter::once(any("Any state"))
        .chain(StatusFilter::ALL.map(|standing| (standing.as_str().to_owned(), standing.name().to_owned())))
        .collect();
    let stages = std::iter::once(any("Mix or master"))
        .chain(Stage::ALL.map(|stage| (stage.as_str().to_owned(), stage.name().to_owned())))
        .collect();
    let orders = Sort::ALL
        .map(|sort| (sort.as_str().to_owned(), sort.name().to_owned()))
        .to_vec();
    let song_select = (!songs.is_empty()).then(|| {
        let options = [
            any("Any song"),
            (SongFilter::None.text(), "In no song".to_owned()),
        ]
        .into_iter()
        .chain(songs.iter().map(|(id, title)| (id.to_string(), title.clone())))
        .collect();
        let value = query.song.map(SongFilter::text).unwrap_or_default();
        view! { <Select label="Song" name="song" options=options value=value /> }
    });
    let taken_back = taken_back(&query, &songs);
    view! {
        <search class="tools">
            <form method="get" action=paths::HISTORY class="tools__form">
                {is_selecting.then(|| view! { <input type="hidden" name="select" value="1" /> })}
                <div class="field tools__search">
                    <label class="field__label" for="field-q">
                        "Search"
                    </label>
                    <input
                        class="input"
                        id="field-q"
                        name="q"
                        type="search"
                        value=query.search.clone()
                        maxlength="120"
                        autocomplete="off"
                        placeholder="Title, file or song"
                    />
                </div>
                <Select
                    label="State"
                    name="state"
                    options=states
                    value=query.standing.map_or("", StatusFilter::as_str)
                />
                <Select label="Stage" name="stage" options=stages value=query.stage.map_or("", Stage::as_str) />
                {song_select}
                <Select label="Order" name="order" options=orders value=query.sort.as_str() />
                <Button>"Show"</Button>
            </form>
            {taken_back}
        </search>
    }
    .into_any()
}

/// What leaves rows out at the moment, each as a link to the same without it.
fn taken_back(query: &HistoryQuery, songs: &[(SongId, String)]) -> Option<AnyView> {
    let mut chips = Vec::new();
    let mut chip = |words: String, without: HistoryQuery| chips.push((words, paths::history(&without, None)));
    if !query.search.is_empty() {
        let without = HistoryQuery {
            search: String::new(),
            ..query.clone()
        };
        chip(format!("“{}”", query.search), without);
    }
    if let Some(standing) = query.standing {
        let without = HistoryQuery {
            standing: None,
            ..query.clone()
        };
        chip(standing.name().to_owned(), without);
    }
    if let Some(stage) = query.stage {
        let without = HistoryQuery {
            stage: None,
            ..query.clone()
        };
        chip(format!("{} only", stage.name()), without);
    }
    if let Some(song) = query.song {
        let title = match song {
            SongFilter::None => "In no song".to_owned(),
            SongFilter::One(id) => songs
                .iter()
                .find(|(other, _)| *other == id)
                .map_or("One song".to_owned(), |(_, title)| format!("Song: {title}")),
        };
        let without = HistoryQuery {
            song: None,
            ..query.clone()
        };
        chip(title, without);
    }
    if chips.is_empty() {
        return None;
    }
    let chips = chips
        .into_iter()
        .map(|(words, address)| {
            let label = format!("Take back: {words}");
            view! {
                <li>
                    <a class="filter" href=address aria-label=label>
                        {words}
                        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                            <path class="line" d="M4.5 4.5l7 7M11.5 4.5l-7 7"></path>
                        </svg>
                    </a>
                </li>
            }
        })
        .collect_view();
    let view = view! {
        <ul class="tools__filters" aria-label="What you look for">
            {chips} <li>
                <a class="filter filter--all" href=paths::HISTORY>
                    "Clear all"
                </a>
            </li>
        </ul>
    };
    Some(view.into_any())
}
