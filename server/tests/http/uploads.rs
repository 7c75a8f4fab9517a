//! The main walk: upload → analysis → report → listen → rename → delete.

use std::{path::PathBuf, time::Duration};

use axum::http::{Method, StatusCode};
use model::analysis::AudioLink;

use crate::support::{TestApp, fetch, mix, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_is_uploaded_measured_heard_renamed_and_deleted() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let bytes = mix();
    let uploaded = user.upload("my mix.wav", bytes.clone()).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    assert_eq!(
        user.get(&page).await.status,
        StatusCode::OK,
        "the page is there while the work waits"
    );
    app.run_jobs().await;
    let report = user.get(&page).await;
    assert_eq!(report.status, StatusCode::OK);
    assert!(report.text().contains("LUFS"));

    let listen = format!("/fn/analyses/audio?id={}", uploaded.analysis);
    let link: AudioLink = user.get(&listen).await.json();
    let part = fetch(Method::GET, &link.url, &[("range", "bytes=100-199")], Vec::new()).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, bytes[100..200]);

    let renamed = user
        .post(&format!("{page}/rename"), &[("title", "Second try")])
        .await;
    assert_eq!(renamed.status, StatusCode::SEE_OTHER);
    assert!(user.get("/history").await.text().contains("Second try"));

    let deleted = user.post(&format!("{page}/delete"), &[]).await;
    assert_eq!(
        (deleted.status, deleted.header("location")),
        (StatusCode::SEE_OTHER, "/history")
    );
    assert_eq!(user.get(&page).await.status, StatusCode::NOT_FOUND);
    app.run_jobs().await;
    let gone = fetch(Method::GET, &link.url, &[], Vec::new()).await;
    assert_eq!(
        gone.status,
        StatusCode::NOT_FOUND,
        "p09: a link from before opens nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_the_audio_of_a_free_account_goes_a_day_after_its_upload_and_the_report_stays() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("kept a day.wav", mix()).await;
    app.run_jobs().await;
    let page = format!("/analyses/{}", uploaded.analysis);
    let listen = format!("/fn/analyses/audio?id={}", uploaded.analysis);

    app.clock.advance(Duration::from_secs(24 * 3600 - 60));
    app.run_periodic_work().await;
    assert_eq!(app.stored_files().len(), 1);
    assert_eq!(
        user.get(&listen).await.status,
        StatusCode::OK,
        "a minute before, it is there"
    );

    app.clock.advance(Duration::from_secs(2 * 3600));
    app.run_periodic_work().await;
    assert_eq!(
        user.get(&listen).await.status,
        StatusCode::NOT_FOUND,
        "within two hours it is gone"
    );
    assert_eq!(
        app.stored_files(),
        Vec::<PathBuf>::new(),
        "p09: and so is the object"
    );
    let report = user.get(&page).await.text();
    assert!(report.contains("LUFS"), "p10: every number stays");
    assert!(
        report.contains("The audio was removed"),
        "p10: and the page says what was removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_crashes_its_decoder_ends_as_a_sentence_and_harms_no_other() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Abort);
    app.run_jobs().await;
    app.backend.sandbox.fault = None;
    let good = user.upload("good.wav", mix()).await;
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await;
    assert_eq!(failed.status, StatusCode::OK);
    assert!(
        failed.text().contains("The file cannot be decoded"),
        "{}",
        failed.text()
    );
    assert!(
        user.get(&format!("/analyses/{}", good.analysis))
            .await
            .text()
            .contains("LUFS")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_the_bytes_go_to_the_store_and_the_application_refuses_them() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let presigned = user.begin("a.wav", 200_000).await;
    assert!(presigned.url.starts_with(&format!("{}/mixlens/", app.url)));
    let token = user.csrf_token().await;
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("x-csrf-token", token.as_str()),
        ("content-type", "application/json"),
    ];
    for path in ["/fn/uploads/begin", "/fn/uploads/complete"] {
        let refused = user.send(Method::POST, path, &headers, vec![b' '; 200_000]).await;
        assert!(
            refused.status.is_client_error() || refused.status.is_server_error(),
            "{path}: {}",
            refused.status
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_an_object_is_read_and_written_by_a_signed_link_only_and_written_once() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("a.wav", mix()).await;
    let unsigned = uploaded.presigned.url.split('?').next().unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let refused = fetch(method.clone(), unsigned, &[], Vec::new()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method}");
    }
    let again = put(&uploaded.presigned, mix()).await;
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_audio_ends_as_a_sentence_on_its_page() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let bytes = b"This is a text, whatever its name says. ".repeat(100);
    let presigned = user.begin("words.wav", bytes.len()).await;
    assert_eq!(put(&presigned, bytes).await.status, StatusCode::OK);
    let completed = user
        .call(
            "/fn/uploads/complete",
            serde_json::json!({ "upload": presigned.upload }),
        )
        .await;
    assert!(!completed.status.is_server_error(), "{}", completed.text());
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_uses_up_its_processor_time_is_at_fault_at_once() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Spin);
    app.backend.sandbox.limits.cpu_s = 1;
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await.text();
    assert!(failed.contains("The file cannot be decoded"), "{failed}");
    let tried = app
        .texts("SELECT state || ' ' || attempts FROM job WHERE kind = 'analyse_upload'")
        .await;
    assert_eq!(tried, ["done 1"], "it is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoder_that_is_taken_over_reaches_no_file_no_network_and_no_program() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Escape);
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await.text();
    let reached = app
        .texts("SELECT last_error FROM job WHERE last_error IS NOT NULL")
        .await;
    assert!(failed.contains("The file cannot be decoded"), "{reached:?}");
}
