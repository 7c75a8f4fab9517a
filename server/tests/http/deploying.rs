//! The files that an installation is set up by: every setting in them exists, every role starts, and production takes them.

use std::{collections::HashMap, path::Path};

use backend::config::{Config, DEFAULTS, Sources};

fn file(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(name)).expect(name)
}

/// Every setting, as a variable of the environment.
fn variables() -> Vec<String> {
    let mut table = String::new();
    let mut variables = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}__", name.trim_end_matches(']').replace('.', "__"));
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            variables.push(format!("MIXLENS_{table}{name}").to_uppercase());
        }
    }
    variables
}

#[test]
fn every_setting_that_a_file_of_an_installation_names_exists() {
    let known = variables();
    assert!(
        known.contains(&"MIXLENS_STORAGE__ENDPOINT".to_owned()),
        "{known:?}"
    );
    for name in [
        "compose.yaml",
        "Dockerfile",
        "deploy/systemd/environment.example",
        "deploy/kubernetes/mixlens.yaml",
        "docs/deploy/vps.md",
        "docs/deploy/railway.md",
        "docs/deploy/kubernetes.md",
    ] {
        let text = file(name);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.strip_prefix("MIXLENS_").is_some_and(|name| !name.is_empty())) {
            let setting = word.strip_suffix("_FILE").unwrap_or(word);
            assert!(known.iter().any(|known| known == setting), "{name} names {word}");
        }
    }
}

/// `NAME=value` of an example, a secret in place of each file with one.
fn example() -> HashMap<String, String> {
    let text = file("deploy/systemd/environment.example");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap();
            match name.strip_suffix("_FILE") {
                Some("MIXLENS_MAIL__SMTP_URL") => (
                    "MIXLENS_MAIL__SMTP_URL".to_owned(),
                    "smtps://a:b@mail.your.domain".to_owned(),
                ),
                Some(secret) => (
                    secret.to_owned(),
                    "a-secret-of-at-least-thirty-two-characters".to_owned(),
                ),
                None => (name.to_owned(), value.to_owned()),
            }
        })
        .collect()
}

#[test]
fn production_takes_the_settings_of_the_example() {
    let sources = Sources {
        variables: example(),
        ..Sources::default()
    };
    let config = Config::load(sources).unwrap();
    assert!(!config.is_development() && !config.uses_builtin_storage());
}

/// As `docker compose` hands them over: names with their values, the same for every process.
#[test]
fn the_program_takes_the_settings_of_compose() {
    let text = file("compose.yaml");
    let variables: HashMap<String, String> = text
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, _)| name.starts_with("MIXLENS_"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    assert!(variables.len() > 10, "{variables:?}");
    let sources = Sources {
        variables,
        ..Sources::default()
    };
    let config = Config::load(sources).unwrap();
    assert!(config.is_development() && !config.uses_builtin_storage());
}

#[test]
fn every_role_is_one_that_the_program_has() {
    for (name, starts) in [
        (
            "deploy/systemd/mixlens-web@.service",
            "mixlens web --set listen=127.0.0.1:%i",
        ),
        ("deploy/systemd/mixlens-worker@.service", "mixlens worker"),
        ("deploy/systemd/mixlens-beat.service", "mixlens beat"),
        ("deploy/railway/web.json", "mixlens web"),
        ("deploy/railway/worker.json", "mixlens worker"),
        ("deploy/railway/beat.json", "mixlens beat"),
        ("compose.yaml", "command: [web]"),
        ("compose.yaml", "command: [worker]"),
        ("compose.yaml", "command: [beat]"),
        ("deploy/kubernetes/mixlens.yaml", "args: [worker]"),
    ] {
        assert!(file(name).contains(starts), "{name}: {starts}");
    }
    for json in [
        "deploy/railway/web.json",
        "deploy/railway/worker.json",
        "deploy/railway/beat.json",
        "deploy/bucket/cors.json",
    ] {
        serde_json::from_str::<serde_json::Value>(&file(json)).unwrap();
    }
}

/// Nothing is removed by the bucket that a plan still promises, and it removes what everybody has forgotten.
#[test]
fn the_buckets_rule_of_life_is_longer_than_every_plan_and_spares_the_ledger() {
    let rules: serde_json::Value = serde_json::from_str(&file("deploy/bucket/lifecycle.json")).unwrap();
    let audio = &rules["Rules"][0];
    let days = audio["Expiration"]["Days"].as_u64().unwrap();
    let config = Config::load(Sources::default()).unwrap();
    for plan in [&config.plans.free, &config.plans.pro, &config.plans.studio] {
        assert!(days * 24 > u64::from(plan.audio_kept_hours) + 48, "{plan:?}");
    }
    assert!(days <= 35, "a month and some days");
    let prefix = audio["Filter"]["Prefix"].as_str().unwrap();
    assert!(!backend::storage::Key::ledger().as_str().starts_with(prefix));
}
