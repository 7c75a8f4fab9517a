//! Every route of the table, for nobody, for another person and for the owner. Somebody else's row is not found, never
//! forbidden.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use model::routes::{
    self, Access, Callback, Download, Endpoint, Form, Function, Page, ROUTES, Route, System,
};

use crate::support::{Database, Person, TestApp, Uploaded, mix, on_both_databases};

/// What the owner, or anybody where everybody may ask, is answered to a form with the fields of [`FIELDS`].
const fn answered(form: Form) -> u16 {
    match form {
        Form::ConfirmSignUp
        | Form::SignInCode
        | Form::Reset
        | Form::ConfirmEmail
        | Form::Unsubscribe
        // The mix of the walk needs no step.
        | Form::StepAudio
        // The id is that of an analysis.
        | Form::EndSession
        | Form::EndShare
        | Form::RevokeToken
        | Form::UpdateWebhook
        | Form::PingWebhook
        | Form::PauseWebhook
        | Form::ResumeWebhook
        | Form::RotateWebhook
        | Form::DeleteWebhook
        | Form::RedeliverWebhook
        // The id is no plan.
        | Form::ChangePlan => 404,
        // The plan has none.
        Form::CreateWebhook => 402,
        Form::RenewCodes
        | Form::MeasureAgain
        | Form::RenderAgain
        // Nothing is sold.
        | Form::Portal => 409,
        Form::SignUp
        | Form::SignIn
        | Form::Forgot
        | Form::GroupSong
        | Form::DeleteAnalyses
        | Form::RenameAccount
        | Form::ChangeEmail
        | Form::ConfirmPassword
        | Form::ChangePassword
        | Form::ConfirmSecondFactor
        | Form::Checkout
        | Form::CreateToken
        | Form::DeleteAccount
        // The step is none of its.
        | Form::Withdraw
        // For how long is not said.
        | Form::ShareAnalysis => 422,
        Form::SignOut
        | Form::RenameAnalysis
        | Form::DeleteAnalysis
        | Form::Stage
        | Form::Comparison
        | Form::StartRender
        | Form::DeleteRender
        | Form::AnalysisSong
        | Form::RenameSong
        | Form::DeleteSong
        | Form::EndOtherSessions
        | Form::BeginSecondFactor
        | Form::TurnOffSecondFactor
        | Form::EmailPreferences
        | Form::Export
        | Form::Consent => 303,
    }
}

/// The fields of every form: those that are refused lack others.
const FIELDS: &[(&str, &str)] = &[
    ("title", "A title"),
    ("song", "Okapi"),
    ("stage", ""),
    ("step", "0"),
];

/// The status for nobody, for another person, for the owner.
const fn expected(route: &Route) -> [u16; 3] {
    match (route.endpoint, route.access) {
        // Nobody has begun to set it up.
        (Endpoint::Page(Page::SecondFactor), _) | (Endpoint::Callback(Callback::UnsubscribePage), _) => {
            [303; 3]
        }
        // The id is no token, and none of the demo's.
        (Endpoint::Page(Page::Shared | Page::DemoPage) | Endpoint::System(System::DemoAudio), _) => [404; 3],
        // The id is that of an analysis; `webhooks` has one of its own.
        (Endpoint::Page(Page::Webhook), _) => [303, 404, 404],
        // The id is no plan.
        (Endpoint::Page(Page::ChangePlan) | Endpoint::Form(Form::ChangePlan), _) => [404; 3],
        (Endpoint::Page(_), Access::SignedIn) => [303, 200, 200],
        (Endpoint::Page(_), Access::Owner) => [303, 404, 200],
        (Endpoint::Form(form), Access::SignedIn) => [303, answered(form), answered(form)],
        (Endpoint::Form(form), Access::Owner) => [303, 404, answered(form)],
        (Endpoint::Form(form), Access::Anyone | Access::Presigned) => [answered(form); 3],
        // No cookie opens the API; `api::walk` asks with tokens.
        (Endpoint::Api(_) | Endpoint::Mcp, _) => [401; 3],
        (Endpoint::Function(Function::BrowserFault), _) => [422; 3],
        (Endpoint::Function(_), Access::SignedIn) => [401, 200, 200],
        // The id of the walk is that of an analysis.
        (Endpoint::Download(Download::ExportArchive), _) => [401, 404, 404],
        (Endpoint::Download(Download::RenderFile), _) => [401, 404, 307],
        // Everybody has a history.
        (Endpoint::Download(Download::HistoryTable), _) => [401, 200, 200],
        (Endpoint::Function(_) | Endpoint::Download(_), _) => [401, 404, 200],
        // Nothing is sold.
        (Endpoint::Callback(Callback::StripeEvent), _) => [409; 3],
        (Endpoint::Callback(Callback::Unsubscribe), _) | (Endpoint::System(System::Assets), _) => [404; 3],
        (Endpoint::System(System::ObjectStore), _) => [403; 3],
        (Endpoint::Page(_) | Endpoint::System(_), _) => [200; 3],
    }
}

