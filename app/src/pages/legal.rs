//! Terms and privacy, in our own words. Figures come from the settings that the code uses.

use leptos::prelude::*;
use leptos_meta::Title;
use model::plan::Plan;

use crate::{format, paths, visit::Visit};

/// What both sides agree on.
#[component]
pub fn Terms() -> impl IntoView {
    let contact = Visit::here().backend.config.contact_email.clone();
    view! {
        <Title text="Terms" />
        <article class="wrap wrap--narrow prose">
            <h1>"Terms of service"</h1>
            <p class="muted">"Version of " <time datetime=backend::accounts::TERMS_VERSION>{backend::accounts::TERMS_VERSION}</time></p>
            <h2>"What MixLens does"</h2>
            <p>
                "You upload a mix. MixLens measures it and shows you a report. The numbers are measurements by published standards; "
                "what you make of them is your decision."
            </p>
            <h2>"Your music stays yours"</h2>
            <p>
                "You keep every right in what you upload. You allow us to store and process it for one purpose: to measure it and show you the result. "
                "Upload only what you may upload."
            </p>
            <h2>"Your account"</h2>
            <p>
                "You are " {backend::accounts::MIN_AGE} " or older. You keep your password to yourself. One account is for one person."
            </p>
            <h2>"What nobody may do"</h2>
            <p>"Attack the service, work around its limits, or use it to harm others. We may end accounts that do."</p>
            <h2>"What we owe each other"</h2>
            <p>
                "We run the service with care and keep to the " <a href=paths::PRIVACY>"privacy policy"</a>
                ". We cannot promise that it is never down, and we do not replace the ears of an engineer."
            </p>
            <h2>"Contact"</h2>
            <p><a href=format!("mailto:{contact}")>{contact.clone()}</a></p>
        </article>
    }
}

/// What is kept, for how long, and who sees it.
#[component]
pub fn Privacy() -> impl IntoView {
    let config = Visit::here().backend.config;
    let contact = config.contact_email.clone();
    let retention = [Plan::Free, Plan::Pro, Plan::Studio]
        .map(|plan| {
            let span = format::retention(config.plans.of(plan).audio_kept_hours);
            view! { <li>{plan.name()} ": " {span} " after the upload"</li> }
        })
        .collect_view();
    view! {
        <Title text="Privacy" />
        <article class="wrap wrap--narrow prose">
            <h1>"Privacy policy"</h1>
            <p class="muted">"Version of " <time datetime=backend::accounts::TERMS_VERSION>{backend::accounts::TERMS_VERSION}</time></p>
            <h2>"Your audio"</h2>
            <p>
                "It is measured, and nothing else: not used for training, not fingerprinted, not sold. Your browser sends it straight to private storage; "
                "every access is by a signed link for one file that ends within minutes. It is removed by itself:"
            </p>
            <ul>{retention}</ul>
            <p>"The report stays until you delete it. Deleting a report removes its audio at once."</p>
            <h2>"Your account"</h2>
            <p>
                "We keep your e-mail address, the name you chose, a hash of your password (argon2id), your plan, and when you accepted the terms. "
                "A sign-up that is not confirmed within 24 hours is forgotten. No address of your device and no browser name is stored."
            </p>
            <h2>"Cookies"</h2>
            <ul>
                <li><code>"__Host-session"</code> ": keeps you signed in; ends after 7 days without use, after 30 days in any case"</li>
                <li><code>"__Host-csrf"</code> ": protects your forms from other sites; ends with the browser session"</li>
            </ul>
            <p>"Nothing else is set. The pages load nothing from anybody else."</p>
            <h2>"Children"</h2>
            <p>"MixLens is not for people under " {backend::accounts::MIN_AGE} "."</p>
            <h2>"Contact"</h2>
            <p>
                "Questions, or a copy or the removal of what we hold: " <a href=format!("mailto:{contact}")>{contact.clone()}</a>
                ". See also the " <a href=paths::TERMS>"terms"</a> "."
            </p>
        </article>
    }
}
