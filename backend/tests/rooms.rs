//! The rooms of this crate (the modules of `lib.rs`) and which of them knows which, read from the sources: no two know each
//! other, over however many steps, and `docs/ROOMS.md` shows them as they are.

#![expect(
    clippy::unwrap_used,
    reason = "a test; clippy excuses only functions marked as one"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

type Rooms = BTreeMap<String, BTreeSet<String>>;

/// Whoever needs all of them knows all of them.
const FOR_TESTS: [&str; 1] = ["testing"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// What of a source is built into the product, without comments.
fn product(source: &str) -> String {
    let (product, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    let lines = product
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first names after each `crate::` of a source, those in braces included.
fn names_used(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, prefix) in source.match_indices("crate::") {
        let rest = &source[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut item)),
                    _ => item.push(c),
                }
            }
            names.push(item);
        } else {
            names.push(rest.to_owned());
        }
    }
    let first = |text: String| {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    names
        .into_iter()
        .map(first)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Each room with the rooms that it knows.
fn rooms() -> Rooms {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = product(&std::fs::read_to_string(root.join("lib.rs")).unwrap());
    let known: BTreeSet<String> = lib
        .lines()
        .filter_map(|line| {
            let line = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            Some(line.strip_prefix("mod ")?.trim_end_matches(';').to_owned())
        })
        .collect();
    // `pub use self::{backend::Backend, …}`: the names by which rooms are known at the top.
    let (_, exports) = lib.split_once("pub use self::{").unwrap();
    let mut at_the_top = BTreeMap::new();
    let mut room = String::new();
    for name in exports
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|name| !name.is_empty())
    {
        if known.contains(name) {
            name.clone_into(&mut room);
        } else {
            at_the_top.insert(name.to_owned(), room.clone());
        }
    }
    let mut found = Vec::new();
    sources(&root, &mut found);
    let mut rooms: Rooms = known.iter().map(|room| (room.clone(), BTreeSet::new())).collect();
    for path in found {
        let name = path.strip_prefix(&root).unwrap();
        let room = name
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if room == "lib" || name.to_str().unwrap().ends_with("tests.rs") {
            continue;
        }
        let source = product(&std::fs::read_to_string(&path).unwrap());
        for name in names_used(&source) {
            let other = at_the_top.get(&name).unwrap_or(&name);
            if known.contains(other) && *other != room {
                rooms.get_mut(&room).unwrap().insert(other.clone());
            }
        }
    }
    for room in FOR_TESTS {
        rooms.remove(room);
    }
    rooms
}

/// The rooms in floors: each stands on the floors below it. Fails where some know each other.
fn floors(rooms: &Rooms) -> Vec<Vec<&str>> {
    let mut floors: Vec<Vec<&str>> = Vec::new();
    let mut placed = BTreeSet::new();
    while placed.len() < rooms.len() {
        let floor: Vec<&str> = rooms
            .iter()
            .filter(|(room, others)| {
                !placed.contains(room.as_str()) && others.iter().all(|other| placed.contains(other.as_str()))
            })
            .map(|(room, _)| room.as_str())
            .collect();
        let rest: Vec<_> = rooms
            .iter()
            .filter(|(room, _)| !placed.contains(room.as_str()))
            .collect();
        assert!(!floor.is_empty(), "a circle is among these rooms: {rest:#?}");
        placed.extend(floor.iter().copied());
        floors.push(floor);
    }
    floors
}

#[test]
fn no_rooms_know_each_other_and_the_picture_shows_them() {
    let rooms = rooms();
    let mut picture = String::from(
        "# The rooms of `backend`\n\n\
         Each room is a module of `backend/src/lib.rs`; behind the arrow is what it knows. A room stands on the floors below\n\
         it: the roof is on top, the ground at the bottom. Drawn from the sources by `backend/tests/rooms.rs`, which fails where\n\
         this page or a new circle differs.\n\n```text\n",
    );
    for (floor, names) in floors(&rooms).iter().enumerate().rev() {
        writeln!(picture, "{floor}").unwrap();
        for name in names {
            let others: Vec<&str> = rooms[*name].iter().map(String::as_str).collect();
            let arrow = if others.is_empty() { "" } else { " → " };
            writeln!(picture, "  {name}{arrow}{}", others.join(", ")).unwrap();
        }
    }
    picture.push_str("```\n");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ROOMS.md");
    let drawn = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(drawn == picture, "docs/ROOMS.md is to be:\n{picture}");
}
