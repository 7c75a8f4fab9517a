//! The real program: how it starts, and when it refuses to.

use std::os::unix::fs::PermissionsExt as _;

use axum::http::{Method, StatusCode};
use backend::db::{Db, sql};

use crate::{
    programs::{Installation, Program, eventually, is_measured},
    support::{Database, Person, fetch, mix, on_both_databases},
};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn words(output: &std::process::Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_make_the_same_schema_at_once_take_turns() {
    for _ in 0..3 {
        let installation = Installation::on(None).await;
        let mut started: Vec<Program> = (0..4).map(|_| installation.start(&["migrate"])).collect();
        for program in &mut started {
            assert!(program.ends().await.success(), "{}", installation.log());
        }
        let url = format!("sqlite:{}", installation.data().join("mixlens.sqlite").display());
        let db = Db::connect(&url, 1).await.unwrap();
        db.execute(backend::db::sql(
            "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 6",
        ))
        .await
        .unwrap();
        db.close().await;
        let newer = installation.run(&["migrate"]);
        assert!(!newer.status.success());
        assert!(
            words(&newer).contains("was made by a newer version of MixLens"),
            "{}",
            words(&newer)
        );
    }
}

/// Web, worker and beat on an empty folder, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_starts_for_the_first_time_beside_the_others() {
    let installation = Installation::on(None).await;
    let mut roles: Vec<Program> = ["beat", "worker", "web"]
        .map(|role| installation.start(&[role]))
        .into();
    installation.is_ready().await;
    installation.signed_up("ann@example.org").await;
    for role in &mut roles {
        assert!(role.is_alive(), "{}", installation.log());
    }
}

