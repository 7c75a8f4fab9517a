//! The history: what is looked for, the analyses that fit, and the pages beside this one. Everything by plain addresses.

pub mod row;
pub mod tools;

use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    SongId, Timestamp,
    analysis::AnalysisPage,
    history::{HistoryQuery, PageCursor, Sort},
};

use self::{row::HistoryRow, tools::Tools};
use crate::{
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in, set_status},
    ui::{
        Button, ButtonKind, ButtonLink, EmptyState, ErrorSummary, Field, Head, List, Notice, RowOrder,
        SortableHead, Tone,
    },
};

/// What the address asks for.
#[derive(Debug, Clone)]
struct Asked {
    query: HistoryQuery,
    cursor: Option<PageCursor>,
    /// Whether there are boxes to tick.
    is_selecting: bool,
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
            is_selecting: get("select").is_some(),
        })
    }

    fn address(&self) -> String {
        if self.is_selecting {
            paths::history_to_select(&self.query, self.cursor.as_ref())
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
                is_selecting: false,
            };
            (nothing, Some(name))
        }
    };
    if misunderstood.is_some() {
        set_status(&model::Problem::new(model::ProblemCode::Invalid, ""));
    }
    let is_selecting = asked.is_selecting;
    let to_select = paths::history_to_select(&asked.query, asked.cursor.as_ref());
    let table = paths::history_table(&asked.query);
    let is_deleted = PageRequest::here().query("done").as_deref() == Some("deleted");
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
            view! { <Tools query=asked.query.clone() songs=songs.clone() is_selecting=asked.is_selecting /> };
        match found {
            Ok(page) => {
                let selection = asked.is_selecting.then(|| Selection {
                    csrf: context.csrf.clone(),
                    back: asked.address(),
                    title: form_errors.value("song").unwrap_or_default(),
                    song_error: form_errors.error("song"),
                    error: form_errors.error("analysis"),
                    songs,
                });
                view! {
                    {tools}
                    <HistoryTable page=page now=context.backend.now() query=asked.query selection=selection cursor=asked.cursor />
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
                    <ButtonLink href=table kind=ButtonKind::Link>
                        "Save as CSV"
                    </ButtonLink>
                    {(!is_selecting).then(|| view! { <ButtonLink href=to_select>"Select several"</ButtonLink> })}
                    <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>"Upload a mix"</ButtonLink>
                </div>
            </div>
            {is_deleted
                .then(|| {
                    view! {
                        <Notice tone=Tone::Ok title="Deleted" role="status">
                            "Report and audio are gone."
                        </Notice>
                    }
                })}
            {misunderstood}
            <Suspense>{list}</Suspense>
        </section>
    }
    .into_any()
}

/// What the form around the boxes needs.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The token of the form.
    pub csrf: String,
    /// The address of this page, to come back to.
    pub back: String,
    /// The song that was typed.
    pub title: String,
    /// What is wrong with it.
    pub song_error: Option<String>,
    /// What is wrong with what is ticked.
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
    selection: Option<Selection>,
) -> impl IntoView {
    let is_selecting = selection.is_some();
    let caption = format!("Your analyses, {}", query.sort.name().to_lowercase());
    let to_page = |cursor: Option<PageCursor>| {
        if is_selecting {
            paths::history_to_select(&query, cursor.as_ref())
        } else {
            paths::history(&query, cursor.as_ref())
        }
    };
    let turns = turns(
        page.previous,
        page.next,
        cursor.as_ref(),
        page.looked_through,
        to_page,
    );
    if page.rows.is_empty() {
        return match page.looked_through {
            Some(_) => view! { <div class="stack stack--wide">{turns}</div> }.into_any(),
            None => nothing(&query, cursor.as_ref()),
        };
    }
    let heads = is_selecting
        .then_some(Head::Unseen("Choose"))
        .into_iter()
        .chain([
            sortable(
                "Title",
                &query,
                is_selecting,
                [(Sort::Title, RowOrder::Ascending); 2],
            ),
            sortable(
                "Score",
                &query,
                is_selecting,
                [
                    (Sort::Best, RowOrder::Descending),
                    (Sort::Worst, RowOrder::Ascending),
                ],
            ),
            sortable(
                "Loudness",
                &query,
                is_selecting,
                [
                    (Sort::Loudest, RowOrder::Descending),
                    (Sort::Quietest, RowOrder::Ascending),
                ],
            ),
            Head::Numbers("Length"),
            sortable(
                "Uploaded",
                &query,
                is_selecting,
                [
                    (Sort::Newest, RowOrder::Descending),
                    (Sort::Oldest, RowOrder::Ascending),
                ],
            ),
            Head::Words("Audio"),
        ])
        .collect();
    let rows = page
        .rows
        .into_iter()
        .map(|row| view! { <HistoryRow row=row now=now is_selecting=is_selecting /> })
        .collect_view();
    let table = view! { <List caption=caption heads=heads>{rows}</List> };
    let table = match selection {
        Some(selection) => {
            view! { <SelectionForm selection=selection query=query>{table.into_any()}</SelectionForm> }
                .into_any()
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

/// The head of a column that the history can be in order of: by the first order, or by the second where it is that one already.
fn sortable(
    label: &'static str,
    query: &HistoryQuery,
    is_selecting: bool,
    orders: [(Sort, RowOrder); 2],
) -> Head {
    let [(first, _), (second, _)] = orders;
    let wanted = HistoryQuery {
        sort: if query.sort == first { second } else { first },
        ..query.clone()
    };
    let order = orders
        .into_iter()
        .find_map(|(sort, order)| (sort == query.sort).then_some(order));
    Head::Sortable(SortableHead {
        label,
        href: if is_selecting {
            paths::history_to_select(&wanted, None)
        } else {
            paths::history(&wanted, None)
        },
        order,
        is_number: first == Sort::Loudest,
    })
}

/// The form around the ticked rows: they are put together, or deleted.
#[component]
fn SelectionForm(selection: Selection, query: HistoryQuery, children: Children) -> impl IntoView {
    let titles: Vec<String> = selection.songs.into_iter().map(|(_, title)| title).collect();
    let error = selection.error.map(|error| {
        view! {
            <p class="field__error" id="field-analysis">
                {error}
            </p>
        }
    });
    view! {
        <PostForm action=paths::SONGS csrf=selection.csrf class="group">
            <input type="hidden" name="back" value=selection.back />
            <div class="group__bar plate">
                <Field
                    label="Song"
                    name="song"
                    value=selection.title
                    error=selection.song_error
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
                {error}
                <details class="group__delete">
                    <summary>"Delete what is ticked"</summary>
                    <div class="row">
                        <p>"Reports, renders and audio go with them, and do not come back."</p>
                        <button class=ButtonKind::Danger.with("") formaction=paths::DELETE_ANALYSES formnovalidate>
                            "Delete them"
                        </button>
                    </div>
                </details>
            </div>
            {children()}
        </PostForm>
    }
}

/// The ways to the pages beside the one at `cursor`; nothing where there are none. Where a page was looked for among so many analyses,
/// it says so: what is not on it may be on the next one.
fn turns(
    previous: Option<String>,
    next: Option<String>,
    cursor: Option<&PageCursor>,
    looked_through: Option<u32>,
    address: impl Fn(Option<PageCursor>) -> String,
) -> Option<AnyView> {
    if previous.is_none() && next.is_none() && cursor.is_none() {
        return None;
    }
    let looked_through = looked_through.map(|count| {
        view! {
            <p role="status">
                {format!("For this page {count} analyses were looked through. There are others: go on to look through those.")}
            </p>
        }
    });
    let has_first = previous.is_some() || (looked_through.is_some() && cursor.is_some());
    let first = has_first.then(|| {
        view! { <ButtonLink href=address(None) kind=ButtonKind::Link>"First page"</ButtonLink> }
    });
    let previous = previous
        .map(|key| view! { <ButtonLink href=address(Some(PageCursor::Before(key)))>"Previous"</ButtonLink> });
    let next =
        next.map(|key| view! { <ButtonLink href=address(Some(PageCursor::After(key)))>"Next"</ButtonLink> });
    let view = view! {
        {looked_through}
        <nav class="row" aria-label="Pages of the history">
            {first}
            {previous}
            {next}
        </nav>
    };
    Some(view.into_any())
}

/// What stands where no row does.
fn nothing(query: &HistoryQuery, cursor: Option<&PageCursor>) -> AnyView {
    if query.is_filtered() && cursor.is_some() {
        let first = paths::history(query, None);
        return view! {
            <EmptyState title="No further matches">
                <p class="muted">"Everything was looked through."</p>
                <ButtonLink href=first kind=ButtonKind::Primary>
                    "Back to the first page"
                </ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
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
