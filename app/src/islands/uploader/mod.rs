//! The drop zone and its queue: each file is checked, gets a presigned upload, is PUT to storage, and leads to its report.
//!
//! `queue` decides, `transport` sends; here is what is seen, and the thread between the two.

mod queue;
mod transport;

use std::time::Duration;

use leptos::{ev, prelude::*, task::spawn_local};
use model::{AnalysisId, analysis::Work, format::AudioFormat, paths, upload::UploadKind};
use wasm_bindgen::JsCast as _;
use web_sys::{DragEvent, File, HtmlInputElement};

use self::{
    queue::{Command, Event, Failure, FileId, Item, Queue, State},
    transport::Dropped,
};
use super::{browser, controls::erased};
use crate::{api, format, ui::ProgressBar};

/// How often a queue of several files asks for the progress of an analysis.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// After this without a byte that moved, the row says so.
const STALLED: Duration = Duration::from_secs(30);

/// How long the first wait is before a completion is tried again; each further one is twice as long.
const COMPLETE_AGAIN: Duration = Duration::from_secs(1);

/// Chooses, checks and uploads files; one file alone leads on to its report by itself.
#[island]
pub fn Uploader(
    /// What the files are for.
    kind: UploadKind,
    /// The largest file that the plan takes, in bytes.
    max_bytes: u64,
    /// The longest, in minutes.
    max_minutes: u32,
) -> impl IntoView {
    let title = match kind {
        UploadKind::Mix => "Drop your mix here",
        UploadKind::Reference => "Drop references here",
    };
    let queue = RwSignal::new(Queue::new(kind, max_bytes, max_minutes));
    let over = RwSignal::new(false);
    let on_change = move |event: ev::Event| {
        let Some(input) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        else {
            return;
        };
        choose(queue, listed(input.files()), Vec::new());
        // So that the same file can be chosen again.
        input.set_value("");
    };
    Effect::new(move |_| {
        browser::guard_leaving(move || queue.with_untracked(Queue::is_busy));
        spawn_local(watch(queue));
        window_event_listener(ev::online, move |_| send(queue, Event::Online));
        // The whole window takes the files: a drop that misses the zone would otherwise leave the page for the file.
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
            if let Some(transfer) = event.data_transfer() {
                take(queue, &transfer);
            }
        });
    });
    let ids =
        Memo::new(move |_| queue.with(|queue| queue.items().iter().map(|item| item.id).collect::<Vec<_>>()));
    let summary = move || queue.with(Queue::summary);
    let cannot_cancel = move || !queue.with(Queue::can_cancel);
    erased(view! {
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
            <p class="queue__summary row" role="status">
                {summary}
                <button
                    type="button"
                    class="button button--small"
                    hidden=cannot_cancel
                    on:click=move |_| send(queue, Event::CancelAll)
                >
                    "Cancel all"
                </button>
            </p>
            <ul class="queue" aria-label="Files">
                <For each=move || ids.get() key=|id| *id children=move |id| row(queue, id) />
            </ul>
        </div>
    })
}

fn row(queue: RwSignal<Queue>, id: FileId) -> impl IntoView {
    let (name, size) = queue
        .with_untracked(|queue| queue.item(id).map(|item| (item.name.clone(), item.size)))
        .unwrap_or_default();
    let state = Memo::new(move |_| queue.with(|queue| queue.item(id).map(|item| item.state.clone())));
    let state = move || state.get().unwrap_or(State::Cancelled);
    let label = format!("Progress of {name}");
    let bar = move || {
        state()
            .percent()
            .map(|percent| view! { <ProgressBar percent=percent label=label.clone() /> })
    };
    let tone = move || match state() {
        State::Failed(_) | State::Refused(_) | State::Changed | State::Rejected(_) => "queue__state severe",
        State::Done(_) => "queue__state ok",
        _ => "queue__state",
    };
    let actions = {
        let name = name.clone();
        move || actions(queue, id, &name, &state())
    };
    // What changes by itself is not for translators: they put elements of their own where it stands.
    erased(view! {
        <li class="queue__item">
            <div class="queue__text">
                <p class="queue__name">{name}</p>
                <p class=tone role="status" translate="no">
                    <span class="queue__size">{format::bytes(size)}</span>
                    {move || queue.with(|queue| queue.words(id))}
                </p>
            </div>
            <div class="queue__actions row">{actions}</div>
            <div class="queue__bar">{bar}</div>
        </li>
    })
}

