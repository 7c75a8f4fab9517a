//! A QR code as SVG, drawn on the server.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

/// The light edge that readers need around a code, in modules (ISO/IEC 18004).
const QUIET: i32 = 4;

/// `text` as a QR code. Dark on light in both themes, because many readers take nothing else.
#[component]
pub fn Qr(
    /// What it holds.
    #[prop(into)]
    text: String,
    /// What it is, for those who do not see it.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let Ok(code) = QrCode::encode_text(&text, QrCodeEcc::Medium) else {
        return ().into_any();
    };
    let side = code.size() + 2 * QUIET;
    view! {
        <svg class="qr" viewBox=format!("0 0 {side} {side}") role="img" aria-label=label shape-rendering="crispEdges">
            <rect width=side.to_string() height=side.to_string() fill="#ffffff"></rect>
            <path d=path_of(&code) fill="#000000"></path>
        </svg>
    }
    .into_any()
}

/// One rectangle for each run of dark modules in a row.
fn path_of(code: &QrCode) -> String {
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let start = x;
            while x < size && code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                let width = x - start;
                path.push_str(&format!("M{} {}h{width}v1h-{width}z", start + QUIET, y + QUIET));
            }
            x += 1;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_covers_every_dark_module_once() {
        let code = QrCode::encode_text(
            "otpauth://totp/MixLens:ann%40example.org?secret=AAAA",
            QrCodeEcc::Medium,
        )
        .unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for run in path_of(&code).split('z').filter(|run| !run.is_empty()) {
            let (at, rest) = run.trim_start_matches('M').split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let width: i32 = rest.split_once('v').unwrap().0.parse().unwrap();
            for step in 0..width {
                assert!(dark.insert((x + step - QUIET, y - QUIET)));
            }
        }
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(code.get_module(x, y), dark.contains(&(x, y)), "{x} {y}");
            }
        }
    }
}
