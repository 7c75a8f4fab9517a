//! Terms, privacy policy, contact and the list of versions, in our own words. Figures, companies and tables come from the
//! settings and constants that the code itself goes by, so that the text cannot drift from what it does.

use std::time::Duration;

use backend::{
    accounts, billing,
    config::{Config, Tax},
    privacy::{erasure, export, manifest, policy, processors},
    retention, sessions,
};
use leptos::prelude::*;
use leptos_meta::Title;
use model::plan::Plan;

use crate::{format, pages::not_found::failed, paths, request_context::RequestContext};

/// Since when the policies hold, with the way to their history.
#[component]
pub fn Dated() -> impl IntoView {
    let context = RequestContext::here();
    let date = Suspend::new(async move {
        match policy::current(&context.backend.db).await {
            Ok(current) => view! {
                <p class="muted">
                    "Version of " <time datetime=current.version.clone()>{current.version.clone()}</time> " · "
                    <a href=paths::POLICIES>"What changed"</a>
                </p>
            }
            .into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{date}</Suspense> }
}

/// A mail address as a link.
fn mail_to(address: &str) -> AnyView {
    view! { <a href=format!("mailto:{address}")>{address.to_owned()}</a> }.into_any()
}

/// How long the audio of each plan is kept.
fn audio_kept(config: &Config) -> AnyView {
    let plans = [Plan::Free, Plan::Pro, Plan::Studio]
        .map(|plan| {
            let span = format::retention(config.plans.of(plan).audio_kept_hours);
            view! { <li>{plan.name()} ": " {span} " after the upload"</li> }
        })
        .collect_view();
    let not_sold = (!config.sells()).then(|| {
        view! { <p>"Pro and Studio are not for sale here: an account is on Free unless we agreed on another plan with you."</p> }
    });
    view! {
        <ul>{plans}</ul>
        {not_sold}
    }
    .into_any()
}

fn days(span: Duration) -> u64 {
    span.as_secs() / (24 * 3600)
}

fn hours(span: Duration) -> u64 {
    span.as_secs() / 3600
}

/// A table of a policy: rows with their heads above on a desk, blocks with a name for each value on a phone.
#[component]
pub(super) fn PolicyTable(
    /// What it is about, for who cannot see it.
    name: &'static str,
    /// The names of the columns.
    heads: &'static [&'static str],
    /// The values; the first of each is what the row is about.
    rows: Vec<Vec<String>>,
) -> impl IntoView {
    let columns = heads
        .iter()
        .map(|head| view! { <th scope="col">{*head}</th> })
        .collect_view();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .zip(heads)
                .enumerate()
                .map(|(at, (value, head))| match at {
                    0 => view! { <th scope="row">{value}</th> }.into_any(),
                    _ => view! { <td data-label=*head>{value}</td> }.into_any(),
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <table class="table policy">
            <caption class="visually-hidden">{name}</caption>
            <thead>
                <tr>{columns}</tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// What is agreed on by who buys a plan; nothing where none is sold.
fn sale(config: &Config) -> Option<AnyView> {
    config.sells().then(|| {
        let prices = [Plan::Pro, Plan::Studio]
            .into_iter()
            .filter_map(|plan| {
                let price = config.billing.price_of(plan)?;
                let amount = billing::money(i64::from(price.cents), &config.billing.currency);
                Some(view! { <li>{plan.name()} ": " {amount} " a month"</li> })
            })
            .collect_view();
        let seller = match config.billing.tax {
            Tax::ManagedPayments => "The seller is Stripe (Link), which sees to the tax; what the plan holds is owed to you by us.",
            Tax::None | Tax::StripeTax => "The seller is MixLens; Stripe takes the payment for us.",
        };
        view! {
            <h2>"Plans that cost something"</h2>
            <ul>{prices}</ul>
            <p>
                {billing::tax_words(&config.billing)} " " {seller} " What each plan holds: " <a href=paths::PRICING>"Plans"</a>
                ". The contract is made when the checkout is paid; its number comes by e-mail. It runs for a month, and for another one each time the next is paid in advance."
            </p>
            <p>
                "You cancel it on the page " <a href=paths::BILLING>"Your plan"</a>
                ", at any time and for the end of what is paid. A larger plan holds at once, and you pay the difference for the rest of the month; a smaller one holds from the next month on. "
                "When a payment fails, it is tried again for some days while the plan stays; if it still fails, the account is on Free. Files that are there are kept as long as you were told in any case."
            </p>
            <h2>"Withdrawal"</h2>
            <p>
                "You may withdraw from the contract within " {billing::withdrawal::DAYS} " days, without a reason, counted from the day after it was made: "
                <a href=paths::WITHDRAW>"Withdraw from contract here"</a>
                ". An e-mail to " {mail_to(&config.contact_email)} " does as well. The plan ends then, and you get back everything that you paid for it, by the way you paid it, whatever you have used of it. "
                "Whoever deletes the account within that time gets it back, too."
            </p>
        }
        .into_any()
    })
}

/// What both sides agree on.
#[component]
pub fn Terms() -> impl IntoView {
    let config = RequestContext::here().backend.config;
    view! {
        <Title text="Terms" />
        <article class="wrap wrap--text prose">
            <h1>"Terms of service"</h1>
            <Dated />
            <h2>"What MixLens does"</h2>
            <p>
                "You upload a mix. MixLens measures it and shows you a report. The numbers are measurements by published standards; "
                "what you make of them is your decision."
            </p>
            <h2>"Your music stays yours"</h2>
            <p>
                "You keep every right in what you upload. You allow us to store and process it for one purpose: to measure it, to make the corrected version that you ask for, "
                "and to show you the result. Upload only what you may upload."
            </p>
            <h2>"Your account"</h2>
            <p>
                "You are " {accounts::MIN_AGE} " or older. You keep your password to yourself. One account is for one person. You can delete it at any time, on the page "
                <a href=paths::YOUR_DATA>"Your data"</a> "."
            </p>
            <h2>"How long audio is kept"</h2>
            <p>"Your plan decides it at the moment of the upload. A better plan later keeps it longer; a smaller one shortens nothing."</p>
            {audio_kept(&config)}
            <p>"Keep your own copy: MixLens is an instrument, not an archive."</p>
            {sale(&config)}
            <h2>"What nobody may do"</h2>
            <p>"Attack the service, work around its limits, or use it to harm others. We may end accounts that do."</p>
            <h2>"What we owe each other"</h2>
            <p>
                "We run the service with care and keep to the " <a href=paths::PRIVACY>"privacy policy"</a>
                ". We cannot promise that it is never down, and we do not replace the ears of an engineer."
            </p>
            <h2>"Changes"</h2>
            <p>
                "When something changes that matters to you, we write to you before we ask you to go by it. Every version is listed under "
                <a href=paths::POLICIES>"What changed"</a> "."
            </p>
            <h2>"Contact"</h2>
            <p>{mail_to(&config.contact_email)} " · " <a href=paths::CONTACT>"All addresses"</a></p>
        </article>
    }
}

/// What is kept, for how long, and who sees it.
#[component]
pub fn Privacy() -> impl IntoView {
    let context = RequestContext::here();
    let config = context.backend.config.clone();
    let tables = manifest::tables()
        .filter(|table| matches!(table.export, manifest::Export::Rows { .. }))
        .map(|table| [table.title, table.about, table.kept].map(str::to_owned).to_vec())
        .collect();
    let parties = processors::in_use(&config);
    let nobody = parties.is_empty();
    let reports = parties.iter().any(|party| party.name == processors::SENTRY);
    let parties = parties
        .into_iter()
        .map(|party| {
            view! {
                <li>
                    <strong>{party.name}</strong>
                    ". " {party.does} " It gets: " {party.gets}
                </li>
            }
        })
        .collect_view();
    let counts = context.backend.statistics.is_on();
    view! {
        <Title text="Privacy" />
        <article class="wrap wrap--text prose">
            <h1>"Privacy policy"</h1>
            <Dated />
            <h2>"Your audio"</h2>
            <p>
                "You upload mixes to be analysed, and references to compare them with. Both are measured; a mix is corrected where you ask for it; nothing else is done with them: they are not used for training, not fingerprinted, not sold. Your browser sends each straight to private storage; "
                "every access is by a signed link for one file, which ends after " {config.uploads.play_minutes} " minutes to listen and "
                {config.uploads.ticket_minutes} " minutes to upload. The worker that measures it keeps nothing of it. Where browsers do not play its format (AIFF, ALAC, 32-bit and some others), "
                "a copy to play is made and kept beside it, and so is each render that you ask for, under the same rules. All of them are removed by themselves, together:"
            </p>
            {audio_kept(&config)}
            <p>
                "The cleaning runs every " {retention::REAP_EVERY.as_secs() / 60} " minutes. What it removed cannot be brought back. The report with all of its numbers stays until you delete it, and so do the recipe and the proof of each render; "
                "deleting a report removes its audio and its renders at once, deleting a render removes its audio. Every report and your history say when the audio goes."
            </p>
            <h2>"Links that you give away"</h2>
            <p>
                "Nobody but you sees a report, unless you make a link to it. Whoever has the link reads that report without an account until the day that you chose, or until you end it on the page "
                <a href=paths::SHARES>"Links"</a>
                ": with its title, without the name of the file, your name, your references and your other music, and with the audio only where you ticked that. We keep no note of who opened it, and ask search engines to leave it alone."
            </p>
            <h2>"Webhooks"</h2>
            <p>
                "Where you ask for it, we tell a server of yours what happened, at the address that you gave on the page "
                <a href=paths::WEBHOOKS>"Webhooks"</a>
                ": that a file was measured, could not be measured, was rendered, or was removed, with its number and the time. Nothing else of yours is in it, and nothing is sent before you name an address."
            </p>
            <h2>"What we keep"</h2>
            <p>
                "This is all of it. You see your own on the page " <a href=paths::YOUR_DATA>"Your data"</a>
                ", down to the last row. Your password is kept as a hash (argon2id) that cannot be turned back. No address of your device and no name of a browser is stored; "
                "to slow down attacks, the server counts requests by address in its memory, for about an hour."
            </p>
            <PolicyTable name="What is kept, why, and for how long" heads=&["What", "Why", "How long"] rows=tables />
            <h2>"What you can ask of us"</h2>
            <ul>
                <li>
                    <strong>"See"</strong>
                    " everything that is held about you, at once: " <a href=paths::YOUR_DATA>"Your data"</a> "."
                </li>
                <li>
                    <strong>"A copy"</strong>
                    " of it for machines and for spreadsheets: a link that is good for " {hours(export::KEPT)} " hours, up to " {export::A_DAY} " times a day."
                </li>
                <li>
                    <strong>"Delete"</strong>
                    " the account with everything in it: by the button on the same page, at once. By e-mail it takes "
                    {days(erasure::WITHIN)} " days at most."
                </li>
            </ul>
            <p>
                "A deletion ends every session and all work that was under way, empties the storage, and makes whoever works for us forget you, too. "
                "What stays is a number that nobody can turn back into your account; it makes sure that a restored backup deletes you again."
            </p>
            {config
                .sells()
                .then(|| {
                    view! {
                        <h2>"What you pay"</h2>
                        <p>
                            "Whoever buys a plan pays on pages of Stripe, which keeps card, name and address; none of them ever comes to us. We keep the number under which Stripe knows you, the state of your subscription, and of what Stripe tells us only number, kind, time and result. "
                            "No page of ours loads anything from Stripe. When you delete your account, Stripe ends the subscription and deletes you as its customer; invoices that the law has it keep stay with it."
                        </p>
                    }
                })}
            <h2>"Cookies"</h2>
            <p>
                "Two, without which nobody can sign in"
                {counts.then_some(", and those that you may allow or decline")}
                ". A session ends " {days(sessions::IDLE)} " days after the last use and after " {days(sessions::ABSOLUTE)} " days in any case. All of them: "
                <a href=paths::COOKIES>"Cookies"</a> ". The pages load nothing from anybody else."
            </p>
            <h2>"Who works for us"</h2>
            {if nobody {
                view! { <p>"Nobody: this server keeps everything itself and sends nothing to anybody but you."</p> }.into_any()
            } else {
                view! {
                    <p>"These companies, and nobody else. Nothing is sold."</p>
                    <ul>{parties}</ul>
                }
                    .into_any()
            }}
            {counts
                .then(|| {
                    view! {
                        <h2>"Statistics"</h2>
                        <p>
                            "Only if you allow it, and never when your browser asks not to be tracked (Do Not Track, Global Privacy Control). What is counted and how to change your mind: "
                            <a href=paths::COOKIES>"Cookies"</a> "."
                        </p>
                    }
                })}
            {reports
                .then(|| {
                    view! {
                        <h2>"Error reports"</h2>
                        <p>
                            "When our software fails, a report says where in the program it was, on which kind of page, and a number under which our own log knows more. "
                            "No cookie, no form, no address, no file and no text of yours is in it."
                        </p>
                    }
                })}
            <h2>"Children"</h2>
            <p>
                "MixLens is not for people under " {accounts::MIN_AGE} ". If a child has an account, write to us and we delete it."
            </p>
            <h2>"Changes"</h2>
            <p>
                "When we keep something new, keep it longer, or somebody new works for us, everybody who has an account gets an e-mail. All versions: "
                <a href=paths::POLICIES>"What changed"</a> "."
            </p>
            <h2>"Contact"</h2>
            <p>
                "About your data: " {mail_to(&config.privacy_email)} ". See also the " <a href=paths::TERMS>"terms"</a> " and "
                <a href=paths::CONTACT>"all addresses"</a> "."
            </p>
        </article>
    }
}

/// Whom to write to about what.
#[component]
pub fn Contact() -> impl IntoView {
    let config = RequestContext::here().backend.config;
    view! {
        <Title text="Contact" />
        <article class="wrap wrap--text prose">
            <h1>"Contact"</h1>
            <h2>"Anything about MixLens"</h2>
            <p>{mail_to(&config.contact_email)}</p>
            <h2>"Your data"</h2>
            <p>
                {mail_to(&config.privacy_email)} ". You see, copy and delete your data faster by yourself: "
                <a href=paths::YOUR_DATA>"Your data"</a> ". By e-mail we answer within " {days(erasure::WITHIN)} " days."
            </p>
            <h2>"Report a vulnerability"</h2>
            <p>
                {mail_to(&config.security_email)}
                ". Tell us what you did and what you saw. Please use an account of your own, touch nobody else's data, and give us time to fix it. Machines read the same in "
                <a href="/.well-known/security.txt">"security.txt"</a> "."
            </p>
            <p>
                "The rules are in the " <a href=paths::TERMS>"terms"</a> " and the " <a href=paths::PRIVACY>"privacy policy"</a> "."
            </p>
        </article>
    }
}

/// Every version of the policies, newest first.
#[component]
pub fn Policies() -> impl IntoView {
    let context = RequestContext::here();
    let list = Suspend::new(async move {
        match policy::all(&context.backend.db).await {
            Ok(versions) => versions
                .into_iter()
                .map(|version| {
                    let notified = version
                        .material
                        .then_some("Everybody who had an account was told by e-mail.");
                    view! {
                        <li>
                            <h2>
                                <time datetime=version.version.clone()>{version.version.clone()}</time>
                            </h2>
                            <p>{version.summary}</p>
                            {notified.map(|notified| view! { <p class="muted small">{notified}</p> })}
                        </li>
                    }
                })
                .collect_view()
                .into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="What changed" />
        <article class="wrap wrap--text prose">
            <h1>"What changed"</h1>
            <p>
                "Every version of the " <a href=paths::TERMS>"terms"</a> ", the " <a href=paths::PRIVACY>"privacy policy"</a> " and the page about "
                <a href=paths::COOKIES>"cookies"</a> ", newest first."
            </p>
            <ol class="policy-versions">
                <Suspense>{list}</Suspense>
            </ol>
        </article>
    }
}
