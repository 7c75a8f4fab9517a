//! The history: what is looked for, the analyses that fit, and the pages beside this one. Everything by plain addresses.

pub mod row;
pub mod tools;

use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    SongId, Timestamp,
    analysis::AnalysisPage,
    history::{HistoryQuery, PageCursor},
};

use self::{row::HistoryRow, tools::Tools};
use crate::{
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in, set_status},
    ui::{Button, ButtonKind, ButtonLink, EmptyState, ErrorSummary, Field, Head, List, Notice, Tone},
};

/// What the address asks for.
#[derive(Debug, Clone)]
struct Asked {
    query: HistoryQuery,
    cursor: Option<PageCursor>,
    /// Whether there are boxes to tick.
    is_grouping: bool,
}

impl Asked {
    /// # Errors
    /// The parameter that says nothing that can be understood.
    fn here() -> Result<Self, &'static str> {
        let request = PageRequest::here();
        let get = |name: &str| request.query(name).filter(|value| !value.is_empty());
        let names = ["q", "state", "stage", "song", "order"];
        let values: Vec<(&str, String)> = names
            .into_iter()
            .filter_map(|name| Some((name, get(name)?)))
            .collect();
        let query = HistoryQuery::of(values.iter().map(|(name, value)| (*name, value.as_str())))?;
        let after = get("after").map(PageCursor::After);
        Ok(Self {
            query,
            cursor: after.or_else(|| get("before").map(PageCursor::Before)),
            is_grouping: get("group").is_some(),
        })
    }

    fn address(&self) -> String {
        if self.is_grouping {
            paths::history_to_group(&self.query, self.cursor.as_ref())
        } else {
            paths::history(&self.query, self.cursor.as_ref())
        }
    }
}

