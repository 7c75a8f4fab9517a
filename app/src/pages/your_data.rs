//! Everything that is held about the signed-in person, its export, and its deletion (P12, P14, P15). Works without a script.

use backend::privacy::{self, DataOverview, DisplayValue, Section, consent::Answer, export};
use leptos::prelude::*;
use leptos_meta::Title;
use model::account::Me;

use crate::{
    format,
    pages::{
        account_area::{AccountPage, AccountTab},
        not_found::failed,
        post_form::PostForm,
        secret_fields::{PresentPassword, SecondFactorCode},
    },
    paths,
    request_context::{FormErrors, RequestContext, redirect_to_sign_in},
    ui::{Button, ButtonKind, ButtonLink, Checkbox, DataTable, ErrorSummary, Notice, Table, Tone},
};

/// Everything that is held about the person; for signed-in people.
#[component]
pub fn YourData() -> impl IntoView {
    let context = RequestContext::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::YOUR_DATA);
        return ().into_any();
    }
    let contact = context.backend.config.privacy_email.clone();
    let counts = context.backend.statistics.is_on();
    let everything = Suspend::new(async move {
        match privacy::held(&context.backend, &context.actor).await {
            Ok(held) => view! { <Everything held=held counts=counts csrf=context.csrf /> }.into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <AccountPage subject=AccountTab::Privacy>
            <p class="lead">"Everything that MixLens holds about you: to see, to take with you, and to delete."</p>
            <Suspense>{everything}</Suspense>
            <p class="muted">
                "Something is wrong, or not clear? Write to " <a href=format!("mailto:{contact}")>{contact.clone()}</a>
                ". Why each thing is kept is in the " <a href=paths::PRIVACY>"privacy policy"</a> "."
            </p>
        </AccountPage>
    }
    .into_any()
}

/// The page itself, once it is read.
#[component]
fn Everything(held: DataOverview, counts: bool, csrf: String) -> impl IntoView {
    let (filled, empty): (Vec<Section>, Vec<Section>) = held
        .sections
        .into_iter()
        .partition(|section| !section.rows.is_empty());
    let sections = filled.into_iter().map(section).collect_view();
    let empty: Vec<&str> = empty.iter().map(|section| section.table.title).collect();
    let copies = held.copies.into_iter().map(export_line).collect::<Vec<_>>();
    let has_copies = !copies.is_empty();
    view! {
        <div class="stack plate">
            <h2>"A copy of it"</h2>
            <p>
                "A zip with everything below for machines (JSON), and the history of your analyses for a spreadsheet (CSV). It takes a moment to make; "
                "we write to you when it is there. It can be fetched for " {export::KEPT.as_secs() / 3600} " hours."
            </p>
            {has_copies.then(|| view! { <ul class="exports">{copies}</ul> })}
            <PostForm action=paths::EXPORT csrf=csrf class="row">
                <Button>"Make a copy"</Button>
            </PostForm>
        </div>
        {counts
            .then(|| {
                let said = match held.statistics {
                    Some(Answer::Yes) => "You allowed statistics.",
                    Some(Answer::No) => "You declined statistics. You are not counted in any browser.",
                    None => "You have not said anything about statistics.",
                };
                view! {
                    <div class="stack">
                        <h2>"Statistics"</h2>
                        <p>{said} " " <a href=paths::COOKIES>"Change it"</a></p>
                    </div>
                }
            })}
        {sections}
        {(!empty.is_empty())
            .then(|| {
                view! {
                    <section class="stack dataset" aria-labelledby="nothing-kept">
                        <h2 id="nothing-kept">"No data held here"</h2>
                        <p class="muted">{empty.join(", ")} "."</p>
                    </section>
                }
            })}
        <div class="stack danger-zone">
            <h2>"Delete everything"</h2>
            <p>"Your account, your reports and your files, at once and for good."</p>
            <p>
                <ButtonLink href=paths::DELETE_ACCOUNT kind=ButtonKind::Danger>
                    "Delete the account"
                </ButtonLink>
            </p>
        </div>
    }
    .into_any()
}

fn export_line(copy: export::Copy) -> AnyView {
    let asked = format::date_time(copy.asked_at);
    let state = match copy.state {
        export::ExportState::Building => "It is being made. Reload this page in a moment.".into_any(),
        export::ExportState::Ready { id, until, bytes } => view! {
            <a href=paths::export_archive(id)>"Download"</a>
            " (" {format::bytes(bytes)} "), until " <time datetime=until.rfc3339()>{format::date_time(until)}</time>
        }
        .into_any(),
        export::ExportState::Failed => "It could not be made, which is our fault. Try again.".into_any(),
        export::ExportState::Removed => "It was removed after its day.".into_any(),
    };
    view! {
        <li>
            "Of " <time datetime=copy.asked_at.rfc3339()>{asked}</time> ": " {state}
        </li>
    }
    .into_any()
}

fn section(section: Section) -> AnyView {
    let table = section.table;
    let body = if section.rows.len() == 1 {
        section.rows.into_iter().map(facts).collect_view().into_any()
    } else {
        rows(&section)
    };
    let more = section.more.then(|| {
        view! {
            <p class="muted small">
                "These are the first " {privacy::ROWS_SHOWN} ". All of them are in the copy, and your analyses in the "
                <a href=paths::HISTORY>"history"</a> "."
            </p>
        }
    });
    view! {
        <section class="stack dataset" aria-labelledby=format!("data-{}", table.name)>
            <div>
                <h2 id=format!("data-{}", table.name)>{table.title}</h2>
                <p class="muted small">{table.about} " Kept: " {table.kept}</p>
            </div>
            {body}
            {more}
        </section>
    }
    .into_any()
}

/// One row as a list of names and values.
fn facts(row: Vec<privacy::Cell>) -> AnyView {
    let lines = row
        .into_iter()
        .filter(|cell| cell.value != DisplayValue::Nothing)
        .map(|cell| {
            let value = match cell.value {
                DisplayValue::Moment(at) => {
                    view! { <time datetime=at.rfc3339()>{format::date_time(at)}</time> }.into_any()
                }
                value => words(&value).into_any(),
            };
            view! {
                <div>
                    <dt>{cell.column.label}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="dataset__fields">{lines}</dl> }.into_any()
}

/// Several rows as a table. Numbers of ours stand last: nobody looks for a row by them.
fn rows(section: &Section) -> AnyView {
    let in_order = |row: &[privacy::Cell]| -> Vec<privacy::Cell> {
        let (ids, others): (Vec<_>, Vec<_>) = row
            .iter()
            .cloned()
            .partition(|cell| cell.column.name.ends_with("id"));
        others.into_iter().chain(ids).collect()
    };
    let ordered: Vec<Vec<privacy::Cell>> = section.rows.iter().map(|row| in_order(row)).collect();
    let columns: Vec<&str> = ordered
        .first()
        .map(|row| row.iter().map(|cell| cell.column.label).collect())
        .unwrap_or_default();
    let rows = ordered
        .iter()
        .map(|row| row.iter().map(|cell| words(&cell.value)).collect())
        .collect();
    let data = DataTable::new(section.table.title, &columns, rows);
    let label = format!("Rows of {}", section.table.title.to_lowercase());
    view! {
        <div class="scroller dataset__table" role="region" tabindex="0" aria-label=label>
            <Table data=data numeric=false />
        </div>
    }
    .into_any()
}

fn words(value: &DisplayValue) -> String {
    match value {
        DisplayValue::Nothing => format::DASH.to_owned(),
        DisplayValue::Words(words) => words.clone(),
        DisplayValue::Moment(at) => format::date_time(*at),
        DisplayValue::Document(bytes) => {
            format!("{} of measurements, in the copy", format::bytes(*bytes as u64))
        }
    }
}

/// Asks whether to delete the account, with what goes and what cannot be undone; for signed-in people.
#[component]
pub fn DeleteAccount() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Some(Me { email, .. }) = context.me() else {
        redirect_to_sign_in(paths::DELETE_ACCOUNT);
        return ().into_any();
    };
    let asks_for_code = context.actor.user().is_ok_and(|user| user.has_second_factor);
    let sells = context.backend.config.sells();
    view! {
        <Title text="Delete the account" />
        <section class="wrap wrap--narrow stack">
            <h1>"Delete the account"</h1>
            <p>"This deletes the account of " <strong class="breakable">{email.clone()}</strong> " and everything in it:"</p>
            <ul class="bullets">
                <li>"all reports and their numbers,"</li>
                <li>"all audio that is still kept,"</li>
                <li>"your name, address, password, second factor and settings,"</li>
                <li>"every signed-in browser, and all work under way."</li>
                {sells
                    .then(|| {
                        view! {
                            <li>
                                "a plan that you pay for: it ends at once, and Stripe deletes you as its customer. Within "
                                {backend::billing::withdrawal::DAYS} " days of buying it you get back what you paid."
                            </li>
                        }
                    })}
            </ul>
            <p>
                "It happens at once and cannot be undone. If you want to keep the numbers, "
                <a href=paths::YOUR_DATA>"make a copy"</a> " first."
            </p>
            <ErrorSummary errors=form_errors.errors() />
            <PostForm action=paths::DELETE_ACCOUNT csrf=context.csrf>
                // For password managers: whose password it is.
                <input type="hidden" name="username" autocomplete="username" value=email />
                <PresentPassword label="Your password" hint="So that nobody else at your computer can delete it." form_errors=form_errors.clone() />
                <SecondFactorCode asked=asks_for_code form_errors=form_errors.clone() />
                <Checkbox name="sure" required=true checked=form_errors.value("sure").is_some() error=form_errors.error("sure")>
                    "I want to delete everything, for good"
                </Checkbox>
                <div class="row">
                    <Button kind=ButtonKind::Danger>"Delete everything"</Button>
                    <ButtonLink href=paths::YOUR_DATA>"Keep it"</ButtonLink>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}

/// Said when the account is gone.
#[component]
pub fn AccountDeleted() -> impl IntoView {
    view! {
        <Title text="Deleted" />
        <section class="wrap wrap--narrow stack">
            <h1>"Your account is deleted"</h1>
            <Notice tone=Tone::Ok title="Done" role="status">
                "Your account, your reports and your settings are gone. Your files follow within minutes."
            </Notice>
            <p>"One last e-mail says so, and then we forget your address."</p>
            <p>
                <ButtonLink href=paths::HOME>"Home"</ButtonLink>
            </p>
        </section>
    }
    .into_any()
}
