//! One score breakdown against another: what was fixed, what got better or worse, what is new, and what each costs or wins.

use serde::{Deserialize, Serialize};

use super::{Area, Finding, Points, ScoreBreakdown};

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It costs points that it did not cost before.
    New,
    /// It costs more.
    Worse,
    /// It costs less.
    Better,
    /// It costs nothing any more.
    Fixed,
    /// It costs the same.
    Unchanged,
}

impl ChangeKind {
    /// Every outcome, in the order of pages: what needs a look first.
    pub const ALL: [Self; 5] = [Self::New, Self::Worse, Self::Fixed, Self::Better, Self::Unchanged];

    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Worse => "Worse",
            Self::Better => "Better",
            Self::Fixed => "Fixed",
            Self::Unchanged => "Unchanged",
        }
    }

    /// The same seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::New => Self::Fixed,
            Self::Worse => Self::Better,
            Self::Better => Self::Worse,
            Self::Fixed => Self::New,
            Self::Unchanged => Self::Unchanged,
        }
    }
}

/// One rule in two score breakdowns, of which at least one has a finding by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// The rule, by its stable id.
    pub rule: String,
    /// What is wrong, or was: the title of the later finding where there is one.
    pub title: String,
    /// What it is about.
    pub area: Area,
    /// What became of it.
    pub became: ChangeKind,
    /// The measured value before, in words; empty where nothing more is to be said.
    pub before: String,
    /// The same afterwards.
    pub after: String,
    /// What it wins (positive) or costs (negative) against before.
    pub points: Points,
}

/// One score breakdown against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionComparison {
    /// The score before.
    pub before: Points,
    /// The score afterwards.
    pub after: Points,
    /// What changed, in the order of [`ChangeKind::ALL`], and where the most points are first.
    pub changes: Vec<Change>,
}

impl VersionComparison {
    /// `before` against `after`, which must be by the same rule set and the same stage.
    #[must_use]
    pub fn between(before: &ScoreBreakdown, after: &ScoreBreakdown) -> Self {
        let mut changes: Vec<Change> = after
            .findings
            .iter()
            .map(|later| change(before.finding(&later.rule), Some(later), (before, after)))
            .chain(
                before
                    .findings
                    .iter()
                    .filter(|earlier| after.finding(&earlier.rule).is_none())
                    .map(|earlier| change(Some(earlier), None, (before, after))),
            )
            .flatten()
            .collect();
        let place = |became: ChangeKind| ChangeKind::ALL.iter().position(|other| *other == became);
        changes.sort_by(|a, b| {
            place(a.became)
                .cmp(&place(b.became))
                .then_with(|| b.points.tenths().abs().cmp(&a.points.tenths().abs()))
                .then_with(|| a.rule.cmp(&b.rule))
        });
        Self {
            before: before.score,
            after: after.score,
            changes,
        }
    }

    /// What the score has gained; the sum of the points of all changes, exactly.
    #[must_use]
    pub fn difference(&self) -> Points {
        self.after - self.before
    }

    /// What was won where something was won.
    #[must_use]
    pub fn won(&self) -> Points {
        self.sum(|points| points.tenths() > 0)
    }

    /// What was lost where something was lost; negative.
    #[must_use]
    pub fn lost(&self) -> Points {
        self.sum(|points| points.tenths() < 0)
    }

    /// The changes of one kind.
    pub fn of_kind(&self, became: ChangeKind) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.became == became)
    }

    /// `2 fixed, 1 better, 1 new`; `nothing changed` where that is so.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts: Vec<String> = [
            ChangeKind::Fixed,
            ChangeKind::Better,
            ChangeKind::Worse,
            ChangeKind::New,
        ]
        .into_iter()
        .map(|became| (self.of_kind(became).count(), became))
        .filter(|(count, _)| *count > 0)
        .map(|(count, became)| format!("{count} {}", became.word().to_lowercase()))
        .collect();
        if parts.is_empty() {
            "nothing changed".to_owned()
        } else {
            parts.join(", ")
        }
    }

    fn sum(&self, holds: impl Fn(Points) -> bool) -> Points {
        self.changes
            .iter()
            .map(|change| change.points)
            .filter(|points| holds(*points))
            .sum()
    }
}

/// `None` where neither has a finding.
fn change(
    earlier: Option<&Finding>,
    later: Option<&Finding>,
    (before, after): (&ScoreBreakdown, &ScoreBreakdown),
) -> Option<Change> {
    let named = later.or(earlier)?;
    let cost = |finding: Option<&Finding>| finding.map_or(Points::default(), |finding| finding.points);
    let points = cost(earlier) - cost(later);
    let became = match (earlier, later) {
        (None, _) => ChangeKind::New,
        (_, None) => ChangeKind::Fixed,
        _ if points.tenths() > 0 => ChangeKind::Better,
        _ if points.tenths() < 0 => ChangeKind::Worse,
        _ => ChangeKind::Unchanged,
    };
    Some(Change {
        rule: named.rule.clone(),
        title: named.title.clone(),
        area: named.area,
        became,
        before: display_value(before, &named.rule),
        after: display_value(after, &named.rule),
        points,
    })
}

