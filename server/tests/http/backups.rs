//! What `docs/OPERATIONS.md` says of backups, run as it stands there.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use backend::db::sql;

use crate::{
    programs::{Installation, eventually, is_measured},
    support::{Database, mix, object_store::ObjectStore, on_both_databases},
};

const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");

/// The blocks of commands under a heading.
fn blocks(heading: &str) -> Vec<String> {
    let (_, rest) = OPERATIONS
        .split_once(&format!("\n### {heading}\n"))
        .expect(heading);
    let section = rest.split("\n#").next().unwrap();
    let mut blocks = vec![String::new()];
    for line in section.lines() {
        if line.starts_with("    ") {
            *blocks.last_mut().unwrap() += &format!("{}\n", line.trim());
        } else if !blocks.last().unwrap().is_empty() {
            blocks.push(String::new());
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// The one block under a heading that holds a command.
fn block(heading: &str, command: &str) -> String {
    let blocks = blocks(heading);
    let block = blocks.iter().find(|block| block.contains(command));
    block.expect("such a block").clone()
}

on_both_databases! {
    /// The backup knows neither of the deletion of an analysis, nor of that of an account, nor of an upload that came later.
    async fn p14_what_this_page_says_of_backups_is_done_and_what_was_deleted_since_stays_deleted(database) {
        let store = ObjectStore::start().await;
        let has_bucket = matches!(database, Database::Postgres);
        let mut installation = Installation::on(has_bucket.then_some(database)).await;
        if has_bucket {
            installation.settings = store.settings();
        }
        let (heading, restores) = if has_bucket { ("With PostgreSQL", "pg_restore") } else { ("With SQLite", "mixlens restore") };
        let folder = tempfile::tempdir().unwrap();
        let variables = [("BACKUP", folder.path().to_str().unwrap())];
        let shell = |commands: &str| {
            let output = installation.shell(commands, &variables);
            assert!(output.status.success(), "{commands}\n{}", String::from_utf8_lossy(&output.stderr));
        };

        let mut program = installation.start(&[]);
        installation.is_ready().await;
        let ann = installation.signed_up("ann@example.org").await;
        let bob = installation.signed_up("bob@example.org").await;
        let kept = ann.upload("Kept.wav", mix()).await.analysis;
        let deleted = ann.upload("Deleted.wav", mix()).await.analysis;
        let bobs = bob.upload("Bobs.wav", mix()).await.analysis;
        for (person, analysis) in [(&ann, kept), (&ann, deleted), (&bob, bobs)] {
            is_measured(person, analysis).await;
        }
        shell(&blocks(heading)[0]);

        ann.post(&format!("/analyses/{deleted}/delete"), &[]).await;
        shell("mixlens admin erase --email bob@example.org --yes");
        let late = ann.upload("Late.wav", mix()).await.analysis;
        is_measured(&ann, late).await;
        // An account and its analysis, and another analysis.
        let ledger = async || if has_bucket {
            let key = backend::storage::Key::ledger();
            let bytes = store.client().get_range(&key, 0..10_000).await.unwrap_or_default();
            String::from_utf8(bytes.to_vec()).unwrap()
        } else {
            std::fs::read_to_string(installation.data().join("deletions.txt")).unwrap_or_default()
        };
        eventually("the ledger knows of the deletions", async || {
            let lines = ledger().await;
            (lines.contains(&backend::ledger::hash_of(deleted)) && lines.lines().count() >= 2).then_some(())
        })
        .await;
        program.signal("-TERM");
        program.ends().await;

        // The database is lost, and with SQLite everything.
        let lost = installation.folder.path().join("lost");
        if let Some(scratch) = &installation.scratch {
            scratch.empty().await;
        } else {
            std::fs::rename(installation.data(), &lost).unwrap();
        }
        shell(&block("Restoring", restores));
        if !has_bucket {
            std::fs::copy(lost.join("deletions.txt"), installation.data().join("deletions.txt")).unwrap();
        }
        let _program = installation.start(&[]);
        installation.is_ready().await;
        assert_eq!(ann.get(&format!("/analyses/{kept}")).await.status, StatusCode::OK);
        let audio = ann.get(&format!("/fn/analyses/audio?id={kept}")).await;
        assert_eq!(audio.status, StatusCode::OK, "{}", audio.text());
        assert_eq!(ann.get(&format!("/analyses/{deleted}")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(bob.get("/history").await.status, StatusCode::SEE_OTHER, "the account is gone");
        assert_eq!(ann.get(&format!("/analyses/{late}")).await.status, StatusCode::NOT_FOUND);

        if has_bucket {
            // What came after the backup has an object and no row; a day later it goes, and nothing else.
            eventually("the storage of what was deleted again is empty", async || {
                (store.objects() <= 2).then_some(())
            })
            .await;
            assert_eq!(store.objects(), 2, "that of the kept one, and that of the late one");
            let day_ago = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now(&installation).await).unwrap())
                - Duration::from_secs(25 * 3600);
            for file in store.files() {
                std::fs::File::options().write(true).open(file).unwrap().set_modified(day_ago).unwrap();
            }
            shell("mixlens reap");
            assert_eq!(store.objects(), 1);
            let again = ann.get(&format!("/fn/analyses/audio?id={kept}")).await;
            assert_eq!(again.status, StatusCode::OK, "{}", again.text());
        }
        drop(_program);
        installation.remove().await;
    }
}

/// By the clock of the database, in milliseconds.
async fn now(installation: &Installation) -> i64 {
    let db = &installation.scratch.as_ref().unwrap().db;
    db.one::<(i64,)>(sql("SELECT MAX(created_at) FROM job"))
        .await
        .unwrap()
        .0
}
