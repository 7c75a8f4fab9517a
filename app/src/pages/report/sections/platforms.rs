//! What services would do to this file. Information, never a failure.

use analysis::rules::platforms::{Behaviour, CHECKED, PLATFORMS, Platform, Playback, playback};
use leptos::prelude::*;
use model::Report;

use super::ReportSection;
use crate::format;

/// One row for each service.
#[component]
pub fn PlatformsSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let rows = PLATFORMS
        .iter()
        .map(|platform| {
            let played = playback(platform, &report);
            let reference = platform
                .reference_lufs
                .map_or(format::DASH.to_owned(), |lufs| format::with_unit(lufs, 0, "LUFS"));
            let change = played.map_or(format::DASH.to_owned(), |played| {
                format::signed(played.gain_db, 1)
            });
            let heard = played.map_or(format::DASH.to_owned(), |played| {
                format::number(played.played_lufs, 1)
            });
            let words = played.map_or_else(String::new, |played| words(platform, &played));
            view! {
                <tr>
                    <th scope="row">{platform.name}</th>
                    <td class="is-num">{reference}</td>
                    <td class="is-num">{change}</td>
                    <td class="is-num">{heard}</td>
                    <td>{words}</td>
                    <td class="small muted">{platform.source} " (" {platform.sureness.description()} ")"</td>
                </tr>
            }
        })
        .collect_view();
    let about = "What each would do to this file. It is playback, not a target: nothing here costs points.";
    view! {
        <ReportSection id="platforms" title="Platforms" about=about>
            <div class="scroller scroller--whole" role="region" tabindex="0" aria-label="Table of platforms">
                <table class="table platforms">
                    <caption>{format!("Playback by service, as of {CHECKED}")}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            <th scope="col" class="is-num">"Plays at"</th>
                            <th scope="col" class="is-num">"Change, dB"</th>
                            <th scope="col" class="is-num">"Heard, LUFS"</th>
                            <th scope="col">"What happens"</th>
                            <th scope="col">"Source"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </ReportSection>
    }
    .into_any()
}

fn words(platform: &Platform, played: &Playback) -> String {
    let change = format::with_unit(played.gain_db.abs(), 1, "dB");
    let reference = platform.reference_lufs.unwrap_or(0.0);
    match platform.behaviour {
        Behaviour::None => "Played as it is.".to_owned(),
        Behaviour::Recommendation(ceiling) => {
            let peak = format::with_unit(ceiling, 0, "dBTP");
            if played.gain_db.abs() <= 0.2 {
                format!("Meets the loudness; true peak at most {peak}.")
            } else if played.gain_db < 0.0 {
                format!("{change} louder than recommended; true peak at most {peak}.")
            } else {
                format!("{change} quieter than recommended; true peak at most {peak}.")
            }
        }
        _ if played.gain_db <= -0.05 => format!("Turned down by {change}."),
        Behaviour::UpWithLimiter if played.limited_db >= 0.05 => format!(
            "Turned up by {change}; its limiter takes up to {} off the peaks.",
            format::with_unit(played.limited_db, 1, "dB")
        ),
        _ if played.gain_db >= 0.05 && played.played_lufs < reference - 0.05 => {
            format!("Turned up by {change}, as far as the true peak allows.")
        }
        _ if played.gain_db >= 0.05 => format!("Turned up by {change}."),
        Behaviour::DownOnly if played.played_lufs < reference - 0.05 => {
            "Left as it is: quiet songs are not turned up.".to_owned()
        }
        Behaviour::UpToPeak(_) if played.played_lufs < reference - 0.05 => {
            "Left as it is: the true peak leaves no room to turn it up.".to_owned()
        }
        _ => "Played as it is.".to_owned(),
    }
}
