//! Texts in tables that a spreadsheet opens.

/// What a person typed must not be a formula in a spreadsheet (ASVS 1.2.10): an apostrophe makes it words.
pub(crate) fn defused(text: &str) -> String {
    let first = text.trim_start().chars().next();
    if text.starts_with(['\t', '\r', '\n'])
        || first.is_some_and(|first| {
            matches!(
                first,
                '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\u{2212}'
            )
        })
    {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p15_what_a_person_typed_is_no_formula_in_a_spreadsheet() {
        for text in [
            "=HYPERLINK(\"https://evil.example\")",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            " =1",
            "＝1",
            "\r=1",
        ] {
            assert!(defused(text).starts_with('\''), "{text:?}");
        }
        for text in ["Night drive", "", "a=b", "1-2", "Ω"] {
            assert_eq!(defused(text), text);
        }
    }
}
