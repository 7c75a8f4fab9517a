//! Names without what marks a version, to see which files may be versions of one song.

use unicode_normalization::char::is_combining_mark;

use super::{MAX_SORT, cut, folded};

/// Words that say which attempt a file is, and nothing of the song.
const MARKS: &[&str] = &[
    "v",
    "ver",
    "vers",
    "version",
    "rev",
    "revision",
    "r",
    "mix",
    "mixes",
    "mixed",
    "mixdown",
    "premix",
    "submix",
    "mx",
    "master",
    "masters",
    "mastered",
    "mastering",
    "mstr",
    "mst",
    "premaster",
    "premastered",
    "remaster",
    "remastered",
    "unmastered",
    "final",
    "finals",
    "finale2",
    "fin",
    "finalfinal",
    "definitive",
    "rough",
    "ruff",
    "draft",
    "demo",
    "wip",
    "test",
    "bounce",
    "bounced",
    "bnc",
    "export",
    "exported",
    "render",
    "rendered",
    "print",
    "printed",
    "take",
    "edit",
    "new",
    "old",
    "latest",
    "last",
    "newest",
    "updated",
    "update",
    "fix",
    "fixed",
    "alt",
    "copy",
    "kopie",
    "copia",
    "copie",
    "neu",
    "endmix",
    "endfassung",
    "stereo",
    "loud",
    "louder",
    "quiet",
    "limited",
    "unlimited",
    "nolimiter",
    "approved",
    "client",
    "ref",
    "lufs",
    "db",
    "dbtp",
    "dbfs",
    "bpm",
    "bit",
    "khz",
    "hz",
    "kbps",
    "wav",
    "wave",
    "mp3",
    "flac",
    "aif",
    "aiff",
    "m4a",
    "aac",
    "ogg",
    "opus",
    "hd",
    "hq",
    "proto",
    "prototype",
    "idea",
    "session",
    "project",
    "mixbus",
    "2mix",
    "2trk",
    "2track",
    "lr",
    "st",
    "int",
    "web",
];

/// Words that make another thing of a song: not a version to compare with.
const KINDS: &[&str] = &[
    "instrumental",
    "inst",
    "instr",
    "acapella",
    "acappella",
    "accapella",
    "karaoke",
    "remix",
    "rmx",
    "live",
    "acoustic",
    "unplugged",
    "stem",
    "stems",
    "vocals",
    "vox",
    "drums",
    "drumless",
    "tv",
    "radio",
    "extended",
    "reprise",
    "intro",
    "outro",
    "interlude",
    "clean",
    "explicit",
    "cover",
    "dub",
    "club",
    "orchestral",
    "backing",
    "playback",
    "minus",
];

const MONTHS: &[&str] = &[
    "jan",
    "january",
    "feb",
    "february",
    "mar",
    "march",
    "apr",
    "april",
    "may",
    "jun",
    "june",
    "jul",
    "july",
    "aug",
    "august",
    "sep",
    "sept",
    "september",
    "oct",
    "october",
    "nov",
    "november",
    "dec",
    "december",
    "januar",
    "februar",
    "marz",
    "mai",
    "juni",
    "juli",
    "okt",
    "oktober",
    "dez",
    "dezember",
];

/// A title without what marks a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseTitle {
    words: Vec<String>,
    kinds: Vec<String>,
    /// Nothing but marks is in the name, so that it says nothing of the song: `mix v2`, `bounce 3`.
    is_vague: bool,
}

impl BaseTitle {
    /// Of a title as people write it.
    #[must_use]
    pub(crate) fn of(title: &str) -> Self {
        let tokens = tokens(title);
        let kept = &tokens[significant(&tokens)];
        let is_vague = kept.is_empty();
        let kept = if is_vague {
            tokens.get(..1).unwrap_or_default()
        } else {
            kept
        };
        let (kinds, words): (Vec<String>, Vec<String>) = kept
            .iter()
            .map(|token| token.word.clone())
            .partition(|word| KINDS.contains(&word.as_str()));
        if words.is_empty() {
            // A song may be called `Interlude`.
            return Self {
                words: kinds,
                kinds: Vec::new(),
                is_vague,
            };
        }
        Self {
            words,
            kinds,
            is_vague,
        }
    }

