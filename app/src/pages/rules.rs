//! Every rule with its ranges, prices and reasons: from the catalogue that the engine judges by.

use std::sync::LazyLock;

use analysis::rules::{Criterion, Rule, anchor, catalog, counting, find, in_general};
use leptos::prelude::*;
use leptos_meta::Title;
use model::verdict::{Area, Class, Stage};
use pulldown_cmark::HeadingLevel;

use super::methodology::html_of;
use crate::{
    format, paths,
    request_context::PageRequest,
    ui::{Badge, Button, Tone},
};

static COUNTING: LazyLock<String> = LazyLock::new(|| html_of(&counting(), HeadingLevel::H2));

/// The longest search.
const LONGEST_SEARCH: usize = 80;

/// The catalogue by area; each rule has an address. `?q=` shows those that say all of its words.
#[component]
pub fn Rules() -> impl IntoView {
    let search: String = PageRequest::here()
        .query("q")
        .unwrap_or_default()
        .trim()
        .chars()
        .take(LONGEST_SEARCH)
        .collect();
    let found: Vec<&'static Rule> = catalog().filter(|rule| says(rule, &search)).collect();
    let areas: Vec<(Area, Vec<&'static Rule>)> = Area::ALL
        .into_iter()
        .map(|area| {
            let rules = found.iter().filter(|rule| rule.area == area);
            (area, rules.copied().collect())
        })
        .filter(|(_, rules): &(Area, Vec<_>)| !rules.is_empty())
        .collect();
    let index = areas
        .iter()
        .map(|(area, rules)| {
            let rules = rules
                .iter()
                .map(|rule| {
                    view! {
                        <li>
                            <a href=format!("#{}", anchor(rule.id))>{rule.title}</a>
                        </li>
                    }
                })
                .collect_view();
            view! {
                <li>
                    <a class="rules__area" href=format!("#{}", area_id(*area))>
                        {area.name()}
                    </a>
                    <ul>{rules}</ul>
                </li>
            }
        })
        .collect_view();
    let count = match found.len() {
        count if search.is_empty() => format!("{count} rules, each with an address that findings link to."),
        0 => format!("No rule says “{search}”."),
        1 => format!("One rule says “{search}”."),
        count => format!("{count} rules say “{search}”."),
    };
    let is_search = !search.is_empty();
    let body = areas
        .into_iter()
        .map(|(area, rules)| {
            let rules = rules.into_iter().map(rule_view).collect_view();
            view! {
                <section aria-labelledby=area_id(area)>
                    <h2 id=area_id(area)>{area.name()}</h2>
                    {rules}
                </section>
            }
        })
        .collect_view();
    view! {
        <Title text="Rules" />
        <div class="wrap rules">
            <header class="rules__head">
                <h1>"Rules"</h1>
                <p class="lead">
                    "What is judged, against which range, where the range comes from, and what it costs to be outside. Rule set "
                    {analysis::rules::RULE_SET} "."
                </p>
                <search>
                    <form method="get" action=paths::RULES class="rules__search">
                        <label class="field__label" for="field-q">
                            "Search"
                        </label>
                        <input
                            class="input"
                            id="field-q"
                            name="q"
                            type="search"
                            value=search
                            maxlength=LONGEST_SEARCH
                            autocomplete="off"
                            placeholder="mud, clipping, LUFS"
                        />
                        <Button>"Search"</Button>
                    </form>
                </search>
                <p role="status">
                    {count}
                    {is_search
                        .then(|| {
                            view! {
                                " "
                                <a href=paths::RULES>"Show all"</a>
                            }
                        })}
                </p>
                <details class="rules__counting">
                    <summary>"How points are counted"</summary>
                    <div class="prose" inner_html=COUNTING.as_str()></div>
                    <p>
                        <a href=paths::METHODOLOGY>"How each number is measured"</a>
                    </p>
                </details>
            </header>
            <nav class="rules__index" aria-label="Rules by area">
                <ol>{index}</ol>
            </nav>
            <div class="rules__list">{body}</div>
        </div>
    }
}

/// `Stereo and mono` → `stereo-and-mono`.
fn area_id(area: Area) -> String {
    area.name().to_lowercase().replace(' ', "-")
}

/// Whether everything that `rule` says holds every word of `search`.
fn says(rule: &Rule, search: &str) -> bool {
    let words = [rule.high, rule.low].into_iter().flatten();
    let mut text = [
        rule.id,
        rule.title,
        rule.area.name(),
        rule.why,
        rule.method,
        rule.unit.symbol(),
    ]
    .join(" ");
    for each in words {
        text.push(' ');
        text.push_str(each.title);
    }
    let text = text.to_lowercase();
    search
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

fn rule_view(rule: &'static Rule) -> impl IntoView {
    let findings = [(rule.high, "Above"), (rule.low, "Below")]
        .into_iter()
        .filter_map(|(words, side)| Some((words?, side)))
        .map(|(words, side)| {
            let in_a_mix = words
                .action_in_mix
                .map(|action| view! { <p>"In a mix: " {in_general(rule, action)}</p> });
            view! {
                <div class="rule__finding">
                    <dt>{side} ": " <b>{words.title}</b></dt>
                    <dd>
                        <p>{in_general(rule, words.action)}</p>
                        {in_a_mix}
                    </dd>
                </div>
            }
        })
        .collect_view();
    let ranges = Stage::ALL.map(|stage| {
        let range = rule.criterion(stage).map_or_else(
            || "not judged".to_owned(),
            |criterion| criterion.range().display(rule.unit),
        );
        view! {
            <div>
                <dt>{stage.name()}</dt>
                <dd class="num">{range}</dd>
            </div>
        }
    });
    let folded = rule.covered_by.and_then(find).map(|by| {
        view! {
            <div>
                <dt>"Folded under"</dt>
                <dd>
                    <a href=format!("#{}", anchor(by.id))>{by.title}</a>
                </dd>
            </div>
        }
    });
    let tone = match rule.class {
        Class::Defect => Some(Tone::Severe),
        Class::Risk => Some(Tone::Warn),
        Class::Taste => None,
    };
    view! {
        <article class="rule" id=anchor(rule.id) aria-labelledby=format!("{}-title", anchor(rule.id))>
            <header class="rule__head">
                <h3 id=format!("{}-title", anchor(rule.id))>{rule.title}</h3>
                <Badge tone=tone>{rule.class.word()}</Badge>
                <a class="rule__id" href=format!("#{}", anchor(rule.id))>
                    <code>{rule.id}</code>
                </a>
            </header>
            <p>{rule.why}</p>
            <dl class="rule__findings">{findings}</dl>
            <dl class="rule__ranges">{ranges} {folded}</dl>
            <details class="rule__more">
                <summary>"How it is measured, and what it costs"</summary>
                <p>{rule.method}</p>
                <p class="muted">"Range from: " {rule.source} ". " {rule.confidence.word()} "."</p>
                {Stage::ALL.map(|stage| rule.criterion(stage).map(|criterion| price_view(rule, stage, criterion)))}
            </details>
        </article>
    }
    .into_any()
}

/// What it costs to be outside, as a line and in words.
fn price_view(rule: &Rule, stage: Stage, criterion: &Criterion) -> impl IntoView {
    let knots = criterion.knots();
    let unit = rule.unit.for_differences().symbol();
    let (reach, most) = (criterion.reach(), criterion.cap());
    let points: Vec<String> = std::iter::once((0.0, 0.0))
        .chain(knots.iter().copied())
        .map(|(distance, points)| {
            format!(
                "{:.1},{:.1}",
                100.0 * distance / reach,
                40.0 - 38.0 * points / most
            )
        })
        .collect();
    let words: Vec<String> = knots
        .iter()
        .map(|&(distance, points)| {
            let decimals = if distance < 10.0 { 1 } else { 0 };
            format!(
                "{} points at {}",
                format::number(points, 1),
                format::with_unit(distance, decimals, unit)
            )
        })
        .collect();
    view! {
        <figure class="rule__price">
            <figcaption>
                <b>{stage.name()}</b>
                ", outside of its range: "
                {words.join(", ")}
                "."
            </figcaption>
            <svg viewBox="0 0 100 42" preserveAspectRatio="none" aria-hidden="true">
                <path class="rule__axis" d="M0 41H100" vector-effect="non-scaling-stroke"></path>
                <polyline class="rule__line" points=points.join(" ") vector-effect="non-scaling-stroke"></polyline>
            </svg>
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_address_that_findings_link_to() {
        for rule in catalog() {
            let html = rule_view(rule).to_html();
            let address = format!("id=\"{}\"", anchor(rule.id));
            assert!(html.contains(&address) && html.contains(rule.title), "{html}");
            assert!(!html.contains("style="), "{html}");
            assert!(rule.covered_by.is_none_or(|by| find(by).is_some()), "{}", rule.id);
        }
    }

    #[test]
    fn a_search_finds_what_people_call_it() {
        let found = |search: &str| catalog().filter(|rule| says(rule, search)).count();
        assert_eq!(found(""), catalog().count());
        for search in [
            "mud",
            "MUDDY",
            "peaks.true_peak",
            "lufs",
            "inverted channel",
            "hum",
        ] {
            assert!((1..20).contains(&found(search)), "{search}: {}", found(search));
        }
        assert_eq!(found("theremin"), 0);
    }
}
