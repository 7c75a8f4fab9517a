//! Which analyses look like versions of one song: called alike, and about as long.

use model::{
    AccountId, AnalysisId, SongId,
    analysis::AnalysisView,
    song::{Named, Suggestion},
};

use super::store;
use crate::{
    Backend, Result,
    names::{BaseTitle, song_title},
};

/// From this likeness on, two names may be of one song.
const ALIKE: f64 = 0.85;
/// The most analyses without a song that are brought along.
const MOST: usize = 20;

/// What an analysis looks like a version of; `None` where it has a song, or nobody wants to hear of one.
pub(super) async fn suggestion_for(
    backend: &Backend,
    account: AccountId,
    view: &AnalysisView,
) -> Result<Option<Suggestion>> {
    let id = view.summary.id;
    let Some(duration_s) = view.summary.duration_s else {
        return Ok(None);
    };
    if !store::is_open(&backend.db, account, id).await? {
        return Ok(None);
    }
    let own = Candidate {
        id,
        title: view.summary.title.clone(),
        base_title: BaseTitle::of(&view.summary.title),
        duration_s,
        song: None,
    };
    let apart_s = most_apart_s(duration_s);
    let rows = store::candidates(&backend.db, account, duration_s - apart_s..=duration_s + apart_s).await?;
    let others: Vec<Candidate> = rows
        .into_iter()
        .filter(|row| row.id != id)
        .map(|row| Candidate {
            id: row.id,
            title: row.title,
            base_title: BaseTitle::from_text(&row.base_title),
            duration_s: row.duration_s,
            song: row.song_id.zip(row.song_title),
        })
        .collect();
    Ok(suggest(&own, &others))
}

/// Another analysis of the person's.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    id: AnalysisId,
    title: String,
    base_title: BaseTitle,
    duration_s: f64,
    song: Option<(SongId, String)>,
}

/// How much longer or shorter any version may be, in seconds: an intro comes or goes, an ending is cut.
fn most_apart_s(duration_s: f64) -> f64 {
    (0.05 * duration_s).max(10.0)
}

/// What `own` looks like a version of; `others` in any order, none of them `own`.
fn suggest(own: &Candidate, others: &[Candidate]) -> Option<Suggestion> {
    let mut alike: Vec<(f64, &Candidate)> = others
        .iter()
        .filter_map(|other| Some((likeness(own, other)?, other)))
        .collect();
    // Ids sort by time: of those equally alike the latest is first.
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.id.cmp(&a.1.id)));
    let song = alike.iter().find_map(|(_, other)| other.song.clone());
    let mut with: Vec<Named> = alike
        .iter()
        .filter(|(_, other)| other.song.is_none())
        .take(MOST)
        .map(|(_, other)| Named {
            id: other.id,
            title: other.title.clone(),
        })
        .collect();
    with.sort_by_key(|candidate| std::cmp::Reverse(candidate.id));
    match song {
        Some((id, title)) => Some(Suggestion {
            song: Some(id),
            title,
            with,
        }),
        None if with.is_empty() => None,
        None => Some(Suggestion {
            song: None,
            title: song_title(&own.title),
            with,
        }),
    }
}

/// How alike two analyses are; `None` where they are not.
fn likeness(own: &Candidate, other: &Candidate) -> Option<f64> {
    let likeness = own.base_title.likeness(&other.base_title);
    let apart_s = (own.duration_s - other.duration_s).abs();
    let allowed_s = if own.base_title.is_vague() {
        // The names say nothing, so the length has to say all of it.
        1.0
    } else if likeness == 1.0 {
        most_apart_s(own.duration_s)
    } else {
        (0.015 * own.duration_s).max(3.0)
    };
    (likeness >= ALIKE && apart_s <= allowed_s).then_some(likeness)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn candidate(number: u128, title: &str, duration_s: f64, song: Option<u128>) -> Candidate {
        Candidate {
            id: AnalysisId(Uuid::from_u128(number)),
            title: title.to_owned(),
            base_title: BaseTitle::of(title),
            duration_s,
            song: song.map(|number| (SongId(Uuid::from_u128(number)), format!("Song {number}"))),
        }
    }

    /// (title, seconds) of the new one and of another one, and whether they are suggested as one song.
    /// A title and a length in seconds.
    type Named = (&'static str, f64);
    const TABLE: &[(Named, Named, bool)] = &[
        (("Night Drive v3", 214.0), ("Night Drive v2", 213.2), true),
        (("night_drive_FINAL", 214.0), ("NightDrive_Mix4", 221.0), true),
        // Called the same, and another length: a radio edit is told apart by its length alone if its name does not say so.
        (("Night Drive v3", 214.0), ("Night Drive", 160.0), false),
        (("Night Drive v3", 214.0), ("Nigth Drive", 216.0), true),
        (("Night Drive v3", 214.0), ("Nigth Drive", 222.0), false),
        (
            ("Night Drive v3", 214.0),
            ("Night Drive Instrumental v3", 214.0),
            false,
        ),
        (("Day Drive", 214.0), ("Night Drive", 214.0), false),
        (("mix v3", 214.0), ("mix v2", 214.4), true),
        (("mix v3", 214.0), ("mix v2", 216.0), false),
        (("bounce", 214.0), ("Night Drive", 214.0), false),
        (("Jingle v2", 12.0), ("Jingle", 20.0), true),
        (
            ("Symphonie (Satz 1) v2", 1_800.0),
            ("Symphonie (Satz 1)", 1_860.0),
            true,
        ),
    ];

    #[test]
    fn what_is_called_alike_and_as_long_is_suggested() {
        for ((title, seconds), (other, other_seconds), expected) in TABLE {
            let own = candidate(9, title, *seconds, None);
            let other_one = candidate(1, other, *other_seconds, None);
            let suggestion = suggest(&own, &[other_one]);
            assert_eq!(
                suggestion.is_some(),
                *expected,
                "{title} of {seconds} s and {other} of {other_seconds} s: {suggestion:?}"
            );
            if *expected {
                assert!(
                    (seconds - other_seconds).abs() <= most_apart_s(*seconds),
                    "it is looked for"
                );
            }
        }
    }

    #[test]
    fn a_song_that_is_there_is_joined_and_what_has_none_comes_along() {
        let own = candidate(9, "Night Drive v4", 214.0, None);
        let others = [
            candidate(1, "Night Drive v1", 214.0, Some(1)),
            candidate(2, "Nigth Drive v1", 214.0, Some(2)),
            candidate(3, "Night Drive v2", 214.5, None),
            candidate(5, "Night Drive v3", 213.0, None),
            candidate(6, "Midnight City", 214.0, None),
        ];
        let suggestion = suggest(&own, &others).unwrap();
        assert_eq!(suggestion.song, Some(SongId(Uuid::from_u128(1))));
        assert_eq!(suggestion.title, "Song 1");
        let with: Vec<&str> = suggestion.with.iter().map(|named| named.title.as_str()).collect();
        assert_eq!(with, ["Night Drive v3", "Night Drive v2"]);
    }

    #[test]
    fn a_new_song_is_called_without_the_marks() {
        let own = candidate(9, "Night Drive v4 (Master)", 214.0, None);
        let suggestion = suggest(&own, &[candidate(1, "night drive", 214.0, None)]).unwrap();
        assert_eq!(
            (suggestion.song, suggestion.title.as_str()),
            (None, "Night Drive")
        );
        assert_eq!(suggest(&own, &[]), None);
    }
}
