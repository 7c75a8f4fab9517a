//! The score breakdown: what each finding costs, so that the rows sum exactly and nothing is paid twice.
//!
//! 1. A rule's own price follows from its distance from the range ([`Criterion::price`]).
//! 2. A family is a rule and those that it covers: what follows from it, or says the same and less. It costs
//!    max(own, sum of the covered), which is continuous and never falls when any value gets worse. Where the head's own price
//!    is at least half of what the covered cost together, it is the cause: it takes the whole, and they are folded under it
//!    without an action of their own. Otherwise they pay, in proportion, what they cost more than the head.
//! 3. Taste has a cap ([`class_cap`]) and the whole has 100; above a cap all rows of the class shrink in proportion.
//!    A family belongs to the class of the rule at its head, so that what one row gives up another one takes on.
//! 4. The total is rounded to tenths once, and the rows take their tenths by the largest remainder.
//! 5. The worst comes first: what is heard before where the file comes from, and what is worth less than half a point last.

use std::collections::HashMap;

use model::verdict::{
    Area, Class, CorrectiveStep, CoveredFinding, Finding, PassedCheck, Points, ScoreBreakdown, Severity,
    Stage,
};

use super::{CheckText, Criterion, Measurement, ReportView, Rule, find};

/// The score of a file without findings.
const FULL_SCORE: Points = Points::from_tenths(1_000);
/// A finding that costs so much is a problem, unless it is a matter of taste.
const PROBLEM: Points = Points::from_tenths(50);
/// A finding that costs so much is a warning.
const WARNING: Points = Points::from_tenths(15);
/// The share of what the covered rules cost from which on the head of a family is their cause.
const CAUSE_SHARE: f64 = 0.5;
/// At most so many strengths are said.
const MOST_STRENGTHS: usize = 4;

/// The most points that all findings of `class` can cost together.
pub(super) const fn class_cap(class: Class) -> Points {
    match class {
        Class::Defect | Class::Risk => FULL_SCORE,
        Class::Taste => Points::from_tenths(120),
    }
}

struct Row<'a> {
    rule: &'static Rule,
    criterion: &'static Criterion,
    measure: &'a Measurement,
    /// What it would cost alone.
    own: f64,
    /// What it costs beside the others.
    price: f64,
    /// The class of the rule at the head of its family.
    class: Class,
}

