//! Which song a report belongs to: its position and what changed since the version before, a suggestion, or the form to say.

use leptos::prelude::*;
use model::{AnalysisId, song::SongAside};

use crate::{
    format,
    pages::post_form::PostForm,
    paths,
    request_context::FormErrors,
    ui::{Button, ButtonKind, Confirm, Field},
};

/// The line under the title of a report.
#[component]
pub fn SongLine(
    /// Which analysis.
    id: AnalysisId,
    /// What is known of songs.
    aside: SongAside,
    /// The token of the forms.
    csrf: String,
    /// What was wrong with the form.
    #[prop(optional)]
    form_errors: FormErrors,
) -> impl IntoView {
    let membership = aside.membership.clone().map(|membership| {
        let step = aside.step.clone().map(|step| {
            let gained = match step.gained.tenths() {
                0 => "the same score as".to_owned(),
                _ if step.gained.is_about_nothing() => "about the same score as".to_owned(),
                _ => format!("{} points against", format::signed(step.gained.value(), 1)),
            };
            let address = paths::compared(membership.id, step.analysis, id);
            view! {
                ": "
                <strong class="num">{gained}</strong>
                " "
                <a href=address>{format!("version {}", step.before)}</a>
                {format!(" ({})", step.words)}
            }
        });
        view! {
            <p class="song-line__words">
                {format!("Version {} of ", membership.version)} <a href=paths::song(membership.id)>{membership.title}</a> {step} "."
            </p>
        }
    });
    let suggestion = aside.suggestion.clone().map(|suggestion| {
        let others = match suggestion.with.as_slice() {
            [] => String::new(),
            [one] => format!(" With it comes “{}”.", one.title),
            [first, rest @ ..] => format!(" With it come “{}” and {} more.", first.title, rest.len()),
        };
        let words = match (suggestion.song, suggestion.with.as_slice()) {
            (Some(_), _) => format!("{others} Their scores and findings are then compared."),
            (None, [one]) => format!(" It is called like “{}” and about as long.", one.title),
            (None, with) => format!(" {} others are called like it and about as long.", with.len()),
        };
        let again = csrf.clone();
        view! {
            <div class="song-line__offer plate">
                <p>
                    "Looks like a version of " <strong>{suggestion.title}</strong> " – group them?" {words}
                </p>
                <div class="row">
                    <PostForm action=paths::analysis_song(id) csrf=again class="row">
                        <input type="hidden" name="answer" value="accept" />
                        <Button kind=ButtonKind::Primary class="button--small">"Group them"</Button>
                    </PostForm>
                    <PostForm action=paths::analysis_song(id) csrf=csrf.clone() class="row">
                        <input type="hidden" name="answer" value="decline" />
                        <Button class="button--small">"Not a version"</Button>
                    </PostForm>
                </div>
            </div>
        }
    });
    let (opener, saves) = if aside.membership.is_some() {
        ("Move to another song", "Move")
    } else {
        ("Add to a song", "Add")
    };
    let leave = aside.membership.is_some().then(|| {
        view! {
            <PostForm action=paths::analysis_song(id) csrf=csrf.clone() class="row">
                <input type="hidden" name="answer" value="leave" />
                <Button kind=ButtonKind::Link class="button--small">"Take it out of the song"</Button>
            </PostForm>
        }
    });
    let value = form_errors.value("song").unwrap_or_else(|| {
        if aside.membership.is_some() {
            String::new()
        } else {
            aside.title.clone()
        }
    });
    view! {
        <section class="song-line" aria-label="Song">
            {membership}
            {suggestion}
            <Confirm opener=opener kind=ButtonKind::Link>
                <PostForm action=paths::analysis_song(id) csrf=csrf>
                    <Field
                        label="Song"
                        name="song"
                        value=value
                        error=form_errors.error("song")
                        hint="A song that you have is joined; another name makes a new one."
                        maxlength=120_u32
                        autocomplete="off"
                        proposals=aside.songs
                    />
                    <Button kind=ButtonKind::Primary class="button--small">{saves}</Button>
                </PostForm>
                {leave}
            </Confirm>
        </section>
    }
    .into_any()
}
