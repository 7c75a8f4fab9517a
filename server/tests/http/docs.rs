//! The documentation for developers: what it prints works, and where it leads there is something.

use std::{collections::BTreeSet, path::Path, process::Command};

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind};

use crate::{
    support::{
        Database, TestApp,
        hooks::Hooks,
        mix,
        object_store::{Fault, ObjectStore},
    },
    uploads::long_mix,
};

const QUICK_START: &str = include_str!("../../../docs/guide/quick-start.md");
const WEBHOOKS: &str = include_str!("../../../docs/guide/webhooks.md");
const CLI: &str = include_str!("../../../docs/guide/cli.md");
const REPORT: &str = include_str!("../../../docs/guide/report.md");
const MCP: &str = include_str!("../../../docs/guide/mcp.md");
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
    let printed = snippets(QUICK_START, "sh live");
    let said = beside_a_worker(&app, run(&app, folder.path(), &token, &printed)).await;
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
        "/docs/report",
        "/docs/errors",
        "/docs/api",
        "/docs/webhooks",
        "/docs/mcp",
        "/docs/cli",
        "/docs/changelog",
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

/// The program of the command line, which `cargo test` builds beside ours.
fn cli() -> std::path::PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_mixlens")).with_file_name("mixlens-cli");
    assert!(program.exists(), "cargo build -p mixlens-cli");
    program
}

/// Does `work` while a worker runs.
async fn beside_a_worker<T>(app: &TestApp, work: impl Future<Output = T>) -> T {
    let stop = tokio_util::sync::CancellationToken::new();
    let working = async {
        while !stop.is_cancelled() {
            app.run_jobs().await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let done = async {
        let done = work.await;
        stop.cancel();
        done
    };
    tokio::join!(done, working).0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_uploads_and_a_studio_reports_as_it_is_printed() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    app.on_studio("ann@example.org").await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mix.wav"), mix()).unwrap();
    let programs = cli().parent().unwrap().display().to_string();
    let set_up = format!(
        "export PATH={programs}:$PATH XDG_CONFIG_HOME={}\necho \"$TOKEN\" | mixlens-cli login \"$MIXLENS\"\n",
        folder.path().display()
    );
    let mut printed = vec![set_up];
    printed.extend(snippets(CLI, "sh live").into_iter().take(1));
    // As a client is reported to: once more the same file is the same analysis.
    printed.extend(snippets(REPORT, "sh"));
    printed.extend(snippets(REPORT, "sh live"));
    let said = beside_a_worker(&app, run(&app, folder.path(), &token, &printed)).await;
    assert!(said.contains("Signed in to"), "{said}");
    assert!(!said.contains(&token), "{said}");
    assert!(said.contains(" points as a mix."), "{said}");
    assert!(said.contains("/shared/"), "{said}");
    assert!(said.ends_with("1 version\n"), "{said}");
    let kept = std::fs::metadata(folder.path().join("mixlens/login.toml")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&kept.permissions()) & 0o777,
        0o600
    );
    let rows: serde_json::Value = app.program_with(&token).get("/api/v1/analyses").await.json();
    assert_eq!(rows["data"].as_array().unwrap().len(), 1);

    // Deleted, it is uploaded once more; what is held to nothing of it ends with 4; then nobody is signed in any more.
    let id = rows["data"][0]["id"].as_str().unwrap().to_owned();
    ann.post(&format!("/analyses/{id}/delete"), &[]).await;
    let after = "set +e\nmixlens-cli upload --json --fail-on note mix.wav | jq -r .id\necho ${PIPESTATUS[0]}\nmixlens-cli logout\nmixlens-cli upload mix.wav 2>&1\n";
    let exports = format!(
        "export PATH={programs}:$PATH XDG_CONFIG_HOME={}\n",
        folder.path().display()
    );
    let typed = [exports, after.to_owned() + "true\n"];
    let said = beside_a_worker(&app, run(&app, folder.path(), &token, &typed)).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0].len(), id.len(), "{said}");
    assert_ne!(lines[0], id);
    assert!(matches!(lines[1], "0" | "4"), "{said}");
    assert!(lines[2].starts_with("The token is forgotten"), "{said}");
    assert!(lines[3].contains("nobody is signed in"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sends_a_large_file_in_parts_and_goes_on_where_it_was_broken_off() {
    let store = ObjectStore::start().await;
    let settings = [
        ("uploads.parts_above_megabytes", "10"),
        ("uploads.part_megabytes", "6"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |backend| {
        backend.storage = store.client();
    });
    let (app, _anon, ann) = app.await.with_user().await;
    app.on_studio("ann@example.org").await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    // Three parts.
    std::fs::write(folder.path().join("long.wav"), long_mix()).unwrap();
    let prepared = format!(
        "export PATH={}:$PATH XDG_CONFIG_HOME={}\n",
        cli().parent().unwrap().display(),
        folder.path().display()
    );
    let typed = |line: &str| [prepared.clone(), line.to_owned()];

    store.set_after(1, Method::PUT, Fault::Refuses(StatusCode::FORBIDDEN));
    let broken = "echo \"$TOKEN\" | mixlens-cli login \"$MIXLENS\" >/dev/null\nset +e\nmixlens-cli upload long.wav 2>&1\necho $?\n";
    let said = run(&app, folder.path(), &token, &typed(broken)).await;
    assert!(said.contains("the storage refused the file"), "{said}");
    assert!(said.ends_with("\n3\n"), "{said}");

    // What has arrived is not sent again: two parts are left.
    store.set_after(2, Method::PUT, Fault::Refuses(StatusCode::FORBIDDEN));
    let again = typed("mixlens-cli upload --json long.wav | jq -r '.state'\n");
    let said = beside_a_worker(&app, run(&app, folder.path(), &token, &again)).await;
    assert_eq!(said, "done\n");
    assert_eq!(
        app.texts("SELECT state FROM upload").await,
        ["stored"],
        "it is one upload"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_is_connected_as_it_is_printed() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let token = app.make_token(&ann, TokenKind::Test, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let said = run(&app, folder.path(), &token, &snippets(MCP, "sh mcp")).await;
    for tool in said.lines() {
        assert!(MCP.contains(&format!("| `{tool}` | ")), "{tool} is in the table");
    }
    assert_eq!(said.lines().count(), MCP.matches("\n| `").count());
}
