//! The history as a table, and several analyses at once.

use std::time::Duration;

use axum::http::StatusCode;

use crate::support::{Database, TestApp, mix, on_both_databases};

on_both_databases! {
    async fn several_analyses_are_deleted_at_once_and_nobody_elses(database) {
        let (app, _anon, ann) = TestApp::on(database).await.with_user().await;
        let bob = app.signed_up("bob@example.org").await;
        let mut hers = Vec::new();
        for name in ["okapi.wav", "quagga.wav", "zebra.wav"] {
            hers.push(ann.upload(name, mix()).await.analysis.to_string());
        }
        let his = bob.upload("his.wav", mix()).await.analysis.to_string();
        app.run_jobs().await;

        let nothing = ann.post("/history/delete", &[("back", "/history?select=1")]).await;
        assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(nothing.text().contains("Tick what is to be deleted."));

        let ticked = [("analysis", hers[0].as_str()), ("analysis", &his), ("analysis", &hers[2])];
        let done = ann.post("/history/delete", &ticked).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/history?done=deleted"));
        let page = ann.get("/history?done=deleted").await.text();
        assert!(page.contains("quagga") && !page.contains("okapi") && !page.contains("zebra"), "{page}");
        assert!(page.contains("Report and audio are gone."));
        assert_eq!(bob.get(&format!("/analyses/{his}")).await.status, StatusCode::OK);
        app.run_jobs().await;
        assert_eq!(app.stored_files().len(), 2, "their audio is gone, too");
        // Pressed again in another tab: they are gone, which was wanted.
        assert_eq!(ann.post("/history/delete", &ticked).await.status, StatusCode::SEE_OTHER);
    }

    async fn the_history_is_saved_as_a_table_as_it_is_looked_for(database) {
        let (app, _anon, ann) = TestApp::on(database).await.with_user().await;
        ann.upload("=SUM(A1).wav", mix()).await;
        app.clock.advance(Duration::from_millis(5));
        ann.upload("Okapi, final.wav", mix()).await;
        app.run_jobs().await;
        let saved = ann.get("/history.csv?order=oldest").await;
        assert_eq!(saved.header("content-type"), "text/csv; charset=utf-8");
        assert!(saved.header("content-disposition").contains("MixLens history.csv"));
        let text = saved.text();
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].starts_with("title,uploaded,state,judged_as,score,"), "{text}");
        assert!(rows[1].starts_with("'=SUM(A1),") && rows[1].contains(",done,"), "{text}");
        assert!(rows[2].starts_with("\"Okapi, final\","), "{text}");
        assert_eq!(rows.len(), 3);
        let one = ann.get("/history.csv?q=okapi").await.text();
        assert_eq!(one.lines().count(), 2);
        assert_eq!(ann.get("/history.csv?stage=demo").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}
