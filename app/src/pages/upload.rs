//! The page on which files are uploaded.

use backend::usage;
use leptos::prelude::*;
use leptos_meta::Title;
use model::{format::AudioFormat, plan::Usage, upload::UploadKind};

use crate::{
    format,
    islands::uploader::Uploader,
    pages::not_found::failed,
    paths,
    request_context::{RequestContext, redirect_to_sign_in},
};

/// The upload page; for signed-in people.
#[component]
pub fn Upload() -> impl IntoView {
    let context = RequestContext::here();
    let Ok(user) = context.actor.user() else {
        redirect_to_sign_in(paths::UPLOAD);
        return ().into_any();
    };
    let limits = context.backend.config.plans.of(user.plan).clone();
    let kept = format::retention(limits.audio_kept_hours);
    let left = Suspend::new(async move {
        match usage::of_this_month(&context.backend, &context.actor, UploadKind::Mix).await {
            Ok(usage) => view! { <Left usage=usage /> }.into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="Upload" />
        <section class="wrap stack stack--wide">
            <div class="stack">
                <h1>"Upload a mix"</h1>
                <p class="muted">
                    {AudioFormat::list()} ", up to " {limits.max_minutes} " minutes and " {limits.max_megabytes}
                    " MB each. The audio is removed after " {kept} "; the report stays."
                </p>
            </div>
            <NeedsScript />
            <Suspense>{left}</Suspense>
            <Uploader kind=UploadKind::Mix max_bytes=limits.max_bytes() max_minutes=limits.max_minutes />
        </section>
    }
    .into_any()
}

/// What is left of the month; nothing where there is no limit.
#[component]
pub fn Left(
    /// What was used.
    usage: Usage,
) -> impl IntoView {
    let (Some(left), Some(allowed)) = (usage.left(), usage.allowed) else {
        return ().into_any();
    };
    let words = if left == 0 {
        "New ones start on the 1st (UTC); your reports stay."
    } else {
        "Files that cannot be measured do not count."
    };
    view! {
        <p class="small">
            <strong>{format!("{left} of {allowed} left this month.")}</strong>
            " "
            <span class="muted">{words}</span>
            {(left == 0).then(|| view! { " " <a href=paths::BILLING>"Other plans take more."</a> })}
        </p>
    }
    .into_any()
}

/// Says without a script why nothing can be uploaded.
#[component]
pub fn NeedsScript() -> impl IntoView {
    view! {
        <noscript>
            <p class="plate">
                "Uploading sends the file straight from your browser to storage, and that needs JavaScript. "
                "Everything else here works without it. Turn it on for this page and reload."
            </p>
        </noscript>
    }
}
