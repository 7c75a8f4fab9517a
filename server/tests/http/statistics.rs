//! Cookies, statistics and error reports: what is asked, what is set, and what leaves.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use backend::privacy::cookies::{self, Need};

use crate::{
    authorisation::visited,
    support::{Answer, Database, Person, TestApp, Uploaded, mix, receiver::Receiver},
};

const BANNER: &str = "May we count how MixLens is used?";

async fn counting(database: Database, receiver: &Receiver) -> TestApp {
    let settings = [
        ("telemetry.posthog_key", "phc_test"),
        ("telemetry.posthog_host", receiver.url.as_str()),
    ];
    TestApp::set_up(database, &settings, |_| {}).await
}

/// The names of all cookies that an answer sets; each is for this host alone and for no script.
fn set_by(answer: &Answer) -> BTreeSet<String> {
    let names = answer.headers.get_all("set-cookie").iter().map(|cookie| {
        let cookie = cookie.to_str().unwrap();
        for word in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite="] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains("Domain="), "{cookie}");
        cookie.split('=').next().unwrap().to_owned()
    });
    names.collect()
}

/// Visits every address there is, by the matrix that a test compares with the routes; the names of the cookies that were set.
async fn walk(person: &Person, report: &Uploaded) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for page in visited(report).iter().map(String::as_str).chain(["/nowhere"]) {
        names.extend(set_by(&person.get(page).await));
    }
    names
}

/// Somebody who is signed in, with a report.
async fn with_report(app: &TestApp) -> (Person, Uploaded) {
    let user = app.signed_up("ann@example.org").await;
    let report = user.upload("a.wav", mix()).await;
    app.run_jobs().await;
    (user, report)
}

const NECESSARY: &[Need] = &[Need::Necessary];

/// The cookies of these needs.
fn listed(needs: &[Need]) -> BTreeSet<String> {
    cookies::ALL
        .into_iter()
        .filter(|cookie| needs.contains(&cookie.when))
        .map(|cookie| cookie.name.to_owned())
        .collect()
}

