//! How each number is measured, for whoever wants to check: the project's own documents, so that page and code cannot
//! drift apart. The table in it is written by the tests.

use std::sync::LazyLock;

use leptos::prelude::*;
use leptos_meta::Title;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

const METHODS: &str = include_str!("../../../docs/METHODOLOGY.md");
const CONFORMANCE: &str = include_str!("../../../docs/CONFORMANCE.md");
const JUDGEMENT: &str = include_str!("../../../docs/JUDGEMENT.md");

static BODY: LazyLock<String> = LazyLock::new(|| {
    let mut body = html_of(METHODS, HeadingLevel::H1);
    body.push_str(&html_of(CONFORMANCE, HeadingLevel::H2));
    body.push_str(&html_of(JUDGEMENT, HeadingLevel::H2));
    body
});

/// The methods and the conformance table.
#[component]
pub fn Methodology() -> impl IntoView {
    view! {
        <Title text="How each number is measured" />
        <article class="wrap prose methods" inner_html=BODY.as_str()></article>
    }
}

/// A document as HTML. Its first heading becomes `top`, and each heading has an address.
pub(super) fn html_of(markdown: &str, top: HeadingLevel) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    for at in 0..events.len() {
        let Some(Event::Text(text)) = events.get(at + 1) else {
            continue;
        };
        let address = CowStr::from(address_of(text));
        if let Event::Start(Tag::Heading { level, id, .. }) = &mut events[at] {
            *id = Some(address);
            if *level == HeadingLevel::H1 {
                *level = top;
            }
        }
    }
    for event in &mut events {
        if let Event::End(TagEnd::Heading(level)) = event
            && *level == HeadingLevel::H1
        {
            *level = top;
        }
    }
    let title = events.iter().find_map(|event| match event {
        Event::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let title = title.unwrap_or_default();
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    // Our class in place of a `style` attribute, which the policy of the pages refuses; and no head of nothing.
    let body = body
        .replace(" style=\"text-align: right\"", " class=\"is-num\"")
        .replace("<th></th>", "<td></td>")
        .replace("</table>", "</table></div>");
    // Each table scrolls by itself, and is called differently.
    let mut tables = body.split("<table>");
    let first = tables.next().unwrap_or_default().to_owned();
    tables.zip(1..).fold(first, |body, (rest, number)| {
        format!(
            "{body}<div class=\"scroller methods__table\" role=\"region\" tabindex=\"0\" aria-label=\"{title}, table {number}\">\
             <table class=\"table\">{rest}"
        )
    })
}

/// `Steep cut-off` → `steep-cut-off`.
fn address_of(heading: &str) -> String {
    let words: Vec<String> = heading
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_addresses_and_nothing_has_a_style() {
        assert!(
            BODY.contains("<h1 id=\"how-each-number-is-measured\">"),
            "{}",
            &BODY[..300]
        );
        assert!(BODY.contains("<h2 id=\"loudness\">"));
        assert!(BODY.contains("<h2 id=\"conformance\">"));
        assert!(BODY.contains("<td class=\"is-num\">"));
        assert!(!BODY.contains("style="));
        assert_eq!(BODY.matches("<h1").count(), 1);
    }
}
