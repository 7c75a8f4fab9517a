//! References: uploaded apart from mixes, measured and not judged, compared with after their audio is gone (P05).

use std::time::Duration;

use analysis::testkit::{self, Encoding};
use axum::http::StatusCode;
use backend::db::sql;
use model::{
    AnalysisId,
    analysis::{AnalysisView, Audio},
    upload::UploadKind,
};

use crate::support::{Answer, Database, Person, TestApp, mix};

/// Music, so many dB quieter than [`mix`].
fn quieter(db: f64, seed: u64) -> Vec<u8> {
    let gain = testkit::amplitude(-db);
    let mut planes = testkit::music(44_100, 6.0, seed);
    planes.iter_mut().flatten().for_each(|x| *x *= gain);
    testkit::wav(44_100, &planes, Encoding::Int24)
}

fn page(id: AnalysisId) -> String {
    format!("/analyses/{id}")
}

async fn seen(user: &Person, id: AnalysisId) -> AnalysisView {
    let answer = user.get(&format!("{}/report.json", page(id))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn compare(user: &Person, mix: AnalysisId, with: &[AnalysisId]) -> Answer {
    let ids: Vec<String> = with.iter().map(ToString::to_string).collect();
    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("with", id.as_str())).collect();
    user.post(&format!("{}/comparison", page(mix)), &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p05_an_upload_is_a_mix_to_judge_or_a_reference_that_is_measured_and_compared_with() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let mine = user.upload("mine.wav", mix()).await.analysis;
    let reference = user
        .upload_reference("theirs.wav", quieter(6.0, 1))
        .await
        .analysis;
    app.run_jobs().await;

    let (history, references) = (
        user.get("/history").await.text(),
        user.get("/references").await.text(),
    );
    assert!(history.contains("mine") && !history.contains("theirs"));
    assert!(references.contains("theirs") && !references.contains("mine"));
    let view = seen(&user, reference).await;
    assert_eq!(view.summary.kind, UploadKind::Reference);
    assert!(view.report.is_some() && view.verdict.is_none() && view.summary.score.is_none());
    assert_eq!(
        app.texts("SELECT analysis_id FROM verdict").await,
        [mine.to_string()]
    );
    assert!(
        !user.get(&page(reference)).await.text().contains("of 100"),
        "a reference has no score"
    );
    app.clock.advance(std::time::Duration::from_secs(3 * 60));
    app.run_periodic_work().await;
    assert!(app.was_emailed("ann@example.org", "mine").await);
    assert!(
        !app.was_emailed("ann@example.org", "theirs").await,
        "a reference is no news"
    );
    // The job that rescores looks for reports that the rules have not seen; a reference is none.
    app.run_periodic_work().await;
    assert_eq!(
        app.texts("SELECT analysis_id FROM verdict").await,
        [mine.to_string()]
    );

    assert!(seen(&user, mine).await.compared.is_none());
    assert_eq!(
        compare(&user, mine, &[reference]).await.status,
        StatusCode::SEE_OTHER
    );
    let compared = seen(&user, mine).await.compared.unwrap();
    assert_eq!(
        (compared.with[0].id, compared.with[0].title.as_str()),
        (reference, "theirs")
    );
    let gain = compared.comparison.references[0].gain_db.unwrap();
    assert!(
        (gain - 6.0).abs() < 0.1,
        "the same music, 6 dB quieter, is turned up by {gain} dB"
    );
    assert_eq!(
        compared.comparison.differences,
        [],
        "turned up it differs in nothing"
    );
    for shown in [page(mine), format!("{}/comparison", page(mine))] {
        let text = user.get(&shown).await.text();
        assert!(text.contains("nothing stands out from your reference"), "{shown}");
    }

    // A day later the audio of both is gone, and the comparison is not.
    app.clock.advance(Duration::from_secs(25 * 3600));
    app.run_periodic_work().await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 0, "no audio is left");
    let later = seen(&user, mine).await.compared.unwrap();
    assert_eq!(later.with[0].audio, Audio::Gone);
    assert_eq!(later.comparison, compared.comparison);

    assert_eq!(
        user.post(&format!("{}/delete", page(reference)), &[])
            .await
            .header("location"),
        "/references"
    );
    assert!(
        seen(&user, mine).await.compared.is_none(),
        "nothing is left to compare with"
    );
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_takes_what_is_ones_own_and_measured_and_nothing_else() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let other = app.signed_up("other@example.org").await;
    let theirs = other.upload_reference("not yours.wav", mix()).await.analysis;
    let mine = user.upload("mine.wav", mix()).await.analysis;
    let earlier = user.upload("earlier.wav", quieter(3.0, 2)).await.analysis;
    let reference = user.upload_reference("one.wav", quieter(1.0, 3)).await.analysis;
    app.run_jobs().await;
    let unmeasured = user.upload_reference("two.wav", quieter(1.0, 4)).await.analysis;

    // Another mix of one's own may stand in for a reference.
    assert_eq!(
        compare(&user, mine, &[earlier, reference]).await.status,
        StatusCode::SEE_OTHER
    );
    let chosen = |view: AnalysisView| -> Vec<AnalysisId> {
        let mut ids: Vec<AnalysisId> = view.compared.unwrap().with.iter().map(|with| with.id).collect();
        ids.sort_by_key(ToString::to_string);
        ids
    };
    let mut both = [earlier, reference];
    both.sort_by_key(ToString::to_string);
    assert_eq!(chosen(seen(&user, mine).await), both);

    for (with, status) in [
        (vec![reference, theirs], StatusCode::NOT_FOUND),
        (vec![reference, unmeasured], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![mine], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![reference; 9], StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(compare(&user, mine, &with).await.status, status, "{with:?}");
        assert_eq!(
            chosen(seen(&user, mine).await),
            both,
            "a refused choice leaves the old one"
        );
    }
    assert_eq!(compare(&other, mine, &[]).await.status, StatusCode::NOT_FOUND);
    let offered = user.get(&format!("{}/comparison", page(mine))).await.text();
    assert!(offered.contains("one") && !offered.contains("not yours"));

    assert_eq!(compare(&user, mine, &[]).await.status, StatusCode::SEE_OTHER);
    assert!(seen(&user, mine).await.compared.is_none());
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_limited_by_themselves() {
    let settings = [
        ("plans.free.references_per_month", "1"),
        ("plans.free.analyses_per_month", "1"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let user = app.signed_up("ann@example.org").await;
    user.upload("mix.wav", mix()).await;
    user.upload_reference("one.wav", mix()).await;
    let second = user.try_begin(UploadKind::Reference, "two.wav", 1000).await;
    assert_eq!(second.status, StatusCode::PAYMENT_REQUIRED);
    assert!(
        second.text().contains("references of this month are used up"),
        "{}",
        second.text()
    );
    let counted = "SELECT analyses, reference_files FROM usage";
    assert_eq!(
        app.backend.db.one::<(i64, i64)>(sql(counted)).await.unwrap(),
        (1, 1)
    );
    app.run_jobs().await;
}
