//! `Content-Disposition` for a file name that a person chose (RFC 6266, RFC 8187).

/// Bytes of a file name that are kept; file systems allow 255.
const MAX_NAME: usize = 200;

/// `attachment` under this name: an ASCII approximation for old clients, and the exact name in UTF-8.
///
/// Path separators, quotes and control characters become `_`, so that the header cannot be split and no client is
/// told to write outside its folder. `"` and `\` cannot be kept even where RFC 6266 allows them escaped: browsers
/// disagree on the escape.
#[must_use]
pub fn attachment(file_name: &str) -> String {
    let mut name: String = file_name
        .trim()
        .chars()
        .map(|c| {
            if c.is_control() || is_bidi(c) || "/\\\":*?<>|".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    while name.len() > MAX_NAME {
        name.pop();
    }
    if name.trim_matches(['.', ' ']).is_empty() {
        "audio".clone_into(&mut name);
    }
    let ascii: String = name
        .chars()
        .map(|c| if c.is_ascii() && c != '%' { c } else { '_' })
        .collect();
    let mut exact = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        // `attr-char` of RFC 8187, section 3.2.1.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{exact}")
}

/// Marks that turn the direction of text: `gpj.exe` can be made to read `exe.jpg`.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_any_script_survives_exactly() {
        assert_eq!(
            attachment("Łódź – mix 3.wav"),
            "attachment; filename=\"__d_ _ mix 3.wav\"; filename*=UTF-8''%C5%81%C3%B3d%C5%BA%20%E2%80%93%20mix%203.wav"
        );
    }

    #[test]
    fn a_name_can_neither_split_the_header_nor_leave_its_folder() {
        for hostile in [
            "a\r\nSet-Cookie: x=1.wav",
            "../../etc/passwd",
            "x\"; filename=\"y.exe",
            "a\\b\0.wav",
        ] {
            let header = attachment(hostile);
            assert!(
                header.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                "{header}"
            );
            assert_eq!(header.matches('"').count(), 2, "{header}");
            assert!(!header.contains(['/', '\\']), "{header}");
        }
    }

    #[test]
    fn an_empty_or_endless_name_still_gives_one() {
        assert!(attachment("").contains("filename=\"audio\""));
        assert!(attachment(" .. ").contains("filename=\"audio\""));
        assert!(attachment(&"ж".repeat(4_000)).len() < 1_000);
    }
}
