//! Names as they are searched and sorted: folded, and with numbers by value.
//!
//! Neither database folds letters beyond ASCII, and a file name of one system spells `é` as two characters, so the program
//! makes these keys and the databases compare bytes.

mod base_title;

pub(crate) use base_title::{BaseTitle, song_title};
use model::song::MAX_TITLE;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{Error, Result};

/// The most bytes of a key by which the database searches, and of one by which it sorts. Together they must stay below
/// the 2,704 bytes of an index entry in PostgreSQL.
const MAX_SEARCH: usize = 1_500;
const MAX_SORT: usize = 400;

/// Without case, accents, and ways to spell the same character: `Söhne` and `SOHNE` are the same.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ø' | 'Ø' => folded.push('o'),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ł' | 'Ł' => folded.push('l'),
            'ı' => folded.push('i'),
            letter => folded.extend(letter.to_lowercase().filter(|letter| !is_combining_mark(*letter))),
        }
    }
    folded
}

/// What a title is sorted by: folded, and a number by its value, so that `Mix 10` comes behind `Mix 9`. Never empty.
#[must_use]
pub(crate) fn sort_key(title: &str) -> String {
    let folded = folded(title);
    let mut key = String::with_capacity(folded.len() + 8);
    let mut letters = folded.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        if !letter.is_ascii_digit() {
            key.push(letter);
            continue;
        }
        let mut digits = String::from(letter);
        while let Some(digit) = letters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let value = digits.trim_start_matches('0');
        // How many digits there are comes first: of two numbers the longer one is the larger.
        key.push_str(&format!("{:02}{value}", value.len().min(99)));
    }
    if key.is_empty() {
        key.push('-');
    }
    cut(key, MAX_SORT)
}

/// What words are looked for in: title, song and file name.
#[must_use]
pub(crate) fn search_key(title: &str, song: Option<&str>, file_name: &str) -> String {
    let key = [title, song.unwrap_or_default(), file_name]
        .map(folded)
        .join("\n");
    cut(key, MAX_SEARCH)
}

/// The words that are looked for, each as a pattern for `LIKE … ESCAPE '!'`.
pub(crate) fn patterns(search: &str) -> impl Iterator<Item = String> {
    folded(search)
        .split_whitespace()
        .map(|word| {
            let word = word.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("%{word}%")
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// A title as a person typed it: trimmed, without control characters, of bounded length. `ask` is what an empty one is
/// answered with.
///
/// # Errors
/// `Invalid` on `field`.
pub(crate) fn clean_title(title: &str, field: &'static str, ask: &str) -> Result<String> {
    let title: String = title.trim().chars().filter(|c| !c.is_control()).collect();
    if title.is_empty() {
        return Err(Error::invalid(field, ask));
    }
    if title.chars().count() > MAX_TITLE {
        return Err(Error::invalid(
            field,
            format!("Use at most {MAX_TITLE} characters."),
        ));
    }
    Ok(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_drops_case_accents_and_ways_to_write_a_letter() {
        for (a, b) in [
            ("Beyoncé", "BEYONCE"),
            ("Beyonce\u{301}", "beyoncé"),
            ("Straße", "STRASSE"),
            ("Söhne Mannheims", "sohne mannheims"),
            ("Ænima", "aenima"),
            ("İstanbul", "istanbul"),
            ("Ｍｉｘ", "mix"),
            ("Ленинград", "ЛЕНИНГРАД"),
            ("Sigur Rós", "SIGUR ROS"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} and {b}");
        }
        assert_ne!(folded("夜のドライブ"), folded("夜のドライ"));
    }

    #[test]
    fn titles_are_sorted_with_numbers_by_value() {
        let mut titles = [
            "Mix 10", "mix 9", "Mix 010b", "Ábaco", "Zebra", "mix 100", "abacus", "Mix",
        ];
        titles.sort_by_key(|title| sort_key(title));
        assert_eq!(
            titles,
            [
                "Ábaco", "abacus", "Mix", "mix 9", "Mix 10", "Mix 010b", "mix 100", "Zebra"
            ]
        );
        assert_eq!(sort_key(" \u{301} "), "-");
    }

    #[test]
    fn keys_fit_into_an_index_entry() {
        let long = "夜9".repeat(400);
        assert!(sort_key(&long).len() <= MAX_SORT);
        assert!(search_key(&long, Some(&long), &long).len() <= MAX_SEARCH);
        // Four ids and words beside them.
        const { assert!(MAX_SORT + MAX_SEARCH + 4 * 40 < 2_704) };
    }

    #[test]
    fn what_a_pattern_means_is_escaped() {
        assert_eq!(
            patterns("50% OFF_beat!").collect::<Vec<_>>(),
            ["%50!%%", "%off!_beat!!%"]
        );
        assert_eq!(patterns("  ").count(), 0);
    }
}
