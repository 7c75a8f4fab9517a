//! Promises that need no walk of their own, and the map of all of them.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Duration};

use axum::http::{Method, StatusCode};
use backend::{
    db::{record, sql},
    plans,
};
use model::{AccountId, plan::Plan};

use crate::support::{Database, TestApp, fetch, mix, sign_up_form};

/// Every file of a kind in the project, one after another.
fn sources(folder: &Path, ending: &str, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
                sources(&path, ending, text);
            }
        } else if name.ends_with(ending) {
            writeln!(text, "{}", std::fs::read_to_string(&path).unwrap()).unwrap();
        }
    }
}

#[test]
fn the_map_of_promises_names_tests_that_exist_and_leaves_no_number_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let map = std::fs::read_to_string(root.join("docs/PROMISES.md")).unwrap();
    let tests = Tests::of(root);
    let rows: Vec<&str> = map.lines().filter(|line| line.starts_with("| P")).collect();
    let numbers: Vec<String> = rows.iter().map(|row| row[2..5].to_owned()).collect();
    let all: Vec<String> = (1..=32).map(|number| format!("P{number:02}")).collect();
    assert_eq!(numbers, all, "every promise has its row");
    let named: usize = rows
        .iter()
        .map(|row| tests.named_in(row.split('|').nth(3).unwrap()))
        .sum();
    assert!(named > 50, "the names are found in the map: {named}");
}

#[test]
fn the_page_of_security_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let tests = Tests::of(root);
    // The rows of ASVS: number, level, how it is, where, and the tests last.
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "))
        .filter(|(row, _)| row.split(" | ").count() == 4)
        .map(|(_, tests)| tests);
    let named: usize = cells.map(|cell| tests.named_in(cell)).sum();
    assert!(named > 120, "the names are found on the page: {named}");
}

/// All tests there are, as text.
struct Tests {
    rust: String,
    walks: String,
}

impl Tests {
    fn of(root: &Path) -> Self {
        let (mut rust, mut walks) = (String::new(), String::new());
        sources(root, ".rs", &mut rust);
        sources(&root.join("end2end/tests"), ".js", &mut walks);
        Self { rust, walks }
    }

    /// How many tests a text names; each of them exists.
    fn named_in(&self, text: &str) -> usize {
        let mut named = 0;
        for name in text.split('`').skip(1).step_by(2).filter(|name| name.len() > 20) {
            let is_there = self.rust.contains(&format!("fn {name}(")) || name.contains(' ');
            assert!(is_there, "there is no test {name}");
            named += 1;
        }
        for title in text.split('"').skip(1).step_by(2) {
            assert!(
                self.walks.contains(&format!("test(\"{title}\"")),
                "there is no walk {title}"
            );
            named += 1;
        }
        named
    }
}

#[test]
fn p01_no_dependency_learns_or_recognises_music() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let packages: BTreeSet<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect();
    assert!(packages.contains("symphonia"), "the lock file is read");
    let words = [
        "chromaprint",
        "acoustid",
        "fingerprint",
        "shazam",
        "musicbrainz",
        "audiomatch",
    ];
    let learners = [
        "tch",
        "ort",
        "burn",
        "candle-core",
        "tract-core",
        "linfa",
        "tensorflow",
        "dfdx",
    ];
    for package in packages {
        assert!(!words.iter().any(|word| package.contains(word)), "{package}");
        assert!(!learners.contains(&package), "{package}");
    }
}

