//! Corrective renders: planned by a form, made once, proved, heard, downloaded, counted, and gone when the mix is.

use std::time::Duration;

use analysis::testkit::{self, Encoding};
use axum::http::{Method, StatusCode};
use backend::db::sql;
use model::{analysis::AudioLink, player::PreviewState};

use crate::support::{Answer, Database, PASSWORD, Person, TestApp, Uploaded, fetch, mix, on_both_databases};

/// A mix with faults that have steps: a constant offset, and the right channel too quiet.
pub fn faulty() -> Vec<u8> {
    let mut planes = testkit::music(44_100, 6.0, 1);
    for sample in &mut planes[1] {
        *sample *= 0.5;
    }
    let peak = planes
        .iter()
        .flatten()
        .fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    for sample in planes.iter_mut().flatten() {
        *sample = *sample / peak * 0.9 + 0.05;
    }
    testkit::wav(44_100, &planes, Encoding::Int24)
}

async fn uploaded(app: &TestApp, user: &Person) -> Uploaded {
    let uploaded = user.upload("Okapi.wav", faulty()).await;
    app.run_jobs().await;
    uploaded
}

fn plan_of(uploaded: &Uploaded) -> String {
    format!("/analyses/{}/plan", uploaded.analysis)
}

/// Starts the render that the plan proposes with these fields; its page.
async fn started(user: &Person, uploaded: &Uploaded, fields: &[(&str, &str)]) -> String {
    let answer = user.post(&plan_of(uploaded), fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.header("location").to_owned()
}

fn id_of(page: &str) -> &str {
    page.rsplit('/').next().unwrap()
}

/// The file of a render, as a browser downloads it.
async fn downloaded(user: &Person, page: &str) -> Answer {
    let link = user.get(&format!("{page}/file")).await;
    assert_eq!(link.status, StatusCode::TEMPORARY_REDIRECT, "{}", link.text());
    fetch(Method::GET, link.header("location"), &[], Vec::new()).await
}

async fn state_of(app: &TestApp) -> String {
    app.texts("SELECT state FROM render").await.remove(0)
}

/// The number behind a label on a page of scores.
fn score(page: &str, label: &str) -> f64 {
    let (_, rest) = page
        .split_once(&format!("<span class=\"label\">{label}</span>"))
        .expect(label);
    let (_, rest) = rest.split_once("class=\"num\">").unwrap();
    rest.split('<').next().unwrap().parse().unwrap()
}

on_both_databases! {
    async fn p06_a_mix_is_planned_rendered_proved_heard_and_downloaded(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = uploaded(&app, &user).await;
        let report = user.get(&format!("/analyses/{}", uploaded.analysis)).await.text();
        assert!(report.contains(&plan_of(&uploaded)), "the report leads to the plan");

        let plan = user.get(&plan_of(&uploaded)).await.text();
        for words in ["DC offset", "Balance", "Better in the mix", "Expected"] {
            assert!(plan.contains(words), "{words} is not on the plan");
        }
        let (before, expected) = (score(&plan, "Now"), score(&plan, "Expected"));
        assert!(expected > before, "{before} → {expected}");

        let page = started(&user, &uploaded, &[]).await;
        assert!(user.get(&page).await.text().contains("Waiting for a free worker"));
        assert_eq!(user.get(&format!("{page}/file")).await.status, StatusCode::CONFLICT);
        app.run_jobs().await;
        let proof = user.get(&page).await.text();
        assert_eq!(score(&proof, "Mix"), before);
        assert_eq!(score(&proof, "Expected"), expected);
        let after = score(&proof, "Render");
        assert!(after >= before, "{before} → {after}");
        assert!((after - expected).abs() <= 5.0, "expected {expected}, measured {after}");
        for words in ["Proof, rule by rule", "Fixed", "What was done", "Okapi (corrected, 24 bit).wav"] {
            assert!(proof.contains(words), "{words} is not on the page");
        }

        let file = downloaded(&user, &page).await;
        assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "audio/wav"));
        assert!(file.header("content-disposition").contains("Okapi (corrected, 24 bit).wav"));
        assert_eq!(file.body[..4], *b"RIFF");
        let link: AudioLink = user.get(&format!("/fn/analyses/audio?render={}", id_of(&page))).await.json();
        assert_eq!(fetch(Method::GET, &link.url, &[], Vec::new()).await.body, file.body, "what is heard is the file");
        let list = user.get(&format!("/analyses/{}", uploaded.analysis)).await.text();
        assert!(list.contains(&page), "the report lists its render");
    }

    async fn the_same_recipe_asked_for_twice_is_one_render_and_costs_one(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = uploaded(&app, &user).await;
        let first = started(&user, &uploaded, &[]).await;
        let at_once = started(&user, &uploaded, &[]).await;
        app.run_jobs().await;
        let later = started(&user, &uploaded, &[]).await;
        assert_eq!((&at_once, &later), (&first, &first));
        let other = started(&user, &uploaded, &[("container", "flac")]).await;
        assert_ne!(other, first);
        app.run_jobs().await;
        assert_eq!(downloaded(&user, &other).await.body[..4], *b"fLaC");
        let used: (i64,) = app.backend.db.one(sql("SELECT renders FROM usage")).await.unwrap();
        assert_eq!(used.0, 2);
        assert_eq!(app.stored_files().len(), 3, "the mix and two renders");
    }

    async fn p07_a_render_goes_with_its_mix_at_the_cut_off_and_p10_its_proof_stays(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = uploaded(&app, &user).await;
        app.clock.advance(Duration::from_secs(20 * 3600));
        let page = started(&user, &uploaded, &[]).await;
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 2);
        // 24 hours after the upload, however young the render is.
        app.clock.advance(Duration::from_secs(5 * 3600));
        app.run_periodic_work().await;
        assert_eq!(app.stored_files().len(), 0);
        assert_eq!(user.get(&format!("{page}/file")).await.status, StatusCode::NOT_FOUND);
        let proof = user.get(&page).await.text();
        assert!(proof.contains("The audio was removed") && proof.contains("Proof, rule by rule"));
        let steps = user.get(&format!("{page}/recipe?as=words")).await;
        assert!(steps.text().contains("Balance"), "the recipe is still there: {}", steps.text());
        let refused = user.post(&plan_of(&uploaded), &[("container", "flac")]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text().contains("The audio of this mix was removed"));
    }

    async fn a_render_that_never_began_costs_nothing_when_its_mix_is_deleted(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let mixed = uploaded(&app, &user).await;
        started(&user, &mixed, &[]).await;
        app.run_jobs().await;
        started(&user, &mixed, &[("container", "flac")]).await;
        let used = async || app.backend.db.one::<(i64,)>(sql("SELECT renders FROM usage")).await.unwrap().0;
        assert_eq!(used().await, 2);
        user.post(&format!("/analyses/{}/delete", mixed.analysis), &[]).await;
        assert_eq!(used().await, 1, "the one that was made");
        app.run_jobs().await;
    }

    async fn p09_a_render_is_deleted_alone_with_its_report_and_with_its_account(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let mixed = uploaded(&app, &user).await;
        let page = started(&user, &mixed, &[]).await;
        app.run_jobs().await;
        let deleted = user.post(&format!("{page}/delete"), &[]).await;
        assert_eq!(deleted.header("location"), plan_of(&mixed));
        assert_eq!(user.get(&page).await.status, StatusCode::NOT_FOUND);
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 1, "the mix stays");

        started(&user, &mixed, &[("samples", "float32")]).await;
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 3, "the mix, the render, and a copy of it that browsers play");
        user.post(&format!("/analyses/{}/delete", mixed.analysis), &[]).await;
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 0);

        let mixed = uploaded(&app, &user).await;
        started(&user, &mixed, &[]).await;
        app.run_jobs().await;
        user.post("/account/privacy/delete", &[("password", PASSWORD), ("sure", "on")]).await;
        app.clock.advance(Duration::from_secs(2 * 3600));
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 0);
        assert_eq!(app.texts("SELECT id FROM render").await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_follows_its_form_without_a_script_and_what_is_rendered_is_what_was_shown() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let proposed = user.get(&plan_of(&uploaded)).await.text();
    assert!(!proposed.contains("No step is on"));
    let names: Vec<&str> = proposed
        .split("name=\"shown\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(names.len() >= 2, "{names:?}");

    let query: String = names.iter().map(|name| format!("shown={name}&")).collect();
    let none = user.get(&format!("{}?{query}", plan_of(&uploaded))).await.text();
    assert!(none.contains("No step is on: the render would be the same samples."));
    assert_eq!(score(&none, "Now"), score(&none, "Expected"));

    let fields: Vec<(&str, &str)> = names.iter().map(|name| ("shown", *name)).collect();
    let page = started(&user, &uploaded, &fields).await;
    app.run_jobs().await;
    let proof = user.get(&page).await.text();
    assert!(proof.contains("No step: the same samples as the mix."));

    let louder = [("target", "level"), ("lufs", "-16,5")];
    let page = started(&user, &uploaded, &louder).await;
    app.run_jobs().await;
    let proof = user.get(&page).await.text();
    assert!(proof.contains("wanted \u{2212}16.5"), "{proof}");

    for (fields, words) in [
        (
            &[("target", "level"), ("lufs", "loud")][..],
            "Enter a number from -36 to -5 LUFS.",
        ),
        (
            &[("container", "flac"), ("samples", "float32")],
            "FLAC holds 16 or 24 bits",
        ),
        (
            &[("target", "Napster")],
            "Choose one of these targets: keep; level; Spotify, normal;",
        ),
    ] {
        let refused = user.post(&plan_of(&uploaded), fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(refused.text().contains(words), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_renders_left_refuses_more_and_a_render_that_fails_costs_none() {
    let settings = [("plans.free.renders_per_month", "2")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (mut app, _anon, user) = app.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Abort);
    let page = started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    assert_eq!(state_of(&app).await, "failed");
    let failed = user.get(&page).await.text();
    assert!(failed.contains("Render again") && failed.contains("takes nothing from your plan"));
    assert_eq!(app.stored_files().len(), 1, "a render that failed leaves nothing");
    app.backend.sandbox.fault = None;

    let again = user.post(&format!("{page}/again"), &[]).await;
    assert_eq!(again.header("location"), page);
    app.run_jobs().await;
    assert_eq!(state_of(&app).await, "done");
    let twice = user.post(&format!("{page}/again"), &[]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    started(&user, &uploaded, &[("container", "flac")]).await;
    let refused = user.post(&plan_of(&uploaded), &[("samples", "int16")]).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text());
    assert!(refused.text().contains("The 2 renders of this month are used up"));
    assert!(
        started(&user, &uploaded, &[]).await == page,
        "what there is costs nothing"
    );
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_is_deleted_before_it_is_made_costs_none_and_leaves_nothing() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    user.post(&format!("{page}/delete"), &[]).await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 1, "the mix alone");
    let used: (i64,) = app
        .backend
        .db
        .one(sql("SELECT renders FROM usage"))
        .await
        .unwrap();
    assert_eq!(used.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_whose_worker_was_killed_is_made_by_the_next_and_is_there_once() {
    const KILLED: &str = "
        UPDATE job SET state = 'running', attempts = 1, lease_token = 'gone', lease_until = $1 - 1, finished_at = NULL
        WHERE kind = 'render'";
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    let first = downloaded(&user, &page).await.body;
    // The file was written, and the worker died before the row said so.
    let db = &app.backend.db;
    db.execute(sql(
        "UPDATE render SET state = 'running', phase = 'rendering', proof = NULL",
    ))
    .await
    .unwrap();
    assert_eq!(db.execute(sql(KILLED).bind(app.backend.now())).await.unwrap(), 1);
    app.run_jobs().await;
    assert_eq!(state_of(&app).await, "done");
    assert_eq!(
        downloaded(&user, &page).await.body,
        first,
        "the same recipe, the same bytes"
    );
    assert_eq!(app.stored_files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_render_that_is_written_while_its_mix_is_removed_does_not_stay() {
    const AGAIN: &str = "
        UPDATE job SET state = 'queued', attempts = 0, run_at = $1, finished_at = NULL WHERE kind = 'render'";
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    let db = &app.backend.db;
    db.execute(sql("UPDATE render SET state = 'running', proof = NULL"))
        .await
        .unwrap();
    db.execute(sql(AGAIN).bind(app.backend.now())).await.unwrap();
    db.execute(sql("UPDATE upload SET state = 'removed'"))
        .await
        .unwrap();
    app.run_jobs().await;
    assert_eq!(
        app.stored_files().len(),
        1,
        "the render is gone; the mix has a removal of its own"
    );
    assert_eq!(state_of(&app).await, "failed");
    assert!(user.get(&page).await.text().contains("The audio is gone"));
    let used: (i64,) = db.one(sql("SELECT renders FROM usage")).await.unwrap();
    assert_eq!(used.0, 0, "and it costs nothing");
    db.execute(sql("UPDATE upload SET state = 'stored'"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_the_end_of_a_render_is_mailed_once_to_who_did_not_watch_and_wants_it() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let email = "ann@example.org";
    started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    let sent = app.times_emailed(email, "Rendered: Okapi").await;
    assert_eq!(
        sent,
        1,
        "{:?}",
        app.emails_to(email, "")
            .await
            .iter()
            .map(|sent| &sent.subject)
            .collect::<Vec<_>>()
    );

    let watched = started(&user, &uploaded, &[("container", "flac")]).await;
    user.get(&format!("/fn/renders/progress?id={}", id_of(&watched)))
        .await;
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed(email, "Rendered: Okapi").await,
        1,
        "who watches is told by the page"
    );

    user.post("/account/email-preferences", &[("analysis_ready", "on")])
        .await;
    started(&user, &uploaded, &[("samples", "int16")]).await;
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed(email, "Rendered: Okapi").await,
        1,
        "who declined is not told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_a_render_is_its_owners_alone_in_every_form() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let other = app.signed_up("other@example.org").await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    let id = id_of(&page);
    for path in [
        page.clone(),
        format!("{page}/file"),
        format!("{page}/recipe?as=json"),
        plan_of(&uploaded),
        format!("/analyses/{}/markers?as=reaper", uploaded.analysis),
        format!("/fn/analyses/audio?render={id}"),
        format!("/fn/renders/progress?id={id}"),
    ] {
        assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        let unknown = anon.get(&path).await.status;
        assert!(
            [StatusCode::SEE_OTHER, StatusCode::UNAUTHORIZED].contains(&unknown),
            "{path}"
        );
        assert!(user.get(&path).await.status.as_u16() < 400, "{path}");
    }
    for path in [
        format!("{page}/delete"),
        format!("{page}/again"),
        plan_of(&uploaded),
    ] {
        assert_eq!(
            other.post(&path, &[]).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(app.stored_files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_is_taken_along_in_each_form_and_a_reference_is_not_corrected() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    app.run_jobs().await;
    let json = user.get(&format!("{page}/recipe?as=json")).await;
    assert!(json.header("content-disposition").contains("Okapi - recipe.json"));
    let recipe = analysis::render::Recipe::from_json(&json.text()).unwrap();
    assert!(!recipe.steps.is_empty());
    for (format, words) in [
        ("apo", "Preamp: "),
        ("ffmpeg", "ffmpeg -i in.wav -af"),
        ("words", "1. "),
    ] {
        let text = user.get(&format!("{page}/recipe?as={format}")).await.text();
        assert!(text.contains(words), "{format}: {text}");
    }
    let project = user.get(&format!("{page}/recipe?as=dawproject")).await;
    assert!(project.header("content-disposition").contains("Okapi.dawproject"));
    assert_eq!(project.body[..2], *b"PK");
    let response = user.get(&format!("{page}/recipe?as=impulse")).await;
    assert_eq!(response.header("content-type"), "audio/wav");
    assert_eq!(response.body[..4], *b"RIFF");
    assert_eq!(
        user.get(&format!("{page}/recipe?as=exe")).await.status,
        StatusCode::NOT_FOUND
    );
    let reference = user.upload_reference("Reference.wav", mix()).await;
    app.run_jobs().await;
    assert_eq!(user.get(&plan_of(&reference)).await.status, StatusCode::CONFLICT);
    assert_eq!(
        user.post(&plan_of(&reference), &[]).await.status,
        StatusCode::CONFLICT
    );
    let preview = user
        .get(&format!("/fn/analyses/preview?id={}", uploaded.analysis))
        .await;
    assert_eq!(preview.json::<PreviewState>(), PreviewState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_made_to_be_heard_once_and_gone_with_its_render() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let other = app.signed_up("other@example.org").await;
    let uploaded = uploaded(&app, &user).await;
    let page = started(&user, &uploaded, &[]).await;
    let (steps, link) = (
        format!("{page}/steps"),
        format!("/fn/analyses/audio?render={}&step=0", id_of(&page)),
    );
    let early = user.post(&steps, &[("step", "0")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "nothing is rendered yet");
    app.run_jobs().await;
    assert_eq!(
        user.get(&link).await.status,
        StatusCode::NOT_FOUND,
        "nobody has asked for it"
    );
    assert_eq!(
        other.post(&steps, &[("step", "0")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        user.post(&steps, &[("step", "99")]).await.status,
        StatusCode::NOT_FOUND
    );

    for _ in 0..2 {
        let asked = user.post(&steps, &[("step", "0")]).await;
        assert_eq!(asked.header("location"), format!("{page}#player"));
    }
    assert_eq!(
        user.get(&link).await.status,
        StatusCode::CONFLICT,
        "it is being made"
    );
    app.run_jobs().await;
    assert_eq!(
        app.stored_files().len(),
        4,
        "made twice, both parts are there once"
    );
    assert_eq!(other.get(&link).await.status, StatusCode::NOT_FOUND);
    let text = user.get(&page).await.text();
    // The first step is the offset of 5 % of full scale, and the mix lies beside it sample by sample.
    assert!(
        text.contains("Taken away by 1. DC offset"),
        "it is a source of the player"
    );
    let (_, level) = text.split_once("hear what it took away, ").unwrap();
    let level: f64 = level
        .split('\u{202f}')
        .next()
        .unwrap()
        .replace('\u{2212}', "-")
        .parse()
        .unwrap();
    assert!((level + 26.0).abs() < 0.5, "0.05 is \u{2212}26 dBFS: {level}");
    let audio: AudioLink = user.get(&link).await.json();
    let audio = fetch(Method::GET, &audio.url, &[], Vec::new()).await;
    assert_eq!((audio.status, &audio.body[..4]), (StatusCode::OK, &b"RIFF"[..]));
    assert_eq!(audio.body.len(), 44 + 6 * 44_100 * 6, "as long as the mix");
    // Without that step the offset is there, and everything else as in the render.
    let without = format!("/fn/analyses/audio?render={}&bypass=0", id_of(&page));
    assert_eq!(other.get(&without).await.status, StatusCode::NOT_FOUND);
    let without: AudioLink = user.get(&without).await.json();
    let without = fetch(Method::GET, &without.url, &[], Vec::new()).await;
    let rendered: AudioLink = user
        .get(&format!("/fn/analyses/audio?render={}", id_of(&page)))
        .await
        .json();
    let rendered = fetch(Method::GET, &rendered.url, &[], Vec::new()).await;
    let offset = |body: &[u8]| {
        let (words, _) = body[44..44 + 6 * 44_100 * 6].as_chunks::<3>();
        let value =
            |&[low, middle, high]: &[u8; 3]| f64::from(i32::from_le_bytes([0, low, middle, high]) >> 8);
        words.iter().map(value).sum::<f64>() / words.len() as f64 / 8_388_608.0
    };
    assert!(offset(&rendered.body).abs() < 0.002, "{}", offset(&rendered.body));
    assert!(
        (offset(&without.body) - 0.05).abs() < 0.02,
        "{}",
        offset(&without.body)
    );
    assert!(text.contains("Switch off a step of the render"));

    user.post(&format!("{page}/delete"), &[]).await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 1);
    assert_eq!(
        app.texts("SELECT render_id FROM step_audio").await,
        Vec::<String>::new()
    );
}
