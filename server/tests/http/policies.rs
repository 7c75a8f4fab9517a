//! What is published: terms, privacy, cookies, contact, their versions, and who is told.

use std::{collections::BTreeSet, path::Path, time::Duration};

use axum::http::StatusCode;
use backend::{
    privacy::{manifest, policy, processors},
    sessions,
};

use crate::support::{Database, TestApp};

const POLICIES: [&str; 3] = ["/terms", "/privacy", "/cookies"];

#[tokio::test(flavor = "multi_thread")]
async fn p20_the_policies_are_public_dated_and_linked_to_each_other() {
    let app = TestApp::init().await;
    let anon = app.anon();
    for page in POLICIES {
        let answer = anon.get(page).await;
        assert_eq!(answer.status, StatusCode::OK);
        let text = answer.text();
        let (_, main) = text.split_once("<main").unwrap();
        let (main, footer) = main.split_once("</main>").unwrap();
        assert!(
            main.contains("<time datetime=\"2026-11-24\">2026-11-24</time>"),
            "{page} has no date"
        );
        for other in POLICIES
            .iter()
            .filter(|other| **other != page && !(page == "/terms" && **other == "/cookies"))
        {
            assert!(
                main.contains(&format!("href=\"{other}\"")),
                "{page} does not lead to {other}"
            );
        }
        assert!(
            main.contains("href=\"/policies\""),
            "{page} does not lead to its versions"
        );
        for link in ["/terms", "/privacy", "/cookies", "/contact"] {
            assert!(
                footer.contains(&format!("href=\"{link}\"")),
                "the footer of {page} does not lead to {link}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p20_the_figures_of_the_policies_are_those_that_the_code_goes_by() {
    let settings = [
        ("plans.free.audio_kept_hours", "36"),
        ("plans.pro.audio_kept_hours", "336"),
        ("uploads.play_minutes", "7"),
        ("privacy_email", "data@studio.example"),
        ("contact_email", "hello@studio.example"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let anon = app.anon();
    let privacy = anon.get("/privacy").await.text();
    for figure in [
        "36 hours",
        "14 days",
        "after 7 minutes to listen",
        "data@studio.example",
        "every 60 minutes",
        "30 days at most",
    ] {
        assert!(plain(&privacy).contains(figure), "{figure}: {}", plain(&privacy));
    }
    assert!(plain(&privacy).contains(&format!(
        "{} days after the last use",
        sessions::IDLE.as_secs() / 86_400
    )));
    for table in manifest::tables() {
        let is_a_persons = matches!(table.export, manifest::Export::Rows { .. });
        assert_eq!(
            privacy.contains(&format!(">{}</th>", table.title)),
            is_a_persons,
            "{}",
            table.name
        );
    }
    assert!(plain(&privacy).contains("Nobody: this server keeps everything itself"));
    assert!(anon.get("/terms").await.text().contains("hello@studio.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p17_the_policy_names_exactly_the_companies_that_the_settings_use() {
    let settings = [
        ("storage.endpoint", "https://account.r2.example"),
        ("storage.access_key", "key"),
        ("storage.secret_key", "secret"),
        ("telemetry.posthog_key", "phc_key"),
        ("telemetry.posthog_host", "http://127.0.0.1:9"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let privacy = plain(&app.anon().get("/privacy").await.text());
    for (company, is_used) in [
        ("Cloudflare R2", true),
        ("PostHog", true),
        ("Sentry", false),
        ("Railway", false),
        ("e-mail provider", false),
    ] {
        assert_eq!(privacy.contains(company), is_used, "{company}");
    }
}

/// All that a production installation can be told to use, and the company behind each. A setting that names somebody outside
/// and is not in here fails the test below: it needs its entry in `processors::PROCESSORS`, and the policy a new version.
const OUTSIDE: [(&str, &str, &str); 6] = [
    ("environment", "production", "Railway"),
    ("storage.endpoint", "https://account.r2.example", "Cloudflare R2"),
    (
        "mail.smtp_url",
        "smtps://user:password@mail.example",
        "e-mail provider",
    ),
    ("billing.stripe_key", "sk_live_key", "Stripe"),
    ("telemetry.posthog_key", "phc_key", "PostHog"),
    ("telemetry.sentry_dsn", "https://key@sentry.example/7", "Sentry"),
];

#[tokio::test(flavor = "multi_thread")]
async fn p17_in_production_the_policy_names_whoever_the_software_talks_to() {
    let mut settings = vec![
        ("base_url", "https://studio.example"),
        ("secret_key", "0123456789abcdef0123456789abcdef"),
        ("mail.from", "MixLens <letters@studio.example>"),
        ("trusted_hops", "1"),
        ("contact_email", "hello@studio.example"),
        ("privacy_email", "privacy@studio.example"),
        ("security_email", "security@studio.example"),
        ("storage.access_key", "key"),
        ("storage.secret_key", "secret"),
        ("telemetry.posthog_host", "http://127.0.0.1:9"),
        ("billing.stripe_signing_secret", "whsec_secret"),
        ("billing.pro.price", "price_pro"),
        ("billing.studio.price", "price_studio"),
    ];
    settings.extend(OUTSIDE.map(|(name, value, _)| (name, value)));
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let privacy = plain(&app.anon().get("/privacy").await.text());
    assert_eq!(
        OUTSIDE.len(),
        processors::PROCESSORS.len(),
        "each company has its setting"
    );
    for party in processors::PROCESSORS {
        let (name, ..) = OUTSIDE
            .iter()
            .find(|(.., company)| party.name.contains(company))
            .expect("a setting");
        assert!(
            privacy.contains(party.name),
            "{name} uses {}: {privacy}",
            party.name
        );
        assert!(
            privacy.contains(party.gets),
            "the policy says what {} gets",
            party.name
        );
    }
}

/// The rooms whose sources name the HTTP client: folders, and files that lie in none.
fn asking(folder: &Path, users: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            asking(&path, users);
        } else if std::fs::read_to_string(&path).unwrap().contains("reqwest") {
            let folder = path.parent().unwrap().file_name().unwrap();
            let room = if folder == "src" {
                path.file_stem().unwrap()
            } else {
                folder
            };
            users.insert(room.to_string_lossy().into_owned());
        }
    }
}

#[test]
fn p17_no_setting_and_no_library_talks_to_anybody_who_is_not_listed() {
    // Settings that hold a place outside or the key to one; those of our own database and our own addresses are not.
    let ours = [
        "base_url",
        "database_url",
        "redis_url",
        "secret_key",
        "storage.public_endpoint",
        "storage.access_key",
        "storage.secret_key",
        // A collector of the operator's own, as the settings say.
        "telemetry.otlp_endpoint",
    ];
    let with_another = ["telemetry.posthog_host"];
    let file = include_str!("../../../config.default.toml");
    let mut table = String::new();
    for line in file.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        }
        let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let full = format!("{}{name}", table.trim_start_matches("root."));
        let looks_outside = ["url", "endpoint", "host", "dsn", "key"]
            .iter()
            .any(|end| name.ends_with(end));
        let is_known = OUTSIDE.iter().any(|(known, ..)| *known == full)
            || ours.contains(&full.as_str())
            || with_another.contains(&full.as_str());
        assert!(
            !looks_outside || is_known,
            "{full} names somebody outside: who is it?"
        );
    }
    // Nothing else of ours can ask over the network: these are all the clients there are.
    let manifest = include_str!("../../../Cargo.toml");
    let (_, dependencies) = manifest.split_once("[workspace.dependencies]").unwrap();
    let clients: Vec<&str> = dependencies
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| {
            let words = [
                "aws-",
                "sentry",
                "posthog",
                "lettre",
                "redis",
                "stripe",
                "reqwest",
                "ureq",
                "isahc",
                "curl",
                "surf",
                "attohttpc",
                "mixpanel",
                "segment",
            ];
            words.iter().any(|word| name.contains(word))
        })
        .collect();
    // `reqwest` asks what people name themselves, for their webhooks, in one room, Stripe in another, and in a third sends spans to the
    // operator's own collector. `redis` is as the database: ours.
    // `ureq` is not in the program: with it the command line asks the site that its user names.
    assert_eq!(
        clients,
        [
            "aws-sdk-s3",
            "lettre",
            "posthog-rs",
            "redis",
            "reqwest",
            "sentry",
            "ureq"
        ]
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for package in ["analysis", "app", "backend", "builtin-storage", "model", "server"] {
        let manifest = std::fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
        let used = manifest.split("[dev-dependencies]").next().unwrap();
        assert!(!used.contains("mixlens-cli") && !used.contains("ureq"), "{used}");
    }
    let mut users = BTreeSet::new();
    for package in ["app", "backend", "model", "server"] {
        asking(&root.join(package).join("src"), &mut users);
    }
    assert_eq!(
        users,
        BTreeSet::from(["outbound", "stripe", "traces"].map(str::to_owned))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p19_a_material_version_is_mailed_to_every_account_once_and_a_cosmetic_one_to_nobody() {
    let app = TestApp::init().await;
    for person in ["ann", "bob", "cleo"] {
        app.signed_up(&format!("{person}@example.org")).await;
    }
    let subject = "The policies of MixLens change";
    let reported = async || {
        let mut counts = Vec::new();
        for person in ["ann", "bob", "cleo", "late"] {
            counts.push(
                app.emails_to(&format!("{person}@example.org"), subject)
                    .await
                    .len(),
            );
        }
        counts
    };
    assert!(
        policy::publish(
            &app.backend,
            "2026-12-01",
            policy::Change::Wording,
            "A typing error is mended."
        )
        .await
        .unwrap()
    );
    app.run_jobs().await;
    assert_eq!(reported().await, [0, 0, 0, 0], "nobody is told of a typing error");
    assert!(
        app.anon()
            .get("/privacy")
            .await
            .text()
            .contains("datetime=\"2026-12-01\""),
        "but the date moves"
    );

    app.clock.advance(Duration::from_secs(60));
    let publish = || {
        policy::publish(
            &app.backend,
            "2027-02-01",
            policy::Change::Material,
            "We keep renders, too.",
        )
    };
    assert!(publish().await.unwrap());
    app.run_jobs().await;
    assert_eq!(reported().await, [1, 1, 1, 0]);
    let email = app.email_to("bob@example.org", subject).await;
    assert!(
        email.text.contains("We keep renders, too.") && email.text.contains("2027-02-01"),
        "{}",
        email.text
    );

    // Neither a second publication nor a second run of its job tells anybody twice.
    assert!(!publish().await.unwrap());
    let mut tx = app.backend.db.begin().await.unwrap();
    let again = policy::AnnouncePolicy {
        version: "2027-02-01".into(),
    };
    backend::jobs::enqueue(
        &mut tx,
        &app.backend,
        &again,
        backend::jobs::EnqueueOptions::default(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(Duration::from_secs(60));
    app.signed_up("late@example.org").await;
    app.run_jobs().await;
    assert_eq!(
        reported().await,
        [1, 1, 1, 0],
        "who came later has accepted it already"
    );

    let versions = app.anon().get("/policies").await.text();
    for words in [
        "2027-02-01",
        "We keep renders, too.",
        "2026-12-01",
        "A typing error is mended.",
        "2026-11-24",
    ] {
        assert!(versions.contains(words), "{words}");
    }
    assert!(
        policy::publish(&app.backend, "2026-12-31", policy::Change::Material, "Older.")
            .await
            .is_err(),
        "versions only go forward"
    );
    assert!(
        policy::publish(&app.backend, "soon", policy::Change::Material, "No date.")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_the_contact_for_weaknesses_is_on_a_page_and_in_security_txt() {
    let settings = [
        ("security_email", "security@studio.example"),
        ("base_url", "https://studio.example"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let anon = app.anon();
    let file = anon.get("/.well-known/security.txt").await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
    let text = file.text();
    let field = |name: &str| {
        let lines: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .collect();
        assert_eq!(lines.len(), 1, "{name} stands once in {text}");
        lines[0].to_owned()
    };
    assert_eq!(field("Contact"), "mailto:security@studio.example");
    assert_eq!(
        field("Canonical"),
        "https://studio.example/.well-known/security.txt"
    );
    // RFC 9116 2.5.5: in the future, and less than a year ahead.
    let (now, expires) = (app.backend.now(), field("Expires"));
    assert!(expires > now.rfc3339());
    assert!(expires < now.plus(Duration::from_secs(365 * 86_400)).rfc3339());
    assert!(
        anon.get("/contact")
            .await
            .text()
            .contains("mailto:security@studio.example")
    );
}

/// The text of a page without its marks and comments.
fn plain(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    text.replace('\u{202f}', " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
