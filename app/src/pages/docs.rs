//! The documentation for developers: texts of `docs/guide/`, as pages and, for programs that read, as they are.

use leptos::prelude::*;
use leptos_meta::{Link, Title};
use model::routes::Page;
use pulldown_cmark::HeadingLevel;

use super::methodology::html_of;
use crate::{paths, request_context::RequestContext};

/// What stands in the texts where an installation has its own address.
const SOMEWHERE: &str = "https://mixlens.example";

/// One page of it.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// The page.
    pub page: Page,
    /// Where it stands.
    pub path: &'static str,
    /// Where it stands as text.
    pub text_path: &'static str,
    /// Its name.
    pub title: &'static str,
    /// What it is good for.
    pub about: &'static str,
    source: &'static str,
}

/// All of it, in the order in which it is read.
pub const DOCS: [Doc; 10] = [
    Doc {
        page: Page::Docs,
        path: paths::DOCS,
        text_path: paths::DOCS_TEXT,
        title: "Quick start",
        about: "From a token to a report and a verdict, with curl.",
        source: include_str!("../../../docs/guide/quick-start.md"),
    },
    Doc {
        page: Page::DocsAuthentication,
        path: paths::DOCS_AUTHENTICATION,
        text_path: paths::DOCS_AUTHENTICATION_TEXT,
        title: "Authentication",
        about: "Tokens, scopes, test tokens, limits.",
        source: include_str!("../../../docs/guide/authentication.md"),
    },
    Doc {
        page: Page::DocsCatalogue,
        path: paths::DOCS_CATALOGUE,
        text_path: paths::DOCS_CATALOGUE_TEXT,
        title: "Check a catalogue",
        about: "Many masters held to one budget, on your own machine, on every change.",
        source: include_str!("../../../docs/guide/catalogue.md"),
    },
    Doc {
        page: Page::DocsReport,
        path: paths::DOCS_REPORT,
        text_path: paths::DOCS_REPORT_TEXT,
        title: "Report to a client",
        about: "A mix checked, its report shared, and the difference shown.",
        source: include_str!("../../../docs/guide/report.md"),
    },
    Doc {
        page: Page::DocsApi,
        path: paths::DOCS_API,
        text_path: paths::DOCS_API_TEXT,
        title: "API",
        about: "Every address, what it takes and what it answers.",
        source: include_str!("../../../docs/guide/api.md"),
    },
    Doc {
        page: Page::DocsWebhooks,
        path: paths::DOCS_WEBHOOKS,
        text_path: paths::DOCS_WEBHOOKS_TEXT,
        title: "Webhooks",
        about: "How events come to a program, and how it verifies them, in five languages.",
        source: include_str!("../../../docs/guide/webhooks.md"),
    },
    Doc {
        page: Page::DocsMcp,
        path: paths::DOCS_MCP,
        text_path: paths::DOCS_MCP_TEXT,
        title: "Assistants (MCP)",
        about: "The tools that an assistant calls, and how it is connected.",
        source: include_str!("../../../docs/guide/mcp.md"),
    },
    Doc {
        page: Page::DocsCli,
        path: paths::DOCS_CLI,
        text_path: paths::DOCS_CLI_TEXT,
        title: "Command line",
        about: "The engine in a terminal, with and without an account.",
        source: include_str!("../../../docs/guide/cli.md"),
    },
    Doc {
        page: Page::DocsErrors,
        path: paths::DOCS_ERRORS,
        text_path: paths::DOCS_ERRORS_TEXT,
        title: "Errors",
        about: "Every way in which a request fails, and what to do.",
        source: include_str!("../../../docs/guide/errors.md"),
    },
    Doc {
        page: Page::DocsChangelog,
        path: paths::DOCS_CHANGELOG,
        text_path: paths::DOCS_CHANGELOG_TEXT,
        title: "Changelog",
        about: "What changed for programs, and how long what goes is kept.",
        source: include_str!("../../../docs/guide/changelog.md"),
    },
];

impl Doc {
    /// The one of `page`.
    #[must_use]
    pub fn of(page: Page) -> Option<&'static Self> {
        DOCS.iter().find(|doc| doc.page == page)
    }

    /// Its Markdown, with the addresses of this installation.
    #[must_use]
    pub fn text(&self, base_url: &str) -> String {
        self.source.replace(SOMEWHERE, base_url)
    }
}

/// What there is to read, for programs that read (llmstxt.org).
#[must_use]
pub fn llms_txt(base_url: &str) -> String {
    let lines: Vec<String> = DOCS
        .iter()
        .map(|doc| format!("- [{}]({base_url}{}): {}", doc.title, doc.text_path, doc.about))
        .collect();
    format!(
        "# MixLens\n\n\
         > Measures a mix by the published standards and says what is wrong with it: loudness, true peak, dynamics, spectrum, stereo, \
         with a score whose every point is accounted for.\n\n\
         ## Documentation\n\n{}\n\n\
         ## For programs\n\n\
         - [OpenAPI 3.1]({base_url}{}): the API\n\
         - [Schema of a report]({base_url}{}): JSON Schema\n\
         - [Schema of a verdict]({base_url}{}): JSON Schema\n\
         - [Schema of a recipe]({base_url}{}): JSON Schema\n\
         - [Schema of an event]({base_url}{}): JSON Schema\n\n\
         ## Optional\n\n\
         - [Rules]({base_url}{}): every rule with its ranges\n\
         - [Methodology]({base_url}{}): how each number is measured\n",
        lines.join("\n"),
        paths::OPENAPI,
        paths::REPORT_SCHEMA,
        paths::VERDICT_SCHEMA,
        paths::RECIPE_SCHEMA,
        paths::EVENT_SCHEMA,
        paths::RULES,
        paths::METHODOLOGY,
    )
}

/// A page of the documentation, with the way to the others.
#[component]
pub fn Docs(
    /// Which one.
    page: Page,
) -> impl IntoView {
    let Some(doc) = Doc::of(page) else {
        return ().into_any();
    };
    // What is wider than the screen can be moved by keys.
    let body = html_of(
        &doc.text(&RequestContext::here().backend.config.base_url),
        HeadingLevel::H1,
    )
    .replace("<pre>", "<pre tabindex=\"0\">");
    let entries = DOCS
        .iter()
        .map(|entry| {
            let current = (entry.page == page).then_some("page");
            view! { <a href=entry.path aria-current=current>{entry.title}</a> }
        })
        .collect_view();
    view! {
        <Title text=doc.title />
        <Link rel="alternate" type_="text/markdown" href=doc.text_path />
        <div class="wrap stack stack--wide">
            <nav class="account-tabs" aria-label="Documentation">{entries}</nav>
            <article class="prose methods docs" inner_html=body></article>
            <p class="small muted"><a href=doc.text_path>"This page as text"</a></p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_one_heading_and_the_address_of_the_installation() {
        for doc in DOCS {
            let text = doc.text("http://127.0.0.1:3000");
            assert!(!text.contains(SOMEWHERE), "{}", doc.title);
            let html = html_of(&text, HeadingLevel::H1);
            assert_eq!(html.matches("<h1").count(), 1, "{}", doc.title);
        }
    }
}
