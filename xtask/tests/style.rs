//! The style sheets and `app/src` say the same: every class is used and defined, every file has its room, and a diff of a
//! line can be read.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What fits beside another one in a diff.
const LINE_LIMIT: usize = 120;

/// Style sheets of no component, page, chart or island.
const GENERAL: [&str; 5] = ["main", "tokens", "base", "utilities", "print"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file with this extension below `folder`: its path without extension, relative to it, and its text.
fn files(folder: &Path, extension: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(folder).unwrap().with_extension("");
                found.insert(name.display().to_string(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn style() -> BTreeMap<String, String> {
    files(&root().join("style"), "css")
}

/// The text without comments and without what stands in quotes.
fn bare(css: &str) -> String {
    let mut out = String::new();
    let mut rest = css;
    while let Some(at) = rest.find(['"', '/']) {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("/*") {
            at + rest[at..].find("*/").unwrap() + 2
        } else if rest[at..].starts_with('"') {
            at + 1 + rest[at + 1..].find('"').unwrap() + 1
        } else {
            out.push('/');
            at + 1
        };
        rest = &rest[end..];
    }
    out + rest
}

/// The selectors of every rule, those within `@media` too.
fn selectors(css: &str) -> Vec<String> {
    let css = bare(css);
    css.match_indices('{')
        .map(|(end, _)| {
            let start = css[..end].rfind(['{', '}', ';']).map_or(0, |start| start + 1);
            css[start..end].trim().to_owned()
        })
        .filter(|selector| !selector.starts_with('@'))
        .collect()
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}

/// The name at the start of `text`.
fn name(text: &str) -> &str {
    &text[..text.find(|letter| !is_of_a_name(letter)).unwrap_or(text.len())]
}

/// The classes that a selector names.
fn classes(selector: &str) -> impl Iterator<Item = &str> {
    let names = selector.split('.').skip(1).map(name);
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
}

/// What stands in quotes in Rust, each with what stands before it on its line.
fn strings(rust: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = rust;
    while let Some(at) = rest.find('"') {
        let Some(length) = rest[at + 1..].find('"') else {
            break;
        };
        let line = rest[..at].rfind('\n').map_or(0, |line| line + 1);
        let end = at + 1 + length;
        found.push((&rest[line..at], &rest[at + 1..end]));
        rest = &rest[end + 1..];
    }
    found
}

/// The classes that the Rust sources put on elements, and every word that stands in quotes in them.
fn used() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut put, mut quoted) = (BTreeSet::new(), BTreeSet::new());
    for text in files(&root().join("app/src"), "rs").values() {
        // What is quoted within a string does not end it.
        let text = text.replace("'\"'", "").replace("\\\"", " ");
        for (before, string) in strings(&text) {
            let before = before.trim_end_matches("format!(").trim_end();
            let is_class = before.ends_with("class=") || before.ends_with("class:");
            for word in string.split_whitespace() {
                quoted.insert(word.to_owned());
                // Block, element and modifier are written like nothing else.
                let is_written_so =
                    (word.contains("__") || word.contains("--")) && !word.starts_with(['_', '-']);
                let is_name = word.chars().all(is_of_a_name);
                if is_class && !word.starts_with('{') || is_written_so && is_name {
                    put.insert(word.to_owned());
                }
            }
        }
        for switched in text.split("class:").skip(1) {
            let class = name(switched);
            if switched[class.len()..].starts_with('=') {
                put.insert(class.to_owned());
            }
        }
    }
    (put, quoted)
}

#[test]
fn every_class_is_styled_and_every_style_is_used() {
    let mut styled = BTreeSet::new();
    for css in style().values() {
        for selector in selectors(css) {
            styled.extend(classes(&selector).map(str::to_owned));
        }
    }
    let (put, quoted) = used();
    assert!(styled.len() > 200 && put.len() > 200, "both are read");
    // `heat--{shade}` stands for all of `heat--1` to `heat--7`.
    let starts: Vec<&str> = put
        .iter()
        .filter_map(|word| Some(word.split_once('{')?.0))
        .collect();
    let dead: Vec<_> = styled
        .iter()
        .filter(|class| !put.contains(*class) && !quoted.contains(*class))
        .filter(|class| !starts.iter().any(|start| class.starts_with(start)))
        .collect();
    assert!(dead.is_empty(), "style of nothing in app/src: {dead:?}");
    let plain: Vec<_> = put
        .iter()
        .filter(|class| match class.split_once('{') {
            Some((start, _)) => !styled.iter().any(|styled| styled.starts_with(start)),
            None => !styled.contains(*class),
        })
        .collect();
    assert!(plain.is_empty(), "classes without a style: {plain:?}");
}

#[test]
fn a_class_is_defined_in_one_file() {
    let styles = style();
    let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (file, css) in styles.iter().filter(|(file, _)| *file != "print") {
        for selector in selectors(css) {
            for class in selector.split(',').filter_map(|one| one.trim().strip_prefix('.')) {
                if class.chars().all(is_of_a_name) {
                    homes.entry(class.to_owned()).or_default().insert(file);
                }
            }
        }
    }
    homes.retain(|_, files| files.len() > 1);
    assert!(homes.is_empty(), "{homes:?}");
}

#[test]
fn every_file_has_its_room_in_app_and_is_imported_once() {
    let app = root().join("app/src");
    let styles = style();
    for file in styles.keys().filter(|file| !GENERAL.contains(&file.as_str())) {
        let is_there = app.join(file).is_dir() || app.join(format!("{file}.rs")).is_file();
        assert!(is_there, "there is no {file}.rs and no folder {file} in app/src");
    }
    for file in styles.keys().filter(|file| *file != "main") {
        let imports = styles["main"].matches(&format!("@import \"{file}.css\"")).count();
        assert_eq!(imports, 1, "{file}");
    }
}

#[test]
fn every_token_is_set_and_used() {
    let all: String = style().values().map(|css| bare(css)).collect();
    let used: BTreeSet<&str> = all.split("var(").skip(1).map(name).collect();
    let set: BTreeSet<&str> = all
        .split([';', '{'])
        .map(str::trim)
        .filter(|text| text.starts_with("--"))
        .map(name)
        .collect();
    assert_eq!(used, set);
}

/// What the browser tests rely on: a page in the dark is the page in light but for its colours.
#[test]
fn dark_is_other_tokens_and_nothing_else() {
    for (file, css) in style() {
        let css = bare(&css);
        let Some((_, dark)) = css.split_once("prefers-color-scheme") else {
            continue;
        };
        assert_eq!(file, "tokens", "what depends on the scheme is a token");
        let block = dark.split("@media").next().unwrap();
        let properties = block
            .split(['{', ';'])
            .filter_map(|part| part.split_once(':'))
            .map(|(property, _)| property.trim())
            .filter(|property| !property.is_empty() && !property.starts_with("--"));
        let others: Vec<_> = properties
            .filter(|&property| property != "color-scheme")
            .collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn a_line_can_be_read_in_a_diff() {
    for (file, css) in style() {
        for (at, line) in css.lines().enumerate() {
            let length = line.chars().count();
            assert!(length <= LINE_LIMIT, "{file}.css:{}: {length} characters", at + 1);
        }
    }
}
