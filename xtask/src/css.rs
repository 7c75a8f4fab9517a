//! One stylesheet out of several: `@import "file.css";` lines are replaced by the file, comments and indents are dropped, the
//! rest stays as written. lightningcss would also minify, for 60 crates more; after brotli the difference is a few hundred bytes.

use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// The stylesheet `entry` with its local imports in place, in the order in which they are named.
pub(crate) fn bundle(entry: &Path) -> Result<String> {
    let mut css = String::new();
    append(entry, &mut Vec::new(), &mut css)?;
    Ok(css)
}

fn append(file: &Path, importers: &mut Vec<PathBuf>, css: &mut String) -> Result<()> {
    if importers.iter().any(|importer| importer == file) {
        return Err(format!("{} imports itself", file.display()));
    }
    let text =
        fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let text = without_comments(&text).map_err(|message| format!("{}: {message}", file.display()))?;
    importers.push(file.to_owned());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match import(line) {
            None => {
                css.push_str(line);
                css.push('\n');
            }
            Some(Ok(Import { name, layer: None })) => append(&file.with_file_name(name), importers, css)?,
            Some(Ok(Import {
                name,
                layer: Some(layer),
            })) => {
                css.push_str(&format!("@layer {layer} {{\n"));
                append(&file.with_file_name(name), importers, css)?;
                css.push_str("}\n");
            }
            Some(Err(message)) => return Err(format!("{}: {message}: {line}", file.display())),
        }
    }
    importers.pop();
    Ok(())
}

/// What an `@import` line names.
struct Import<'a> {
    name: &'a str,
    layer: Option<&'a str>,
}

/// Reads an `@import` line. Media and other origins are refused: the first would be lost here, the second is against the
/// promise that the browser asks nobody else.
fn import(line: &str) -> Option<Result<Import<'_>>> {
    let rest = line.trim_start().strip_prefix("@import")?.trim();
    Some(parse_import(rest).ok_or_else(|| {
        "only @import \"file.css\"; or @import \"file.css\" layer(name); on a line of its own".to_owned()
    }))
}

fn parse_import(rest: &str) -> Option<Import<'_>> {
    let (name, rest) = rest.strip_suffix(';')?.strip_prefix('"')?.split_once('"')?;
    let layer = match rest.trim() {
        "" => None,
        rest => Some(rest.strip_prefix("layer(")?.strip_suffix(')')?),
    };
    let is_local = !name.contains(':') && !name.starts_with('/');
    is_local.then_some(Import { name, layer })
}

fn without_comments(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/").ok_or("a comment does not end")?;
            rest = &comment[end + 2..];
        } else if rest.starts_with('/') {
            out.push('/');
            rest = &rest[1..];
        } else {
            let end = string_length(rest).ok_or("a string does not end")?;
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Bytes of the quoted string at the start of `text`, both quotes included.
fn string_length(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + quote.len_utf8()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        bundle(&folder.path().join("main.css"))
    }

    #[test]
    fn imports_are_replaced_in_order_and_nested_ones_too() {
        let css = bundled(&[
            ("main.css", "@import \"a.css\";\n@import \"b.css\";\nmain {}\n"),
            ("a.css", "@import \"c.css\";\na {}\n"),
            ("b.css", "b {}"),
            ("c.css", "c {}\n"),
        ]);
        assert_eq!(css.unwrap(), "c {}\na {}\nb {}\nmain {}\n");
    }

    #[test]
    fn comments_go_and_strings_stay() {
        let css = bundled(&[(
            "main.css",
            "/* gone\n */a::after { content: \"/* kept */ \\\" '\"; }\nb { width: calc(1px / 2); } /**/\n",
        )]);
        assert_eq!(
            css.unwrap(),
            "a::after { content: \"/* kept */ \\\" '\"; }\nb { width: calc(1px / 2); }\n"
        );
    }

    #[test]
    fn what_cannot_be_inlined_is_refused() {
        for line in [
            "@import \"https://x.example/a.css\";",
            "@import url(a.css);",
            "@import \"a.css\" print;",
        ] {
            assert!(bundled(&[("main.css", line), ("a.css", "")]).is_err(), "{line}");
        }
        assert!(
            bundled(&[("main.css", "@import \"main.css\";")])
                .unwrap_err()
                .contains("imports itself")
        );
        assert!(bundled(&[("main.css", "a { /* no end")]).is_err());
        assert!(bundled(&[("main.css", "a { content: \"no end; }")]).is_err());
    }
}
