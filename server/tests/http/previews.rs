//! Copies to play: made for what browsers do not, heard in place of the source, and gone whenever it is.

use std::time::Duration;

use analysis::testkit::{self, Encoding};
use axum::http::{Method, StatusCode};
use backend::db::sql;
use model::{analysis::AudioLink, player::PreviewState};

use crate::support::{PASSWORD, Person, TestApp, fetch, mix};

/// Six seconds of music in 32-bit float, which goes 6 dB beyond full scale.
fn beyond_full_scale() -> Vec<u8> {
    let louder: Vec<Vec<f64>> = testkit::music(44_100, 6.0, 1)
        .into_iter()
        .map(|plane| {
            let peak = plane.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
            plane.into_iter().map(|sample| sample * 2.0 / peak).collect()
        })
        .collect();
    testkit::wav(44_100, &louder, Encoding::Float32)
}

async fn preview_state(user: &Person, page: &str) -> PreviewState {
    user.get(&format!("/fn/analyses/preview?id={}", id_of(page)))
        .await
        .json()
}

async fn link_to(user: &Person, page: &str) -> AudioLink {
    user.get(&format!("/fn/analyses/audio?id={}", id_of(page)))
        .await
        .json()
}

fn id_of(page: &str) -> &str {
    page.rsplit('/').next().unwrap()
}

/// Uploads what browsers do not play and waits for everything; the page.
async fn uploaded(app: &TestApp, user: &Person) -> String {
    let uploaded = user.upload("float.wav", beyond_full_scale()).await;
    app.run_jobs().await;
    format!("/analyses/{}", uploaded.analysis)
}

/// Puts the job of the copy back to before it ran, as after a restored backup or a kill.
async fn again(app: &TestApp, job: &'static str) {
    let db = &app.backend.db;
    db.execute(sql(
        "UPDATE upload SET preview_state = 'making' WHERE state = 'stored'",
    ))
    .await
    .unwrap();
    let changed = db.execute(sql(job).bind(app.backend.now())).await.unwrap();
    assert_eq!(changed, 1, "there is one job of a copy");
}

const QUEUED: &str = "
    UPDATE job SET state = 'queued', attempts = 0, run_at = $1, finished_at = NULL WHERE kind = 'make_preview'";
const KILLED: &str = "
    UPDATE job SET state = 'running', attempts = 1, lease_token = 'gone', lease_until = $1 - 1, finished_at = NULL
    WHERE kind = 'make_preview'";

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_do_not_play_gets_a_preview_that_they_do_and_nothing_in_it_wraps() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    assert_eq!(app.stored_files().len(), 2, "the source and its copy");
    assert_eq!(preview_state(&user, &page).await, PreviewState::Ready);
    let link = link_to(&user, &page).await;
    assert!(link.url.contains("/play?"), "{}", link.url);
    let copy = fetch(Method::GET, &link.url, &[], Vec::new()).await;
    assert_eq!(
        (copy.status, copy.header("content-type")),
        (StatusCode::OK, "audio/wav")
    );
    let frames = 6 * 44_100;
    assert_eq!(copy.body.len(), 44 + 6 * frames);
    assert_eq!(copy.body[34..36], 24_u16.to_le_bytes());
    let peak = copy.body[44..]
        .chunks_exact(3)
        .map(|bytes| (i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 8).abs())
        .max();
    // Lowered by the overs, rounded up to a hundredth of a dB: just below full scale.
    assert!((8_370_000..8_388_608).contains(&peak.unwrap()), "{peak:?}");
    let report = user.get(&page).await.text();
    let raised = report.split("gain_db").nth(1).unwrap_or_default();
    assert!(
        raised.starts_with("&quot;:6.0"),
        "the player raises it again: {}",
        &raised[..40]
    );

    let plain = user.upload("plain.wav", mix()).await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 3, "what plays as it is has no copy");
    assert_eq!(
        preview_state(&user, &format!("/analyses/{}", plain.analysis)).await,
        PreviewState::Ready
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_preview_is_made_the_page_says_so_and_gives_no_link() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    again(&app, QUEUED).await;
    assert_eq!(preview_state(&user, &page).await, PreviewState::Making);
    assert!(
        user.get(&page)
            .await
            .text()
            .contains("A copy to play is being made")
    );
    let refused = user.get(&format!("/fn/analyses/audio?id={}", id_of(&page))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    app.run_jobs().await;
    assert_eq!(preview_state(&user, &page).await, PreviewState::Ready);
    assert_eq!(app.stored_files().len(), 2, "made twice, it is there once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_whose_worker_was_killed_is_made_by_the_next() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    again(&app, KILLED).await;
    app.run_jobs().await;
    assert_eq!(preview_state(&user, &page).await, PreviewState::Ready);
    assert_eq!(app.stored_files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_preview_goes_with_its_source_at_the_cut_off() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    let link = link_to(&user, &page).await;
    app.clock.advance(Duration::from_secs(25 * 3600));
    app.run_periodic_work().await;
    assert_eq!(app.stored_files().len(), 0);
    assert_eq!(preview_state(&user, &page).await, PreviewState::Gone);
    assert_eq!(
        fetch(Method::GET, &link.url, &[], Vec::new()).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(
        user.get(&page)
            .await
            .text()
            .contains("so the mix cannot be played here"),
        "p10: the page says so"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_preview_goes_with_its_analysis_and_p14_with_its_account() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    user.post(&format!("{page}/delete"), &[]).await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 0);

    uploaded(&app, &user).await;
    assert_eq!(app.stored_files().len(), 2);
    let sure = [("password", PASSWORD), ("sure", "on")];
    assert_eq!(
        user.post("/account/privacy/delete", &sure).await.status,
        StatusCode::SEE_OTHER
    );
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 0);
    // The last step looks once more, when no permission to upload is good any longer.
    app.clock.advance(Duration::from_secs(3600));
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_preview_that_is_written_while_its_upload_is_removed_does_not_stay() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    uploaded(&app, &user).await;
    // The worker died after writing; its job is tried again when the upload is gone.
    again(&app, KILLED).await;
    app.backend
        .db
        .execute(sql("UPDATE upload SET state = 'removed'"))
        .await
        .unwrap();
    app.run_jobs().await;
    assert_eq!(
        app.stored_files().len(),
        1,
        "the copy is gone; the source has a removal of its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_cannot_be_made_leaves_the_source_to_be_played() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let page = uploaded(&app, &user).await;
    again(&app, QUEUED).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Abort);
    app.run_jobs().await;
    app.backend.sandbox.fault = None;
    assert_eq!(app.stored_files().len(), 1);
    assert_eq!(preview_state(&user, &page).await, PreviewState::Ready);
    assert!(link_to(&user, &page).await.url.contains("/source?"));
}