    /// As the database keeps it.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let vague = if self.is_vague { "?" } else { "" };
        let text = format!("{vague}{}|{}", self.words.join(" "), self.kinds.join(" "));
        cut(text, MAX_SORT)
    }

    /// What [`BaseTitle::text`] gave.
    #[must_use]
    pub(crate) fn from_text(text: &str) -> Self {
        let (words, kinds) = text.split_once('|').unwrap_or((text, ""));
        let split = |words: &str| words.split_whitespace().map(str::to_owned).collect();
        Self {
            words: split(words.trim_start_matches('?')),
            kinds: split(kinds),
            is_vague: words.starts_with('?'),
        }
    }

    /// Whether the name says nothing of the song.
    #[must_use]
    pub(crate) const fn is_vague(&self) -> bool {
        self.is_vague
    }

    /// How alike two names are, 0 to 1; 1 where the song is called the same.
    #[must_use]
    pub(crate) fn likeness(&self, other: &Self) -> f64 {
        if self.kinds != other.kinds || self.is_vague != other.is_vague {
            return 0.0;
        }
        let (a, b) = (self.words.concat(), other.words.concat());
        if a.is_empty() || b.is_empty() {
            return 0.0;
        }
        if a == b {
            return 1.0;
        }
        let (short, long) = if self.words.len() <= other.words.len() {
            (&self.words, &other.words)
        } else {
            (&other.words, &self.words)
        };
        // `Night drive` within `Night drive feat. Ann`. A single short word says too little.
        let is_within =
            short.concat().chars().count() >= 6 && (long.starts_with(short) || long.ends_with(short));
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let by_letters = 1.0 - distance(&a, &b) as f64 / a.len().max(b.len()) as f64;
        if is_within {
            by_letters.max(0.9)
        } else {
            by_letters
        }
    }
}

/// A title for a song, from the title of one of its versions: as it is written, without the marks at its end.
#[must_use]
pub(crate) fn song_title(title: &str) -> String {
    let tokens = tokens(title);
    let range = significant(&tokens);
    let (Some(first), Some(last)) = (tokens.get(range.start), tokens.get(range.end.wrapping_sub(1))) else {
        return title.trim().to_owned();
    };
    if range.is_empty() {
        return title.trim().to_owned();
    }
    // With the bracket that closes behind it, if that is left.
    let closing = title
        .get(last.end..)
        .and_then(|rest| rest.chars().next())
        .filter(|letter| {
            matches!(letter, ')' | ']')
                && title
                    .get(first.start..last.end)
                    .is_some_and(|text| text.contains(['(', '[']))
        });
    let text = title
        .get(first.start..last.end + closing.map_or(0, char::len_utf8))
        .unwrap_or(title);
    let text = if text.contains(' ') {
        text.to_owned()
    } else {
        text.replace(['_', '-'], " ")
    };
    // A bracket that lost its other half.
    let is_whole = |open: char, close: char| text.matches(open).count() == text.matches(close).count();
    let text = if is_whole('(', ')') && is_whole('[', ']') {
        text
    } else {
        text.replace(['(', ')', '[', ']'], "")
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A run of letters or of digits, folded, and where it is in the title in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    word: String,
    start: usize,
    end: usize,
    /// Whether it follows the token before it without anything between.
    is_joined: bool,
    /// Whether more than a space is between.
    is_divided: bool,
}

impl Token {
    fn is_number(&self) -> bool {
        self.word.chars().all(|letter| letter.is_ascii_digit())
    }

    fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.word.as_str())
    }
}

/// Letters and digits apart, `NightDrive` as two words, apostrophes left out.
fn tokens(title: &str) -> Vec<Token> {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Class {
        Lower,
        Upper,
        Digit,
        Between,
    }
    let class = |letter: char| match letter {
        letter if letter.is_ascii_digit() => Class::Digit,
        letter if letter.is_uppercase() => Class::Upper,
        letter if letter.is_alphanumeric() || is_combining_mark(letter) => Class::Lower,
        _ => Class::Between,
    };
    let mut tokens: Vec<Token> = Vec::new();
    let mut before = Class::Between;
    for (at, letter) in title.char_indices() {
        if matches!(letter, '\'' | '’') {
            continue;
        }
        let this = class(letter);
        let end = at + letter.len_utf8();
        let goes_on = match (before, this) {
            (_, Class::Between) => {
                before = Class::Between;
                continue;
            }
            (Class::Between, _) => false,
            (Class::Digit, Class::Digit) => true,
            (Class::Digit, _) | (_, Class::Digit) | (Class::Lower, Class::Upper) => false,
            _ => true,
        };
        match tokens.last_mut() {
            Some(token) if goes_on => token.end = end,
            last => {
                let is_joined = last.as_ref().is_some_and(|last| last.end == at);
                let between = last.and_then(|last| title.get(last.end..at)).unwrap_or_default();
                tokens.push(Token {
                    is_divided: between.contains(|letter: char| !letter.is_whitespace()),
                    word: String::new(),
                    start: at,
                    end,
                    is_joined,
                });
            }
        }
        before = this;
    }
    for token in &mut tokens {
        token.word = folded(title.get(token.start..token.end).unwrap_or_default()).replace(['\'', '’'], "");
    }
    tokens
}