/// The person's analyses; for signed-in people.
#[component]
pub fn History() -> impl IntoView {
    let context = RequestContext::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::HISTORY);
        return ().into_any();
    }
    let form_errors = FormErrors::here();
    let (asked, misunderstood) = match Asked::here() {
        Ok(asked) => (asked, None),
        Err(name) => {
            let nothing = Asked {
                query: HistoryQuery::default(),
                cursor: None,
                is_grouping: false,
            };
            (nothing, Some(name))
        }
    };
    if misunderstood.is_some() {
        set_status(&model::Problem::new(model::ProblemCode::Invalid, ""));
    }
    let is_grouping = asked.is_grouping;
    let to_group = paths::history_to_group(&asked.query, asked.cursor.as_ref());
    let errors = form_errors.errors();
    let list = Suspend::new(async move {
        let found = backend::analyses::history(
            &context.backend,
            &context.actor,
            &asked.query,
            asked.cursor.as_ref(),
        )
        .await;
        let songs = backend::songs::titles(&context.backend, &context.actor).await;
        let songs = match songs {
            Ok(songs) => songs,
            Err(error) => return failed(&context.problem(&error)),
        };
        let tools =
            view! { <Tools query=asked.query.clone() songs=songs.clone() is_grouping=asked.is_grouping /> };
        match found {
            Ok(page) => {
                let group = asked.is_grouping.then(|| Grouping {
                    csrf: context.csrf.clone(),
                    back: asked.address(),
                    title: form_errors.value("song").unwrap_or_default(),
                    error: form_errors.error("song"),
                    songs,
                });
                view! {
                    {tools}
                    <HistoryTable page=page now=context.backend.now() query=asked.query grouping=group cursor=asked.cursor />
                }
                .into_any()
            }
            // What was typed stays where it can be changed.
            Err(error) if error.code() == model::ProblemCode::Invalid => {
                let problem = context.problem(&error);
                set_status(&problem);
                view! {
                    {tools}
                    <Notice tone=Tone::Warn title="That cannot be shown">
                        {problem.message} " " <a href=paths::HISTORY>"All of your history"</a>
                    </Notice>
                }
                .into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    let misunderstood = misunderstood.map(|name| {
        view! {
            <Notice tone=Tone::Warn title="Part of the address was not understood">
                {format!("Its “{name}” is none that there is. Everything is shown; choose below what you look for.")}
            </Notice>
        }
    });
    view! {
        <Title text="History" />
        <section class="wrap stack stack--wide">
            <ErrorSummary errors=errors />
            <div class="page-head">
                <h1>"History"</h1>
                <div class="row">
                    {(!is_grouping).then(|| view! { <ButtonLink href=to_group>"Group versions"</ButtonLink> })}
                    <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>"Upload a mix"</ButtonLink>
                </div>
            </div>
            {misunderstood}
            <Suspense>{list}</Suspense>
        </section>
    }
    .into_any()
}

/// What the form around the boxes needs.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// The token of the form.
    pub csrf: String,
    /// The address of this page, to come back to.
    pub back: String,
    /// What was typed.
    pub title: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// The songs that there are.
    pub songs: Vec<(SongId, String)>,
}

/// The table of one page of the history; cards on a phone; an invitation where there is nothing yet.
#[component]
pub fn HistoryTable(
    /// The rows.
    page: AnalysisPage,
    /// The present moment.
    now: Timestamp,
    /// What was asked for.
    #[prop(optional)]
    query: HistoryQuery,
    /// Which page this is.
    #[prop(optional_no_strip)]
    cursor: Option<PageCursor>,
    /// Boxes to tick and the form around them.
    #[prop(optional_no_strip)]
    grouping: Option<Grouping>,
) -> impl IntoView {
    if page.rows.is_empty() {
        return nothing(&query);
    }
    let is_grouping = grouping.is_some();
    let rows = page
        .rows
        .into_iter()
        .map(|row| view! { <HistoryRow row=row now=now is_grouping=is_grouping /> })
        .collect_view();
    let caption = format!("Your analyses, {}", query.sort.name().to_lowercase());
    let to_page = |cursor: Option<PageCursor>| {
        if is_grouping {
            paths::history_to_group(&query, cursor.as_ref())
        } else {
            paths::history(&query, cursor.as_ref())
        }
    };
    let turns = turns(page.previous, page.next, cursor.as_ref(), to_page);
    let heads = is_grouping
        .then_some(Head::Unseen("Choose"))
        .into_iter()
        .chain([
            Head::Words("Title"),
            Head::Words("Score"),
            Head::Numbers("Loudness"),
            Head::Numbers("Length"),
            Head::Words("Uploaded"),
            Head::Words("Audio"),
        ])
        .collect();
    let table = view! { <List caption=caption heads=heads>{rows}</List> };
    let table = match grouping {
        Some(grouping) => {
            view! { <GroupForm grouping=grouping query=query>{table.into_any()}</GroupForm> }.into_any()
        }
        None => table.into_any(),
    };
    view! {
        <div class="stack stack--wide">
            {table}
            {turns}
        </div>
    }
    .into_any()
}

/// The form that puts the ticked rows together.
#[component]
fn GroupForm(grouping: Grouping, query: HistoryQuery, children: Children) -> impl IntoView {
    let titles: Vec<String> = grouping.songs.into_iter().map(|(_, title)| title).collect();
    view! {
        <PostForm action=paths::SONGS csrf=grouping.csrf class="group">
            <input type="hidden" name="back" value=grouping.back />
            <div class="group__bar plate">
                <Field
                    label="Song"
                    name="song"
                    value=grouping.title
                    error=grouping.error
                    hint="Tick the versions below. A song that you have is joined; another name makes a new one."
                    maxlength=120_u32
                    autocomplete="off"
                    proposals=titles
                />
                <div class="row">
                    <Button kind=ButtonKind::Primary>"Group as one song"</Button>
                    <ButtonLink href=paths::history(&query, None) kind=ButtonKind::Link>
                        "Cancel"
                    </ButtonLink>
                </div>
            </div>
            {children()}
        </PostForm>
    }
}

/// The ways to the pages beside the one at `cursor`; nothing where there are none.
fn turns(
    previous: Option<String>,
    next: Option<String>,
    cursor: Option<&PageCursor>,
    address: impl Fn(Option<PageCursor>) -> String,
) -> Option<AnyView> {
    if previous.is_none() && next.is_none() && cursor.is_none() {
        return None;
    }
    let first = previous.is_some().then(|| {
        view! { <ButtonLink href=address(None) kind=ButtonKind::Link>"First page"</ButtonLink> }
    });
    let previous = previous
        .map(|key| view! { <ButtonLink href=address(Some(PageCursor::Before(key)))>"Previous"</ButtonLink> });
    let next =
        next.map(|key| view! { <ButtonLink href=address(Some(PageCursor::After(key)))>"Next"</ButtonLink> });
    let view = view! {
        <nav class="row" aria-label="Pages of the history">
            {first}
            {previous}
            {next}
        </nav>
    };
    Some(view.into_any())
}

/// What stands where no row does.
fn nothing(query: &HistoryQuery) -> AnyView {
    if query.is_filtered() {
        return view! {
            <EmptyState title="No matches">
                <p class="muted">"Look for fewer words, or for any state, stage and song. Every word is looked for in titles, file names and songs."</p>
                <ButtonLink href=paths::HISTORY kind=ButtonKind::Primary>
                    "Show everything"
                </ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="Your first report will be here">
            <p class="muted">
                "Upload a mix and MixLens measures its loudness, peaks, spectrum and stereo image. Reports stay; the audio does not."
            </p>
            <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>
                "Upload a mix"
            </ButtonLink>
        </EmptyState>
    }
    .into_any()
}
