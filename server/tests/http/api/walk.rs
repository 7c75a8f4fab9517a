//! Every operation of the table: without a token, with somebody else's, without the scope, and with just the scope.

use axum::http::Method;
use backend::{Scope, TokenKind};
use model::routes::{self, Access, Api, Endpoint, ROUTES, Route};
use serde_json::{Value, json};

use crate::support::{Database, TestApp, mix, on_both_databases, program::Program, receiver::Receiver};

/// What there is to ask for.
struct Things {
    analysis: String,
    song: String,
    upload: String,
    render: String,
    share: String,
    endpoint: String,
    delivery: String,
}

fn method(route: &Route) -> Method {
    match route.method {
        routes::Method::Get | routes::Method::Any => Method::GET,
        routes::Method::Post => Method::POST,
        routes::Method::Put => Method::PUT,
        routes::Method::Patch => Method::PATCH,
        routes::Method::Delete => Method::DELETE,
    }
}

fn body(operation: Api, things: &Things) -> Option<Value> {
    Some(match operation {
        Api::CreateUpload => json!({ "file_name": "a.wav", "size_bytes": 10 }),
        Api::CreateAnalysis => json!({ "upload": things.upload }),
        Api::RenameAnalysis => json!({ "title": "A title" }),
        Api::Judge => json!({ "stage": "master" }),
        Api::Compare => json!({ "with": [] }),
        Api::CreateRender => json!({}),
        Api::CreateShare => json!({ "days": 7 }),
        Api::CreateSong => json!({ "song": "Okapi", "analysis": [things.analysis] }),
        Api::RenameSong => json!({ "song": "Okapi in the rain" }),
        Api::CreateWebhookEndpoint => json!({ "url": "https://example.org/", "events": ["analysis.failed"] }),
        Api::UpdateWebhookEndpoint => json!({ "description": "Catalogue" }),
        _ => return None,
    })
}

/// Which scope an operation takes: said here once more, because the table of the API is what is tested.
const fn scope(operation: Api) -> Scope {
    match operation {
        Api::CreateUpload | Api::UploadParts | Api::CreateAnalysis => Scope::Upload,
        Api::RenameAnalysis
        | Api::DeleteAnalysis
        | Api::Judge
        | Api::Compare
        | Api::CreateRender
        | Api::DeleteRender
        | Api::CreateShare
        | Api::DeleteShare
        | Api::CreateSong
        | Api::RenameSong
        | Api::DeleteSong => Scope::WriteAnalyses,
        Api::CreateWebhookEndpoint
        | Api::UpdateWebhookEndpoint
        | Api::DeleteWebhookEndpoint
        | Api::RotateWebhookSecret
        | Api::PingWebhookEndpoint
        | Api::RedeliverWebhook => Scope::WriteWebhooks,
        Api::ListWebhookEndpoints
        | Api::GetWebhookEndpoint
        | Api::ListWebhookDeliveries
        | Api::GetWebhookDelivery => Scope::ReadWebhooks,
        _ => Scope::ReadAnalyses,
    }
}

/// What the owner is answered.
const fn answered(operation: Api) -> u16 {
    match operation {
        Api::CreateUpload
        | Api::CreateSong
        | Api::CreateAnalysis
        | Api::CreateShare
        | Api::CreateWebhookEndpoint
        | Api::PingWebhookEndpoint => 201,
        // Another one than before: the mix has been judged as a master meanwhile.
        Api::CreateRender => 202,
        Api::DeleteAnalysis
        | Api::DeleteSong
        | Api::DeleteRender
        | Api::DeleteShare
        | Api::DeleteWebhookEndpoint => 204,
        _ => 200,
    }
}

async fn ask(program: &Program, route: &Route, operation: Api, things: &Things) -> u16 {
    let id = match operation {
        Api::UploadParts => &things.upload,
        Api::GetSong | Api::RenameSong | Api::DeleteSong => &things.song,
        Api::GetRender | Api::DeleteRender | Api::GetProof | Api::GetRecipe | Api::GetRenderFile => {
            &things.render
        }
        Api::DeleteShare => &things.share,
        Api::GetWebhookDelivery | Api::RedeliverWebhook => &things.delivery,
        Api::GetWebhookEndpoint
        | Api::UpdateWebhookEndpoint
        | Api::DeleteWebhookEndpoint
        | Api::RotateWebhookSecret
        | Api::PingWebhookEndpoint
        | Api::ListWebhookDeliveries => &things.endpoint,
        _ => &things.analysis,
    };
    let path = route.path.replace("{id}", id);
    let (_, end) = program.token.split_at(program.token.len() - 6);
    let key = format!("{operation:?}-{end}");
    let headers = [("idempotency-key", key.as_str())];
    let answer = program
        .send(method(route), &path, &headers, body(operation, things))
        .await;
    assert!(
        answer.status.is_success() || answer.header("content-type") == "application/problem+json",
        "{path}: {}",
        answer.text()
    );
    answer.status.as_u16()
}

