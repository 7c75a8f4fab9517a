//! The links to reports that the person gave away, and the form that makes another.

use backend::shares;
use leptos::prelude::*;
use model::{
    AnalysisId,
    share::{SHARE_DAYS, Share, SharedAudio},
};

use super::{AccountPage, AccountTab};
use crate::{
    format,
    pages::{not_found::failed, post_form::PostForm, secret_fields::is_of},
    paths,
    request_context::{FormErrors, RequestContext, redirect_to_sign_in},
    ui::{Button, ButtonKind, Checkbox, Confirm, Select},
};

/// Every link that is good; for signed-in people.
#[component]
pub fn Shares() -> impl IntoView {
    let context = RequestContext::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::SHARES);
        return ().into_any();
    }
    let list = Suspend::new(async move {
        match shares::list(&context.backend, &context.actor, None).await {
            Ok(shares) if shares.is_empty() => view! {
                <p>"No link is open. To make one, open a report and press “Share”."</p>
            }
            .into_any(),
            Ok(shares) => {
                view! { <ShareList shares=shares csrf=context.csrf.clone() names_report=true /> }.into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <AccountPage subject=AccountTab::Shares>
            <p class="muted">
                "Whoever has a link reads that report without an account, until the link ends. Who opened it is not kept."
            </p>
            <Suspense>{list}</Suspense>
        </AccountPage>
    }
    .into_any()
}

/// Links, each with the form that ends it.
#[component]
fn ShareList(
    /// The links.
    shares: Vec<Share>,
    /// The token of the forms.
    csrf: String,
    /// Whether each says of which report it is.
    #[prop(optional)]
    names_report: bool,
) -> impl IntoView {
    let base_url = RequestContext::here().backend.config.base_url.clone();
    let rows = shares
        .into_iter()
        .map(|share| {
            let address = format!("{base_url}{}", paths::shared(&share.token));
            let until = share.expires_at;
            let audio = match share.audio {
                SharedAudio::Included => "With its audio",
                SharedAudio::Withheld => "Without audio",
            };
            let report = names_report.then(|| {
                view! { <a class="shares__report" href=paths::analysis(share.analysis)>{share.title.clone()}</a> }
            });
            let label = format!("End the link to {}", share.title);
            view! {
                <li class="shares__row">
                    <div class="shares__words">
                        {report} <code class="shares__address">{address}</code>
                        <span class="shares__about">
                            {audio} ", until " <time datetime=until.rfc3339()>{format::date_time(until)}</time>
                        </span>
                    </div>
                    <PostForm action=paths::end_share(share.id) csrf=csrf.clone() class="">
                        <button type="submit" class="button button--small" aria-label=label>"End"</button>
                    </PostForm>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="shares">{rows}</ul> }
}

/// On a report: the links to it, and the form that makes another.
#[component]
pub fn ShareReport(
    /// Which report.
    id: AnalysisId,
    /// The links that are good.
    shares: Vec<Share>,
    /// The token of the forms.
    csrf: String,
    /// Whether it is unfolded, because a link was just made.
    #[prop(optional)]
    open: bool,
    /// What was wrong with the form.
    #[prop(optional)]
    form_errors: FormErrors,
) -> impl IntoView {
    let days = SHARE_DAYS
        .map(|days| (days.to_string(), format::retention(days * 24)))
        .to_vec();
    let chosen = form_errors
        .value("days")
        .unwrap_or_else(|| SHARE_DAYS[0].to_string());
    let is_refused = is_of(&form_errors, "share");
    let list = (!shares.is_empty()).then(|| {
        let csrf = csrf.clone();
        view! {
            <p>"One click takes the whole address, to be copied."</p>
            <ShareList shares=shares csrf=csrf />
        }
    });
    view! {
        <Confirm opener="Share" open=open || is_refused>
            {list}
            <PostForm action=paths::share_analysis(id) csrf=csrf>
                <p>"Whoever has the link reads this report without an account: not the name of the file, your references or your other music."</p>
                <Select label="Good for" name="days" options=days value=chosen />
                <Checkbox name="audio">"With its audio, for as long as we keep it"</Checkbox>
                <Button kind=ButtonKind::Primary class="button--small">"Make a link"</Button>
            </PostForm>
        </Confirm>
    }
}
