//! What stands where there is no page, and where one could not be made.

use leptos::prelude::*;
use leptos_meta::Title;
use model::{Problem, ProblemCode};

use crate::{
    paths,
    request_context::set_status,
    ui::{ButtonKind, ButtonLink},
};

/// A page that could not be made, with the status of the problem.
pub(crate) fn failed(problem: &Problem) -> AnyView {
    set_status(problem);
    let title = match problem.code {
        ProblemCode::NotFound => "Nothing here",
        ProblemCode::Unavailable => "One moment",
        ProblemCode::Internal => "That failed",
        _ => "That cannot be shown",
    };
    view! {
        <Title text=title />
        <section class="wrap wrap--narrow stack">
            <p class="label">{problem.code.status()}</p>
            <h1>{title}</h1>
            <p>{problem.message.clone()}</p>
            <p class="row">
                <ButtonLink href=paths::HISTORY kind=ButtonKind::Primary>"Your history"</ButtonLink>
                <ButtonLink href=paths::HOME>"Home"</ButtonLink>
            </p>
        </section>
    }
    .into_any()
}
