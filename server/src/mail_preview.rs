//! The letters that a development server wrote into files. There is no such page in production.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use backend::mail::{self, EmailTemplates, StoredEmail};

use crate::{pages, router::AppState};

/// How many letters are shown.
const SHOWN: usize = 20;

/// The newest letters.
pub(crate) async fn page(State(site): State<AppState>) -> Response {
    match mail::newest_files(&site.backend.config, SHOWN).await {
        Ok(emails) if emails.is_empty() => document(&site, "<p>No mail yet. Reload in a second.</p>", &[]),
        Ok(emails) => document(
            &site,
            "<p>Newest first. Nothing of this left the machine.</p>",
            &emails,
        ),
        Err(error) => pages::plain_problem(&error, "dev-mail"),
    }
}

/// One of each kind of letter that there is, with made-up occasions, for whoever works on their words and looks.
pub(crate) async fn previews(State(site): State<AppState>) -> Response {
    let title = "Night drive <b>v3</b> & “more”";
    let emails: Vec<StoredEmail> = EmailTemplates::from(&site.backend.config)
        .previews("somebody@example.org", title)
        .into_iter()
        .map(|email| StoredEmail {
            source: String::new(),
            text: email.text(),
            html: email.html(),
            to: email.to,
            subject: email.subject,
        })
        .collect();
    document(
        &site,
        "<p>Every kind of e-mail, with made-up occasions.</p>",
        &emails,
    )
}

fn document(site: &AppState, words: &str, emails: &[StoredEmail]) -> Response {
    let base_url = &site.backend.config.base_url;
    let items: String = emails
        .iter()
        .map(|email| format!("<article>{}</article>", as_html(email, base_url)))
        .collect();
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Mail of this development server</title><style>{STYLE}</style>\
         <main><h1>Mail of this development server</h1>{words}{items}</main>"
    );
    let mut response = Html(page).into_response();
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

const STYLE: &str = "\
    :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; } \
    main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; } \
    article { border: 1px solid #8888; border-radius: 4px; padding: 1rem; margin: 1rem 0; overflow-wrap: anywhere; } \
    article p { margin: 0 0 1rem; } \
    .text { white-space: pre-wrap; } \
    details { margin-top: 1rem; } \
    summary { cursor: pointer; padding: .5rem 0; } \
    iframe { width: 100%; height: 40rem; border: 1px solid #8888; } \
    h2 { font-size: 1rem; margin: 0; }";

/// Address, subject, text with addresses of ours as links, and the HTML in a frame that can do nothing.
fn as_html(email: &StoredEmail, base_url: &str) -> String {
    let text: Vec<String> = email
        .text
        .lines()
        .map(|line| {
            let line = escape(line);
            if line.starts_with(base_url) {
                format!("<a href=\"{line}\">{line}</a>")
            } else {
                line
            }
        })
        .collect();
    let subject = escape(&email.subject);
    format!(
        "<h2>{subject}</h2><p>To: {}</p><div class=\"text\">{}</div>\
         <details><summary>As HTML</summary><iframe sandbox srcdoc=\"{}\" title=\"{subject}, as HTML\"></iframe></details>",
        escape(&email.to),
        text.join("\n"),
        escape(&email.html),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_shown_with_its_links_and_without_markup_of_others() {
        let email = StoredEmail {
            source: String::new(),
            to: "ann@example.org".into(),
            subject: "Hi <b>".into(),
            text: "Open\nhttp://127.0.0.1:3000/x?token=1\n".into(),
            html: "<p class=\"x\">\"Open\"</p>".into(),
        };
        let html = as_html(&email, "http://127.0.0.1:3000");
        assert!(
            html.contains("<a href=\"http://127.0.0.1:3000/x?token=1\">"),
            "{html}"
        );
        assert!(html.contains("Hi &lt;b&gt;"), "{html}");
        assert!(
            html.contains("srcdoc=\"&lt;p class=&quot;x&quot;&gt;&quot;Open&quot;&lt;/p&gt;\""),
            "{html}"
        );
    }
}
