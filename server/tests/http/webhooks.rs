//! Webhooks (P27): registered, told of what happens, verified, tried again, and left alone when they ask for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::Duration,
};

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind, cleanup, db::sql, plans, work};
use model::plan::Plan;
use serde_json::{Value, json};

use crate::programs::{Installation, eventually};
use crate::support::{
    Database, Person, TestApp,
    hooks::{Hook, Hooks, Reply},
    mix, on_both_databases,
    program::Program,
};

const EMAIL: &str = "ann@example.org";
const DAY: Duration = Duration::from_secs(24 * 3600);
const ALL: [&str; 5] = [
    "analysis.complete",
    "analysis.failed",
    "render.complete",
    "render.failed",
    "audio.deleted",
];

/// Somebody on Studio, where endpoints may be on this machine.
async fn set_up(database: Database) -> (TestApp, Person) {
    let settings = [("webhooks.private_networks", "true")];
    let (app, _anon, ann) = TestApp::set_up(database, &settings, |_| {})
        .await
        .with_user()
        .await;
    app.on_studio(EMAIL).await;
    (app, ann)
}

/// An endpoint as it was made on the page.
struct Endpoint {
    page: String,
    secret: String,
    standard: String,
}

fn shown(page: &str, id: &str) -> String {
    let (_, rest) = page.split_once(&format!("id=\"{id}\"")).expect("it is shown");
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().to_owned()
}

