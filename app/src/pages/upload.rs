//! The page on which files are uploaded.

use leptos::prelude::*;
use leptos_meta::Title;
use model::{format::AudioFormat, upload::UploadKind};

use crate::{
    format,
    islands::uploader::Uploader,
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
    let limits = context.backend.config.plans.of(user.plan);
    let kept = format::retention(limits.audio_kept_hours);
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
            <Uploader kind=UploadKind::Mix max_bytes=limits.max_bytes() />
        </section>
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
                "Everything else here works without it. Switch it on for this page and reload."
            </p>
        </noscript>
    }
}
