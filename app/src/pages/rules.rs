//! Every rule with its ranges, prices and reasons: written from the catalogue that the engine judges by.

use std::sync::LazyLock;

use leptos::prelude::*;
use leptos_meta::Title;
use pulldown_cmark::HeadingLevel;

use super::methodology::html_of;
use crate::paths;

static BODY: LazyLock<String> = LazyLock::new(|| {
    html_of(&analysis::rules::document(), HeadingLevel::H1).replace("METHODOLOGY.md", paths::METHODOLOGY)
});

/// The catalogue; each rule has an address.
#[component]
pub fn Rules() -> impl IntoView {
    view! {
        <Title text="Rules" />
        <article class="wrap prose methods" inner_html=BODY.as_str()></article>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_address_that_findings_link_to() {
        for rule in analysis::rules::catalog() {
            let address = format!("<h3 id=\"{}\">", analysis::rules::anchor(rule.id));
            assert!(BODY.contains(&address), "{address}");
        }
        assert!(!BODY.contains("style="));
    }
}
