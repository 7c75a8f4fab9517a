//! Reports as they are judged, counted otherwise, rescored and downloaded.

use axum::http::StatusCode;
use backend::db::sql;
use model::{analysis::AnalysisView, verdict::Stage};

use crate::support::{Person, TestApp, mix};

async fn downloaded(user: &Person, page: &str) -> AnalysisView {
    let answer = user.get(&format!("{page}/report.json")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_score_findings_and_versions_are_stored_and_the_stage_is_the_persons_to_choose() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("judged.wav", mix()).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    assert_eq!(
        user.get(&format!("{page}/report.json")).await.status,
        StatusCode::CONFLICT
    );
    app.run_jobs().await;

    let view = downloaded(&user, &page).await;
    let (verdict, score) = (view.verdict.unwrap(), view.summary.score.unwrap());
    assert_eq!(verdict.rule_set, analysis::rules::RULE_SET);
    assert_eq!(score.points, verdict.by(verdict.detected.stage).score);
    assert!(!score.is_chosen);
    let shown = user.get(&page).await.text();
    assert!(shown.contains(&format!("{} of 100", score.points.number())));

    let other = verdict.detected.stage.other();
    let stage = format!("{page}/stage");
    assert_eq!(
        user.post(&stage, &[("stage", "demo")]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        user.post(&stage, &[("stage", other.as_str())]).await.status,
        StatusCode::SEE_OTHER
    );
    let chosen = downloaded(&user, &page).await.summary.score.unwrap();
    assert_eq!((chosen.stage, chosen.is_chosen), (other, true));
    assert_eq!(chosen.points, verdict.by(other).score);

    user.post(&stage, &[("stage", "")]).await;
    let back = downloaded(&user, &page).await.summary.score.unwrap();
    assert_eq!((back.stage, back.is_chosen), (verdict.detected.stage, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rules_judge_old_reports_without_the_audio_and_the_old_verdict_stays() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("old.wav", mix()).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    app.run_jobs().await;
    user.post(&format!("{page}/stage"), &[("stage", "mix")]).await;
    let before = downloaded(&user, &page).await;
    // As if another rule set had judged it, long ago.
    let past = before.summary.created_at.0 - 1_000;
    for statement in [
        "UPDATE verdict SET rule_set = '0.9.0', created_at = $1",
        "UPDATE analysis SET rule_set = '0.9.0' WHERE created_at > $1",
    ] {
        app.backend.db.execute(sql(statement).bind(past)).await.unwrap();
    }
    app.clock.advance(std::time::Duration::from_secs(25 * 3600));
    app.run_periodic_work().await;

    let after = downloaded(&user, &page).await;
    assert_eq!(after.verdict, before.verdict, "the same rules say the same");
    let score = after.summary.score.unwrap();
    assert_eq!(
        (score.stage, score.is_chosen),
        (Stage::Mix, true),
        "the person's word stays"
    );
    let earlier: Vec<&str> = after
        .earlier
        .iter()
        .map(|verdict| verdict.rule_set.as_str())
        .collect();
    assert_eq!(earlier, ["0.9.0"]);
    assert!(user.get(&page).await.text().contains("Scores by older rules"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_downloaded_as_one_page_that_needs_nothing_else() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("naïve \"mix\".wav", mix()).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    app.run_jobs().await;
    let file = user.get(&format!("{page}/report.html")).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"na_ve _mix_ (MixLens).html\"; filename*=UTF-8''na%C3%AFve%20_mix_%20%28MixLens%29.html"
    );
    let text = file.text();
    assert!(text.contains("LUFS") && text.contains("id=\"breakdown\""));
    for outside in ["<script", "<link", "src=", "csrf", "href=\"/"] {
        assert!(!text.contains(outside), "{outside}");
    }
}

/// Who opens a link is told the ways out: sign in, or ask for another account.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_report_says_to_others_that_it_may_belong_to_another_account() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let page = format!(
        "/analyses/{}",
        user.upload("Night drive.wav", mix()).await.analysis
    );
    app.run_jobs().await;
    let stranger = app.signed_up("bob@example.org").await;
    let told = stranger.get(&page).await;
    assert_eq!(told.status, StatusCode::NOT_FOUND);
    assert!(
        told.text().contains("belong to another account"),
        "{}",
        told.text()
    );
    assert!(!told.text().contains("Night drive"));
    let signed_out = anon.get(&page).await;
    assert_eq!(
        (signed_out.status, signed_out.header("location")),
        (StatusCode::SEE_OTHER, format!("/signin?next={page}").as_str())
    );
}