async fn account_of(app: &TestApp, email: &str) -> AccountId {
    let row = app
        .backend
        .db
        .one::<(String,)>(sql("SELECT id FROM account WHERE email = $1").bind(email));
    row.await.unwrap().0.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_pro_keeps_audio_for_30_days_an_upgrade_extends_and_a_downgrade_shortens_nothing() {
    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);
    // Permissions to upload live by the real time, so all of them upload at the beginning.
    let app = TestApp::init().await;
    for person in ["free", "changes", "pro"] {
        let email = format!("{person}@example.org");
        let browser = app.signed_up(&email).await;
        if person == "pro" {
            plans::change(&app.backend, account_of(&app, &email).await, Plan::Pro)
                .await
                .unwrap();
        }
        browser.upload("a.wav", mix()).await;
    }
    app.run_jobs().await;
    let changes = account_of(&app, "changes@example.org").await;
    app.clock.advance(10 * HOUR);
    plans::change(&app.backend, changes, Plan::Studio).await.unwrap();
    app.clock.advance(HOUR);
    plans::change(&app.backend, changes, Plan::Free).await.unwrap();

    app.clock.advance(15 * HOUR);
    app.run_periodic_work().await;
    assert_eq!(
        app.stored_files().len(),
        2,
        "the free one's is gone; the upgrade extended, the downgrade shortened nothing"
    );
    app.clock.advance(694 * HOUR - MINUTE);
    app.run_periodic_work().await;
    assert_eq!(
        app.stored_files().len(),
        2,
        "a minute before 30 days are over, both are there"
    );
    app.clock.advance(2 * HOUR);
    app.run_periodic_work().await;
    assert_eq!(
        app.stored_files().len(),
        0,
        "within two hours after, both are gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_removal_that_was_given_up_is_tried_again_when_the_store_is_back() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    user.upload("a.wav", mix()).await;
    app.run_jobs().await;
    app.clock.advance(Duration::from_secs(26 * 3600));
    // The removal ran out of attempts while the store was down.
    backend::work::tick(&app.backend).await.unwrap();
    let db = &app.backend.db;
    let upload = "UPDATE upload SET state = 'removed'";
    db.execute(sql(upload)).await.unwrap();
    let (upload, account): (String, String) = db.one(sql("SELECT id, account_id FROM upload")).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let removal = backend::storage::RemoveAudio {
        account: account.parse().unwrap(),
        upload: upload.parse().unwrap(),
    };
    backend::jobs::enqueue(
        &mut tx,
        &app.backend,
        &removal,
        backend::jobs::EnqueueOptions::default(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let dead =
        sql("UPDATE job SET state = 'dead', attempts = 8, finished_at = $1 WHERE kind = 'remove_audio'");
    db.execute(dead.bind(app.backend.now())).await.unwrap();
    assert_eq!(app.stored_files().len(), 1);
    app.run_jobs().await;
    assert_eq!(
        app.stored_files().len(),
        0,
        "the hourly run brought it back to life"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_no_table_has_a_place_for_an_address_of_the_network_or_a_browser() {
    let app = TestApp::init().await;
    let tables = record::schema(&app.backend.db).await.unwrap();
    let mut account = tables["account"].clone();
    account.sort();
    assert_eq!(
        account,
        [
            "closed_at",
            "created_at",
            "display_name",
            "email",
            "email_key",
            "granted_plan",
            "id",
            "paid_plan",
            "password_hash",
            "plan",
            "terms_accepted_at",
            "terms_version"
        ]
    );
    for (table, columns) in tables {
        for column in columns {
            let parts: Vec<&str> = column.split('_').collect();
            for word in [
                "ip", "agent", "device", "phone", "birthday", "card", "location", "country",
            ] {
                assert!(!parts.contains(&word), "{table}.{column}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p18_a_sign_up_without_the_word_about_age_is_refused() {
    let app = TestApp::init().await;
    let person = app.anon();
    let mut form = sign_up_form("kid@example.org").to_vec();
    form.retain(|(name, _)| *name != "age_ok");
    let refused = person.post("/signup", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("MixLens is for people of 13 and older"));
    assert!(
        !app.everything_stored().await.contains("kid@example.org"),
        "nothing is kept of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p29_over_https_browsers_are_told_to_stay_there() {
    let app = TestApp::set_up(
        Database::Sqlite,
        &[("base_url", "https://studio.example")],
        |_| {},
    )
    .await;
    for path in ["/", "/healthz", "/nowhere", "/.well-known/security.txt"] {
        let answer = app.anon().get(path).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains",
            "{path}"
        );
    }
    let app = TestApp::init().await;
    assert_eq!(
        app.anon().get("/").await.header("strict-transport-security"),
        "",
        "never on one's own machine"
    );
    let plain = fetch(Method::GET, &format!("{}/healthz", app.url), &[], Vec::new()).await;
    assert_eq!(plain.status, StatusCode::OK);
}