async fn registered(ann: &Person, hooks: &Hooks, events: &[&str]) -> Endpoint {
    let mut fields = vec![("url", hooks.url.as_str()), ("description", "Catalogue check")];
    fields.extend(events.iter().map(|event| ("event", *event)));
    let answer = ann.post("/account/webhooks", &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = answer.text();
    let list = ann.get("/account/webhooks").await.text();
    let (_, rest) = list.split_once("href=\"/account/webhooks/").unwrap();
    Endpoint {
        page: format!("/account/webhooks/{}", rest.split('"').next().unwrap()),
        secret: shown(&text, "new-secret"),
        standard: shown(&text, "new-standard-secret"),
    }
}

async fn program(app: &TestApp, ann: &Person) -> Program {
    app.program(ann, TokenKind::Live, &Scope::ALL).await
}

/// The log of the one endpoint, as a program reads it.
async fn log(program: &Program) -> Vec<Value> {
    let endpoints: Value = program.get("/api/v1/webhook-endpoints").await.json();
    let id = endpoints["data"][0]["id"].as_str().unwrap();
    let page: Value = program
        .get(&format!("/api/v1/webhook-endpoints/{id}/deliveries"))
        .await
        .json();
    page["data"].as_array().unwrap().clone()
}

/// Lets the time of the next attempt come, whatever its jitter, and makes it.
async fn later(app: &TestApp, seconds: u64) {
    app.clock.advance(Duration::from_secs(seconds) * 13 / 10);
    app.run_jobs().await;
}

/// A test event to the endpoint, made on its page and sent.
async fn pinged(app: &TestApp, ann: &Person, endpoint: &Endpoint) {
    let answer = ann.post(&format!("{}/ping", endpoint.page), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    app.run_jobs().await;
}

on_both_databases! {
    async fn p27_an_event_is_told_to_the_endpoint_that_asked_for_it_signed_and_thin(database) {
        let (app, ann) = set_up(database).await;
        let (hooks, others) = (Hooks::start().await, Hooks::start().await);
        let endpoint = registered(&ann, &hooks, &["analysis.complete"]).await;
        registered(&ann, &others, &["render.complete"]).await;
        let uploaded = ann.upload("Okapi.wav", mix()).await;
        app.run_jobs().await;

        let seen = hooks.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let (hook, event) = (&seen[0], seen[0].event());
        assert_eq!(hook.header("content-type"), "application/json");
        assert!(hook.header("user-agent").starts_with("MixLens-Webhooks/"));
        assert_eq!(hook.signed_by(&endpoint.standard), [true]);
        assert_eq!(event["type"], "analysis.complete");
        assert_eq!(event["id"], hook.header("webhook-id"));
        let object = json!({ "type": "analysis", "id": uploaded.analysis });
        assert_eq!(event["object"], object);
        let members: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(members, ["id", "object", "timestamp", "type", "url"], "and nothing more");
        let body = String::from_utf8(hook.body.clone()).unwrap();
        assert!(!body.contains("Okapi") && !body.contains("ann@"), "nothing of a person's: {body}");
        assert_eq!(others.seen().len(), 0, "who did not ask is told nothing");

        // The state is fetched with the token, where the event says.
        let url = event["url"].as_str().unwrap().strip_prefix(&app.url).unwrap();
        let program = program(&app, &ann).await;
        assert_eq!(program.get(url).await.json::<Value>()["state"], "done");
        let log = log(&program).await;
        assert!(log.is_empty(), "the newest endpoint is the other one: {log:?}");
    }

    async fn p28_a_webhook_secret_is_shown_once_in_both_forms_and_only_its_sealed_hash_is_stored(database) {
        use sha2::{Digest as _, Sha256};
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        assert!(endpoint.secret.starts_with("mlwhs_") && endpoint.secret.len() == 49, "{}", endpoint.secret);
        let hash = Sha256::digest(endpoint.secret.as_bytes());
        let key = endpoint.standard.strip_prefix("whsec_").unwrap();
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        assert_eq!(STANDARD.decode(key).unwrap(), hash.to_vec(), "the key is the hash");
        let stored = app.everything_stored().await;
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        for secret in [&endpoint.secret, &endpoint.secret[6..30], &key[..20], &hex[..20]] {
            assert!(!stored.contains(secret), "the database holds {secret}");
        }
        for page in ["/account/webhooks", &endpoint.page] {
            let text = ann.get(page).await.text();
            assert!(!text.contains(&endpoint.secret[..40]) && !text.contains(key), "{page}");
        }
        let program = program(&app, &ann).await;
        let listed = program.get("/api/v1/webhook-endpoints").await.text();
        assert!(!listed.contains("mlwhs_") && !listed.contains("whsec_"), "{listed}");
        assert!(listed.contains(&endpoint.secret[45..]), "but its end");
    }

    async fn every_event_is_told_and_is_as_its_schema_says(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        let schema: Value = app.anon().get("/api/v1/schemas/event.json").await.json();
        let schema = jsonschema::validator_for(&schema).unwrap();

        pinged(&app, &ann, &endpoint).await;
        assert_eq!(hooks.types(), ["ping"]);
        let uploaded = ann.upload("mine.wav", mix()).await;
        app.run_jobs().await;
        assert_eq!(hooks.types()[1..], ["analysis.complete"]);
        // Its first bytes say that it is no audio; the other says so when it is measured.
        ann.upload("letter.wav", b"Dear all, this is a letter and no audio at all.".repeat(9)).await;
        let mut cut = mix();
        cut.truncate(60);
        ann.upload("cut.wav", cut).await;
        app.run_jobs().await;
        assert_eq!(hooks.types()[2..], ["analysis.failed", "analysis.failed"]);
        let plan = format!("/analyses/{}/plan", uploaded.analysis);
        ann.post(&plan, &[]).await;
        app.run_jobs().await;
        assert_eq!(hooks.types()[4..], ["render.complete"]);
        let render = hooks.seen()[4].event();
        let page = render["url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        assert_eq!(ann.get(&page).await.status, StatusCode::OK);

        // Asked for, and the audio goes before it is begun.
        let other = ann.upload("other.wav", mix()).await;
        app.run_jobs().await;
        ann.post(&format!("/analyses/{}/plan", other.analysis), &[]).await;
        app.backend.db.execute(sql("UPDATE upload SET state = 'removed' WHERE file_name = 'other.wav'")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(hooks.types()[5..], ["analysis.complete", "render.failed"]);

        ann.post(&format!("/analyses/{}/delete", uploaded.analysis), &[]).await;
        app.run_jobs().await;
        assert_eq!(hooks.types()[7..], ["audio.deleted"]);
        ann.post(&format!("/analyses/{}/delete", other.analysis), &[]).await;
        app.run_jobs().await;
        assert_eq!(hooks.types().len(), 8, "there was no audio any more");
        app.clock.advance(31 * DAY);
        cleanup::purge(&app.backend).await.unwrap();
        app.run_jobs().await;
        assert_eq!(hooks.types()[8..], ["audio.deleted", "audio.deleted"], "of those that failed");
        for hook in hooks.seen() {
            schema.validate(&hook.event()).unwrap();
            assert_eq!(hook.signed_by(&endpoint.standard), [true]);
        }
        assert!(schema.validate(&json!({ "id": "a", "type": "else", "timestamp": "b" })).is_err());
    }

    async fn an_event_that_does_not_arrive_is_tried_eight_times_over_a_day_and_can_be_sent_again_by_hand(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        let program = program(&app, &ann).await;
        hooks.answer(Reply { body: "no\0 room", ..Reply::status(500) });
        pinged(&app, &ann, &endpoint).await;
        for (made, delay) in [5, 300, 1800, 7200, 18_000, 36_000, 36_000].into_iter().enumerate() {
            assert_eq!(hooks.seen().len(), made + 1);
            app.clock.advance(Duration::from_secs(delay) * 7 / 10);
            app.run_jobs().await;
            assert_eq!(hooks.seen().len(), made + 1, "not before its time: {delay}");
            later(&app, delay / 2).await;
        }
        assert_eq!(hooks.seen().len(), 8);
        later(&app, 40_000).await;
        assert_eq!(hooks.seen().len(), 8, "and no more");
        let seen = hooks.seen();
        let ids: BTreeSet<&str> = seen.iter().map(|hook| hook.header("webhook-id")).collect();
        let times: BTreeSet<&str> = seen.iter().map(|hook| hook.header("webhook-timestamp")).collect();
        assert_eq!((ids.len(), times.len()), (1, 8), "the same event, at another time");
        assert!(seen.iter().all(|hook| hook.body == seen[0].body && hook.signed_by(&endpoint.standard) == [true]));

        let failed = log(&program).await.remove(0);
        assert_eq!((&failed["state"], failed["attempts"].as_array().unwrap().len()), (&json!("failed"), 8));
        let attempt = &failed["attempts"][0];
        assert_eq!((&attempt["status"], &attempt["failure"], &attempt["response"]), (&json!(500), &json!("status"), &json!("no room")));
        let page = ann.get(&endpoint.page).await.text();
        assert!(page.contains("Failed") && page.contains("no room"), "{page}");

        hooks.answer(Reply::status(204));
        let again = format!("/account/webhook-deliveries/{}/redeliver", failed["id"].as_str().unwrap());
        assert_eq!(ann.post(&again, &[]).await.status, StatusCode::SEE_OTHER);
        app.run_jobs().await;
        let seen = hooks.seen();
        assert_eq!(seen.len(), 9);
        assert_eq!(seen[8].header("webhook-id"), seen[0].header("webhook-id"));
        assert_ne!(seen[8].header("webhook-timestamp"), seen[7].header("webhook-timestamp"));
        assert_eq!(log(&program).await[0]["state"], "delivered");
    }

    async fn an_endpoint_that_asks_for_time_gets_it(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        hooks.answer(Reply { retry_after: Some("600"), ..Reply::status(429) });
        pinged(&app, &ann, &endpoint).await;
        app.clock.advance(Duration::from_secs(599));
        app.run_jobs().await;
        assert_eq!(hooks.seen().len(), 1);
        hooks.answer(Reply::status(200));
        app.clock.advance(Duration::from_secs(1));
        app.run_jobs().await;
        assert_eq!(hooks.seen().len(), 2);
    }

    async fn an_endpoint_is_disabled_after_five_days_of_nothing_but_failures_with_an_email_and_a_banner(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &["analysis.failed"]).await;
        hooks.answer(Reply::status(503));
        pinged(&app, &ann, &endpoint).await;
        app.clock.advance(4 * DAY);
        app.run_jobs().await;
        // One that works in between, and it begins anew.
        hooks.answer(Reply::status(200));
        pinged(&app, &ann, &endpoint).await;
        app.clock.advance(2 * DAY);
        app.run_jobs().await;
        hooks.answer(Reply::status(503));
        for _ in 0..4 {
            pinged(&app, &ann, &endpoint).await;
            app.clock.advance(DAY);
            app.run_jobs().await;
            assert_eq!(ann.get(&endpoint.page).await.text().matches("Disabled").count(), 0);
        }
        app.clock.advance(DAY);
        app.run_jobs().await;
        let page = ann.get("/account/webhooks").await.text();
        assert!(page.contains("Disabled") && page.contains("Nothing is sent to 127.0.0.1 any more"), "{page}");
        assert_eq!(app.times_emailed(EMAIL, "A webhook endpoint of yours is disabled").await, 1);
        let before = hooks.seen().len();
        let refused = ann.post(&format!("{}/ping", endpoint.page), &[]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        app.clock.advance(DAY);
        app.run_jobs().await;
        assert_eq!(hooks.seen().len(), before, "nothing more is sent");

        hooks.answer(Reply::status(200));
        assert_eq!(ann.post(&format!("{}/resume", endpoint.page), &[]).await.status, StatusCode::SEE_OTHER);
        app.run_jobs().await;
        assert!(hooks.seen().len() > before, "what waited is sent");
        assert!(!ann.get("/account/webhooks").await.text().contains("Disabled"));
    }

    async fn an_endpoint_that_is_gone_is_disabled_at_once(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        hooks.answer(Reply::status(410));
        pinged(&app, &ann, &endpoint).await;
        assert!(app.was_emailed(EMAIL, "It answered 410").await);
        let program = program(&app, &ann).await;
        let listed: Value = program.get("/api/v1/webhook-endpoints").await.json();
        assert_eq!((&listed["data"][0]["state"], &listed["data"][0]["disabled_reason"]), (&json!("disabled"), &json!("gone")));
        later(&app, 40_000).await;
        assert_eq!(hooks.seen().len(), 1);
    }

    async fn for_a_day_after_a_rotation_both_secrets_sign(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let old = registered(&ann, &hooks, &ALL).await;
        let rotated = ann.post(&format!("{}/rotate", old.page), &[]).await;
        assert_eq!(rotated.status, StatusCode::OK);
        let new = shown(&rotated.text(), "new-standard-secret");
        assert_ne!(new, old.standard);
        pinged(&app, &ann, &old).await;
        let both = hooks.seen().pop().unwrap();
        assert_eq!((both.signed_by(&new), both.signed_by(&old.standard)), (vec![true, false], vec![false, true]));
        app.clock.advance(DAY - Duration::from_secs(60));
        pinged(&app, &ann, &old).await;
        assert_eq!(hooks.seen().pop().unwrap().signed_by(&old.standard), [false, true]);
        app.clock.advance(Duration::from_secs(60));
        pinged(&app, &ann, &old).await;
        let one = hooks.seen().pop().unwrap();
        assert_eq!((one.signed_by(&new), one.signed_by(&old.standard)), (vec![true], vec![false]));
    }

    async fn a_paused_endpoint_is_sent_nothing_and_a_deleted_one_is_forgotten(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &["analysis.failed"]).await;
        hooks.answer(Reply::status(500));
        pinged(&app, &ann, &endpoint).await;
        ann.post(&format!("{}/pause", endpoint.page), &[]).await;
        ann.upload("letter.wav", b"Dear all, this is a letter and no audio at all.".repeat(9)).await;
        later(&app, 40_000).await;
        assert_eq!(hooks.seen().len(), 1);
        hooks.answer(Reply::status(200));
        ann.post(&format!("{}/resume", endpoint.page), &[]).await;
        app.run_jobs().await;
        assert_eq!(hooks.types(), ["ping", "ping"], "what waited is sent, what happened meanwhile is not");
        hooks.answer(Reply::status(500));
        pinged(&app, &ann, &endpoint).await;
        let deleted = ann.post(&format!("{}/delete", endpoint.page), &[]).await;
        assert_eq!(deleted.header("location"), "/account/webhooks?done=webhook-deleted");
        later(&app, 40_000).await;
        assert_eq!(hooks.seen().len(), 3);
        for table in ["webhook_endpoint", "webhook_delivery", "webhook_attempt"] {
            let select: &'static str = String::leak(format!("SELECT id FROM {table}"));
            assert_eq!(app.texts(select).await, Vec::<String>::new(), "{table}");
        }
        app.clock.advance(31 * DAY);
        cleanup::purge(&app.backend).await.unwrap();
        assert_eq!(app.texts("SELECT id FROM webhook_event").await, Vec::<String>::new());
        app.run_jobs().await;
    }

    async fn endpoints_beyond_the_plan_pause_on_a_downgrade_and_wake_on_an_upgrade(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        for _ in 0..3 {
            registered(&ann, &hooks, &["analysis.failed"]).await;
            app.clock.advance(Duration::from_millis(5));
        }
        for (plan, told, pauses) in [(Plan::Studio, 3, 0), (Plan::Pro, 2, 1), (Plan::Free, 0, 3), (Plan::Studio, 3, 0)] {
            plans::change_by_address(&app.backend, "ann@example.org", plan).await.unwrap();
            let before = hooks.seen().len();
            ann.upload("letter.wav", b"Dear all, this is a letter and no audio at all.".repeat(9)).await;
            app.run_jobs().await;
            assert_eq!(hooks.seen().len() - before, told, "{plan}");
            let page = ann.get("/account/webhooks").await.text();
            assert_eq!(page.matches("Pauses").count(), pauses, "{plan}");
        }
    }

    async fn an_endpoint_is_its_owners_alone(database) {
        let (app, ann) = set_up(database).await;
        let hooks = Hooks::start().await;
        let endpoint = registered(&ann, &hooks, &ALL).await;
        pinged(&app, &ann, &endpoint).await;
        let delivery = app.texts("SELECT id FROM webhook_delivery").await.remove(0);
        let eve = app.signed_up("eve@example.org").await;
        let before = app.everything_stored().await;
        assert_eq!(eve.get(&endpoint.page).await.status, StatusCode::NOT_FOUND);
        let changed = [("url", hooks.url.as_str()), ("event", "analysis.failed")];
        assert_eq!(eve.post(&endpoint.page, &changed).await.status, StatusCode::NOT_FOUND);
        for action in ["ping", "pause", "resume", "rotate", "delete"] {
            let answer = eve.post(&format!("{}/{action}", endpoint.page), &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}");
        }
        let again = format!("/account/webhook-deliveries/{delivery}/redeliver");
        assert_eq!(eve.post(&again, &[]).await.status, StatusCode::NOT_FOUND);
        let rows = |text: &str| text.lines().filter(|line| line.starts_with("webhook")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rows(&before), rows(&app.everything_stored().await), "and nothing was changed");
        assert_eq!(app.anon().get(&endpoint.page).await.status, StatusCode::SEE_OTHER);
        assert_eq!(ann.get(&endpoint.page).await.status, StatusCode::OK);
        let edited = ann.post(&endpoint.page, &changed).await;
        assert_eq!(edited.status, StatusCode::SEE_OTHER, "{}", edited.text());
        assert_eq!(app.texts("SELECT events FROM webhook_endpoint").await, ["analysis.failed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_is_told_to_nobody_and_what_cannot_be_told_does_not_happen() {
    let (app, ann) = set_up(Database::Sqlite).await;
    let hooks = Hooks::start().await;
    registered(&ann, &hooks, &ALL).await;
    let uploaded = ann.upload("mine.wav", mix()).await;
    app.run_jobs().await;
    let trigger = "CREATE TRIGGER no_outbox BEFORE INSERT ON job WHEN NEW.kind = 'remove_audio'
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    app.backend.db.execute(sql(trigger)).await.unwrap();
    let delete = format!("/analyses/{}/delete", uploaded.analysis);
    // The event is written before the removal of the object, in the same transaction.
    assert_eq!(
        ann.post(&delete, &[]).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    app.run_jobs().await;
    assert_eq!(hooks.types(), ["analysis.complete"]);
    app.backend
        .db
        .execute(sql("DROP TRIGGER no_outbox"))
        .await
        .unwrap();
    let trigger =
        "CREATE TRIGGER no_event BEFORE INSERT ON webhook_event BEGIN SELECT RAISE(ABORT, 'no'); END";
    app.backend.db.execute(sql(trigger)).await.unwrap();
    assert_eq!(
        ann.post(&delete, &[]).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let page = format!("/analyses/{}", uploaded.analysis);
    assert_eq!(ann.get(&page).await.status, StatusCode::OK, "it is still there");
    app.backend
        .db
        .execute(sql("DROP TRIGGER no_event"))
        .await
        .unwrap();
    assert_eq!(ann.post(&delete, &[]).await.status, StatusCode::SEE_OTHER);
    app.run_jobs().await;
    assert_eq!(hooks.types(), ["analysis.complete", "audio.deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_delays_nobody() {
    let (app, ann) = set_up(Database::Sqlite).await;
    let (slow, quick) = (Hooks::start().await, Hooks::start().await);
    slow.answer(Reply {
        after: Duration::from_secs(60),
        ..Reply::status(200)
    });
    let hanging = registered(&ann, &slow, &["analysis.failed"]).await;
    registered(&ann, &quick, &["analysis.failed"]).await;
    for _ in 0..9 {
        ann.post(&format!("{}/ping", hanging.page), &[]).await;
    }
    let shutdown = tokio_util::sync::CancellationToken::new();
    let (backend, stop) = (app.backend.clone(), shutdown.clone());
    let mut workers = work::workers(&backend);
    workers.settings.drain = Duration::ZERO;
    let working = tokio::spawn(async move { backend::jobs::run(workers, stop).await });
    let wait = async |what: &str, count: usize, hooks: &Hooks| {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while hooks.seen().len() < count {
            assert!(std::time::Instant::now() < until, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait("four at a time hang", 4, &slow).await;
    let begun = std::time::Instant::now();
    for number in 1..=6 {
        let name = format!("letter {number}.wav");
        ann.upload(
            &name,
            b"Dear all, this is a letter and no audio at all.".repeat(9),
        )
        .await;
    }
    wait("the other one is told", 6, &quick).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(slow.seen().len(), 4, "no more than four at a time");
    shutdown.cancel();
    working.await.unwrap().unwrap();
    // What was stopped is sent again, with the same ids.
    slow.answer(Reply::status(200));
    app.run_jobs().await;
    let seen = slow.seen();
    let ids: BTreeSet<&str> = seen.iter().map(|hook| hook.header("webhook-id")).collect();
    assert_eq!(
        (ids.len(), seen.len()),
        (15, 19),
        "each once, and the four that were cut off twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_its_endpoints_and_an_endpoint_its_address_and_its_events() {
    let settings = [("webhooks.private_networks", "false")];
    let (app, _anon, ann) = TestApp::set_up(Database::Sqlite, &settings, |_| {})
        .await
        .with_user()
        .await;
    let good = [
        ("url", "https://example.org/hook"),
        ("event", "analysis.complete"),
        ("description", "Okapi"),
    ];
    let page = ann.get("/account/webhooks").await.text();
    assert!(page.contains("Your plan has no webhook endpoints") && !page.contains("Make the endpoint"));
    let refused = ann.post("/account/webhooks", &good).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    let changed = plans::change_by_address(&app.backend, EMAIL, Plan::Pro).await;
    assert_eq!(changed.unwrap(), Some(Plan::Pro));
    for (url, words) in [
        ("http://example.org/", "begins with https://"),
        ("https://localhost/", "within a private network"),
        ("https://127.0.0.1/", "name of the host in place of its number"),
        ("https://[::1]/", "name of the host in place of its number"),
        ("https://ann:secret@example.org/", "Leave name and password out"),
        ("https://example.org:22/", "port 443"),
        ("hook", "This is no address"),
    ] {
        let fields = [("url", url), good[1], good[2]];
        let refused = ann.post("/account/webhooks", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{url}");
        let text = refused.text();
        assert!(text.contains(words), "{url}: {text}");
        assert!(
            text.contains(&format!("value=\"{url}\"")) && text.contains("value=\"Okapi\""),
            "the values are kept"
        );
    }
    let none = ann.post("/account/webhooks", &[good[0]]).await;
    assert!(none.text().contains("Choose at least one event"));
    let unknown = [good[0], ("event", "everything")];
    assert_eq!(
        ann.post("/account/webhooks", &unknown).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for _ in 0..2 {
        assert_eq!(ann.post("/account/webhooks", &good).await.status, StatusCode::OK);
    }
    let third = ann.post("/account/webhooks", &good).await;
    assert_eq!(third.status, StatusCode::PAYMENT_REQUIRED, "Pro has two");
    // A name of the public internet that leads nowhere near it, as far as this machine knows.
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_into_the_network_is_refused_when_it_is_connected_to() {
    use backend::outbound::{LookUp, Outbound, Reach};
    #[derive(Debug)]
    struct Inside(std::net::SocketAddr);
    #[async_trait::async_trait]
    impl LookUp for Inside {
        async fn look_up(&self, _: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
            Ok(vec![self.0])
        }
    }
    let hooks = Hooks::start().await;
    let address = hooks.url.trim_start_matches("http://").trim_end_matches("/hook");
    let inside = Inside(address.parse().unwrap());
    let app = TestApp::set_up(Database::Sqlite, &[], |backend| {
        backend.outbound = Outbound::with_look_up(Reach::Public, std::sync::Arc::new(inside)).unwrap();
    })
    .await;
    let (app, _anon, ann) = app.with_user().await;
    app.on_studio(EMAIL).await;
    let fields = [
        ("url", "https://rebound.example.org/"),
        ("event", "analysis.failed"),
    ];
    assert_eq!(
        ann.post("/account/webhooks", &fields).await.status,
        StatusCode::OK
    );
    let list = ann.get("/account/webhooks").await.text();
    let (_, rest) = list.split_once("href=\"/account/webhooks/").unwrap();
    let page = format!("/account/webhooks/{}", rest.split('"').next().unwrap());
    ann.post(&format!("{page}/ping"), &[]).await;
    app.run_jobs().await;
    assert_eq!(hooks.seen().len(), 0);
    let text = ann.get(&page).await.text();
    assert!(text.contains("private or special network"), "{text}");
    ann.post(&format!("{page}/delete"), &[]).await;
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_makes_changes_tries_and_deletes_endpoints() {
    let (app, ann) = set_up(Database::Sqlite).await;
    let hooks = Hooks::start().await;
    let program = program(&app, &ann).await;
    let body = json!({ "url": hooks.url, "events": ["analysis.failed", "analysis.complete"], "description": "Okapi" });
    let made = program.post("/api/v1/webhook-endpoints", "k", body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made: Value = made.json();
    let secret = made["standard_webhooks_secret"].as_str().unwrap().to_owned();
    assert!(made["secret"].as_str().unwrap().starts_with("mlwhs_"));
    assert_eq!(made["events"], json!(["analysis.complete", "analysis.failed"]));
    let again = program.post("/api/v1/webhook-endpoints", "k", body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let again: Value = again.json();
    assert_eq!(
        (&again["id"], &again["secret"]),
        (&made["id"], &Value::Null),
        "the secret is shown once"
    );

    let path = format!("/api/v1/webhook-endpoints/{}", made["id"].as_str().unwrap());
    let ping = program.post(&format!("{path}/ping"), "p", json!({})).await;
    assert_eq!(ping.status, StatusCode::CREATED, "{}", ping.text());
    let ping: Value = ping.json();
    assert_eq!(
        (&ping["type"], &ping["state"]),
        (&json!("ping"), &json!("waiting"))
    );
    app.run_jobs().await;
    assert_eq!(hooks.seen()[0].signed_by(&secret), [true]);
    let delivery = format!("/api/v1/webhook-deliveries/{}", ping["id"].as_str().unwrap());
    let delivered: Value = program.get(&delivery).await.json();
    assert_eq!(
        (&delivered["state"], &delivered["attempts"][0]["status"]),
        (&json!("delivered"), &json!(200))
    );
    let again = program
        .post(&format!("{delivery}/redeliver"), "r", json!({}))
        .await;
    assert_eq!(again.status, StatusCode::OK);
    app.run_jobs().await;
    let seen = hooks.seen();
    assert_eq!(seen[1].header("webhook-id"), seen[0].header("webhook-id"));

    let patch = async |body: Value| program.send(Method::PATCH, &path, &[], Some(body)).await;
    let paused: Value = patch(json!({ "state": "paused", "description": "" }))
        .await
        .json();
    assert_eq!(
        (&paused["state"], &paused["description"], &paused["url"]),
        (&json!("paused"), &json!(""), &json!(hooks.url))
    );
    let refused = program.post(&format!("{path}/ping"), "p2", json!({})).await;
    assert_eq!(refused.problem(), (409, "conflict".to_owned()));
    for (body, field) in [
        (json!({ "state": "disabled" }), "state"),
        (json!({ "state": "on" }), "state"),
        (json!({ "events": [] }), "events"),
        (json!({ "events": ["ping"] }), "events"),
        (json!({ "events": ["analysis.done"] }), "events"),
        (json!({ "url": "ftp://example.org" }), "url"),
    ] {
        let refused = patch(body.clone()).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()), "{body}");
        assert_eq!(refused.json::<Value>()["field"], field, "{body}");
    }
    let active: Value = patch(json!({ "state": "active" })).await.json();
    assert_eq!(active["state"], "active");
    let rotated: Value = program
        .post(&format!("{path}/rotate-secret"), "s", json!({}))
        .await
        .json();
    assert_ne!(rotated["standard_webhooks_secret"], json!(secret));
    assert!(rotated["previous_secret_until"].is_string());

    for number in 0..9 {
        let ping = program
            .post(&format!("{path}/ping"), &format!("n{number}"), json!({}))
            .await;
        assert_eq!(ping.status, StatusCode::CREATED);
    }
    let eleventh = program.post(&format!("{path}/ping"), "n9", json!({})).await;
    assert_eq!(eleventh.problem(), (429, "rate_limited".to_owned()));
    app.run_jobs().await;

    let deleted = program.send(Method::DELETE, &path, &[], None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(program.get(&path).await.problem(), (404, "not_found".to_owned()));
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_an_endpoint_comes_in_pages() {
    let (app, ann) = set_up(Database::Sqlite).await;
    let hooks = Hooks::start().await;
    let endpoint = registered(&ann, &hooks, &["analysis.failed"]).await;
    let program = program(&app, &ann).await;
    for number in 0..30 {
        if number % 10 == 0 {
            app.clock.advance(Duration::from_secs(3601));
        }
        pinged(&app, &ann, &endpoint).await;
        app.clock.advance(Duration::from_millis(2));
    }
    let path = endpoint
        .page
        .replace("/account/webhooks/", "/api/v1/webhook-endpoints/");
    let first: Value = program.get(&format!("{path}/deliveries")).await.json();
    let next = first["next"].as_str().unwrap();
    let second: Value = program
        .get(&format!("{path}/deliveries?before={next}"))
        .await
        .json();
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&first).len(), ids(&second).len()), (25, 5));
    assert!(ids(&first).last() > ids(&second).first(), "the newest first");
    assert_eq!(second["next"], Value::Null);
    let wrong = program.get(&format!("{path}/deliveries?before=x")).await;
    assert_eq!(wrong.problem(), (422, "invalid".to_owned()));
    let page = ann.get(&endpoint.page).await.text();
    let (_, link) = page.split_once("?before=").unwrap();
    let link = format!("{}?before={}", endpoint.page, link.split('"').next().unwrap());
    assert_eq!(ann.get(&link).await.text().matches("Send again").count(), 5);
}

/// Both secrets and a delivery, as files that programs of other languages read.
fn captured(folder: &std::path::Path, hook: &Hook, secret: &str) {
    let headers: serde_json::Map<String, Value> = hook
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
        .collect();
    let body = String::from_utf8(hook.body.clone()).unwrap();
    let file = json!({ "headers": headers, "body": body, "secret": secret });
    std::fs::write(folder.join("delivery.json"), file.to_string()).unwrap();
}

/// Runs a program in `folder`; what it prints, and what it says where it fails.
fn ran(folder: &std::path::Path, program: &str, arguments: &[&str]) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONPATH", format!("{root}/target/python"))
        .env("GOCACHE", folder.join("go-cache"))
        .env("CGO_ENABLED", "0")
        .output()
        .expect("scripts/setup test brings it");
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}{said}");
    said
}

/// What the page prints for a language.
fn snippet(fence: &str) -> &'static str {
    const PAGE: &str = include_str!("../../../docs/guide/webhooks.md");
    let (_, rest) = PAGE.split_once(&format!("```{fence}\n")).unwrap();
    rest.split("```").next().unwrap()
}

/// `scripts/setup test` brings the libraries.
#[tokio::test(flavor = "multi_thread")]
async fn libraries_of_others_and_what_the_page_prints_verify_a_delivery_and_refuse_a_changed_byte() {
    const JS: &str = r#"
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { verify } from "./verify.mjs";
const require = createRequire(process.argv[2] + "/end2end/package.json");
const standard = require("standardwebhooks").Webhook;
const svix = require("svix").Webhook;
const { headers, body, secret } = JSON.parse(readFileSync("delivery.json", "utf8"));
const fails = (work) => { try { work(); } catch { return true; } return false; };
for (const [name, check] of Object.entries({
  standardwebhooks: (headers, body) => new standard(secret).verify(body, headers),
  // It says that the signature holds, and leaves the body to its caller.
  svix: (headers, body) => { new svix(secret).verify(body, headers); return JSON.parse(body); },
  printed: (headers, body) => verify(headers, body, secret),
})) {
  if (check(headers, body).type !== "ping") throw new Error(name);
  const changed = body.replace("ping", "pong");
  const later = { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) };
  const other = { ...headers, "webhook-id": "0" };
  if (!fails(() => check(headers, changed)) || !fails(() => check(later, body)) || !fails(() => check(other, body))) throw new Error(name + " takes what was changed");
  console.log(name);
}
"#;
    const PYTHON: &str = r#"
import json, verify
from standardwebhooks.webhooks import Webhook
file = json.load(open("delivery.json"))
headers, body, secret = file["headers"], file["body"], file["secret"]
for name, check in {
    "standardwebhooks": lambda headers, body: Webhook(secret).verify(body, headers),
    "printed": lambda headers, body: verify.verify(headers, body.encode(), secret),
}.items():
    assert check(headers, body)["type"] == "ping"
    for changed in [
        (headers, body.replace("ping", "pong")),
        ({**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
        ({**headers, "webhook-id": "0"}, body),
    ]:
        try:
            check(*changed)
        except Exception:
            continue
        raise SystemExit(name + " takes what was changed")
    print(name)
"#;
    const PHP: &str = r#"<?php
require "verify.php";
["headers" => $headers, "body" => $body, "secret" => $secret] = json_decode(file_get_contents("delivery.json"), true);
if (verify($headers, $body, $secret)["type"] !== "ping") throw new Error("printed");
$later = ["webhook-timestamp" => (string) ((int) $headers["webhook-timestamp"] + 1)] + $headers;
foreach ([[$headers, str_replace("ping", "pong", $body)], [$later, $body], [["webhook-id" => "0"] + $headers, $body]] as [$head, $text]) {
    try {
        verify($head, $text, $secret);
    } catch (RuntimeException $refused) {
        continue;
    }
    throw new Error("it takes what was changed");
}
echo "printed";
"#;
    const RUBY: &str = r#"
require_relative "verify"
file = JSON.parse(File.read("delivery.json"))
headers, body, secret = file["headers"], file["body"], file["secret"]
raise "printed" unless verify(headers, body, secret)["type"] == "ping"
later = (Integer(headers["webhook-timestamp"]) + 1).to_s
[
  [headers, body.sub("ping", "pong")],
  [headers.merge("webhook-timestamp" => later), body],
  [headers.merge("webhook-id" => "0"), body],
].each do |head, text|
  taken = begin
    verify(head, text, secret)
  rescue RuntimeError
    nil
  end
  raise "it takes what was changed" if taken
end
print "printed"
"#;
    const GO: &str = r#"package mixlens

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestPrinted(t *testing.T) {
	text, err := os.ReadFile("delivery.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Headers      map[string]string
		Body, Secret string
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	headers := func(name, value string) http.Header {
		header := http.Header{}
		for name, value := range file.Headers {
			header.Set(name, value)
		}
		if name != "" {
			header.Set(name, value)
		}
		return header
	}
	if err := Verify(headers("", ""), []byte(file.Body), file.Secret); err != nil {
		t.Fatal(err)
	}
	seconds, _ := strconv.Atoi(file.Headers["webhook-timestamp"])
	for _, changed := range []struct {
		header http.Header
		body   string
	}{
		{headers("", ""), strings.Replace(file.Body, "ping", "pong", 1)},
		{headers("webhook-timestamp", strconv.Itoa(seconds+1)), file.Body},
		{headers("webhook-id", "0"), file.Body},
	} {
		if Verify(changed.header, []byte(changed.body), file.Secret) == nil {
			t.Fatal("it takes what was changed")
		}
	}
}
"#;
    let (app, ann) = set_up(Database::Sqlite).await;
    let hooks = Hooks::start().await;
    let endpoint = registered(&ann, &hooks, &ALL).await;
    // Both secrets sign: a library has to find its own among them.
    let rotated = ann.post(&format!("{}/rotate", endpoint.page), &[]).await.text();
    pinged(&app, &ann, &endpoint).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("verify.mjs", snippet("js")),
        ("check.mjs", JS),
        ("verify.py", snippet("python")),
        ("check.py", PYTHON),
        ("verify.php", snippet("php")),
        ("check.php", PHP),
        ("verify.rb", snippet("ruby")),
        ("check.rb", RUBY),
        ("verify.go", snippet("go")),
        ("verify_test.go", GO),
        ("go.mod", "module mixlens\n\ngo 1.19\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    // Of the libraries of Standard Webhooks, those that setup brings; and what the page prints.
    let checks: [(&str, &[&str], &[&str]); 4] = [
        (
            "node",
            &["check.mjs", root],
            &["standardwebhooks", "svix", "printed"],
        ),
        ("python3", &["check.py"], &["standardwebhooks", "printed"]),
        ("php", &["check.php"], &["printed"]),
        ("ruby", &["check.rb"], &["printed"]),
    ];
    for secret in [&endpoint.standard, &shown(&rotated, "new-standard-secret")] {
        captured(folder.path(), &hooks.seen()[0], secret);
        for (program, arguments, expected) in checks {
            let said = ran(folder.path(), program, arguments);
            assert_eq!(said.split_whitespace().collect::<Vec<_>>(), expected, "{program}");
        }
        // Its packages are 80 MB, which setup does not fetch for this.
        if Command::new("go").arg("version").output().is_ok() {
            ran(folder.path(), "go", &["test", "-count=1"]);
        }
    }
}

/// Ends every kind of process again and again while things happen. What is in the database happened; the receiver knows of all of it.
async fn killed(database: Database, kills: u32) {
    let mut installation = Installation::on(Some(database)).await;
    installation.settings = [
        ("MIXLENS_WEBHOOKS__PRIVATE_NETWORKS", "true"),
        ("MIXLENS_LIMITS__UPLOADS_PER_HOUR", "100000"),
        ("MIXLENS_LIMITS__WRITES_PER_MINUTE", "100000"),
        ("MIXLENS_LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    let (mut web, mut worker) = (installation.start(&["web"]), installation.start(&["worker"]));
    installation.is_ready().await;
    let ann = std::sync::Arc::new(installation.signed_up(EMAIL).await);
    let db = &installation.scratch.as_ref().unwrap().db;
    db.execute(sql("UPDATE account SET plan = 'studio'"))
        .await
        .unwrap();
    let hooks = Hooks::start().await;
    let endpoint = registered(&ann, &hooks, &["analysis.failed"]).await;
    // Long enough to be killed in.
    hooks.answer(Reply {
        after: Duration::from_millis(30),
        ..Reply::status(200)
    });
    for kill in 0..kills {
        // Nobody's plan has as many analyses as the long form makes.
        db.execute(sql("DELETE FROM usage")).await.unwrap();
        let person = std::sync::Arc::clone(&ann);
        // Where the web process is killed, the browser sees it; what was committed by then counts.
        let uploading = tokio::spawn(async move {
            for number in 0..4 {
                let name = format!("letter {kill} {number}.wav");
                let letter = b"Dear all, this is a letter and no audio at all.".repeat(9);
                person.upload(&name, letter).await;
            }
        });
        // At another moment each time.
        tokio::time::sleep(Duration::from_millis(u64::from(kill * 37 % 200) + 20)).await;
        if kill % 3 == 0 {
            web.signal("-KILL");
            web.ends().await;
            web = installation.start(&["web"]);
            installation.is_ready().await;
        } else {
            worker.signal("-KILL");
            worker.ends().await;
            worker = installation.start(&["worker"]);
        }
        let _ = uploading.await;
    }
    let count = async |select: &'static str| db.one::<(i64,)>(sql(select)).await.unwrap().0;
    eventually("everything is delivered", async || {
        let left = count("SELECT COUNT(*) FROM job WHERE kind IN ('fan_out_event', 'deliver_webhooks') AND state <> 'done'").await;
        (left == 0).then_some(())
    })
    .await;
    let rows: Vec<(String,)> = db
        .all(sql("SELECT id FROM analysis WHERE state = 'failed'"))
        .await
        .unwrap();
    let happened: BTreeSet<String> = rows.into_iter().map(|(id,)| id).collect();
    assert!(
        happened.len() > kills as usize,
        "{}: too little happened",
        happened.len()
    );
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let seen = hooks.seen();
    for hook in &seen {
        assert_eq!(hook.signed_by(&endpoint.standard), [true]);
        let event = hook.event();
        let object = event["object"]["id"].as_str().unwrap().to_owned();
        told.entry(object)
            .or_default()
            .push(hook.header("webhook-id").to_owned());
    }
    let known: BTreeSet<String> = told.keys().cloned().collect();
    assert_eq!(
        known, happened,
        "no event is lost, and none is told of what did not happen"
    );
    for (object, ids) in &told {
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "{object} has one event: {ids:?}"
        );
    }
    // Each kill cuts off what was under way: four requests at most.
    let repeated = seen.len() - told.len();
    assert!(repeated <= 4 * kills as usize, "{repeated} repeated");
    let attempts = count("SELECT COUNT(*) FROM webhook_attempt").await;
    assert_eq!(
        attempts,
        i64::try_from(told.len()).unwrap(),
        "each is counted once"
    );
    drop((web, worker));
    installation.remove().await;
}

on_both_databases! {
    async fn twenty_kills_lose_no_event_and_repeat_the_last_attempt_at_most(database) {
        killed(database, 20).await;
    }
}

on_both_databases! {
    #[ignore = "the long form, ten times as long: make chaos"]
    async fn two_hundred_kills_lose_no_event_and_repeat_the_last_attempt_at_most(database) {
        killed(database, 200).await;
    }
}
