//! The letters that a development server wrote into files. There is no such page in production.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use backend::mail;

use crate::{pages, router::Site};

/// How many letters are shown.
const SHOWN: usize = 20;

pub(crate) async fn page(State(site): State<Site>) -> Response {
    let letters = match mail::newest_files(&site.backend.config, SHOWN).await {
        Ok(letters) => letters,
        Err(error) => return pages::plain_problem(&error, "dev-mail"),
    };
    let base_url = &site.backend.config.base_url;
    let items: String = letters
        .iter()
        .map(|letter| format!("<article>{}</article>", as_html(letter, base_url)))
        .collect();
    let empty = if items.is_empty() {
        "<p>No mail yet. Reload in a second.</p>"
    } else {
        ""
    };
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Mail of this development server</title><style>{STYLE}</style>\
         <main><h1>Mail of this development server</h1><p>Newest first. Nothing of this left the machine.</p>{empty}{items}</main>"
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
    article { border: 1px solid #8888; border-radius: 4px; padding: 1rem; margin: 1rem 0; overflow-wrap: anywhere; white-space: pre-wrap; } \
    h2 { font-size: 1rem; margin: 0; }";

/// Subject, address and text; addresses of ours become links.
fn as_html(letter: &str, base_url: &str) -> String {
    let (head, text) = letter.split_once("\r\n\r\n").unwrap_or((letter, ""));
    let text = if head.contains("quoted-printable") {
        unquoted(text)
    } else {
        text.to_owned()
    };
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
    };
    let text: Vec<String> = text
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
    format!(
        "<h2>{}</h2>To: {}\n\n{}",
        escape(field("Subject: ")),
        escape(field("To: ")),
        text.join("\n")
    )
}

/// Undoes quoted-printable (RFC 2045 6.7) of a text of ours.
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.extend(code);
        bytes.extend(part.get(2..).unwrap_or_default().as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
        let letter =
            "To: ann@example.org\r\nSubject: Hi <b>\r\n\r\nOpen\r\nhttp://127.0.0.1:3000/x?token=1\r\n";
        let html = as_html(letter, "http://127.0.0.1:3000");
        assert!(
            html.contains("<a href=\"http://127.0.0.1:3000/x?token=1\">"),
            "{html}"
        );
        assert!(html.contains("Hi &lt;b&gt;"), "{html}");
    }

    #[test]
    fn a_long_line_is_put_together_again() {
        assert_eq!(
            unquoted("a?token=3D12=\r\n34\r\n=C3=A9"),
            "a?token=1234\r\n\u{e9}"
        );
    }
}