async fn answer(person: &Person, statistics: &str) -> Answer {
    person
        .post("/consent", &[("statistics", statistics), ("back", "/terms")])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn p21_exactly_the_cookies_are_set_that_the_policy_names() {
    let app = TestApp::init().await;
    let (user, report) = with_report(&app).await;
    let anon = app.anon();
    let mut seen = walk(&anon, &report).await;
    seen.extend(walk(&user, &report).await);
    seen.extend(set_by(
        &anon
            .post("/signup", &crate::support::sign_up_form("bob@example.org"))
            .await,
    ));
    app.run_jobs().await;
    seen.extend(set_by(
        &user
            .post(
                "/signin",
                &[
                    ("email", "ann@example.org"),
                    ("password", crate::support::PASSWORD),
                ],
            )
            .await,
    ));
    seen.extend(set_by(&answer(&user, "yes").await));
    assert_eq!(seen, listed(NECESSARY));
    let page = anon.get("/cookies").await.text();
    for cookie in cookies::ALL {
        assert_eq!(
            page.contains(cookie.name),
            listed(NECESSARY).contains(cookie.name),
            "{}",
            cookie.name
        );
    }
    for path in visited(&report) {
        assert!(
            !anon.get(&path).await.text().contains(BANNER),
            "{path} asks although there is nothing to ask"
        );
    }

    let receiver = Receiver::start().await;
    let app = counting(Database::Sqlite, &receiver).await;
    let (user, report) = with_report(&app).await;
    let mut seen = walk(&app.anon(), &report).await;
    seen.extend(walk(&user, &report).await);
    seen.extend(set_by(
        &app.anon()
            .post("/signup", &crate::support::sign_up_form("bob@example.org"))
            .await,
    ));
    app.run_jobs().await;
    seen.extend(set_by(
        &user
            .post(
                "/signin",
                &[
                    ("email", "ann@example.org"),
                    ("password", crate::support::PASSWORD),
                ],
            )
            .await,
    ));
    assert_eq!(seen, listed(NECESSARY), "nothing optional before the answer");
    seen.extend(set_by(&answer(&user, "yes").await));
    seen.extend(walk(&user, &report).await);
    assert_eq!(seen, listed(&[Need::Necessary, Need::Answer, Need::Optional]));
    let page = app.anon().get("/cookies").await.text();
    for cookie in cookies::ALL {
        assert!(
            page.contains(cookie.name) && page.contains(cookie.life),
            "{}",
            cookie.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p17_no_page_makes_a_browser_ask_anybody_else() {
    let app = TestApp::init().await;
    let (user, report) = with_report(&app).await;
    let anon = app.anon();
    let mut loaded = 0;
    for person in [&anon, &user] {
        for path in visited(&report) {
            let answer = person.get(&path).await;
            for source in answer.header("content-security-policy").split([';', ' ']) {
                let is_ours = !source.contains("//") || source.starts_with(&app.url);
                assert!(
                    is_ours && source != "*" && source != "https:",
                    "{path} allows {source}"
                );
            }
            if !answer.header("content-type").starts_with("text/html") || path.starts_with("/dev/") {
                continue;
            }
            let html = answer.text();
            // What is loaded without being asked for, and where forms go. Links to sources are followed by people.
            for attribute in [
                "src=\"",
                "srcset=\"",
                "action=\"",
                "poster=\"",
                "data=\"",
                "url(",
                "<link ",
            ] {
                for rest in html.split(attribute).skip(1) {
                    let rest = match attribute {
                        "<link " => rest.split_once("href=\"").expect("a link leads somewhere").1,
                        _ => rest,
                    };
                    let address = rest.split(['"', ')']).next().unwrap();
                    let is_ours = address.starts_with(&app.url)
                        || address.starts_with('#')
                        || (address.starts_with('/') && !address.starts_with("//"));
                    assert!(is_ours, "{path} asks {address}");
                    loaded += 1;
                }
            }
        }
    }
    assert!(loaded > 150, "something is looked at: {loaded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p21_the_question_is_asked_until_it_is_answered_and_either_answer_is_one_click() {
    let receiver = Receiver::start().await;
    let app = counting(Database::Sqlite, &receiver).await;
    let (_, report) = with_report(&app).await;
    for statistics in ["no", "yes"] {
        let anon = app.anon();
        let page = anon.get("/terms").await.text();
        assert!(page.contains(BANNER));
        // Two buttons of the same form, alike but for their words.
        let (_, banner) = page.split_once("class=\"consent\"").unwrap();
        let (banner, _) = banner.split_once("</section>").unwrap();
        let classes: BTreeSet<&str> = banner
            .split("<button")
            .skip(1)
            .map(|button| {
                button
                    .split("class=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(
            (banner.matches("<button").count(), classes.len()),
            (2, 1),
            "{banner}"
        );
        let said = answer(&anon, statistics).await;
        assert_eq!(
            (said.status, said.header("location")),
            (StatusCode::SEE_OTHER, "/terms")
        );
        for path in visited(&report) {
            assert!(
                !anon.get(&path).await.text().contains(BANNER),
                "{path} asks again after {statistics}"
            );
        }
        assert_eq!(anon.has_cookie("__Host-aid"), statistics == "yes");
        // The footer leads to the place where the mind can be changed.
        let cookies = anon.get("/cookies").await.text();
        assert!(cookies.contains("id=\"choice\"") && cookies.contains(">Decline<"));
        answer(&anon, "no").await;
        anon.get("/").await;
        assert!(
            !anon.has_cookie("__Host-aid"),
            "it is taken away with the permission"
        );
    }
    let foreign = app
        .anon()
        .post(
            "/consent",
            &[("statistics", "no"), ("back", "https://evil.example")],
        )
        .await;
    assert_eq!(foreign.header("location"), "/upload");
}

#[tokio::test(flavor = "multi_thread")]
async fn p23_what_leaves_says_nothing_about_the_person() {
    let receiver = Receiver::start().await;
    let app = counting(Database::Sqlite, &receiver).await;
    let user = app.signed_up("zoe.secret@example.org").await;
    answer(&user, "yes").await;
    let headers = [
        ("x-forwarded-for", "203.0.113.77"),
        ("user-agent", "SecretBrowser/7"),
    ];
    user.send(
        Method::GET,
        "/terms?email=zoe.secret@example.org&token=tok_secret",
        &headers,
        Vec::new(),
    )
    .await;
    let uploaded = user.upload("Secret song.wav", mix()).await;
    app.run_jobs().await;
    user.get(&format!("/analyses/{}", uploaded.analysis)).await;
    user.post(
        &format!("/analyses/{}/rename", uploaded.analysis),
        &[("title", "Secret title")],
    )
    .await;
    user.post("/account/privacy/export", &[]).await;
    user.get("/zoe.secret@example.org").await;
    app.run_jobs().await;
    app.backend.statistics.flush().await;
    let all = receiver.until("copy_asked_for").await;
    for event in [
        "page_viewed",
        "upload_completed",
        "report_renamed",
        "copy_asked_for",
        "\"/analyses/{id}\"",
        "\"/terms\"",
    ] {
        assert!(all.contains(event), "{event} is not counted: {all}");
    }
    let (account,): (String,) = app.backend.db.one(sql_account()).await.unwrap();
    let dashed = account.parse::<model::AccountId>().unwrap().0.to_string();
    let analysis = uploaded.analysis.to_string();
    for secret in [
        "zoe",
        "secret",
        "Secret",
        "Ann",
        "example.org",
        "tok_",
        "203.0.113",
        "SecretBrowser",
        "__Host",
        "wav",
        "X-Amz",
        account.as_str(),
        dashed.as_str(),
        analysis.as_str(),
        "\"$ip\"",
        "\"$set\"",
    ] {
        assert!(!all.contains(secret), "{secret} left: {all}");
    }
    assert!(
        all.contains("\"$process_person_profile\":false") && all.contains("\"$geoip_disable\":true"),
        "no person is made: {all}"
    );

    // The number of a visitor ends with the day, and is no other day's.
    let number = visitor_of(&all);
    app.clock.advance(std::time::Duration::from_secs(24 * 3600));
    user.get("/cookies").await;
    app.backend.statistics.flush().await;
    let later = receiver.until("\"/cookies\"").await;
    assert_ne!(visitor_of(later.rsplit("\n\n").next().unwrap()), number);
    for stored in app.everything_stored().await.lines() {
        assert!(
            !stored.contains(&number),
            "the number is tied to nothing: {stored}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p24_nothing_leaves_without_a_yes_or_against_a_no() {
    let receiver = Receiver::start().await;
    let app = counting(Database::Sqlite, &receiver).await;
    let undecided = app.anon();
    undecided.get("/terms").await;
    let declined = app.anon();
    answer(&declined, "no").await;
    declined.get("/terms").await;
    let nothing = events(&receiver, &app).await;
    assert_eq!(nothing, Vec::<String>::new(), "no answer and a no are no yes");
    for signal in ["dnt", "sec-gpc"] {
        let signalling = app.anon();
        answer(&signalling, "yes").await;
        let page = signalling
            .send(Method::GET, "/privacy", &[(signal, "1")], Vec::new())
            .await;
        assert!(!page.text().contains(BANNER), "{signal} is an answer already");
        let fresh = app
            .anon()
            .send(Method::GET, "/privacy", &[(signal, "1")], Vec::new())
            .await;
        assert!(!fresh.text().contains(BANNER));
        assert!(!set_by(&fresh).contains("__Host-aid"));
    }
    // Somebody who opted out in one browser is counted in no other, even where that one said yes.
    let user = app.signed_up("ann@example.org").await;
    answer(&user, "no").await;
    let elsewhere = app.anon();
    answer(&elsewhere, "yes").await;
    elsewhere
        .post(
            "/signin",
            &[
                ("email", "ann@example.org"),
                ("password", crate::support::PASSWORD),
            ],
        )
        .await;
    let before = events(&receiver, &app).await;
    elsewhere.get("/terms").await;
    elsewhere.get("/history").await;
    let after = events(&receiver, &app).await;
    assert_eq!(after, before, "an opt-out holds everywhere");
    let pages: Vec<&String> = after
        .iter()
        .filter(|event| event.contains("/privacy") || event.contains("/history"))
        .collect();
    assert!(pages.is_empty(), "{pages:?}");
    let page = user.get("/account/privacy").await.text();
    assert!(page.contains("You declined statistics"), "and is shown");
}

/// What was counted so far.
async fn events(receiver: &Receiver, app: &TestApp) -> Vec<String> {
    app.backend.statistics.flush().await;
    receiver.seen()
}

fn sql_account() -> backend::db::Sql {
    backend::db::sql("SELECT id FROM account")
}

fn visitor_of(text: &str) -> String {
    let (_, rest) = text
        .split_once("\"distinct_id\":\"")
        .expect("an event has a visitor");
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn p24_without_a_key_nothing_is_counted() {
    let receiver = Receiver::start().await;
    let settings = [("telemetry.posthog_host", receiver.url.as_str())];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let anon = app.anon();
    answer(&anon, "yes").await;
    anon.get("/terms").await;
    app.backend.statistics.flush().await;
    assert_eq!(receiver.seen(), Vec::<String>::new());
    assert!(!anon.has_cookie("__Host-consent") && !anon.has_cookie("__Host-aid"));
}
