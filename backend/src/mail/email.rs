//! An email and its two faces: plain text, and HTML that stands in light and dark without loading anything.
//!
//! Both are made from the same blocks, so that they cannot say different things. The HTML has no image, no font and no
//! address of anybody else in it, and nothing that tells us whether it was opened.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use model::paths;

/// An email to one address. What a person once typed goes into it through [`one_line`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address, and nothing but the address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// What it says, top to bottom.
    pub blocks: Vec<Block>,
    /// Why the person gets it, below everything else.
    pub why: String,
    /// How to get no more of its kind, where the kind can be unsubscribed from.
    pub unsubscribe: Option<Unsubscribe>,
}

/// A piece of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// The one thing to do. The address is shown, too, for programs that drop links.
    Button {
        /// What it says.
        label: &'static str,
        /// Where it leads; always an address of ours.
        url: String,
    },
    /// A paragraph of lesser weight.
    Note(String),
    /// Something else that can be done.
    Link {
        /// What it says.
        label: String,
        /// Where it leads; always an address of ours.
        url: String,
    },
}

/// The two ways to unsubscribe from a kind of email; both work signed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// For people: a page with a button.
    pub page: String,
    /// For mail programs: takes a POST (RFC 8058).
    pub one_click: String,
}

impl Unsubscribe {
    /// The ways out of the installation at `base_url`, with the token of one email.
    pub(crate) fn with(base_url: &str, token: &str) -> Self {
        let url = |path| format!("{base_url}{}", paths::with_token(path, token));
        Self {
            page: url(paths::EMAIL_PREFERENCES),
            one_click: url(paths::UNSUBSCRIBE_ONE_CLICK),
        }
    }
}

/// The most characters that somebody's words may take up in an email.
const MAX_WORDS: usize = 80;

/// A person's words for a subject or a sentence: one line, of bounded length, without control characters and without the
/// marks that turn the direction of what follows.
#[must_use]
pub fn one_line(words: &str) -> String {
    let plain: String = words
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_WORDS {
        return line;
    }
    let cut: String = line.chars().take(MAX_WORDS - 1).collect();
    format!("{}…", cut.trim_end())
}

impl Email {
    /// The email as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts: Vec<String> = self
            .blocks
            .iter()
            .map(|block| match block {
                Block::Text(text) | Block::Note(text) => text.clone(),
                Block::Button { label, url } => format!("{label}:\n{url}"),
                Block::Link { label, url } => format!("{label}:\n{url}"),
            })
            .collect();
        parts.push(format!("-- \nMixLens\n{}", self.why));
        if let Some(unsubscribe) = &self.unsubscribe {
            parts.push(format!("No more e-mails of this kind:\n{}", unsubscribe.page));
        }
        let mut text = parts.join("\n\n");
        text.push('\n');
        text
    }

    /// The email as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let blocks = self.blocks.iter().map(block).collect::<Vec<_>>();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="supported-color-schemes" content="light dark";
                    title { (self.subject) }
                    style { (PreEscaped(STYLE)) }
                }
                body class="page" style="margin:0;padding:0;background:#eceae5;color:#1b1a17" {
                    div role="main" {
                        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                            tr {
                                td align="center" style="padding:32px 16px" {
                                    table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px" {
                                        tr {
                                            td class="mark" style={ "padding:0 0 16px;color:#1b1a17;" (FACE) "font-size:14px;font-weight:600;letter-spacing:3px;text-transform:uppercase" } { "MixLens" }
                                        }
                                        tr {
                                            td class="plate" style="padding:32px;background:#f7f6f3;border:1px solid #cfcbc1;border-radius:2px" {
                                                h1 class="text" style={ "margin:0 0 20px;color:#1b1a17;" (FACE) "font-size:22px;font-weight:600;line-height:28px;overflow-wrap:anywhere" } { (self.subject) }
                                                @for block in &blocks { (block) }
                                            }
                                        }
                                        tr {
                                            td class="quiet" style={ "padding:16px 0 0;color:#514e46;" (FACE) "font-size:13px;line-height:20px" } {
                                                (self.why)
                                                @if let Some(unsubscribe) = &self.unsubscribe {
                                                    br;
                                                    a class="link" href=(unsubscribe.page) style="color:#00626f" { "No more e-mails of this kind" }
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        .into_string()
    }
}

const FACE: &str = "font-family:'Helvetica Neue','Segoe UI',Roboto,Arial,sans-serif;";

/// Only what a style attribute cannot say: the dark theme.
const STYLE: &str = ":root{color-scheme:light dark;supported-color-schemes:light dark}\
    @media (prefers-color-scheme:dark){\
    .page{background:#121110!important;color:#eeebe4!important}\
    .plate{background:#1a1917!important;border-color:#393630!important}\
    .mark,.text{color:#eeebe4!important}\
    .quiet{color:#b6b1a5!important}\
    .link{color:#57c8d4!important}\
    .button{background:#57c8d4!important;color:#04252a!important}}";

fn block(block: &Block) -> Markup {
    match block {
        Block::Text(text) => html! {
            p class="text" style={ "margin:0 0 16px;color:#1b1a17;" (FACE) "font-size:16px;line-height:25px;overflow-wrap:anywhere" } { (text) }
        },
        Block::Note(text) => html! {
            p class="quiet" style={ "margin:0 0 16px;color:#514e46;" (FACE) "font-size:14px;line-height:21px" } { (text) }
        },
        Block::Link { label, url } => html! {
            p style={ "margin:0 0 16px;" (FACE) "font-size:14px;line-height:21px" } {
                a class="link" href=(url) style="color:#00626f" { (label) }
            }
        },
        Block::Button { label, url } => html! {
            p style="margin:24px 0 8px" {
                a class="button" href=(url) style={ "display:inline-block;padding:13px 20px;background:#00626f;color:#ffffff;border-radius:2px;" (FACE) "font-size:16px;font-weight:600;line-height:20px;text-decoration:none" } { (label) }
            }
            p class="quiet" style={ "margin:0 0 24px;color:#514e46;" (FACE) "font-size:13px;line-height:20px;word-break:break-all" } {
                a class="link" href=(url) style="color:#00626f" { (url) }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_line_of_bounded_length() {
        assert_eq!(
            one_line("  Night\r\nBcc: all@example.org\t drive "),
            "Night Bcc: all@example.org drive"
        );
        assert_eq!(one_line("a\u{202e}b\u{2028}c\u{0}d"), "ab c d");
        assert_eq!(one_line("Über 夜のドライブ 🎧"), "Über 夜のドライブ 🎧");
        let long = one_line(&"x".repeat(4_000));
        assert_eq!(long.chars().count(), MAX_WORDS);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn markup_in_words_is_text_in_the_email() {
        let email = Email {
            to: "ann@example.org".into(),
            subject: "<b>".into(),
            blocks: vec![Block::Text("<script>alert(1)</script> & \"more\"".into())],
            why: "<i>".into(),
            unsubscribe: None,
        };
        let html = email.html();
        assert!(
            html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp;"),
            "{html}"
        );
        assert!(
            !html.contains("<script") && !html.contains("<b>") && !html.contains("<i>"),
            "{html}"
        );
        assert!(email.text().contains("<script>alert(1)</script> & \"more\""));
    }
}
