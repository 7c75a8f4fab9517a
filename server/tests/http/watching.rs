//! What watches over an installation from outside: every name that it uses is there, and every figure that is there is explained.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};

use crate::{
    programs::Installation,
    support::{Person, fetch},
};

const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../deploy/grafana/mixlens.json");
const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");

/// The names of figures in a text. A histogram is one figure.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("mixlens_") || word.starts_with("process_"))
        .map(|word| {
            let parts = ["_bucket", "_sum", "_count"];
            let whole = parts.iter().find_map(|part| word.strip_suffix(part));
            whole.unwrap_or(word).to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_explained_and_every_rule_and_panel_names_one_that_there_is() {
    let mut installation = Installation::on(None).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let figures = listener.local_addr().unwrap();
    drop(listener);
    installation.settings = vec![
        ("MIXLENS_METRICS_LISTEN", figures.to_string()),
        // None answers there, which is a figure as well.
        ("MIXLENS_REDIS_URL", "redis://127.0.0.1:9".to_owned()),
    ];
    let _all = installation.start(&[]);
    installation.is_ready().await;
    let visitor = Person::visiting(&installation.url());
    for (path, status) in [
        ("/signin", StatusCode::OK),
        (
            "/analyses/01900000000070008000000000000009",
            StatusCode::SEE_OTHER,
        ),
        ("/nowhere?q=secret", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(visitor.get(path).await.status, status, "{path}");
    }
    // The storage is compared with the database once at least.
    assert!(installation.run(&["reap"]).status.success());
    let url = format!("http://{figures}/metrics");
    let text = fetch(Method::GET, &url, &[], Vec::new()).await.text();

    let there: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    for (place, used) in [
        ("alerts.yml", ALERTS),
        ("mixlens.json", DASHBOARD),
        ("OPERATIONS.md", OPERATIONS),
    ] {
        let unknown: Vec<_> = names(used).difference(&there).cloned().collect();
        assert_eq!(unknown, [""; 0], "{place} names what is no figure");
    }
    for (place, used) in [("mixlens.json", DASHBOARD), ("OPERATIONS.md", OPERATIONS)] {
        let missing: Vec<_> = there.difference(&names(used)).cloned().collect();
        let missing: Vec<_> = missing
            .iter()
            .filter(|name| place == "OPERATIONS.md" || name.starts_with("mixlens_"))
            .collect();
        assert!(missing.is_empty(), "{place} leaves out {missing:?}");
    }
    assert!(text.contains("\nmixlens_redis_up 0\n"), "{text}");
    assert!(
        text.contains("mixlens_disk_free_bytes{folder=\"data_dir\"} "),
        "{text}"
    );
    let count = "mixlens_http_request_duration_seconds_count";
    for labels in [
        r#"{method="GET",route="/signin",status="2xx"} 1"#,
        r#"{method="GET",route="/analyses/{id}",status="3xx"} 1"#,
        r#"{method="GET",route="none",status="4xx"} 1"#,
    ] {
        assert!(text.contains(&format!("{count}{labels}")), "{labels}: {text}");
    }
    assert!(!text.contains("0190000") && !text.contains("secret"), "{text}");
}

#[test]
fn every_alarm_leads_to_a_heading_of_the_page_for_operators() {
    let headings: BTreeSet<&str> = OPERATIONS
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .collect();
    let runbooks: Vec<&str> = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    assert_eq!(runbooks.len(), ALERTS.matches("- alert: ").count());
    for runbook in runbooks {
        assert!(headings.contains(runbook), "{runbook}");
    }
}
