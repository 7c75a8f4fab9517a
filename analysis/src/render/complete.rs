//! What a repair or a notch leaves of its own kind, because nobody could know it before: a report keeps the strongest clicks alone, a
//! click in one channel hides that of the other, and a harmonic under the music shows when those beside it are gone. It is found in
//! the result, and added to the step.

use model::Report;
use model::report::{Hum, LocalFaultKind};

use super::recipe::{Defect, MOST_DEFECTS, Recipe, Step};
use super::repair::LONGEST_S;

/// A click is filled from so long before its place to so long behind, in seconds.
const CLICK_S: (f64, f64) = (0.0003, 0.001);

/// Clicks and gaps that can be filled, as many as a step takes.
pub(super) fn repairable(report: &Report) -> Vec<Defect> {
    let local = report.detail.as_ref().and_then(|detail| detail.local.as_ref());
    let faults = local.map_or(&[][..], |local| &local.faults);
    faults
        .iter()
        .filter_map(|fault| {
            let (start_s, end_s) = match fault.kind {
                LocalFaultKind::Click => (
                    fault.start_s - CLICK_S.0,
                    fault.end_s.max(fault.start_s) + CLICK_S.1,
                ),
                kind if kind.is_gap() => (fault.start_s, fault.end_s),
                _ => return None,
            };
            Some(Defect {
                channel: fault.channel,
                start_s: start_s.max(0.0),
                end_s,
            })
        })
        .filter(|place| place.end_s - place.start_s <= LONGEST_S)
        .take(MOST_DEFECTS)
        .collect()
}

/// `recipe` with what its `result` still has of what its steps are for; `None` where that is nothing. A step that leaves out what the
/// report of the source knows does so on purpose, and stays as it is.
pub(super) fn completed(recipe: &Recipe, source: &Report, result: &Report) -> Option<Recipe> {
    let mut more = recipe.clone();
    let trimmed_s = recipe.steps.iter().find_map(|step| match step {
        Step::Trim(kept) => Some(kept.start_s),
        _ => None,
    });
    // A channel that waits for the other one has its clicks later than the source has.
    let delayed_s = recipe.steps.iter().find_map(|step| match step {
        Step::Delay { ms, .. } => Some(ms / 1_000.0),
        _ => None,
    });
    let mut is_more = false;
    for step in &mut more.steps {
        is_more |= match step {
            Step::Repair { places } => {
                let left = repairable(result).into_iter().map(|place| Defect {
                    start_s: (place.start_s + trimmed_s.unwrap_or(0.0) - delayed_s.unwrap_or(0.0)).max(0.0),
                    end_s: place.end_s + trimmed_s.unwrap_or(0.0),
                    ..place
                });
                let left = left.filter(|place| place.end_s - place.start_s <= LONGEST_S);
                add_places(places, &repairable(source), left)
            }
            Step::Notch { hz, harmonics, .. } => add_harmonics(*hz, harmonics, hum(source), hum(result)),
            _ => false,
        };
    }
    is_more.then_some(more)
}

fn add_places(places: &mut Vec<Defect>, known: &[Defect], left: impl Iterator<Item = Defect>) -> bool {
    let is_within = |place: &Defect, places: &[Defect]| {
        places.iter().any(|other| {
            (other.channel.is_none() || other.channel == place.channel)
                && other.start_s < place.end_s
                && place.start_s < other.end_s
        })
    };
    if !known.iter().all(|place| is_within(place, places)) {
        return false;
    }
    // What a repair itself leaves at its place another one would not mend.
    let new: Vec<Defect> = left.filter(|place| !is_within(place, places)).collect();
    let room = MOST_DEFECTS.saturating_sub(places.len());
    let count = new.len().min(room);
    places.extend(new.into_iter().take(room));
    places.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    count > 0
}

fn add_harmonics(hz: f64, harmonics: &mut Vec<u8>, known: Option<&Hum>, left: Option<&Hum>) -> bool {
    let of_mains = |hum: Option<&Hum>| -> Vec<u8> {
        let same = hum.filter(|hum| hum.mains_hz == hz);
        same.map_or(Vec::new(), |hum| hum.harmonics.clone())
    };
    if !of_mains(known)
        .iter()
        .all(|harmonic| harmonics.contains(harmonic))
    {
        return false;
    }
    let mut new = of_mains(left);
    new.retain(|harmonic| !harmonics.contains(harmonic));
    let is_more = !new.is_empty();
    harmonics.extend(new);
    harmonics.sort_unstable();
    is_more
}

fn hum(report: &Report) -> Option<&Hum> {
    report.detail.as_ref()?.quality.hum.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(channel: Option<u16>, start_s: f64) -> Defect {
        Defect {
            channel,
            start_s,
            end_s: start_s + 0.001,
        }
    }

    #[test]
    fn places_are_added_where_none_is_and_never_to_a_choice() {
        let known = [at(None, 1.0), at(Some(0), 2.0)];
        let mut places = known.to_vec();
        let left = [at(Some(1), 2.0), at(Some(0), 2.000_5), at(None, 0.5)];
        assert!(add_places(&mut places, &known, left.into_iter()));
        assert_eq!(
            places,
            [at(None, 0.5), at(None, 1.0), at(Some(0), 2.0), at(Some(1), 2.0)],
            "what is left of a place that was filled stays"
        );
        assert!(!add_places(&mut places, &known, left.into_iter()));
        let mut chosen = vec![at(None, 1.0)];
        assert!(!add_places(&mut chosen, &known, [at(None, 3.0)].into_iter()));
        let mut many: Vec<Defect> = (0..199).map(|n| at(None, f64::from(n))).collect();
        assert!(add_places(
            &mut many,
            &[],
            [at(None, 500.0), at(None, 501.0)].into_iter()
        ));
        assert_eq!(many.len(), MOST_DEFECTS);
    }

    #[test]
    fn harmonics_of_the_same_mains_are_added() {
        let hum = |mains_hz, harmonics: &[u8]| Hum {
            mains_hz,
            level_db: -40.0,
            harmonics: harmonics.to_vec(),
        };
        let mut harmonics = vec![1, 5];
        let (known, left) = (hum(50.0, &[1, 5]), hum(50.0, &[2, 5, 3]));
        assert!(add_harmonics(50.0, &mut harmonics, Some(&known), Some(&left)));
        assert_eq!(harmonics, [1, 2, 3, 5]);
        assert!(!add_harmonics(50.0, &mut harmonics, Some(&known), Some(&left)));
        assert!(!add_harmonics(
            50.0,
            &mut harmonics,
            Some(&known),
            Some(&hum(60.0, &[4]))
        ));
        assert!(
            !add_harmonics(50.0, &mut vec![1], Some(&known), Some(&left)),
            "a choice"
        );
    }
}
