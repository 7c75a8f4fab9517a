//! The emails that a development server wrote into files, and one of each kind. There is no such page in production.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use backend::mail::{self, EmailTemplates, StoredEmail};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use model::paths;

use crate::{problems, router::AppState};

/// How many emails are shown.
const SHOWN: usize = 20;

/// Refuses whoever asks for another host than that of `base_url`, or one of this machine's own names.
pub(crate) async fn own_host(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let asked = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok());
    let base = site.backend.config.base_url.parse::<Uri>().ok();
    let is_own = asked.is_some_and(|asked| {
        let host = asked.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            || base
                .as_ref()
                .and_then(Uri::host)
                .is_some_and(|own| own.eq_ignore_ascii_case(asked.host()))
    });
    if is_own {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    }
}

/// The newest emails.
pub(crate) async fn newest(State(site): State<AppState>) -> Response {
    match mail::newest_files(&site.backend.config, SHOWN).await {
        Ok(emails) if emails.is_empty() => document(&site, "No mail yet. Reload in a second.", &[]),
        Ok(emails) => document(&site, "Newest first. Nothing of this left the machine.", &emails),
        Err(error) => problems::json(&error.to_problem("dev-mail")),
    }
}

/// One of each kind of email that there is, with made-up occasions, for whoever works on their words and looks.
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
    document(&site, "Every kind of e-mail, with made-up occasions.", &emails)
}

fn document(site: &AppState, introduction: &str, emails: &[StoredEmail]) -> Response {
    let title = "Mail of this development server";
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                link rel="icon" href=(paths::FAVICON) type="image/svg+xml";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    p { (introduction) }
                    @for email in emails {
                        article { (as_html(email, &site.backend.config.base_url)) }
                    }
                }
            }
        }
    };
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(page.into_string())).into_response()
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
fn as_html(email: &StoredEmail, base_url: &str) -> Markup {
    html! {
        h2 { (email.subject) }
        p { "To: " (email.to) }
        div.text {
            @for line in email.text.lines() {
                @if line.starts_with(base_url) { a href=(line) { (line) } } @else { (line) }
                "\n"
            }
        }
        details {
            summary { "As HTML" }
            iframe sandbox srcdoc=(email.html) title={ (email.subject) ", as HTML" } {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_shown_with_its_links_and_without_markup_of_others() {
        let email = StoredEmail {
            source: String::new(),
            to: "ann@example.org".into(),
            subject: "Hi <b>".into(),
            text: "Open\nhttp://127.0.0.1:3000/x?token=1\n".into(),
            html: "<p class=\"x\">\"Open\"</p>".into(),
        };
        let html = as_html(&email, "http://127.0.0.1:3000").into_string();
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
