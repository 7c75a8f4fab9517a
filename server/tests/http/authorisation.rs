//! Every route, for nobody, for another person and for the owner. Somebody else's row is not found, never forbidden.

use std::collections::BTreeSet;

use axum::http::Method;

use crate::world::{Database, Person, TestApp, Uploaded, mix};

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Get,
    Form,
    Json,
}
use By::{Form, Get, Json};

/// Method, route template, and the status for nobody, for another person, for the owner.
type Line = (By, &'static str, [u16; 3]);

const MATRIX: &[Line] = &[
    (Get, "/", [200, 200, 200]),
    (Get, "/methodology", [200, 200, 200]),
    (Get, "/rules", [200, 200, 200]),
    (Get, "/terms", [200, 200, 200]),
    (Get, "/privacy", [200, 200, 200]),
    (Get, "/cookies", [200, 200, 200]),
    (Get, "/policies", [200, 200, 200]),
    (Get, "/contact", [200, 200, 200]),
    (Get, "/.well-known/security.txt", [200, 200, 200]),
    (Get, "/account/deleted", [200, 200, 200]),
    (Get, "/account/privacy", [303, 200, 200]),
    (Get, "/account/privacy/export", [303, 200, 200]),
    (Get, "/account/privacy/delete", [303, 200, 200]),
    (Form, "/browser-fault", [422, 422, 422]),
    (Form, "/consent", [303, 303, 303]),
    (Form, "/account/privacy/export", [303, 303, 303]),
    (Form, "/account/privacy/delete", [303, 422, 422]),
    (Get, "/signup", [200, 200, 200]),
    (Get, "/signup/sent", [200, 200, 200]),
    (Get, "/signup/confirm", [200, 200, 200]),
    (Get, "/signin", [200, 200, 200]),
    (Form, "/signup", [422, 422, 422]),
    (Form, "/signup/confirm", [404, 404, 404]),
    (Form, "/signin", [422, 422, 422]),
    (Get, "/upload", [303, 200, 200]),
    (Get, "/history", [303, 200, 200]),
    (Get, "/references", [303, 200, 200]),
    (Get, "/analyses/{id}/comparison", [303, 404, 200]),
    (Form, "/analyses/{id}/comparison", [303, 404, 303]),
    (Get, "/analyses/{id}", [303, 404, 200]),
    (Get, "/analyses/{id}/rename", [303, 404, 200]),
    (Get, "/analyses/{id}/delete", [303, 404, 200]),
    (Get, "/analyses/{id}/stage", [303, 404, 200]),
    (Get, "/fn/analyses/progress", [401, 404, 200]),
    (Get, "/fn/analyses/audio", [401, 404, 200]),
    (Get, "/fn/analyses/preview", [401, 404, 200]),
    (Json, "/fn/uploads/begin", [401, 200, 200]),
    (Json, "/fn/uploads/complete", [401, 404, 200]),
    (Get, "/fn/{*function}", [404, 404, 404]),
    (Get, "/healthz", [200, 200, 200]),
    (Get, "/readyz", [200, 200, 200]),
    (Get, "/favicon.svg", [200, 200, 200]),
    (Get, "/pkg", [404, 404, 404]),
    (Get, "/dev/mail", [200, 200, 200]),
    (Get, "/dev/mail/previews", [200, 200, 200]),
    (Get, "/{bucket}", [403, 403, 403]),
    (Get, "/{bucket}/", [403, 403, 403]),
    (Get, "/{bucket}/{{*key}}", [403, 403, 403]),
    (Form, "/analyses/{id}/rename", [303, 404, 303]),
    (Get, "/analyses/{id}/report.json", [401, 404, 200]),
    (Get, "/analyses/{id}/report.html", [401, 404, 200]),
    (Form, "/analyses/{id}/stage", [303, 404, 303]),
    (Get, "/analyses/{id}/song", [303, 404, 200]),
    (Form, "/analyses/{id}/song", [303, 404, 303]),
    (Get, "/songs", [303, 200, 200]),
    (Form, "/songs", [303, 422, 422]),
    (Get, "/songs/{id}", [303, 404, 200]),
    (Get, "/songs/{id}/rename", [303, 404, 200]),
    (Get, "/songs/{id}/delete", [303, 404, 200]),
    (Form, "/songs/{id}/rename", [303, 404, 303]),
    (Form, "/songs/{id}/delete", [303, 404, 303]),
    (Form, "/analyses/{id}/delete", [303, 404, 303]),
    (Get, "/account", [303, 200, 200]),
    (Get, "/account/security", [303, 200, 200]),
    (Get, "/account/second-factor", [303, 303, 303]),
    (Get, "/account/email-preferences", [303, 200, 200]),
    (Get, "/account/email/confirm", [200, 200, 200]),
    (Get, "/account/confirm", [303, 200, 200]),
    (Get, "/account/name", [303, 303, 303]),
    (Get, "/account/sessions/{id}/end", [303, 303, 303]),
    (Get, "/signin/code", [200, 200, 200]),
    (Get, "/signin/forgot", [200, 200, 200]),
    (Get, "/signin/forgot/sent", [200, 200, 200]),
    (Get, "/signin/reset", [200, 200, 200]),
    (Get, "/email/unsubscribe", [303, 303, 303]),
    (Form, "/email/unsubscribe", [404, 404, 404]),
    (Form, "/signin/code", [404, 404, 404]),
    (Form, "/signin/forgot", [422, 422, 422]),
    (Form, "/signin/reset", [404, 404, 404]),
    (Form, "/account/name", [303, 422, 422]),
    (Form, "/account/email", [303, 422, 422]),
    (Form, "/account/email/confirm", [404, 404, 404]),
    (Form, "/account/confirm", [303, 422, 422]),
    (Form, "/account/password", [303, 422, 422]),
    (Form, "/account/sessions/{id}/end", [303, 404, 404]),
    (Form, "/account/sessions/end-others", [303, 303, 303]),
    (Form, "/account/second-factor/codes", [303, 409, 409]),
    (Form, "/account/second-factor/confirm", [303, 303, 303]),
    (Form, "/account/second-factor/begin", [303, 303, 303]),
    (Form, "/account/second-factor/off", [303, 303, 303]),
    (Form, "/account/email-preferences", [303, 303, 303]),
    (Form, "/account/email-preferences/unsubscribe", [404, 404, 404]),
    (Form, "/signout", [303, 303, 303]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_each_person_as_the_matrix_says() {
    let (app, anon, owner) = TestApp::init().await.with_user().await;
    let other = app.signed_up("other@example.org").await;
    let uploaded = owner.upload("mine.wav", mix()).await;
    app.run_jobs().await;
    let grouped = owner
        .post(
            "/songs",
            &[("song", "Okapi"), ("analysis", &uploaded.analysis.to_string())],
        )
        .await;
    let song = grouped
        .header("location")
        .trim_start_matches("/songs/")
        .to_owned();
    let mut wrong = Vec::new();
    for (by, route, expected) in MATRIX {
        let mut seen = [0; 3];
        // The owner is last: a deletion must find the row untouched by the others.
        for (seen, person) in seen.iter_mut().zip([&anon, &other, &owner]) {
            *seen = status(person, *by, route, &uploaded, &song).await;
        }
        if seen != *expected {
            wrong.push(format!("{by:?} {route}: expected {expected:?}, seen {seen:?}"));
        }
    }
    app.run_jobs().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_takes_no_method_that_the_matrix_does_not_list() {
    let settings = [("limits.writes_per_minute", "10000")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (app, _anon, owner) = app.with_user().await;
    let uploaded = owner.upload("mine.wav", mix()).await;
    app.run_jobs().await;
    let token = owner.csrf_token().await;
    let before = app.everything_stored().await;
    let mut wrong = Vec::new();
    for route in MATRIX.iter().map(|(_, route, _)| *route).collect::<BTreeSet<_>>() {
        let listed = |wanted: &[By]| {
            MATRIX
                .iter()
                .any(|(by, known, _)| *known == route && wanted.contains(by))
        };
        // Everything under the bucket is signed by method (P04).
        if route.starts_with("/{bucket}") {
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
            if (method == Method::GET && listed(&[Get])) || (method == Method::POST && listed(&[Form, Json]))
            {
                continue;
            }
            let by = if listed(&[Get]) { Get } else { Form };
            let headers = [
                ("sec-fetch-site", "same-origin"),
                ("x-csrf-token", token.as_str()),
            ];
            let form_response = owner
                .send(
                    method.clone(),
                    &path_of(by, route, &uploaded, "no-song"),
                    &headers,
                    Vec::new(),
                )
                .await;
            // A server function of another method is none; whoever asks for a form's address by hand is led to its page.
            let expected: &[u16] = match route {
                _ if route.starts_with("/fn/") => &[404],
                _ if method == Method::GET => &[303, 404, 405],
                _ => &[405],
            };
            if !expected.contains(&form_response.status.as_u16()) {
                wrong.push(format!("{method} {route}: {}", form_response.status));
            } else if form_response.status == 405 && form_response.header("allow").is_empty() {
                wrong.push(format!("{method} {route}: 405 that does not say what is allowed"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(app.everything_stored().await, before, "and nothing was changed");
}

#[test]
fn the_matrix_lists_every_route() {
    let listed: BTreeSet<&str> = MATRIX.iter().map(|(_, route, _)| *route).collect();
    let mut routes = BTreeSet::new();
    for (source, calls) in [
        (
            include_str!("../../src/router.rs"),
            &[".route(\"", "route_service(&format!(\""][..],
        ),
        (include_str!("../../src/account.rs"), &[".route(\""][..]),
        (include_str!("../../src/songs.rs"), &[".route(\""][..]),
        (
            include_str!("../../src/assets.rs"),
            &["route_service(\"", "nest_service(\""][..],
        ),
        (include_str!("../../../app/src/shell.rs"), &["path!(\""][..]),
    ] {
        for call in calls {
            routes.extend(
                source
                    .split(call)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next()),
            );
        }
    }
    assert!(
        routes.len() > 20,
        "the routes are found in the sources: {routes:?}"
    );
    let pages: Vec<String> = routes.iter().map(|route| route.replace(":id", "{id}")).collect();
    let functions: Vec<String> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.to_owned())
        .collect();
    assert!(!functions.is_empty(), "the server functions are registered");
    for route in pages.iter().chain(&functions) {
        assert!(
            listed.contains(route.as_str()),
            "the matrix does not list {route}"
        );
    }
}

/// Every address that can be visited, pages and all else, with this report's in place of any.
pub fn visited(uploaded: &Uploaded) -> Vec<String> {
    let gets = MATRIX.iter().filter(|(by, ..)| *by == Get);
    gets.map(|(_, route, _)| path_of(Get, route, uploaded, "no-song"))
        .collect()
}

fn path_of(by: By, route: &str, uploaded: &Uploaded, song: &str) -> String {
    let id = if route.starts_with("/songs") {
        song.to_owned()
    } else {
        uploaded.analysis.to_string()
    };
    let key = uploaded
        .ticket
        .url
        .split("/mixlens/")
        .nth(1)
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    let path = route
        .replace("{id}", &id)
        .replace("{bucket}", "mixlens")
        .replace("{{*key}}", key)
        .replace("{*function}", "nothing");
    if by == Get && path.starts_with("/fn/analyses") {
        return format!("{path}?id={id}");
    }
    path
}

async fn status(person: &Person, by: By, route: &str, uploaded: &Uploaded, song: &str) -> u16 {
    let path = path_of(by, route, uploaded, song);
    let form_response = match by {
        Get => person.send(Method::GET, &path, &[], Vec::new()).await,
        Form => {
            person
                .post(&path, &[("title", "A title"), ("song", "Okapi")])
                .await
        }
        Json if path.ends_with("begin") => {
            let file = serde_json::json!({ "file": { "file_name": "a.wav", "size_bytes": 1000 } });
            person.call(&path, file).await
        }
        Json => {
            person
                .call(&path, serde_json::json!({ "upload": uploaded.ticket.upload }))
                .await
        }
    };
    form_response.status.as_u16()
}
