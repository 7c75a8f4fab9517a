//! The text of a newsletter, as the operator writes it.

use super::Block;
use crate::{Error, Result, db::row};

/// The longest subject, in characters; mail programs show about this much.
const MAX_SUBJECT: usize = 78;

/// The longest text, in bytes.
const MAX_BODY: usize = 16 * 1024;

row! {
    /// News for those who asked for them (P16).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Newsletter {
        /// The subject line.
        pub subject: String,
        /// Paragraphs with an empty line between them. One of the form `[words](address)` is a link, to an address of ours.
        pub body: String,
    }
}

impl Newsletter {
    /// Reads a newsletter: the subject in the first line, an empty line, the paragraphs. `base_url` is where links may lead.
    ///
    /// # Errors
    /// `Invalid`; the text says what is wrong.
    pub fn parse(text: &str, base_url: &str) -> Result<Self> {
        let text = text.replace("\r\n", "\n");
        let (subject, body) = text.trim().split_once("\n\n").ok_or_else(|| {
            Error::invalid(
                "file",
                "Write the subject into the first line, then an empty line, then the text.",
            )
        })?;
        if subject.lines().count() != 1 || subject.chars().count() > MAX_SUBJECT {
            return Err(Error::invalid(
                "file",
                format!(
                    "The subject is one line of at most {MAX_SUBJECT} characters, with an empty line below it."
                ),
            ));
        }
        if body.len() > MAX_BODY {
            return Err(Error::invalid(
                "file",
                format!("The text is longer than {MAX_BODY} bytes."),
            ));
        }
        let news = Self {
            subject: subject.trim().to_owned(),
            body: body.trim().to_owned(),
        };
        for block in news.blocks() {
            if let Block::Link { url, .. } = block
                && !url
                    .strip_prefix(base_url)
                    .is_some_and(|path| path.starts_with('/'))
            {
                return Err(Error::invalid(
                    "file",
                    format!(
                        "A link leads to {url}. It has to begin with {base_url}/, so that nobody else learns who reads it."
                    ),
                ));
            }
        }
        Ok(news)
    }

    /// Its paragraphs, each on one line.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let paragraphs = self
            .body
            .split("\n\n")
            .map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
        paragraphs
            .filter(|paragraph| !paragraph.is_empty())
            .map(block)
            .collect()
    }
}

fn block(paragraph: String) -> Block {
    let link = paragraph
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once("]("));
    match link {
        Some((label, url)) => Block::Link {
            label: label.to_owned(),
            url: url.to_owned(),
        },
        None => Block::Text(paragraph),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://mixlens.example";

    #[test]
    fn a_newsletter_is_a_subject_and_paragraphs_and_its_links_lead_to_us() {
        let text = "News\r\n\r\nOne\r\nand the same.\n\n\n[Look](https://mixlens.example/upload)\n";
        let news = Newsletter::parse(text, BASE).unwrap();
        assert_eq!(news.subject, "News");
        assert_eq!(
            news.blocks(),
            [
                Block::Text("One and the same.".into()),
                Block::Link {
                    label: "Look".into(),
                    url: "https://mixlens.example/upload".into()
                },
            ]
        );
        for (wrong, said) in [
            ("News", "empty line"),
            ("News\nmore\n\ntext", "one line"),
            (&format!("{}\n\ntext", "x".repeat(79)), "78 characters"),
            (&format!("News\n\n{}", "x".repeat(MAX_BODY + 1)), "longer"),
            (
                "News\n\n[Look](https://mixlens.example.evil/)",
                "has to begin with https://mixlens.example/",
            ),
            (
                "News\n\n[Look](http://tracker.example/?u=1)",
                "nobody else learns",
            ),
        ] {
            let error = Newsletter::parse(wrong, BASE).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