/// A button that does something about a file.
type Act = (&'static str, fn(&str) -> String, fn(FileId) -> Event);

const CANCEL: Act = ("Cancel", |name| format!("Cancel {name}"), Event::Cancel);
const RETRY: Act = ("Try again", |name| format!("Try again: {name}"), Event::Retry);
const REMOVE: Act = (
    "Remove",
    |name| format!("Remove {name} from the list"),
    Event::Remove,
);

/// What can be done about a file where it stands. One type of view for all states: each further one is a download of its own.
fn actions(queue: RwSignal<Queue>, id: FileId, name: &str, state: &State) -> impl IntoView + use<> {
    let (link, acts): (Option<(String, &str)>, &[Act]) = match state {
        State::Waiting | State::Sending { .. } => (None, &[CANCEL]),
        State::Checking => (None, &[]),
        State::Measuring(analysis, _) | State::Done(analysis) => {
            (Some((paths::analysis(*analysis), "Open report")), &[])
        }
        State::Rejected(analysis) => (Some((paths::analysis(*analysis), "See why")), &[]),
        State::Failed(Failure::SignedOut) => (Some((paths::SIGN_IN.to_owned(), "Sign in")), &[RETRY, REMOVE]),
        State::Failed(_) | State::Cancelled => (None, &[RETRY, REMOVE]),
        State::Changed => (Some(("#files".to_owned(), "Choose it again")), &[REMOVE]),
        State::Refused(_) => (None, &[REMOVE]),
    };
    // In another tab where the file is only here.
    let target = (*state == State::Failed(Failure::SignedOut)).then_some("_blank");
    let link = link.map(|(href, words)| {
        view! { <a class="button button--small" href=href target=target>{words}</a> }
    });
    let acts: Vec<_> = acts
        .iter()
        .map(|(words, label, event)| {
            let (label, event) = (label(name), event(id));
            let act = move |_| send(queue, event.clone());
            view! { <button type="button" class="button button--small" aria-label=label on:click=act>{*words}</button> }
        })
        .collect();
    view! { {link} {acts} }
}

fn listed(files: Option<web_sys::FileList>) -> Vec<File> {
    let Some(files) = files else { return Vec::new() };
    (0..files.length()).filter_map(|at| files.get(at)).collect()
}

/// Takes what was dropped, folders too.
fn take(queue: RwSignal<Queue>, transfer: &web_sys::DataTransfer) {
    let entries = transport::entries(transfer);
    // Files that a script made have no entry.
    let files = if entries.is_empty() {
        listed(transfer.files())
    } else {
        Vec::new()
    };
    choose(queue, files, entries);
}

/// Puts files into the queue in their order, each with its length, then what lies in the folders among `entries`.
fn choose(queue: RwSignal<Queue>, files: Vec<File>, entries: Vec<web_sys::FileSystemEntry>) {
    spawn_local(async move {
        let mut all: Vec<Dropped> = files.into_iter().map(Dropped::File).collect();
        all.extend(transport::walk(entries).await);
        for dropped in all {
            let event = match dropped {
                Dropped::Folder(name) => Event::Folder { name },
                Dropped::File(file) => {
                    let length_s = transport::length_s(&file).await;
                    // The page may have been left meanwhile.
                    let Some(id) = queue.try_with_untracked(Queue::next_id) else {
                        return;
                    };
                    let name = file.name();
                    // A file's size is a whole number of at most 2^53.
                    let size = file.size() as u64;
                    transport::keep(id, file);
                    Event::Chosen { name, size, length_s }
                }
            };
            send(queue, event);
        }
    });
}

/// Has the queue take in what happened, and carries out what it asks for.
fn send(queue: RwSignal<Queue>, event: Event) {
    // The page may have been left meanwhile.
    let commands = queue.try_update(|queue| queue.apply(event)).unwrap_or_default();
    for command in commands {
        carry_out(queue, command);
    }
}

fn carry_out(queue: RwSignal<Queue>, command: Command) {
    match command {
        Command::Begin(id, file) => spawn_local(async move {
            send(queue, Event::Begun(id, api::begin_upload(file).await));
        }),
        Command::AskParts(id, upload) => spawn_local(async move {
            send(queue, Event::Parts(id, api::upload_parts(upload).await));
        }),
        Command::Put(id, part) => {
            spawn_local(async move {
                let ended = transport::put(id, &part, move |bytes| send(queue, Event::Sent(id, bytes))).await;
                send(queue, Event::PutEnded(id, ended));
            });
        }
        Command::Complete(id, upload, failed) => spawn_local(async move {
            if failed > 0 {
                browser::sleep(COMPLETE_AGAIN * (1 << (failed - 1).min(4))).await;
            }
            let done = api::complete_upload(upload).await.map(|done| done.analysis);
            send(queue, Event::Completed(id, done));
        }),
        Command::Follow(id, analysis) => spawn_local(follow(queue, id, analysis)),
        Command::Abort(id) => transport::abort(id),
        Command::Forget(id) => transport::forget(id),
        Command::Open(analysis) => {
            // A page that cannot be opened stays reachable by the link in the row.
            let _ = window().location().assign(&paths::analysis(analysis));
        }
        Command::Reload => {
            // Without it the rows of the queue lead to the same reports.
            let _ = window().location().reload();
        }
    }
}

/// Says of which files nothing has moved for [`STALLED`], for as long as the page is there.
async fn watch(queue: RwSignal<Queue>) {
    let mut before = Vec::new();
    loop {
        browser::sleep(STALLED).await;
        let sending = |item: &&Item| matches!(item.state, State::Sending { .. });
        let Some(now) = queue.try_with_untracked(|queue| {
            let items = queue.items().iter().filter(sending);
            items
                .map(|item| (item.id, item.state.clone()))
                .collect::<Vec<_>>()
        }) else {
            return;
        };
        for still in now.iter().filter(|now| before.contains(*now)) {
            send(queue, Event::Stalled(still.0));
        }
        before = now;
    }
}

/// Follows an analysis until it has ended. Whoever cannot ask now asks again; the analysis goes on without us.
async fn follow(queue: RwSignal<Queue>, id: FileId, analysis: AnalysisId) {
    let mut away = browser::Backoff::new(ASK_EVERY);
    loop {
        match api::get_progress(Work::Analysis(analysis)).await {
            Ok(progress) => {
                away.reset();
                let ended = progress.state.is_final();
                send(queue, Event::Measured(id, progress));
                if ended {
                    return;
                }
            }
            Err(problem) if problem.code.is_passing() => away.more(),
            Err(_) => return,
        }
        browser::sleep(away.wait()).await;
    }
}
