//! The person's songs, the latest made first.

use leptos::prelude::*;
use leptos_meta::Title;
use model::{SongId, history::HistoryQuery, song::SongSummary};

use super::not_found::failed;
use crate::{
    format, paths,
    request_context::{PageRequest, RequestContext, redirect_to_sign_in},
    ui::{ButtonKind, ButtonLink, EmptyState},
};

/// The list of songs; for signed-in people.
#[component]
pub fn Songs() -> impl IntoView {
    let context = RequestContext::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::SONGS);
        return ().into_any();
    }
    let before = PageRequest::here().query("before");
    let is_later = before.is_some();
    let list = Suspend::new(async move {
        match backend::songs::songs(&context.backend, &context.actor, before.as_deref()).await {
            Ok((songs, next)) => view! { <SongList songs=songs next=next /> }.into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="Songs" />
        <section class="wrap stack stack--wide">
            <div class="page-head">
                <h1>"Songs"</h1>
                <ButtonLink href=paths::HISTORY>"History"</ButtonLink>
            </div>
            {is_later.then(|| view! { <p><a href=paths::SONGS>"Back to the latest"</a></p> })}
            <Suspense>{list}</Suspense>
        </section>
    }
    .into_any()
}

/// The songs of one page; how to make one where there is none.
#[component]
pub fn SongList(
    /// The songs.
    songs: Vec<SongSummary>,
    /// From where the next page goes on.
    #[prop(optional_no_strip)]
    next: Option<SongId>,
) -> impl IntoView {
    if songs.is_empty() {
        return view! {
            <EmptyState title="Group the versions of a song">
                <p class="muted">
                    "Tick its mixes in your history and give the song a name. From then on you see the path of its score, and what each version fixed or broke."
                </p>
                <ButtonLink href=paths::history_to_select(&HistoryQuery::default(), None) kind=ButtonKind::Primary>
                    "Group versions"
                </ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
    let rows = songs
        .into_iter()
        .map(|song| {
            let versions = match song.versions {
                1 => "1 version".to_owned(),
                count => format!("{count} versions"),
            };
            let score = song.latest.map(|points| {
                view! {
                    <span class="songs__score">
                        <strong class="num">{points.number()}</strong>
                        <span class="small muted">" newest score"</span>
                    </span>
                }
            });
            let changed = song.changed_at.map(|at| {
                view! { <time datetime=at.rfc3339()>{format::date(at)}</time> }
            });
            view! {
                <li class="songs__row">
                    <a class="songs__title" href=paths::song(song.id)>
                        {song.title}
                    </a>
                    <span class="songs__about small muted">{versions} " · " {changed}</span>
                    {score}
                </li>
            }
        })
        .collect_view();
    let next = next.map(|id| {
        view! {
            <nav aria-label="Pages of songs">
                <ButtonLink href=paths::older_songs(id)>"Earlier songs"</ButtonLink>
            </nav>
        }
    });
    view! {
        <div class="stack stack--wide">
            <ul class="songs">{rows}</ul>
            {next}
        </div>
    }
    .into_any()
}