/// What `breakdown` measured by the rule, as a finding or as something that is as it should be.
fn display_value(breakdown: &ScoreBreakdown, rule: &str) -> String {
    match (breakdown.finding(rule), breakdown.passed(rule)) {
        (Some(finding), _) => finding.display_value(),
        (None, Some(passed)) if passed.unit == super::Unit::YesNo => "none".to_owned(),
        (None, Some(passed)) => passed.unit.display(passed.value),
        (None, None) if breakdown.not_applicable.iter().any(|id| id == rule) => "does not apply".to_owned(),
        // Another row covers it, or it is less than a tenth of a point.
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Class, Confidence, PassedCheck, Range, Severity, Unit};

    fn finding(rule: &str, value: f64, tenths: i32) -> Finding {
        Finding {
            rule: rule.to_owned(),
            title: format!("{rule} at {value}"),
            area: Area::Peaks,
            class: Class::Risk,
            confidence: Confidence::Measured,
            severity: Severity::Note,
            value,
            unit: Unit::Dbtp,
            label: None,
            range: Range {
                low: None,
                high: Some(-1.0),
            },
            source: String::new(),
            points: Points::from_tenths(tenths),
            why: String::new(),
            action: String::new(),
            time_ranges: Vec::new(),
            step: None,
            covers: Vec::new(),
        }
    }

    fn breakdown(findings: &[(&str, f64, i32)], passed: &[&str]) -> ScoreBreakdown {
        let findings: Vec<Finding> = findings
            .iter()
            .map(|(rule, value, tenths)| finding(rule, *value, *tenths))
            .collect();
        let lost: Points = findings.iter().map(|finding| finding.points).sum();
        ScoreBreakdown {
            score: Points::from_tenths(1_000) - lost,
            findings,
            passed: passed
                .iter()
                .map(|rule| PassedCheck {
                    rule: (*rule).to_owned(),
                    title: String::new(),
                    area: Area::Peaks,
                    value: -2.0,
                    unit: Unit::Dbtp,
                    range: Range {
                        low: None,
                        high: Some(-1.0),
                    },
                    strength: None,
                })
                .collect(),
            not_applicable: Vec::new(),
        }
    }

    #[test]
    fn each_finding_is_fixed_better_worse_new_or_unchanged() {
        let before = breakdown(
            &[("a", 1.0, 50), ("b", 0.5, 30), ("c", 0.2, 10), ("d", 0.0, 7)],
            &["e"],
        );
        let after = breakdown(
            &[("b", 0.3, 21), ("c", 0.4, 24), ("d", 0.0, 7), ("e", 0.9, 3)],
            &["a"],
        );
        let comparison = VersionComparison::between(&before, &after);
        let seen: Vec<_> = comparison
            .changes
            .iter()
            .map(|change| (change.rule.as_str(), change.became, change.points.tenths()))
            .collect();
        assert_eq!(
            seen,
            [
                ("e", ChangeKind::New, -3),
                ("c", ChangeKind::Worse, -14),
                ("a", ChangeKind::Fixed, 50),
                ("b", ChangeKind::Better, 9),
                ("d", ChangeKind::Unchanged, 0),
            ]
        );
        assert_eq!(comparison.summary(), "1 fixed, 1 better, 1 worse, 1 new");
        let fixed = comparison.of_kind(ChangeKind::Fixed).next().unwrap();
        assert_eq!(
            (fixed.before.as_str(), fixed.after.as_str()),
            ("1.0\u{202f}dBTP", "−2.0\u{202f}dBTP")
        );
    }

    #[test]
    fn the_points_of_all_changes_sum_to_the_difference_exactly() {
        let rules = ["a", "b", "c", "d", "e", "f"];
        // Every pair of breakdowns whose rows are drawn from a small machine of remainders.
        let seeded = |seed: i32| {
            let rows: Vec<(&str, f64, i32)> = rules
                .iter()
                .enumerate()
                .map(|(at, rule)| (*rule, 0.0, (seed * 7 + at as i32 * seed * 3) % 41))
                .filter(|(_, _, tenths)| *tenths > 12)
                .collect();
            breakdown(&rows, &[])
        };
        for before in 0..40 {
            for after in 0..40 {
                let comparison = VersionComparison::between(&seeded(before), &seeded(after));
                let sum: Points = comparison.changes.iter().map(|change| change.points).sum();
                assert_eq!(sum, comparison.difference(), "{before} against {after}");
                assert_eq!(comparison.won() + comparison.lost(), comparison.difference());
            }
        }
    }

    #[test]
    fn the_other_way_round_everything_is_reversed() {
        let before = breakdown(&[("a", 1.0, 50), ("b", 0.5, 30), ("d", 0.0, 7)], &[]);
        let after = breakdown(&[("b", 0.3, 21), ("d", 0.0, 7), ("e", 0.9, 3)], &["a"]);
        let forth = VersionComparison::between(&before, &after);
        let back = VersionComparison::between(&after, &before);
        assert_eq!(forth.difference().tenths(), -back.difference().tenths());
        for change in &forth.changes {
            let reversed = back
                .changes
                .iter()
                .find(|other| other.rule == change.rule)
                .unwrap();
            assert_eq!(reversed.became, change.became.reversed(), "{}", change.rule);
            assert_eq!(reversed.points.tenths(), -change.points.tenths());
            assert_eq!(
                (&reversed.before, &reversed.after),
                (&change.after, &change.before)
            );
        }
    }

    #[test]
    fn a_breakdown_against_itself_changes_nothing() {
        let breakdown = breakdown(&[("a", 1.0, 50), ("b", 0.5, 30)], &["c"]);
        let comparison = VersionComparison::between(&breakdown, &breakdown);
        assert_eq!(comparison.difference(), Points::default());
        assert_eq!(comparison.summary(), "nothing changed");
        assert!(
            comparison
                .changes
                .iter()
                .all(|change| change.became == ChangeKind::Unchanged)
        );
    }
}