pub(super) fn break_down(
    view: &ReportView<'_>,
    measures: &[(&'static Rule, Option<Measurement>)],
    stage: Stage,
) -> ScoreBreakdown {
    let mut not_applicable = Vec::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (rule, measure) in measures {
        match (rule.criterion(stage), measure) {
            (Some(criterion), Some(measure)) => {
                let own = criterion.price(measure.value, rule.tolerance);
                rows.push(Row {
                    rule,
                    criterion,
                    measure,
                    own,
                    price: own,
                    class: rule.class,
                });
            }
            _ => not_applicable.push(rule.id.to_owned()),
        }
    }
    not_applicable.sort_unstable();
    // One order whatever the catalogue's, so that sums of floating-point numbers are the same.
    rows.sort_unstable_by_key(|row| row.rule.id);

    cover(&mut rows);
    cap(&mut rows);
    let tenths = in_tenths(&rows.iter().map(|row| row.price).collect::<Vec<_>>());

    let mut findings: Vec<Finding> = Vec::new();
    let mut passed = Vec::new();
    for (row, points) in rows.iter().zip(&tenths) {
        if *points > 0 {
            findings.extend(finding(
                view,
                stage,
                row,
                Points::from_tenths(*points),
                &rows,
                &tenths,
            ));
        } else if row.own == 0.0 {
            passed.push(passed_row(row));
        }
    }
    findings.sort_by(|a, b| {
        let subject = |finding: &Finding| find(&finding.rule).map(|rule| rule.subject);
        (a.points < Finding::WORTH_SAYING)
            .cmp(&(b.points < Finding::WORTH_SAYING))
            .then_with(|| subject(a).cmp(&subject(b)))
            .then_with(|| harm(b).cmp(&harm(a)))
            .then_with(|| a.rule.cmp(&b.rule))
    });
    praise(&mut passed, &rows, &findings, view);
    let lost: Points = findings.iter().map(|finding| finding.points).sum();
    ScoreBreakdown {
        score: FULL_SCORE - lost,
        findings,
        passed,
        not_applicable,
    }
}

/// What decides which finding about sound, or about provenance, comes first: points, of which a defect's count for more than a risk's,
/// and a risk's for more than those of taste. An engineer sends a file back for a fault and not for a style.
fn harm(finding: &Finding) -> i64 {
    let weight = match finding.class {
        Class::Defect => 3,
        Class::Risk => 2,
        Class::Taste => 1,
    };
    weight * i64::from(finding.points.tenths())
}

/// Step 2: from the leaves up, those that are covered give up what the rule above already costs.
fn cover(rows: &mut [Row<'_>]) {
    let place: HashMap<&str, usize> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (row.rule.id, index))
        .collect();
    let mut covered: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        if let Some(&above) = row.rule.covered_by.and_then(|id| place.get(id)) {
            covered.entry(above).or_default().push(index);
        }
    }
    let roots: Vec<usize> = (0..rows.len())
        .filter(|index| {
            rows[*index]
                .rule
                .covered_by
                .is_none_or(|id| !place.contains_key(id))
        })
        .collect();
    for root in roots {
        settle(root, rows, &covered);
        classify(root, rows[root].rule.class, rows, &covered);
    }
}

fn classify(index: usize, class: Class, rows: &mut [Row<'_>], covered: &HashMap<usize, Vec<usize>>) {
    rows[index].class = class;
    for &child in covered.get(&index).into_iter().flatten() {
        classify(child, class, rows, covered);
    }
}

/// Prices the family below `index` and answers what it costs.
fn settle(index: usize, rows: &mut [Row<'_>], covered: &HashMap<usize, Vec<usize>>) -> f64 {
    let own = rows[index].own;
    let below: Vec<usize> = covered.get(&index).cloned().unwrap_or_default();
    let together: f64 = below.iter().map(|&child| settle(child, rows, covered)).sum();
    let total = own.max(together);
    if together > 0.0 {
        let is_cause = own >= CAUSE_SHARE * together;
        let share = if is_cause {
            0.0
        } else {
            (together - own) / together
        };
        for child in below {
            shrink(child, share, rows, covered);
        }
        if is_cause {
            rows[index].price = total;
        }
    }
    total
}

fn shrink(index: usize, share: f64, rows: &mut [Row<'_>], covered: &HashMap<usize, Vec<usize>>) {
    rows[index].price *= share;
    for &child in covered.get(&index).into_iter().flatten() {
        shrink(child, share, rows, covered);
    }
}

/// Step 3.
fn cap(rows: &mut [Row<'_>]) {
    let mut limit = |holds: &dyn Fn(&Row<'_>) -> bool, cap: f64| {
        let sum: f64 = rows.iter().filter(|row| holds(row)).map(|row| row.price).sum();
        if sum > cap {
            for row in rows.iter_mut().filter(|row| holds(row)) {
                row.price *= cap / sum;
            }
        }
    };
    for class in Class::ALL {
        limit(&|row| row.class == class, class_cap(class).value());
    }
    limit(&|_| true, FULL_SCORE.value());
}

/// Step 4: tenths that sum to the rounded total.
fn in_tenths(prices: &[f64]) -> Vec<i32> {
    let exact: Vec<f64> = prices.iter().map(|price| price * 10.0).collect();
    let total = exact.iter().sum::<f64>().round() as i32;
    let mut tenths: Vec<i32> = exact.iter().map(|price| price.floor() as i32).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    // Equal remainders go to the earlier row; rows are in the order of their ids.
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let missing = total - tenths.iter().sum::<i32>();
    for index in order.into_iter().take(missing.max(0) as usize) {
        tenths[index] += 1;
    }
    tenths
}

fn severity(class: Class, points: Points) -> Severity {
    if points >= PROBLEM && class != Class::Taste {
        Severity::Problem
    } else if points >= WARNING {
        Severity::Warning
    } else {
        Severity::Note
    }
}

/// Keeps the strengths that are earned: at most [`MOST_STRENGTHS`], the most unusual ones, one of an area, and none of an
/// area in which anything was found or a rule could not look. Where the signal itself is damaged, its figures are those of
/// the damage, and nothing is praised.
fn praise(passed: &mut [PassedCheck], rows: &[Row<'_>], findings: &[Finding], view: &ReportView<'_>) {
    let is_damaged = findings.iter().any(|finding| {
        finding.area == Area::Signal
            && finding.class == Class::Defect
            && finding.points >= Finding::WORTH_SAYING
    });
    let is_looked_at = view.detail().is_some_and(|detail| detail.local.is_some());
    let mut earned: Vec<(f64, usize)> = Vec::new();
    for (index, check) in passed.iter().enumerate() {
        let is_clear = findings.iter().all(|finding| finding.area != check.area);
        let row = rows.iter().find(|row| row.rule.id == check.rule);
        if let Some((row, strength)) = row.and_then(|row| Some((row, row.rule.strength?)))
            && check.strength.is_some()
            && is_clear
            && is_looked_at
            && !is_damaged
        {
            let margin = row.criterion.margin(row.measure.value);
            earned.push((margin / strength.margin.max(0.1), index));
        }
    }
    earned.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<usize> = Vec::new();
    for (_, index) in earned {
        if kept.len() < MOST_STRENGTHS && kept.iter().all(|&other| passed[other].area != passed[index].area) {
            kept.push(index);
        }
    }
    for (index, check) in passed.iter_mut().enumerate() {
        if !kept.contains(&index) {
            check.strength = None;
        }
    }
}

fn finding(
    view: &ReportView<'_>,
    stage: Stage,
    row: &Row<'_>,
    points: Points,
    rows: &[Row<'_>],
    tenths: &[i32],
) -> Option<Finding> {
    let Row {
        rule,
        criterion,
        measure,
        ..
    } = row;
    let excess = criterion.excess(measure.value);
    let text = text_for(rule, excess)?;
    let edge = measure.value - excess;
    let step = rule
        .correct
        .and_then(|correct| correct(view, measure, excess))
        .map(|operation| CorrectiveStep {
            operation,
            expected: edge,
        });
    let action = fill(text.action_in(stage), row, excess);
    let covers = rows
        .iter()
        .zip(tenths)
        .filter(|(other, own_tenths)| **own_tenths == 0 && other.own > 0.0)
        .filter(|(other, _)| payer(other.rule, rows, tenths) == Some(rule.id))
        .filter_map(|(other, _)| {
            let text = text_for(other.rule, other.criterion.excess(other.measure.value))?;
            Some(CoveredFinding {
                rule: other.rule.id.to_owned(),
                title: text.title.to_owned(),
            })
        })
        .collect();
    Some(Finding {
        rule: rule.id.to_owned(),
        title: text.title.to_owned(),
        area: rule.area,
        class: rule.class,
        confidence: rule.confidence,
        severity: severity(rule.class, points),
        value: rounded(measure.value),
        unit: rule.unit,
        label: label(measure),
        range: criterion.range(),
        source: rule.source.to_owned(),
        points,
        why: rule.why.to_owned(),
        action,
        time_ranges: measure.time_ranges.clone(),
        step,
        covers,
    })
}

/// Where it is and how rare that is: `around 400 Hz, 1 track in 20`.
fn label(measure: &Measurement) -> Option<String> {
    let parts: Vec<&str> = [&measure.label, &measure.remark]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The nearest rule above `rule` that costs anything.
fn payer(rule: &Rule, rows: &[Row<'_>], tenths: &[i32]) -> Option<&'static str> {
    let mut above = rule.covered_by;
    while let Some(id) = above {
        let (row, tenths) = rows.iter().zip(tenths).find(|(row, _)| row.rule.id == id)?;
        if *tenths > 0 {
            return Some(row.rule.id);
        }
        above = row.rule.covered_by;
    }
    None
}

const fn text_for(rule: &Rule, excess: f64) -> Option<CheckText> {
    if excess > 0.0 { rule.high } else { rule.low }
}

fn fill(template: &str, row: &Row<'_>, excess: f64) -> String {
    let (unit, value) = (row.rule.unit, row.measure.value);
    let difference = |amount: f64| unit.for_differences().display(amount.abs());
    let aim = row.criterion.aim(value);
    template
        .replace("{value}", &unit.display(value))
        .replace("{excess}", &difference(excess))
        .replace("{edge}", &unit.display(value - excess))
        .replace("{aim}", &unit.display(aim))
        .replace(
            "{change}",
            &difference((value - aim).abs().min(row.rule.most_change)),
        )
        .replace("{label}", row.measure.label.as_deref().unwrap_or("there"))
}

fn passed_row(row: &Row<'_>) -> PassedCheck {
    let strength = row
        .rule
        .strength
        .filter(|strength| row.criterion.margin(row.measure.value) >= strength.margin)
        .map(|strength| {
            let edge = row.criterion.nearer_edge(row.measure.value);
            let display = |value: f64| row.rule.unit.display(value);
            strength
                .text
                .replace("{edge}", &display(edge))
                .replace("{value}", &display(row.measure.value))
        });
    PassedCheck {
        rule: row.rule.id.to_owned(),
        title: row.rule.title.to_owned(),
        area: row.rule.area,
        value: rounded(row.measure.value),
        unit: row.rule.unit,
        range: row.criterion.range(),
        strength,
    }
}

/// To a thousandth: nothing that is said is finer, and stored verdicts stay small.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_sum_to_the_rounded_total() {
        assert_eq!(in_tenths(&[0.04, 0.04, 0.04]), [1, 0, 0]);
        assert_eq!(in_tenths(&[1.05, 2.05, 0.2]), [11, 20, 2]);
        assert_eq!(in_tenths(&[]), [0; 0]);
    }
}
