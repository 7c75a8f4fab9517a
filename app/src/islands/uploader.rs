//! The drop zone and its queue: each file is checked, gets a permission, is PUT to storage, and leads to its report.

use leptos::{ev, prelude::*, task::spawn_local};
use model::{
    AnalysisId, Problem,
    analysis::AnalysisState,
    format::AudioFormat,
    upload::{NewUpload, UploadKind},
};
use wasm_bindgen::JsCast as _;
use web_sys::{DragEvent, File, FileList, HtmlInputElement};

use super::browser;
use crate::{api, format, paths, ui::ProgressBar};

/// Files that are sent at the same time; more only share the same line.
const AT_ONCE: usize = 2;

/// How often a queue of several files asks for the progress of an analysis, in milliseconds.
const ASK_EVERY_MS: i32 = 1_000;

/// One file of the queue.
#[derive(Debug, Clone)]
struct Item {
    id: u32,
    name: String,
    size: u64,
    kind: UploadKind,
    state: RwSignal<State>,
}

/// Where a file stands.
#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Its turn will come.
    Waiting,
    /// On its way, so many percent of it.
    Sending(u8),
    /// All sent; being checked.
    Checking,
    /// Being measured.
    Measuring(AnalysisId, u8),
    /// There is a report.
    Done(AnalysisId),
    /// There is a page that says why there is no report.
    Rejected(AnalysisId),
    /// It did not arrive; another try may help.
    Failed(String),
    /// It cannot be uploaded as it is.
    Refused(String),
    /// The person stopped it.
    Cancelled,
}

impl State {
    /// Whether leaving the page would lose something.
    const fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting | Self::Sending(_) | Self::Checking)
    }

    const fn is_sending(&self) -> bool {
        matches!(self, Self::Sending(_) | Self::Checking)
    }

    /// How much of the bar is filled.
    const fn percent(&self) -> Option<u8> {
        match self {
            Self::Waiting => Some(0),
            Self::Sending(percent) | Self::Measuring(_, percent) => Some(*percent),
            Self::Checking => Some(100),
            _ => None,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Waiting => "Waiting".into(),
            Self::Sending(percent) => format!("Uploading, {percent} %"),
            Self::Checking => "Checking".into(),
            Self::Measuring(_, percent) => format!("Measuring, {percent} %"),
            Self::Done(_) => "Report ready".into(),
            Self::Rejected(_) => "No report".into(),
            Self::Failed(why) | Self::Refused(why) => why.clone(),
            Self::Cancelled => "Cancelled".into(),
        }
    }
}

/// Chooses, checks and uploads files; one file alone leads on to its report by itself.
#[island]
pub fn Uploader(
    /// What the files are for.
    kind: UploadKind,
    /// The largest file that the plan takes, in bytes.
    max_bytes: u64,
) -> impl IntoView {
    let title = match kind {
        UploadKind::Mix => "Drop your mix here",
        UploadKind::Reference => "Drop references here",
    };
    let items = RwSignal::new(Vec::<Item>::new());
    let over = RwSignal::new(false);
    Effect::new(move |_| browser::guard_leaving(move || is_busy(items)));

    let add = move |files: FileList| {
        for at in 0..files.length() {
            if let Some(file) = files.get(at) {
                enqueue(items, file, kind, max_bytes);
            }
        }
        start_next(items);
    };
    let on_change = move |event: ev::Event| {
        let Some(input) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        else {
            return;
        };
        if let Some(files) = input.files() {
            add(files);
        }
        // So that the same file can be chosen again.
        input.set_value("");
    };
    // The whole window takes the files: a drop that misses the zone would otherwise leave the page for the file.
    Effect::new(move |_| {
        window_event_listener(ev::dragover, move |event| {
            event.prevent_default();
            over.set(true);
        });
        window_event_listener(ev::dragleave, move |event| {
            // From one element to the next there is a related target; out of the window there is none.
            if event.related_target().is_none() {
                over.set(false);
            }
        });
        window_event_listener(ev::drop, move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            if let Some(files) = event.data_transfer().and_then(|data| data.files()) {
                add(files);
            }
        });
    });
    view! {
        <div class="uploader stack">
            <div class="drop" class:is-over=over>
                <svg class="drop__sign" viewBox="0 0 48 48" aria-hidden="true">
                    <path d="M24 33V9M14 18.500L24 8.500l10 10M7 32v8h34v-8"></path>
                </svg>
                <p class="drop__title" id="drop-title">{title}</p>
                <input
                    class="drop__input"
                    id="files"
                    type="file"
                    multiple
                    accept=AudioFormat::accept()
                    on:change=on_change
                    aria-describedby="drop-hint"
                />
                <label class="button button--primary" for="files">"Choose files"</label>
                <p class="drop__hint" id="drop-hint">"One or several. They go straight to private storage."</p>
            </div>
            <ul class="queue" aria-label="Files">
                <For each=move || items.get() key=|item| item.id children=move |item| queue_row(items, item) />
            </ul>
        </div>
    }
}

