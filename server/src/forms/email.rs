//! Which emails somebody wants, signed in or by the link in one.

use std::collections::HashMap;

use axum::response::Response;
use backend::preferences::{self, UnsubscribeScope};
use model::paths;
use serde::Deserialize;

use super::{FormReply, Submitted};

/// A box is sent under the name of its kind if it is ticked, and not at all otherwise.
pub(crate) async fn set_preferences(
    Submitted { form, fields }: Submitted<HashMap<String, String>>,
) -> Response {
    let done = preferences::set(form.backend(), form.actor(), |kind| {
        fields.contains_key(kind.as_str())
    });
    let done = done.await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::EMAIL_PREFERENCES, "preferences"))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct UnsubscribeForm {
    #[serde(default)]
    token: String,
    everything: Option<String>,
}

pub(crate) async fn unsubscribe(Submitted { form, fields }: Submitted<UnsubscribeForm>) -> Response {
    let scope = match fields.everything {
        Some(_) => UnsubscribeScope::EveryKind,
        None => UnsubscribeScope::ThisKind,
    };
    let done = preferences::unsubscribe_by_link(form.backend(), &fields.token, scope).await;
    form.reply(done.map(|_| FormReply::to(paths::unsubscribed(&fields.token))))
        .await
}
