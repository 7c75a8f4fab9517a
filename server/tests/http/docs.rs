//! The documentation for developers: what it prints works, and where it leads there is something.

use std::{collections::BTreeSet, path::Path, process::Command};

use axum::http::StatusCode;
use backend::{Scope, TokenKind};

use crate::support::{Database, TestApp, hooks::Hooks, mix};

const QUICK_START: &str = include_str!("../../../docs/guide/quick-start.md");
const WEBHOOKS: &str = include_str!("../../../docs/guide/webhooks.md");
const AUTHENTICATION: &str = include_str!("../../../docs/guide/authentication.md");

/// The snippets of a page that begin with this fence, in their order.
fn snippets(page: &str, fence: &str) -> Vec<String> {
    page.split(&format!("```{fence}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs snippets in one shell, as whoever types them in does; what they print.
async fn run(app: &TestApp, folder: &Path, token: &str, snippets: &[String]) -> String {
    let settings = format!("set -euo pipefail\nexport MIXLENS={} TOKEN={token}\n", app.url);
    let script = settings + &snippets.concat();
    let mut command = Command::new("bash");
    command.arg("-c").arg(&script).current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}\n{errors}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_works_as_it_is_printed() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let token = app.make_token(&ann, TokenKind::Test, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let printed = snippets(QUICK_START, "sh");
    // The first one says where and with what, which is another one here.
    assert!(printed[0].contains("export TOKEN=mlp_…"));
    let said = run(&app, folder.path(), &token, &printed[1..]).await;
    assert!(said.contains("Sample: done, "), "{said}");
    assert!(said.contains("integrated_lufs"), "{said}");
    assert!(said.trim_end().ends_with("true"), "the proof: {said}");
    run(&app, folder.path(), &token, &snippets(AUTHENTICATION, "sh")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_uploads_a_file_as_it_is_printed() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    app.on_studio("ann@example.org").await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mix.wav"), mix()).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let working = async {
        while !stop.is_cancelled() {
            app.run_jobs().await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let printed = snippets(QUICK_START, "sh live");
    let typed = async {
        let said = run(&app, folder.path(), &token, &printed).await;
        stop.cancel();
        said
    };
    let (said, ()) = tokio::join!(typed, working);
    assert!(said.contains("done: "), "{said}");
    assert!(said.contains(" points before, "), "{said}");
    let file = std::fs::read(folder.path().join("corrected.flac")).unwrap();
    assert_eq!(file[..4], *b"fLaC");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_made_and_tried_as_it_is_printed() {
    let settings = [("webhooks.private_networks", "true")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (app, _anon, ann) = app.with_user().await;
    app.on_studio("ann@example.org").await;
    let hooks = Hooks::start().await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let receiver = format!("export RECEIVER={}\n", hooks.url);
    let mut printed = vec![receiver];
    printed.extend(snippets(WEBHOOKS, "sh webhooks"));
    let said = run(&app, folder.path(), &token, &printed).await;
    assert_eq!(said, "active: keep mlwhs_… and whsec_…\nping: waiting\n");
    app.run_jobs().await;
    assert_eq!(hooks.types(), ["ping"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_there_as_text_and_leads_only_to_what_there_is() {
    let app = TestApp::init().await;
    let anon = app.anon();
    let index = anon.get("/llms.txt").await;
    assert_eq!(index.header("content-type"), "text/plain; charset=utf-8");
    let mut found = BTreeSet::new();
    for page in [
        "/docs",
        "/docs/authentication",
        "/docs/catalogue",
        "/docs/errors",
        "/docs/api",
        "/docs/webhooks",
    ] {
        let html = anon.get(page).await;
        assert_eq!(html.status, StatusCode::OK);
        let text = anon.get(&format!("{page}.md")).await;
        assert_eq!(text.header("content-type"), "text/markdown; charset=utf-8");
        assert!(!text.text().contains("mixlens.example"), "{page}");
        assert!(index.text().contains(&format!("{}{page}.md", app.url)), "{page}");
        assert!(html.text().contains(&format!("href=\"{page}.md\"")), "{page}");
        let html = html.text();
        let (_, article) = html.split_once("<article").unwrap();
        found.extend(
            article
                .split("href=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned())
                .filter(|address| address.starts_with('/')),
        );
    }
    assert!(found.len() > 5, "{found:?}");
    for address in found {
        let (path, anchor) = address.split_once('#').unwrap_or((&address, ""));
        let answer = anon.get(path).await;
        assert!(
            answer.status == StatusCode::OK || answer.status == StatusCode::SEE_OTHER,
            "{address}: {}",
            answer.status
        );
        assert!(
            anchor.is_empty() || answer.text().contains(&format!("id=\"{anchor}\"")),
            "{address}"
        );
    }
}
