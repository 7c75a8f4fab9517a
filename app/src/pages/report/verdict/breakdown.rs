//! The score breakdown: every point that is missing, what for, and what would win it back.

use analysis::rules::anchor;
use leptos::prelude::*;
use model::{
    AnalysisId, Report,
    analysis::EarlierVerdict,
    verdict::{Finding, Operation, PassedCheck, Points, ScoreBreakdown, Stage, TimeRange, Unit, Verdict},
};

use super::{bar, tone};
use crate::{
    charts::{FindingMark, evidence},
    format,
    pages::report::sections::Fold,
    paths,
    ui::{ButtonKind, ButtonLink, DataTable, Table, ToneIcon},
};

/// How many fixes stand at the top.
const FIRST: usize = 3;

/// The HTML id of a finding's row.
pub(super) fn row_id(rule: &str) -> String {
    format!("finding-{}", anchor(rule))
}

/// How many findings the waveform shows: their numbers must be told apart.
const MOST_MARKS: usize = 9;

/// The findings that have a place, with the numbers of their rows.
pub(super) fn marks(breakdown: &ScoreBreakdown) -> Vec<FindingMark> {
    breakdown
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| !finding.time_ranges.is_empty())
        .map(|(at, finding)| FindingMark {
            number: at + 1,
            title: finding.title.clone(),
            tone: tone(finding.severity),
            time_ranges: finding.time_ranges.clone(),
        })
        .take(MOST_MARKS)
        .collect()
}

