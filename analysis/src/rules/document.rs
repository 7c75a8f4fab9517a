//! The catalogue as a document: `docs/RULES.md` and the public page are this text.

use std::fmt::Write as _;

use model::verdict::{Area, Class, Stage, Unit};

use super::score::class_cap;
use super::{Criterion, RULE_SET, Rule, TOLERANCE_BAND, catalog};

/// The HTML id of a rule: `peaks.true_peak` is at `#peaks-true-peak`.
#[must_use]
pub fn anchor(rule: &str) -> String {
    rule.replace(['.', '_'], "-")
}

/// The whole catalogue in Markdown.
#[must_use]
pub fn document() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_document(&mut text);
    text
}

/// How points are counted, in Markdown without a heading: what holds for every rule.
#[must_use]
pub fn counting() -> String {
    let mut text = String::new();
    let _ = write_counting(&mut text);
    text
}

fn write_document(text: &mut String) -> std::fmt::Result {
    writeln!(text, "# Rules\n")?;
    writeln!(
        text,
        "Rule set {RULE_SET}, {} rules. This page is written by the program from the catalogue that it judges by; the \
         measures are described in the [methodology](METHODOLOGY.md).\n",
        catalog().count()
    )?;
    writeln!(text, "## How points are counted\n")?;
    write_counting(text)?;
    writeln!(text, "## The corridor of tone\n")?;
    writeln!(
        text,
        "Levels of 1/3-octave bands against their mean from 200 Hz to 4 kHz, as the chart of a report shows them. Rules do \
         not judge by it; they ask what the other bands of the same song lead one to expect.\n"
    )?;
    writeln!(text, "| Hz | lowest | highest |\n|---:|---:|---:|")?;
    for corner in TOLERANCE_BAND {
        writeln!(
            text,
            "| {} | {} | {} |",
            model::text::frequency(corner.hz),
            Unit::Db.display(corner.low_db),
            Unit::Db.display(corner.high_db)
        )?;
    }
    for area in Area::ALL {
        writeln!(text, "\n## {}", area.name())?;
        for rule in catalog().filter(|rule| rule.area == area) {
            write_rule(text, rule)?;
        }
    }
    Ok(())
}

fn write_counting(text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "The score is 100 less the rows of the breakdown, and the rows sum exactly. A rule costs nothing inside of its \
         range; outside, its points grow along straight lines with the distance (less a small tolerance, so that a value at \
         the edge does not come and go), and never fall. There are no steps but for facts that are so or not: 0.1 dB never \
         costs more than 2 points.\n"
    )?;
    writeln!(
        text,
        "The scale is anchored: a destroyed file has less than 30 points, one that must go back less than 60, one that is \
         usable with faults 60 to 80, a good one 80 to 92; what is above is exemplary. Each rule is of a class. A **defect** \
         is wrong by anybody's measure. A **risk** may go wrong later, or is so unusual that somebody should listen. \
         **Taste** is a matter of style: all of it together costs at most {} points.\n",
        class_cap(Class::Taste).number()
    )?;
    writeln!(
        text,
        "One cause is one finding. A rule that says the same as another one, or follows from it (“covered by”), is folded \
         under it, without an action of its own; where it costs clearly more than the other one explains, it stands for \
         itself. The worst comes first; hints about where a file comes from never come before anything that is heard.\n"
    )?;
    writeln!(
        text,
        "A file is judged twice, as a mix and as a master. Which breakdown is shown first follows from several signs \
         (loudness, true peak, peak to loudness ratio, PSR, how many seconds peak at one height, bits), and one click \
         changes it. Clipping forges most of them, so where there is much of it they count little; a floating-point file \
         with samples over full scale has met no limiter. There is no choice of genre: genres differ mostly in bass and \
         percussion, and what is judged is one region against the rest of the same song.\n"
    )
}

fn write_rule(text: &mut String, rule: &Rule) -> std::fmt::Result {
    writeln!(text, "\n### {}\n", rule.title)?;
    writeln!(text, "`{}`. {}\n", rule.id, rule.why)?;
    writeln!(text, "- Measured: {}", rule.method)?;
    for stage in Stage::ALL {
        match rule.criterion(stage) {
            Some(criterion) => writeln!(text, "- {}: {}", stage.name(), price(rule, criterion))?,
            None => writeln!(text, "- {}: not judged", stage.name())?,
        }
    }
    writeln!(text, "- Range from: {}", rule.source)?;
    writeln!(
        text,
        "- {}, {}{}",
        rule.class.word(),
        rule.confidence.word().to_lowercase(),
        rule.covered_by
            .map_or_else(String::new, |by| format!(", covered by `{by}`"))
    )?;
    for (side, words) in [("Above", rule.high), ("Below", rule.low)] {
        if let Some(words) = words {
            writeln!(
                text,
                "- {side}: “{}”: {}",
                words.title,
                in_general(rule, words.action)
            )?;
            if let Some(action) = words.action_in_mix {
                writeln!(text, "  In a mix: {}", in_general(rule, action))?;
            }
        }
    }
    Ok(())
}

/// An action as it reads where nothing was measured: with an x for each number.
#[must_use]
pub fn in_general(rule: &Rule, action: &str) -> String {
    let x = |unit: Unit| format!("x {}", unit.symbol()).trim_end().to_owned();
    action
        .replace("{excess}", &x(rule.unit.for_differences()))
        .replace("{value}", &x(rule.unit))
        .replace("{edge}", &x(rule.unit))
        .replace("{aim}", &x(rule.unit))
        .replace("{change}", &x(rule.unit.for_differences()))
        .replace("{label}", "the place named")
}

fn price(rule: &Rule, criterion: &Criterion) -> String {
    let unit = rule.unit.for_differences().symbol();
    let knots: Vec<String> = criterion
        .knots()
        .into_iter()
        .map(|(distance, points)| {
            let distance = format!(
                "{} {unit}",
                model::text::number(distance, if distance < 10.0 { 2 } else { 0 })
            );
            format!("{} at {}", model::text::number(points, 1), distance.trim_end())
        })
        .collect();
    format!(
        "{}; points outside: {}",
        criterion.range().display(rule.unit),
        knots.join(", ")
    )
}
