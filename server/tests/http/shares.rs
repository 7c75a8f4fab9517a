//! Links to reports: who has one reads the report and nothing else, until it ends.

use std::time::Duration;

use axum::http::StatusCode;

use crate::support::{Database, Person, TestApp, mix, on_both_databases};

/// Makes a link to a report and gives its address.
async fn share(user: &Person, page: &str, form: &[(&str, &str)]) -> String {
    let made = user.post(&format!("{page}/share"), form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    assert_eq!(made.header("location"), format!("{page}?done=share"));
    let shown = user.get(page).await.text();
    let at = shown.find("/shared/").expect("the link is shown");
    let end = shown[at..].find('<').unwrap();
    shown[at..at + end].to_owned()
}

on_both_databases! {
    async fn a_link_opens_one_report_without_what_is_the_owners_alone(database) {
        let (app, anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = user.upload("take 7 bounce.wav", mix()).await;
        let reference = user.upload_reference("Secret reference.wav", mix()).await;
        app.run_jobs().await;
        let page = format!("/analyses/{}", uploaded.analysis);
        user.post(&format!("{page}/rename"), &[("title", "Low tide")]).await;
        user.post(&format!("{page}/comparison"), &[("with", &reference.analysis.to_string())]).await;
        user.post("/songs", &[("song", "Album secret"), ("analysis", &uploaded.analysis.to_string())]).await;

        let link = share(&user, &page, &[("days", "7")]).await;
        let answer = anon.get(&link).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = answer.text();
        assert!(text.contains("Low tide") && text.contains(" of 100"));
        for private in ["take 7 bounce", "Secret reference", "Album secret", "example.org", "Ann", "/delete", "/rename", "report.json"] {
            assert!(!text.contains(private), "{private} is there");
        }
        assert!(text.contains("Shared without its audio"));

        // Without audio, no link to it is given, by whatever name.
        let token = link.trim_start_matches("/shared/");
        for function in ["audio", "preview"] {
            let asked = anon.get(&format!("/fn/analyses/{function}?share={token}")).await;
            assert_eq!(asked.status, StatusCode::NOT_FOUND);
            let asked = anon.get(&format!("/fn/analyses/{function}?id={}", uploaded.analysis)).await;
            assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
        }
        // What is somebody else's cannot be shared, and a link is ended by its owner alone.
        let other = app.signed_up("other@example.org").await;
        assert_eq!(other.post(&format!("{page}/share"), &[("days", "7")]).await.status, StatusCode::NOT_FOUND);
        let id = app.texts("SELECT id FROM share").await[0].clone();
        let end = format!("/account/shares/{id}/end");
        assert_eq!(other.post(&end, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(anon.get(&link).await.status, StatusCode::OK);
        assert!(user.get("/account/shares").await.text().contains("Low tide"));
        assert_eq!(user.post(&end, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(anon.get(&link).await.status, StatusCode::NOT_FOUND);
    }

    async fn a_link_ends_by_itself_with_its_report_and_with_the_account(database) {
        let (app, anon, user) = TestApp::on(database).await.with_user().await;
        let mut links = Vec::new();
        for name in ["one.wav", "two.wav"] {
            let uploaded = user.upload(name, mix()).await;
            app.run_jobs().await;
            let page = format!("/analyses/{}", uploaded.analysis);
            links.push((share(&user, &page, &[("days", "1"), ("audio", "on")]).await, page));
        }
        let (first, page) = &links[0];
        let token = first.trim_start_matches("/shared/").to_owned();
        let audio = format!("/fn/analyses/audio?share={token}");
        assert_eq!(anon.get(&audio).await.status, StatusCode::OK);
        user.post(&format!("{page}/delete"), &[]).await;
        assert_eq!(anon.get(first).await.status, StatusCode::NOT_FOUND);
        assert_eq!(anon.get(&audio).await.status, StatusCode::NOT_FOUND);

        let second = &links[1].0;
        assert_eq!(anon.get(second).await.status, StatusCode::OK);
        app.clock.advance(Duration::from_secs(24 * 3600 + 1));
        assert_eq!(anon.get(second).await.status, StatusCode::NOT_FOUND);
        app.run_periodic_work().await;
        assert!(app.texts("SELECT id FROM share").await.is_empty(), "and nothing of it is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_changed_opens_nothing_and_asks_no_database() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("mix.wav", mix()).await;
    app.run_jobs().await;
    let page = format!("/analyses/{}", uploaded.analysis);
    let link = share(&user, &page, &[("days", "30")]).await;
    let token = link.trim_start_matches("/shared/");
    let (id, signature) = token.split_at(32);
    let other_id = format!("{}{}", if id.starts_with('0') { '1' } else { '0' }, &id[1..]);
    for wrong in [
        id.to_owned(),
        format!("{other_id}{signature}"),
        format!("{id}{}", signature.to_uppercase()),
        format!("{token}A"),
        "x".repeat(75),
        "%F0%9F%8E%B5".repeat(12),
    ] {
        assert_eq!(
            anon.get(&format!("/shared/{wrong}")).await.status,
            StatusCode::NOT_FOUND,
            "{wrong}"
        );
    }
    for days in ["", "0", "2", "100000", "-1", "many"] {
        let refused = user.post(&format!("{page}/share"), &[("days", days)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
    }
}