fn queue_row(items: RwSignal<Vec<Item>>, item: Item) -> impl IntoView {
    let Item {
        id,
        name,
        size,
        state,
        kind: _,
    } = item;
    let label = format!("Progress of {name}");
    let cancel_label = format!("Cancel {name}");
    let remove_label = format!("Remove {name} from the list");
    let retry_label = format!("Try again: {name}");
    let bar = move || {
        state
            .get()
            .percent()
            .map(|percent| view! { <ProgressBar percent=percent label=label.clone() /> })
    };
    let cancel = move |_| {
        browser::abort(id);
        state.set(State::Cancelled);
        start_next(items);
    };
    let retry = move |_| {
        state.set(State::Waiting);
        start_next(items);
    };
    let remove = move |_| {
        browser::forget_file(id);
        items.update(|items| items.retain(|item| item.id != id));
    };
    let actions = move || {
        match state.get() {
        State::Waiting | State::Sending(_) => view! {
            <button type="button" class="button button--small" aria-label=cancel_label.clone() on:click=cancel>"Cancel"</button>
        }
        .into_any(),
        State::Measuring(analysis, _) | State::Done(analysis) | State::Rejected(analysis) => {
            let words = if matches!(state.get(), State::Rejected(_)) { "See why" } else { "Open report" };
            view! { <a class="button button--small" href=paths::analysis(analysis)>{words}</a> }.into_any()
        }
        State::Failed(_) | State::Cancelled => view! {
            <button type="button" class="button button--small" aria-label=retry_label.clone() on:click=retry>"Try again"</button>
            <button type="button" class="button button--small button--link" aria-label=remove_label.clone() on:click=remove>"Remove"</button>
        }
        .into_any(),
        State::Refused(_) => view! {
            <button type="button" class="button button--small button--link" aria-label=remove_label.clone() on:click=remove>"Remove"</button>
        }
        .into_any(),
        State::Checking => ().into_any(),
    }
    };
    let tone = move || match state.get() {
        State::Failed(_) | State::Refused(_) | State::Rejected(_) => "queue__state severe",
        State::Done(_) => "queue__state ok",
        _ => "queue__state",
    };
    view! {
        <li class="queue__item">
            <div class="queue__text">
                <p class="queue__name">{name}</p>
                <p class=tone role="status">
                    <span class="queue__size">{format::bytes(size)}</span>
                    {move || state.get().words()}
                </p>
            </div>
            <div class="queue__actions row">{actions}</div>
            <div class="queue__bar">{bar}</div>
        </li>
    }
}

/// Checks a file by name and size, as the server will, and puts it at the end of the queue.
fn enqueue(items: RwSignal<Vec<Item>>, file: File, kind: UploadKind, max_bytes: u64) {
    let name = file.name();
    // A file's size is a whole number of at most 2^53.
    let size = file.size() as u64;
    let refusal = if AudioFormat::from_file_name(&name).is_none() {
        Some(format!(
            "MixLens reads {}. Export the mix as WAV or FLAC.",
            AudioFormat::list()
        ))
    } else if size == 0 {
        Some("This file is empty (0 bytes). Export the mix again.".to_owned())
    } else if size > max_bytes {
        Some(format!(
            "This file is larger than the {} of your plan. A FLAC of the same mix is half the size and loses nothing.",
            format::bytes(max_bytes)
        ))
    } else {
        None
    };
    let state = RwSignal::new(refusal.map_or(State::Waiting, State::Refused));
    items.update(|items| {
        let id = items.iter().map(|item| item.id).max().map_or(0, |last| last + 1);
        browser::keep_file(id, file);
        items.push(Item {
            id,
            name,
            size,
            kind,
            state,
        });
    });
}

