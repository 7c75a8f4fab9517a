//! The script that wasm-bindgen writes, without its comments and indents: 1 kB less on the way after brotli.

/// `script` without the lines that are comments and without indents; as it is where a text goes on over lines, in which they would count.
pub(crate) fn without_comments(script: &str) -> String {
    let goes_on = |line: &str| line.matches('`').count() % 2 == 1;
    if script.lines().any(goes_on) {
        return script.to_owned();
    }
    let mut kept = String::with_capacity(script.len());
    let mut in_comment = false;
    for line in script.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.starts_with("//") && !line.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
        if in_comment && line.ends_with("*/") {
            in_comment = false;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indents_go() {
        let script = "/**\n * Says a.\n */\nfunction a() {\n    // aside\n    return 'b // c'; /* d */\n}\n\n/* e */\nlet f = `g`;\n";
        assert_eq!(
            without_comments(script),
            "function a() {\nreturn 'b // c'; /* d */\n}\nlet f = `g`;\n"
        );
    }

    #[test]
    fn a_text_over_lines_is_left_alone() {
        let script = "let a = `b\n    // c\n`;\n";
        assert_eq!(without_comments(script), script);
    }
}