on_both_databases! {
    async fn every_operation_answers_each_token_as_the_table_says(database) {
        let settings = [("webhooks.private_networks", "true"), ("limits.api_requests_per_minute", "1000")];
        let (app, _anon, ann) = TestApp::set_up(database, &settings, |_| {}).await.with_user().await;
        let eve = app.signed_up("eve@example.org").await;
        app.on_studio("ann@example.org").await;
        app.on_studio("eve@example.org").await;
        let owner = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
        let other = app.program(&eve, TokenKind::Live, &Scope::ALL).await;
        let analysis = owner.analyse(&app, "mine.wav", mix()).await;
        let upload = app.texts("SELECT id FROM upload").await.remove(0);
        let song = owner
            .post("/api/v1/songs", "first", json!({ "song": "Quagga", "analysis": [analysis] }))
            .await
            .json::<Value>()["id"].as_str().unwrap().to_owned();
        let address = format!("/api/v1/analyses/{analysis}");
        let render = owner.post(&format!("{address}/renders"), "render", json!({})).await;
        let render = render.json::<Value>()["id"].as_str().unwrap().to_owned();
        app.run_jobs().await;
        let share = owner.post(&format!("{address}/shares"), "share", json!({ "days": 1 })).await;
        let share = share.json::<Value>()["id"].as_str().unwrap().to_owned();
        let receiver = Receiver::start().await;
        let endpoint = owner
            .post("/api/v1/webhook-endpoints", "endpoint", json!({ "url": receiver.url, "events": ["analysis.failed"] }))
            .await
            .json::<Value>()["id"].as_str().unwrap().to_owned();
        let delivery = owner
            .post(&format!("/api/v1/webhook-endpoints/{endpoint}/ping"), "ping", json!({}))
            .await
            .json::<Value>()["id"].as_str().unwrap().to_owned();
        // What has ended can be sent once more.
        app.run_jobs().await;
        let things = Things { analysis, song, upload, render, share, endpoint, delivery };
        let mut scoped = Vec::new();
        for scope in Scope::ALL {
            scoped.push((scope, app.program(&ann, TokenKind::Live, &[scope]).await));
        }
        let mut table: Vec<(&Route, Api)> = ROUTES
            .iter()
            .filter_map(|route| match route.endpoint {
                Endpoint::Api(operation) => Some((route, operation)),
                _ => None,
            })
            .collect();
        // What ends things is asked last. Grouping as another song ends the first one.
        table.sort_by_key(|(_, operation)| match operation {
            Api::DeleteSong | Api::DeleteRender | Api::DeleteShare => 1,
            Api::CreateSong => 2,
            Api::DeleteAnalysis => 3,
            Api::DeleteWebhookEndpoint => 4,
            _ => 0,
        });
        let nobody = app.program_with("mlp_nothing");
        let mut wrong = Vec::new();
        for (route, operation) in table {
            let needed = scope(operation);
            let not_theirs = match (route.access, operation) {
                (Access::Owner, _) | (_, Api::CreateSong | Api::CreateAnalysis) => 404,
                _ => answered(operation),
            };
            let mut expect = |who: &str, seen: u16, expected: u16| {
                if seen != expected {
                    wrong.push(format!("{operation:?} {who}: expected {expected}, seen {seen}"));
                }
            };
            expect("nobody", ask(&nobody, route, operation, &things).await, 401);
            expect("another", ask(&other, route, operation, &things).await, not_theirs);
            let lacks = |own: Scope| !own.includes(needed);
            for (_, program) in scoped.iter().filter(|(scope, _)| lacks(*scope)) {
                expect("without the scope", ask(program, route, operation, &things).await, 403);
            }
            let (_, program) = scoped.iter().find(|(scope, _)| *scope == needed).unwrap();
            expect("with just the scope", ask(program, route, operation, &things).await, answered(operation));
        }
        app.run_jobs().await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