on_both_databases! {
    /// Analyses would wait for ever: the worker would look for the objects in a folder of its own.
    async fn a_worker_that_shares_no_storage_with_the_web_role_is_refused(database) {
        let installation = Installation::on(Some(database)).await;
        let web = installation.start(&["web"]);
        installation.is_ready().await;
        let elsewhere = tempfile::tempdir().unwrap();
        let folder = format!("data_dir={}", elsewhere.path().join("data").display());
        let mut stranger = installation.start(&["worker", "--set", &folder]);
        assert!(!stranger.ends().await.success());
        assert!(installation.log().contains("is not the one that this database was used with"), "{}", installation.log());
        drop(web);
        installation.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_others_can_enter_is_closed_and_what_is_made_is_the_owners_alone() {
    let installation = Installation::on(None).await;
    let data = installation.data();
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _program = installation.start(&[]);
    installation.is_ready().await;
    installation.signed_up("ann@example.org").await;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data)
        .unwrap()
        .chain(std::fs::read_dir(data.join("mail")).unwrap())
    {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    let open = Installation::on(None).await;
    std::fs::create_dir(open.data()).unwrap();
    std::fs::set_permissions(open.data(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let refused = open.run(&["migrate"]);
    assert!(!refused.status.success() && words(&refused).contains("everybody may write there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn development_is_for_this_machine_alone_unless_told_otherwise() {
    let installation = Installation::on(None).await;
    let open = installation.run(&["config", "--set", "listen=0.0.0.0:3000"]);
    assert!(!open.status.success());
    assert!(words(&open).contains("development_network"), "{}", words(&open));
    let told = [
        "config",
        "--set",
        "listen=0.0.0.0:3000",
        "--set",
        "development_network=true",
    ];
    assert!(installation.run(&told).status.success());

    let _program = installation.start(&[]);
    installation.is_ready().await;
    let visitor = Person::visiting(&installation.url());
    assert_eq!(visitor.get("/dev/mail").await.status, StatusCode::OK);
    let port = installation.url().rsplit(':').next().unwrap().to_owned();
    let answer = raw(&port, "evil.example").await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(
        raw(&port, &format!("localhost:{port}"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

/// What `/dev/mail` answers whoever asks for this host.
async fn raw(port: &str, host: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    let request = format!("GET /dev/mail HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_commands_need_an_installation_and_deleting_needs_a_word_more() {
    let installation = Installation::on(None).await;
    for command in [&["admin", "requests"][..], &["reap"]] {
        let refused = installation.run(command);
        assert!(!refused.status.success());
        assert!(
            words(&refused).contains("there is no installation here"),
            "{}",
            words(&refused)
        );
    }
    assert!(!installation.data().exists(), "and none is made");

    let program = installation.start(&[]);
    installation.is_ready().await;
    let person = installation.signed_up("ann@example.org").await;
    let erase = ["admin", "erase", "--email", "ann@example.org"];
    let asked = installation.run(&erase);
    assert!(asked.status.success(), "{}", words(&asked));
    assert!(words(&asked).contains("ann@example.org (Ann)") && words(&asked).contains("Nothing was deleted"));
    assert_eq!(person.get("/history").await.status, StatusCode::OK);
    let done = installation.run(&[&erase[..], &["--yes"]].concat());
    assert!(done.status.success(), "{}", words(&done));
    assert_eq!(person.get("/history").await.status, StatusCode::SEE_OTHER);
    drop(program);
}

/// Taken while the program runs; what is deleted afterwards is deleted again before anybody is served.
#[tokio::test(flavor = "multi_thread")]
async fn p14_a_backup_is_restored_and_deletions_are_done_again_before_anybody_is_served() {
    let installation = Installation::on(None).await;
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let person = installation.signed_up("ann@example.org").await;
    let kept = person.upload("Kept.wav", mix()).await.analysis;
    let deleted = person.upload("Deleted.wav", mix()).await.analysis;
    for id in [kept, deleted] {
        is_measured(&person, id).await;
    }
    let backup = installation.folder.path().join("backup.zip");
    let file = backup.to_str().unwrap();
    let made = installation.run(&["backup", file]);
    assert!(made.status.success(), "{}", words(&made));
    assert_eq!(mode(&backup), 0o600);
    assert!(
        !installation.run(&["backup", file]).status.success(),
        "it replaces nothing"
    );
    let again = installation.run(&["restore", file]);
    assert!(
        !again.status.success() && words(&again).contains("there is an installation"),
        "{}",
        words(&again)
    );
    person.post(&format!("/analyses/{deleted}/delete"), &[]).await;
    let ledger = installation.data().join("deletions.txt");
    eventually("the ledger is written", async || ledger.exists().then_some(())).await;
    program.signal("-TERM");
    program.ends().await;

    let lost = installation.folder.path().join("lost");
    std::fs::rename(installation.data(), &lost).unwrap();
    let restored = installation.run(&["restore", file]);
    assert!(restored.status.success(), "{}", words(&restored));
    let refused = installation.run(&[]);
    assert!(
        !refused.status.success() && words(&refused).contains("was restored from a backup"),
        "{}",
        words(&refused)
    );
    std::fs::copy(
        lost.join("deletions.txt"),
        installation.data().join("deletions.txt"),
    )
    .unwrap();
    let _program = installation.start(&[]);
    installation.is_ready().await;
    // The session, the report and its audio are as they were.
    assert_eq!(
        person.get(&format!("/analyses/{kept}")).await.status,
        StatusCode::OK
    );
    let audio = person.get(&format!("/fn/analyses/audio?id={kept}")).await;
    assert_eq!(audio.status, StatusCode::OK, "{}", audio.text());
    assert_eq!(
        person.get(&format!("/analyses/{deleted}")).await.status,
        StatusCode::NOT_FOUND
    );
}

/// Nothing but the ledger knows that a database is an old one, whoever restored it by whatever means.
#[tokio::test(flavor = "multi_thread")]
async fn p14_while_the_ledger_of_deletions_cannot_be_read_nobody_is_served_and_no_job_is_done() {
    let installation = Installation::on(None).await;
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let person = installation.signed_up("ann@example.org").await;
    let deleted = person.upload("Deleted.wav", mix()).await.analysis;
    is_measured(&person, deleted).await;
    let page = format!("/analyses/{deleted}");
    let audio = format!("/fn/analyses/audio?id={deleted}");
    let link: serde_json::Value = person.get(&audio).await.json();
    let link = link["url"].as_str().unwrap().to_owned();
    let hear = async || fetch(Method::GET, &link, &[], Vec::new()).await.status;
    assert_eq!(hear().await, StatusCode::OK);
    program.signal("-TERM");
    program.ends().await;

    let database = format!("sqlite:{}", installation.data().join("mixlens.sqlite").display());
    let db = Db::connect(&database, 1).await.unwrap();
    let slots = async || {
        db.all::<(String,)>(sql("SELECT name FROM cron"))
            .await
            .unwrap()
            .len()
    };
    assert!(slots().await > 0);
    db.execute(sql("DELETE FROM cron")).await.unwrap();
    let ledger = installation.data().join("deletions.txt");
    std::fs::create_dir(&ledger).unwrap();
    let _program = installation.start(&[]);
    installation.lives().await;
    for path in [&page, &audio, "/", "/history", "/signin", "/readyz"] {
        let answer = person.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!answer.text().contains("Deleted"), "{path}");
    }
    assert!(
        person
            .get(&page)
            .await
            .text()
            .contains("nothing deleted comes back")
    );
    assert_eq!(hear().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(slots().await, 0, "no periodic work begins");

    std::fs::remove_dir(&ledger).unwrap();
    std::fs::write(&ledger, format!("{}\n", backend::ledger::hash_of(deleted))).unwrap();
    installation.is_ready().await;
    assert_eq!(person.get(&page).await.status, StatusCode::NOT_FOUND);
    assert_eq!(person.get("/history").await.status, StatusCode::OK);
    db.close().await;
}