/// Starts waiting files while fewer than [`AT_ONCE`] are on their way.
fn start_next(items: RwSignal<Vec<Item>>) {
    let all = items.get_untracked();
    let sending = all
        .iter()
        .filter(|item| item.state.get_untracked().is_sending())
        .count();
    let waiting = all
        .into_iter()
        .filter(|item| item.state.get_untracked() == State::Waiting);
    for item in waiting.take(AT_ONCE.saturating_sub(sending)) {
        item.state.set(State::Sending(0));
        spawn_local(async move {
            upload(items, &item).await;
            start_next(items);
        });
    }
}

async fn upload(items: RwSignal<Vec<Item>>, item: &Item) {
    let state = item.state;
    match send(item).await {
        Ok(analysis) => {
            browser::forget_file(item.id);
            if item.kind == UploadKind::Reference {
                follow(state, analysis).await;
                show_list(items);
            } else if items.with_untracked(Vec::len) == 1 {
                state.set(State::Done(analysis));
                // A page that cannot be opened stays reachable by the link in the row.
                let _ = window().location().assign(&paths::analysis(analysis));
            } else {
                spawn_local(follow(state, analysis));
            }
        }
        // The row says so already.
        Err(_) if state.get_untracked() == State::Cancelled => {}
        Err(end) => state.set(end),
    }
}

/// Permission, PUT, completion. The error is the state in which the row ends.
async fn send(item: &Item) -> Result<AnalysisId, State> {
    let state = item.state;
    let failed = |error: api::ApiError| State::Failed(words(&error.0));
    let file = NewUpload {
        file_name: item.name.clone(),
        size_bytes: item.size,
        kind: item.kind,
    };
    let ticket = api::begin_upload(file)
        .await
        .map_err(|error| match error.0.code {
            model::ProblemCode::Unavailable | model::ProblemCode::Internal => failed(error),
            _ => State::Refused(words(&error.0)),
        })?;
    if state.get_untracked() == State::Cancelled {
        return Err(State::Cancelled);
    }
    let tell = move |percent| {
        if state.get_untracked().is_sending() {
            state.set(State::Sending(percent));
        }
    };
    let status = browser::put(item.id, &ticket.url, &ticket.headers, tell).await;
    if state.get_untracked() == State::Cancelled {
        return Err(State::Cancelled);
    }
    match status {
        // 412: an earlier try had arrived and only its answer was lost.
        Some(200..=299 | 412) => {}
        Some(403) => {
            return Err(State::Failed(
                "The permission to upload has ended. Try again.".into(),
            ));
        }
        Some(507) => {
            return Err(State::Failed(
                "The storage is full. Tell us, and try again later.".into(),
            ));
        }
        Some(status) => {
            return Err(State::Failed(format!(
                "The storage refused the file ({status}). Try again."
            )));
        }
        None => {
            return Err(State::Failed(
                "The connection was lost. Try again when you are online.".into(),
            ));
        }
    }
    state.set(State::Checking);
    api::complete_upload(ticket.upload)
        .await
        .map(|done| done.analysis)
        .map_err(failed)
}

/// Loads the page anew, whose list then has what was measured, once everything has gone well.
fn show_list(items: RwSignal<Vec<Item>>) {
    let is_well = |item: Item| matches!(item.state.get_untracked(), State::Done(_));
    if items.get_untracked().into_iter().all(is_well) {
        // Without it the rows of the queue lead to the same reports.
        let _ = window().location().reload();
    }
}

/// Shows the progress of an analysis until it has ended.
async fn follow(state: RwSignal<State>, analysis: AnalysisId) {
    state.set(State::Measuring(analysis, 0));
    loop {
        match api::analysis_progress(analysis).await {
            Ok(progress) => match progress.state {
                AnalysisState::Done => return state.set(State::Done(analysis)),
                AnalysisState::Failed => return state.set(State::Rejected(analysis)),
                AnalysisState::Queued | AnalysisState::Running => {
                    state.set(State::Measuring(analysis, progress.percent));
                }
            },
            // Offline for a moment; the analysis goes on without us.
            Err(error) if error.0.code == model::ProblemCode::Unavailable => {}
            Err(_) => return,
        }
        browser::sleep(ASK_EVERY_MS).await;
    }
}

fn words(problem: &Problem) -> String {
    problem.message.clone()
}

fn is_busy(items: RwSignal<Vec<Item>>) -> bool {
    items
        .get_untracked()
        .iter()
        .any(|item| item.state.get_untracked().is_under_way())
}