/// The tokens that name the song: without numbers and marks at both ends, and without what follows `v3`.
fn significant(tokens: &[Token]) -> std::ops::Range<usize> {
    let is_version = |at: usize| {
        let number = tokens.get(at + 1).is_some_and(Token::is_number);
        let short = tokens[at].is(&[
            "v", "ver", "version", "rev", "revision", "mix", "bounce", "draft", "master",
        ]);
        number && short && (tokens[at + 1].is_joined || tokens[at].word != "v")
    };
    let mut end = (1..tokens.len())
        .find(|at| is_version(*at))
        .unwrap_or(tokens.len());
    let mut start = 0;
    while start + 1 < end && (is_leading_mark(&tokens[start]) || is_leading_number(&tokens[start..])) {
        start += 1;
    }
    while end > start && is_mark(tokens, end - 1) {
        end -= 1;
    }
    if start < end {
        return start..end;
    }
    // A song may be called `1979`; what begins with a date, or with `24bit`, is not.
    match tokens {
        [year, rest @ ..]
            if year.is_number()
                && year.word.len() > 1
                && rest
                    .first()
                    .is_none_or(|next| !next.is_number() && !next.is_joined) =>
        {
            0..1
        }
        _ => 0..0,
    }
}

/// The number of a track or a date, which stands before a name: `01 Name`, `3 - Name`, `2024-11-26 Name`; not `99 Name`.
fn is_leading_number(tokens: &[Token]) -> bool {
    let [number, next, ..] = tokens else {
        return false;
    };
    number.is_number() && (next.is_divided || number.word.starts_with('0') || number.is_divided)
}

fn is_leading_mark(token: &Token) -> bool {
    token.is(&[
        "final",
        "master",
        "mastered",
        "mix",
        "premaster",
        "rough",
        "demo",
        "wip",
        "bounce",
        "v",
        "draft",
    ])
}

fn is_mark(tokens: &[Token], at: usize) -> bool {
    let token = &tokens[at];
    let beside_number = |at: usize| tokens.get(at).is_some_and(Token::is_number);
    token.is_number()
        || token.is(MARKS)
        // `v3b`, `mix 2a`, `44k`
        || (token.word.chars().count() == 1 && token.is_joined && at > 0 && tokens[at - 1].is_number())
        || (token.is(MONTHS) && (beside_number(at + 1) || (at > 0 && beside_number(at - 1))))
        // The `final` of `finalv2`, which is one run of letters.
        || (token.word.strip_suffix('v').is_some_and(|word| MARKS.contains(&word)) && beside_number(at + 1))
}