/// The three findings that win back most.
#[component]
pub fn Fixes(
    /// The score breakdown.
    breakdown: ScoreBreakdown,
    /// Where its rows are; here, where it is left out.
    #[prop(optional)]
    page: &'static str,
    /// The mix, where the reader may have it corrected.
    #[prop(optional_no_strip)]
    id: Option<AnalysisId>,
) -> impl IntoView {
    let fixes: Vec<_> = breakdown.findings.into_iter().take(FIRST).collect();
    if fixes.is_empty() {
        return ().into_any();
    }
    let items = fixes
        .into_iter()
        .enumerate()
        .map(|(at, finding)| {
            let severity = tone(finding.severity);
            view! {
                <li class=format!("fix {}", severity.class())>
                    <p class="fix__rank num" aria-hidden="true">{at + 1}</p>
                    <div class="fix__body">
                        <h3>
                            <a href=format!("{page}#{}", row_id(&finding.rule))>{finding.title.clone()}</a>
                        </h3>
                        <p class="fix__value num">{finding.display_value()}</p>
                        <p>{finding.action.clone()}</p>
                        <TimeRangeLinks time_ranges=finding.time_ranges.clone() />
                    </div>
                    <p class="fix__points">
                        <strong class="num">{format!("+{}", finding.points.number())}</strong>
                        <span class="small">" points"</span>
                    </p>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="fixes" aria-labelledby="fixes-heading">
            <h2 id="fixes-heading">"Fix first"</h2>
            <ol class="fixes__list">{items}</ol>
            {id.map(|id| view! {
                <p class="fixes__plan">
                    <ButtonLink href=paths::plan(id) kind=ButtonKind::Primary>"Fix this mix"</ButtonLink>
                    <span class="small muted">"Shows every step and what it would change before anything is rendered."</span>
                </p>
            })}
        </section>
    }
    .into_any()
}

/// The time ranges of a finding: each moves the player there; without a script, the page goes to the waveform.
#[component]
fn TimeRangeLinks(time_ranges: Vec<TimeRange>) -> impl IntoView {
    if time_ranges.is_empty() {
        return ().into_any();
    }
    let links = time_ranges
        .into_iter()
        .map(|range| {
            let length = range.end_s - range.start_s;
            let is_moment = length < 0.5;
            let words = if is_moment {
                format::clock_tenths(range.start_s)
            } else if length < 10.0 {
                // To the second both ends would be the same.
                format!(
                    "{}{}{}",
                    format::clock_tenths(range.start_s),
                    format::DASH,
                    format::clock_tenths(range.end_s)
                )
            } else {
                format!(
                    "{}{}{}",
                    format::clock(range.start_s),
                    format::DASH,
                    format::clock(range.end_s)
                )
            };
            // A moment is played from a little before, or it is over before it is heard.
            let from = if is_moment {
                (range.start_s - 1.0).max(0.0)
            } else {
                range.start_s
            };
            let until = range.end_s.max(from + 2.0);
            let label = format!("{words}: play from there");
            view! {
                <a
                    class="time-range num"
                    href="#waveform"
                    data-seek=format!("{from:.2}")
                    data-until=format!("{until:.2}")
                    aria-label=label
                >
                    {words}
                </a>
            }
        })
        .collect_view();
    view! { <p class="time-ranges">{links}</p> }.into_any()
}

/// The whole breakdown.
#[component]
pub fn Receipt(
    /// What was measured.
    report: Report,
    /// Both judgements.
    verdict: Verdict,
    /// The one that is shown.
    stage: Stage,
    /// What older rules said.
    earlier: Vec<EarlierVerdict>,
) -> impl IntoView {
    let breakdown = verdict.by(stage).clone();
    let mut left = Points::from_tenths(1_000);
    let rows = breakdown
        .findings
        .iter()
        .enumerate()
        .map(|(at, finding)| {
            let before = left;
            left = left - finding.points;
            row(at + 1, &report, finding, before)
        })
        .collect_view();
    let passed = passed_table(&breakdown.passed);
    let count = breakdown.passed.len();
    let earlier = (!earlier.is_empty()).then(|| earlier_table(earlier));
    let about = format!(
        "100 points less these rows, exactly. Judged as a {} by rule set {}.",
        stage.as_str(),
        verdict.rule_set
    );
    view! {
        <section class="section" id="breakdown" aria-labelledby="breakdown-heading">
            <div class="section__rail">
                <h2 id="breakdown-heading">"Receipt"</h2>
                <p class="small muted">{about}</p>
                <p class="small">
                    <a href=paths::RULES>"All rules, their ranges and prices"</a>
                </p>
            </div>
            <div class="section__body">
                <div class="breakdown">
                    <p class="breakdown__sum">
                        <span>"Starting score"</span>
                        <strong class="num">"100.0"</strong>
                    </p>
                    <ol class="breakdown__rows">{rows}</ol>
                    <p class="breakdown__sum breakdown__sum--total">
                        <span>"Score"</span>
                        <strong class="num">{breakdown.score.number()}</strong>
                    </p>
                </div>
                <Fold summary=format!("{count} checks passed")>
                    <div class="scroller" role="region" tabindex="0" aria-label="Checks passed">
                        <Table data=passed numeric=false />
                    </div>
                </Fold>
                {earlier}
            </div>
        </section>
    }
    .into_any()
}

fn row(number: usize, report: &Report, finding: &Finding, before: Points) -> AnyView {
    let severity = tone(finding.severity);
    let rule_href = format!("{}#{}", paths::RULES, anchor(&finding.rule));
    let measured = (finding.unit != Unit::YesNo).then(|| {
        view! {
            <div>
                <dt>"Measured"</dt>
                <dd class="num">{finding.display_value()}</dd>
            </div>
            <div>
                <dt>"Range"</dt>
                <dd class="num">{finding.win_back()}</dd>
            </div>
        }
    });
    let covers = (!finding.covers.is_empty()).then(|| {
        let titles: Vec<&str> = finding
            .covers
            .iter()
            .map(|covered| covered.title.as_str())
            .collect();
        view! {
            <div>
                <dt>"Also explains"</dt>
                <dd>{titles.join(", ")} " (no further points)"</dd>
            </div>
        }
    });
    let step = finding.step.as_ref().map(|step| {
        view! {
            <div>
                <dt>"As a machine would"</dt>
                <dd>
                    {operation_words(&step.operation)} ", for about "
                    <span class="num">{finding.unit.display(step.expected)}</span>
                </dd>
            </div>
        }
    });
    let is_first = number == 1;
    view! {
        <li class=format!("breakdown__row {}", severity.class()) id=row_id(&finding.rule)>
            <details open=is_first>
                <summary>
                    <span class="breakdown__mark num">{number}</span>
                    <ToneIcon tone=severity />
                    <span class="breakdown__title">{finding.title.clone()}</span>
                    <span class="breakdown__value num">{finding.display_value()}</span>
                    <span class="breakdown__points num">{format::signed(-finding.points.value(), 1)}</span>
                    {bar(before.value(), finding.points.value())}
                </summary>
                <div class="breakdown__evidence">
                    <p class="breakdown__action">{finding.action.clone()}</p>
                    {evidence(report, finding, severity, &row_id(&finding.rule))}
                    <TimeRangeLinks time_ranges=finding.time_ranges.clone() />
                    <dl class="evidence">
                        {measured}
                        <div>
                            <dt>"Why"</dt>
                            <dd>{finding.why.clone()}</dd>
                        </div>
                        <div>
                            <dt>"Range from"</dt>
                            <dd>{finding.source.clone()}</dd>
                        </div>
                        {covers}
                        {step}
                        <div>
                            <dt>"Kind"</dt>
                            <dd>
                                {format!("{}, {}, {}. ", finding.area.name(), finding.class.word().to_lowercase(), finding.confidence.word().to_lowercase())}
                                <a href=rule_href>{finding.rule.clone()}</a>
                            </dd>
                        </div>
                    </dl>
                </div>
            </details>
        </li>
    }
    .into_any()
}

fn passed_table(passed: &[PassedCheck]) -> DataTable {
    let mut passed: Vec<&PassedCheck> = passed.iter().collect();
    passed.sort_by_key(|passed| passed.area);
    let rows = passed
        .into_iter()
        .map(|passed| {
            vec![
                passed.title.clone(),
                passed.area.name().to_owned(),
                passed.unit.display(passed.value),
                passed.range.display(passed.unit),
            ]
        })
        .collect();
    DataTable::new("Checks passed here", &["Rule", "Area", "Measured", "Range"], rows)
}

fn earlier_table(earlier: Vec<EarlierVerdict>) -> AnyView {
    let rows = earlier
        .into_iter()
        .map(|verdict| {
            vec![
                verdict.rule_set,
                format::date(verdict.at),
                verdict.mix.number(),
                verdict.master.number(),
            ]
        })
        .collect();
    let data = DataTable::new(
        "What older rules said of the same measurements",
        &["Rule set", "Judged on", "As a mix", "As a master"],
        rows,
    );
    view! {
        <Fold summary="Scores by older rules".to_owned()>
            <Table data=data />
        </Fold>
    }
    .into_any()
}

/// A step in words: `−2.0 dB around 3.2 kHz (Q 0.9)`.
fn operation_words(operation: &Operation) -> String {
    let db = |db: f64| format!("{}{}dB", format::signed(db, 1), format::THIN);
    match operation {
        Operation::RemoveOffset => "subtract the mean of each channel".to_owned(),
        Operation::Gain { db: change } => format!("{} of gain", db(*change)),
        Operation::Limit { ceiling_dbtp } => {
            format!(
                "true-peak limiter at {}",
                format::with_unit(*ceiling_dbtp, 1, "dBTP")
            )
        }
        Operation::Balance { db: change } => format!("{} on left against right", db(*change)),
        Operation::MonoBelow { hz } => format!("mono below {}", format::frequency(*hz)),
        Operation::Width { side_db } => format!("{} on the side signal", db(*side_db)),
        Operation::Bell { hz, q, db: change } => {
            format!(
                "{} around {} (Q {})",
                db(*change),
                format::frequency(*hz),
                format::number(*q, 1)
            )
        }
        Operation::Shelf { hz, db: change, side } => format!(
            "{} {} {}",
            db(*change),
            match side {
                model::verdict::ShelfSide::High => "above",
                model::verdict::ShelfSide::Low => "below",
            },
            format::frequency(*hz)
        ),
        Operation::HighPass { hz } => format!("high-pass at {}", format::frequency(*hz)),
        Operation::Notch { hz, harmonics } => {
            format!(
                "narrow cuts at {} and {} multiples",
                format::frequency(*hz),
                harmonics.len()
            )
        }
        Operation::Trim { head_s, tail_s } => {
            let (seconds, end) = if head_s > tail_s {
                (head_s, "start")
            } else {
                (tail_s, "end")
            };
            format!("cut {} off the {end}", format::with_unit(*seconds, 1, "s"))
        }
    }
}