/// What ends things is asked last.
const fn order(route: &Route) -> u8 {
    match route.endpoint {
        // A song without versions is none: it goes before its only one.
        Endpoint::Form(Form::DeleteSong | Form::DeleteRender) => 1,
        Endpoint::Form(Form::DeleteAnalysis) => 2,
        Endpoint::Form(Form::SignOut) => 3,
        _ => 0,
    }
}

on_both_databases! {
    async fn every_route_answers_each_person_as_the_table_says(database) {
        let (app, anon, owner) = TestApp::on(database).await.with_user().await;
        let other = app.signed_up("other@example.org").await;
        let uploaded = owner.upload("mine.wav", mix()).await;
        app.run_jobs().await;
        let grouped = owner
            .post("/songs", &[("song", "Okapi"), ("analysis", &uploaded.analysis.to_string())])
            .await;
        let song = grouped.header("location").trim_start_matches("/songs/").to_owned();
        let started = owner.post(&format!("/analyses/{}/plan", uploaded.analysis), &[]).await;
        let render = started.header("location").trim_start_matches("/renders/").to_owned();
        app.run_jobs().await;
        let mut wrong = Vec::new();
        let mut table: Vec<&Route> = ROUTES.iter().collect();
        table.sort_by_key(|route| order(route));
        for route in table {
            let mut seen = [0; 3];
            // The owner is last: a deletion must find the row untouched by the others.
            for (seen, person) in seen.iter_mut().zip([&anon, &other, &owner]) {
                *seen = status(person, route, &uploaded, &song, &render).await;
            }
            if seen != expected(route) {
                wrong.push(format!("{:?} {}: expected {:?}, seen {seen:?}", route.method, route.path, expected(route)));
            }
        }
        app.run_jobs().await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_takes_no_method_that_the_table_does_not_list() {
    let settings = [("limits.writes_per_minute", "10000")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (app, _anon, owner) = app.with_user().await;
    let uploaded = owner.upload("mine.wav", mix()).await;
    app.run_jobs().await;
    let token = owner.csrf_token().await;
    let before = app.everything_stored().await;
    let mut wrong = Vec::new();
    for path in addresses() {
        // Everything under the bucket is signed by method (P04); the API asks for a token first.
        if path.starts_with("/{bucket}") || is_of_api(path) {
            continue;
        }
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
        ] {
            if Route::find(method.as_str(), path).is_some() {
                continue;
            }
            let headers = [
                ("sec-fetch-site", "same-origin"),
                ("x-csrf-token", token.as_str()),
            ];
            let address = address_of(path, &uploaded, "no-song", "no-render");
            let answer = owner.send(method.clone(), &address, &headers, Vec::new()).await;
            // Whoever asks for a form's address by hand is led to its page.
            let expected: &[u16] = match method {
                Method::GET => &[303, 404, 405],
                _ => &[405],
            };
            if !expected.contains(&answer.status.as_u16()) {
                wrong.push(format!("{method} {path}: {}", answer.status));
            } else if answer.status == 405 && answer.header("allow").is_empty() {
                wrong.push(format!("{method} {path}: 405 that does not say what is allowed"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(app.everything_stored().await, before, "and nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_the_address_of_a_form_is_led_to_the_page_it_stands_on() {
    let (app, _anon, owner) = TestApp::init().await.with_user().await;
    let uploaded = owner.upload("mine.wav", mix()).await;
    app.run_jobs().await;
    for route in ROUTES {
        let (Endpoint::Form(_), Some(page)) = (route.endpoint, route.page) else {
            continue;
        };
        if Route::find("GET", route.path).is_some() {
            continue;
        }
        let page = Route::of_page(page).unwrap();
        let answer = owner
            .get(&address_of(route.path, &uploaded, "no-song", "no-render"))
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", route.path);
        let expected = address_of(page.path, &uploaded, "no-song", "no-render");
        assert_eq!(answer.header("location"), expected, "{}", route.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_a_page_that_says_so() {
    let (_app, _anon, owner) = TestApp::init().await.with_user().await;
    let of_pages = |route: &&Route| route.path.contains("{id}") && !is_of_api(route.path);
    for route in ROUTES.iter().filter(of_pages) {
        for id in ["x", "0", "%00", "..", "0190000000007000800000000000000g"] {
            let path = route.path.replace("{id}", id);
            let answer = match route.method {
                routes::Method::Post => owner.post(&path, FIELDS).await,
                _ => {
                    owner
                        .send(Method::GET, &path, &[("accept", "text/html")], Vec::new())
                        .await
                }
            };
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.text().contains("<main"), "{path} is a page");
        }
    }
}

/// Every address that can be visited, pages and all else, with this report's in place of any.
pub fn visited(uploaded: &Uploaded) -> Vec<String> {
    addresses()
        .into_iter()
        .map(|path| {
            let address = address_of(path, uploaded, "no-song", "no-render");
            match Route::find("GET", path).map(|route| route.endpoint) {
                Some(Endpoint::Function(_)) => format!("{address}?id={}", uploaded.analysis),
                _ => address,
            }
        })
        .collect()
}

/// Whether an address is an operation of the API, which answers nobody without a token.
fn is_of_api(path: &str) -> bool {
    ROUTES
        .iter()
        .any(|route| route.path == path && matches!(route.endpoint, Endpoint::Api(_) | Endpoint::Mcp))
}

fn addresses() -> BTreeSet<&'static str> {
    ROUTES.iter().map(|route| route.path).collect()
}

fn address_of(path: &str, uploaded: &Uploaded, song: &str, render: &str) -> String {
    let id = if path.starts_with("/songs") {
        song.to_owned()
    } else if path.starts_with("/renders") {
        render.to_owned()
    } else {
        uploaded.analysis.to_string()
    };
    let (_, object) = uploaded
        .presigned
        .url
        .as_ref()
        .unwrap()
        .split_once("/mixlens/")
        .unwrap();
    let (key, _) = object.split_once('?').unwrap();
    path.replace("{id}", &id)
        .replace("{bucket}", "mixlens")
        .replace("{*key}", key)
}

async fn status(person: &Person, route: &Route, uploaded: &Uploaded, song: &str, render: &str) -> u16 {
    let path = address_of(route.path, uploaded, song, render);
    let answer = match route.endpoint {
        // With a token, it stands on the page of an email's link.
        Endpoint::Form(Form::Unsubscribe) => person.post(&path, &[("token", "x")]).await,
        Endpoint::Form(_) | Endpoint::Callback(Callback::Unsubscribe | Callback::StripeEvent) => {
            person.post(&path, FIELDS).await
        }
        Endpoint::Function(Function::BeginUpload) => {
            let file = serde_json::json!({ "file": { "file_name": "a.wav", "size_bytes": 1000 } });
            person.call(&path, file).await
        }
        Endpoint::Function(Function::UploadParts | Function::CompleteUpload | Function::BrowserFault) => {
            let upload = serde_json::json!({ "upload": uploaded.presigned.upload });
            person.call(&path, upload).await
        }
        Endpoint::Function(Function::RenderProgress) => person.get(&format!("{path}?id={render}")).await,
        Endpoint::Api(_) | Endpoint::Mcp => {
            let method = match route.method {
                routes::Method::Get | routes::Method::Any => Method::GET,
                routes::Method::Post => Method::POST,
                routes::Method::Put => Method::PUT,
                routes::Method::Patch => Method::PATCH,
                routes::Method::Delete => Method::DELETE,
            };
            person.send(method, &path, &[], Vec::new()).await
        }
        Endpoint::Function(_) => person.get(&format!("{path}?id={}", uploaded.analysis)).await,
        _ => person.get(&path).await,
    };
    answer.status.as_u16()
}
