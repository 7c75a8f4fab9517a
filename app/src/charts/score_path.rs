//! The score from version to version.

use leptos::prelude::*;
use model::{song::Version, text, verdict::Stage};

use super::plot::{UprightScale, line};
use crate::ui::{ChartFrame, meter::percent};

/// From so many points on each one is no longer lettered.
const MOST_LETTERED: usize = 12;

/// One judged version.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    number: u32,
    score: f64,
    stage: Stage,
}

/// The path of the score over the judged versions of a song; nothing where there are fewer than two. The numbers are in
/// the table of versions that stands beside it.
#[component]
pub fn ScorePath(
    /// The versions, oldest first.
    versions: Vec<Version>,
) -> impl IntoView {
    let points = points(&versions);
    let Some(scale) = scale(&points) else {
        return ().into_any();
    };
    let across = |at: usize| (at as f64 + 0.5) / points.len() as f64 * 100.0;
    let trace: Vec<_> = points
        .iter()
        .enumerate()
        .map(|(at, point)| Some((across(at) * 10.0, scale.percent(point.score) * 10.0)))
        .collect();
    let is_lettered = points.len() <= MOST_LETTERED;
    let marks = points
        .iter()
        .enumerate()
        .map(|(at, point)| {
            let (x, y) = (percent(across(at)), percent(scale.percent(point.score)));
            // A circle for a mix, a diamond for a master: the shape says it without the colour.
            let shape = match point.stage {
                Stage::Mix => {
                    view! { <circle class="marker" cx=x.clone() cy=y.clone() r="5"></circle> }.into_any()
                }
                Stage::Master => view! {
                    <svg x=x.clone() y=y.clone() overflow="visible">
                        <path class="marker" d="M0 -6.5L6.5 0L0 6.5L-6.5 0Z"></path>
                    </svg>
                }
                .into_any(),
            };
            let number = is_lettered.then(|| {
                view! {
                    <text class="note" x=x y=y dy="-12">
                        {text::number(point.score, 1)}
                    </text>
                }
            });
            view! {
                {shape}
                {number}
            }
        })
        .collect_view();
    let every = points.len().div_ceil(MOST_LETTERED);
    let axis = points
        .iter()
        .enumerate()
        .filter(|(at, _)| at % every == 0)
        .map(|(at, point)| {
            view! {
                <text x=percent(across(at)) y="15">
                    {format!("v{}", point.number)}
                </text>
            }
        })
        .collect_view();
    let both = points.iter().any(|point| point.stage == Stage::Mix)
        && points.iter().any(|point| point.stage == Stage::Master);
    let legend = both.then(|| {
        view! {
            <p class="path-legend small">
                <svg class="path-legend__mark" viewBox="0 0 14 14" aria-hidden="true">
                    <circle class="marker" cx="7" cy="7" r="5"></circle>
                </svg>
                "judged as a mix"
                <svg class="path-legend__mark" viewBox="0 0 14 14" aria-hidden="true">
                    <path class="marker" d="M7 0.5L13.5 7L7 13.5L0.5 7Z"></path>
                </svg>
                "judged as a master"
            </p>
        }
    });
    view! {
        <ChartFrame id="score-path" title="Score by version" unit="of 100" summary=summary(&points)>
            <svg class="plot plot--path" role="img" aria-labelledby="score-path-title score-path-summary">
                {scale.lines()}
                <svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">
                    <path class="trace" d=line(&trace)></path>
                </svg>
                {scale.lettering()}
                {marks}
            </svg>
            <svg class="axis" aria-hidden="true">
                {axis}
            </svg>
            {legend}
        </ChartFrame>
    }
    .into_any()
}

fn points(versions: &[Version]) -> Vec<Point> {
    versions
        .iter()
        .filter_map(|version| {
            let score = version.summary.score?;
            Some(Point {
                number: version.number,
                score: score.points.value(),
                stage: score.stage,
            })
        })
        .collect()
}

/// From somewhat below the lowest score to the top, so that a few points are seen as some. `None` below two points.
fn scale(points: &[Point]) -> Option<UprightScale> {
    if points.len() < 2 {
        return None;
    }
    let lowest = points.iter().map(|point| point.score).fold(100.0, f64::min);
    let bottom = (((lowest - 8.0) / 10.0).floor() * 10.0).clamp(0.0, 80.0);
    let step = if bottom < 50.0 { 20.0 } else { 10.0 };
    // A step above 100, for the lettering of the best, and so that the marks are round.
    Some(UprightScale {
        top: 100.0 + step,
        bottom,
        step,
        decimals: 0,
    })
}

/// `From 71.2 (version 1) to 83.4 (version 5), 12.2 points more; the best is version 4 with 84.0.`
fn summary(points: &[Point]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let number = |value: f64| text::number(value, 1);
    let way = match last.score - first.score {
        gained if gained >= 0.05 => format!("{} points more", number(gained)),
        lost if lost <= -0.05 => format!("{} points less", number(-lost)),
        _ => "the same".to_owned(),
    };
    let best = points.iter().fold(
        *last,
        |best, point| if point.score > best.score { *point } else { best },
    );
    let best = if best.number == last.number {
        "the newest is the best so far".to_owned()
    } else {
        format!("the best is version {} with {}", best.number, number(best.score))
    };
    format!(
        "From {} (version {}) to {} (version {}), {way}; {best}.",
        number(first.score),
        first.number,
        number(last.score),
        last.number
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(scores: &[f64]) -> Vec<Point> {
        scores
            .iter()
            .zip(1..)
            .map(|(score, number)| Point {
                number,
                score: *score,
                stage: Stage::Mix,
            })
            .collect()
    }

    #[test]
    fn the_sentence_names_beginning_end_and_best() {
        assert_eq!(
            summary(&path(&[71.2, 84.0, 83.4])),
            "From 71.2 (version 1) to 83.4 (version 3), 12.2 points more; the best is version 2 with 84.0."
        );
        assert_eq!(
            summary(&path(&[90.0, 85.0])),
            "From 90.0 (version 1) to 85.0 (version 2), 5.0 points less; the best is version 1 with 90.0."
        );
        assert!(summary(&path(&[80.0, 80.0])).ends_with("the same; the newest is the best so far."));
    }

    #[test]
    fn the_scale_holds_every_score_and_one_point_draws_nothing() {
        for scores in [[0.0, 100.0], [71.2, 83.4], [99.9, 100.0], [55.0, 52.0]] {
            let scale = scale(&path(&scores)).unwrap();
            for score in scores {
                let down = scale.percent(score);
                assert!(down > 0.0 && (down < 100.0 || score == 0.0), "{score}: {down}");
            }
        }
        assert_eq!(scale(&path(&[80.0])), None);
    }
}
