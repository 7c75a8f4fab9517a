//! A song: its versions, the path of the score, and what changed from one version to another.

pub mod compare;

use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    AnalysisId, SongId,
    analysis::AnalysisState,
    song::{SongView, Version},
};

use self::compare::Compared;
use super::{history::row::ScoreCell, not_found::failed, post_form::PostForm};
use crate::{
    charts::ScorePath,
    format, paths,
    request_context::{FormErrors, PageRequest, context_for},
    ui::{
        Button, ButtonKind, Confirm, DayCell, ErrorSummary, Field, Head, LengthCell, List, LoudnessCell,
        NumberCell, Select, StateChip,
    },
};

/// One song; for its owner.
#[component]
pub fn Song() -> impl IntoView {
    let (context, id) = match context_for("song", paths::song) {
        Ok(context) => context,
        Err(page) => return page,
    };
    let request = PageRequest::here();
    let version = |name: &str| request.query(name).and_then(|id| id.parse::<AnalysisId>().ok());
    let pair = version("before").zip(version("after"));
    let form_errors = FormErrors::here();
    let body = Suspend::new(async move {
        match backend::songs::view(&context.backend, &context.actor, id, pair).await {
            Ok(song) => {
                let title = song.title.clone();
                let forms = {
                    let csrf = context.csrf.clone();
                    let title = title.clone();
                    move || {
                        view! { <Forms id=id title=title csrf=csrf form_errors=form_errors.clone() /> }
                            .into_any()
                    }
                };
                view! {
                    <Title text=title />
                    <SongBody song=song actions=forms csrf=context.csrf.clone() />
                }
                .into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

/// Rename and delete.
#[component]
fn Forms(id: SongId, title: String, csrf: String, form_errors: FormErrors) -> impl IntoView {
    let value = form_errors.value("song").unwrap_or_else(|| title.clone());
    let again = csrf.clone();
    let errors = form_errors.errors();
    view! {
        <ErrorSummary errors=errors />
        <div class="row">
            <Confirm opener="Rename">
                <PostForm action=paths::rename_song(id) csrf=again>
                    <Field label="Title" name="song" value=value error=form_errors.error("song") maxlength=120_u32 autocomplete="off" />
                    <Button kind=ButtonKind::Primary class="button--small">"Save the title"</Button>
                </PostForm>
            </Confirm>
            <Confirm opener="Ungroup" kind=ButtonKind::Danger>
                <PostForm action=paths::delete_song(id) csrf=csrf>
                    <p>"The song " <strong>{title}</strong> " goes. All its versions stay in your history with their reports, each by itself."</p>
                    <Button kind=ButtonKind::Danger class="button--small">"Ungroup the versions"</Button>
                </PostForm>
            </Confirm>
        </div>
    }
    .into_any()
}

/// Everything on the page of a song.
#[component]
pub fn SongBody(
    /// The song.
    song: SongView,
    /// Rename and delete.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    /// The token of the forms; without it nothing can be changed.
    #[prop(optional, into)]
    csrf: String,
) -> impl IntoView {
    let count = match song.versions.len() {
        1 => "1 version".to_owned(),
        count => format!("{count} versions"),
    };
    let compared = song.pair.clone().map(|pair| {
        let picker = picker(&song);
        view! { <Compared pair=pair picker=picker /> }
    });
    let alone = song.pair.is_none().then(|| {
        view! {
            <p class="muted">
                "As soon as two versions are measured, what changed from one to the other is shown here. " <a href=paths::UPLOAD>"Upload the next mix"</a>
                " and add it to this song."
            </p>
        }
    });
    view! {
        <article class="wrap report">
            <header class="title-line">
                <div class="title-line__words">
                    <p class="label">"Song"</p>
                    <h1>{song.title.clone()}</h1>
                    <p class="file-line__when">{count}</p>
                </div>
                <div class="title-line__actions">{actions.run()}</div>
            </header>
            <ScorePath versions=song.versions.clone() />
            {compared}
            {alone}
            <Versions song=song csrf=csrf />
        </article>
    }
    .into_any()
}

/// The form that chooses what is compared.
fn picker(song: &SongView) -> AnyView {
    let with_report: Vec<&Version> = song
        .versions
        .iter()
        .filter(|version| version.summary.progress.state == AnalysisState::Done)
        .collect();
    let options: Vec<(String, String)> = with_report
        .iter()
        .map(|version| {
            let words = format!("Version {} · {}", version.number, version.summary.title);
            (version.summary.id.to_string(), words)
        })
        .collect();
    let id_of = |number: u32| {
        with_report
            .iter()
            .find(|version| version.number == number)
            .map(|version| version.summary.id.to_string())
            .unwrap_or_default()
    };
    let (before, after) = song
        .pair
        .as_ref()
        .map_or((0, 0), |pair| (pair.before, pair.after));
    view! {
        <form method="get" action=format!("{}#compare", paths::song(song.id)) class="picker">
            <Select label="From" name="before" options=options.clone() value=id_of(before) />
            <Select label="To" name="after" options=options value=id_of(after) />
            <Button>"Compare"</Button>
        </form>
    }
    .into_any()
}

/// The versions, oldest first: the numbers behind the path of the score.
#[component]
fn Versions(song: SongView, csrf: String) -> impl IntoView {
    let mut before = None;
    let rows: Vec<_> = song
        .versions
        .into_iter()
        .map(|version| {
            let score = version.summary.score.map(|score| score.points);
            let change = score.zip(before).map_or(String::new(), |(score, before)| {
                format::signed((score - before).value(), 1)
            });
            before = score.or(before);
            row(version, change, &csrf)
        })
        .collect();
    view! {
        <section class="stack" aria-labelledby="versions-title">
            <h2 id="versions-title">"Versions"</h2>
            <List
                caption="The versions of this song, oldest first"
                heads=vec![
                    Head::Words("Version"),
                    Head::Words("Score"),
                    Head::Numbers("Change"),
                    Head::Numbers("Loudness"),
                    Head::Numbers("Length"),
                    Head::Words("Uploaded"),
                    Head::Unseen("Remove from song"),
                ]
            >
                {rows}
            </List>
        </section>
    }
    .into_any()
}

fn row(version: Version, change: String, csrf: &str) -> AnyView {
    let row = version.summary;
    let score = match row.score {
        Some(score) => view! { <ScoreCell score=score /> }.into_any(),
        None => view! { <StateChip progress=row.progress /> }.into_any(),
    };
    let change = (!change.is_empty()).then_some(change);
    let take_out = (!csrf.is_empty()).then(|| {
        let label = format!("Remove from song: version {}", version.number);
        view! {
            <PostForm action=paths::analysis_song(row.id) csrf=csrf.to_owned() class="row">
                <input type="hidden" name="answer" value="leave" />
                <input type="hidden" name="back" value="song" />
                <button type="submit" class="button button--small button--link" aria-label=label>
                    "Remove from song"
                </button>
            </PostForm>
        }
    });
    view! {
        <tr class="list__row" role="row">
            <th scope="row" role="rowheader" class="list__title">
                <span class="versions__number num">{format!("v{}", version.number)}</span>
                " "
                <a href=paths::analysis(row.id)>{row.title}</a>
            </th>
            <td role="cell" class="list__state">
                {score}
            </td>
            <NumberCell label="Change" value=change />
            <LoudnessCell lufs=row.integrated_lufs />
            <LengthCell seconds=row.duration_s />
            <DayCell label="Uploaded" at=row.created_at />
            <td role="cell" class="versions__out">
                {take_out}
            </td>
        </tr>
    }
    .into_any()
}