/// How many letters have to be put in, left out, exchanged or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_before = vec![0; b.len() + 1];
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (before[j] + usize::from(x != y))
                .min(before[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(two_before[j - 1] + 1);
            }
            row.push(best);
        }
        two_before = before;
        before = row;
    }
    before[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of one song each.
    const SAME: &[&[&str]] = &[
        &[
            "Night Drive",
            "Night Drive v2",
            "night_drive_v3",
            "NightDrive_Mix4",
            "Night Drive (Final)",
            "Night Drive FINAL final",
            "Night Drive - Master 2024-11-26",
            "Night Drive [MASTERED] 24bit 48kHz",
            "NIGHT DRIVE v12b",
            "01 - Night Drive",
            "03_Night Drive_mixdown",
            "Night Drive rough mix 3",
            "Night Drive 26 Nov 2024",
            "Night Drive v3 vocals up",
            "Night Drive v3 - more bass, less reverb",
            "2024-11-26 Night Drive",
            "Night Drive 120bpm",
            "Night Drive -14 LUFS",
            "Night Drive.wav",
            "Night Drive premaster",
            "Night Drive (1)",
            "Night Drive copy 2",
            "FINAL_Night Drive",
            "Night  Drive",
            "Nigth Drive v2",
            "night-drive-finalv2",
            "Night Drive Mix 7 (client notes)",
        ],
        &[
            "Café del Mar v1",
            "Cafe Del Mar (Mastered)",
            "CAFE\u{301} DEL MAR mix2",
        ],
        &["99 Luftballons v1", "99 Luftballons final", "99_luftballons_v3"],
        &["1979 v2", "1979 mix 3", "1979"],
        &["Don't Stop", "Dont Stop v2", "Don’t Stop (rough)"],
        &["夜のドライブ v1", "夜のドライブ_final"],
        &["Interlude v1", "Interlude v2"],
        &["Night Drive (Instrumental) v1", "Night Drive Instrumental mix 2"],
        &["Midnight City feat. Ann v2", "Midnight City"],
        &["Straße nach Süden Endmix", "STRASSE NACH SUDEN v2"],
        &["mix v2", "Mix 3", "mix final"],
    ];

    /// Names of different songs.
    const DIFFERENT: &[(&str, &str)] = &[
        ("Night Drive v2", "Night Drive Instrumental v2"),
        ("Night Drive", "Night Drive (Remix)"),
        ("Night Drive v2", "Day Drive v2"),
        ("Night Drive", "Midnight City"),
        ("Untitled 3", "mix 3"),
        ("Love", "Lover"),
        ("Rain", "Train v2"),
        ("99 Luftballons", "Neunundneunzig"),
        ("1979", "1984"),
        ("Night Drive", "Night Drive Acapella"),
    ];

    #[test]
    fn versions_of_one_song_have_like_names_whatever_marks_them() {
        for names in SAME {
            let first = BaseTitle::of(names[0]);
            for name in *names {
                let likeness = first.likeness(&BaseTitle::of(name));
                assert!(
                    likeness >= 0.85,
                    "{} and {name}: {likeness}, {:?}",
                    names[0],
                    BaseTitle::of(name)
                );
            }
        }
    }

    #[test]
    fn different_songs_have_unlike_names() {
        for (a, b) in DIFFERENT {
            let likeness = BaseTitle::of(a).likeness(&BaseTitle::of(b));
            assert!(likeness < 0.85, "{a} and {b}: {likeness}");
            assert_eq!(
                likeness,
                BaseTitle::of(b).likeness(&BaseTitle::of(a)),
                "{a} and {b}, the other way round"
            );
        }
    }

    #[test]
    fn a_name_of_nothing_but_marks_is_vague() {
        for name in [
            "mix v2",
            "Mix 3",
            "bounce",
            "master 24bit",
            "FINAL final 2",
            "export 2024-11-26",
        ] {
            assert!(
                BaseTitle::of(name).is_vague(),
                "{name}: {:?}",
                BaseTitle::of(name)
            );
        }
        for name in ["Night Drive", "1979", "22", "Mixed Feelings", "v", "Interlude"] {
            assert_eq!(
                BaseTitle::of(name).is_vague(),
                name == "v",
                "{name}: {:?}",
                BaseTitle::of(name)
            );
        }
    }

    #[test]
    fn a_stem_survives_the_database() {
        for names in SAME {
            for name in *names {
                let stem = BaseTitle::of(name);
                assert_eq!(BaseTitle::from_text(&stem.text()), stem, "{name}");
            }
        }
    }

    #[test]
    fn a_song_is_called_as_its_version_without_the_marks() {
        for (version, song) in [
            ("Night Drive v2", "Night Drive"),
            ("night_drive_v3", "night drive"),
            ("Night Drive (Final)", "Night Drive"),
            ("NightDrive_Mix4", "NightDrive"),
            ("01 - Night Drive", "Night Drive"),
            ("Café del Mar - Master 2024-11-26", "Café del Mar"),
            ("Don’t Stop [rough]", "Don’t Stop"),
            ("99 Luftballons v1", "99 Luftballons"),
            ("1979 v2", "1979"),
            ("Night Drive (Instrumental) v1", "Night Drive (Instrumental)"),
            ("mix v2", "mix v2"),
            ("夜のドライブ v1", "夜のドライブ"),
        ] {
            assert_eq!(song_title(version), song, "{version}");
        }
    }

    #[test]
    fn nothing_that_people_type_makes_it_stumble() {
        for name in [
            "",
            " ",
            "…",
            "()",
            "v",
            "v1",
            "1",
            "-_-",
            "a\u{301}",
            "𝕄𝕚𝕩 𝟛",
            "'",
            "’’1’",
            "0000",
            "🎵 v2",
        ] {
            let stem = BaseTitle::of(name);
            let _ = (stem.likeness(&stem), song_title(name), stem.text());
        }
    }
}
