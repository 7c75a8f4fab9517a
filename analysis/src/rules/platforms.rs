//! What services do to a song of this loudness. Information, never a failure.
//!
//! The figures drift, so each names where it comes from and how sure it is, and the table has a date.

use model::Report;

/// When the table was last checked.
pub const CHECKED: &str = "November 2026";

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// The service or the body publishes it.
    Published,
    /// Others measured it; the service publishes nothing.
    ThirdParty,
    /// It follows from other figures.
    Derived,
}

impl Sureness {
    /// As a person reads it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::ThirdParty => "no reference is published",
            Self::Derived => "derived",
        }
    }
}

/// What a service does with a song that is not at its reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Behaviour {
    /// Turns loud songs down and leaves quiet ones.
    DownOnly,
    /// Turns loud songs down, and quiet ones up as far as the true peak allows, in dBTP.
    UpToPeak(f64),
    /// Turns up without regard to peaks, and limits them.
    UpWithLimiter,
    /// Turns loud songs down without a limit upward being needed.
    Both,
    /// Nothing is known to be changed.
    None,
    /// A recommendation for whoever delivers, and the highest true peak, in dBTP.
    Recommendation(f64),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Platform {
    /// Its name, with the setting.
    pub name: &'static str,
    /// The loudness that it plays at, in LUFS.
    pub reference_lufs: Option<f64>,
    /// What it does.
    pub behaviour: Behaviour,
    /// Where that comes from.
    pub source: &'static str,
    /// How sure it is.
    pub sureness: Sureness,
}

const fn row(
    name: &'static str,
    reference_lufs: Option<f64>,
    behaviour: Behaviour,
    source: &'static str,
    sureness: Sureness,
) -> Platform {
    Platform {
        name,
        reference_lufs,
        behaviour,
        source,
        sureness,
    }
}

/// Every platform, in the order of the page.
pub const PLATFORMS: [Platform; 13] = [
    row(
        "Spotify, normal",
        Some(-14.0),
        Behaviour::UpToPeak(-1.0),
        "Spotify for Artists, loudness normalization",
        Sureness::Published,
    ),
    row(
        "Spotify, loud",
        Some(-11.0),
        Behaviour::UpWithLimiter,
        "Spotify for Artists: limiter at −1 dB, 5 ms attack, 100 ms decay",
        Sureness::Published,
    ),
    row(
        "Spotify, quiet",
        Some(-19.0),
        Behaviour::Both,
        "Spotify for Artists, loudness normalization",
        Sureness::Published,
    ),
    row(
        "YouTube",
        Some(-14.0),
        Behaviour::DownOnly,
        "“Stats for nerds” shows the content loudness",
        Sureness::ThirdParty,
    ),
    row(
        "YouTube Music",
        Some(-7.0),
        Behaviour::DownOnly,
        "no reference is published",
        Sureness::ThirdParty,
    ),
    row(
        "Apple Music, Sound Check",
        Some(-16.0),
        Behaviour::DownOnly,
        "Apple publishes none; whether it turns up is disputed",
        Sureness::Derived,
    ),
    row(
        "Tidal",
        Some(-14.0),
        Behaviour::DownOnly,
        "Tidal, by album",
        Sureness::Published,
    ),
    row(
        "Amazon Music",
        Some(-14.0),
        Behaviour::DownOnly,
        "no reference is published; −2 dBTP advised",
        Sureness::ThirdParty,
    ),
    row(
        "Deezer",
        Some(-15.0),
        Behaviour::DownOnly,
        "no reference is published",
        Sureness::ThirdParty,
    ),
    row(
        "SoundCloud, Bandcamp, Qobuz",
        None,
        Behaviour::None,
        "no normalisation is known",
        Sureness::ThirdParty,
    ),
    row(
        "AES TD1008, track",
        Some(-16.0),
        Behaviour::Recommendation(-1.0),
        "AES TD1008.1.21-9",
        Sureness::Published,
    ),
    row(
        "EBU R 128, broadcast",
        Some(-23.0),
        Behaviour::Recommendation(-1.0),
        "EBU R 128",
        Sureness::Published,
    ),
    row(
        "ATSC A/85, television",
        Some(-24.0),
        Behaviour::Recommendation(-2.0),
        "ATSC A/85, ± 2 LU",
        Sureness::Published,
    ),
];

/// What a platform would do to one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Playback {
    /// The change of level, in dB.
    pub gain_db: f64,
    /// The loudness that is heard, in LUFS.
    pub played_lufs: f64,
    /// The true peak after the change and before any limiter, in dBTP.
    pub true_peak_dbtp: f64,
    /// Decibels that its limiter would take off the highest peak.
    pub limited_db: f64,
}

/// What `platform` does to a file of this report; `None` where it has no loudness.
#[must_use]
pub fn playback(platform: &Platform, report: &Report) -> Option<Playback> {
    let lufs = report.loudness.integrated_lufs.value()?;
    let peak = report.peaks.true_peak_dbtp.value()?;
    let to_reference = platform.reference_lufs.map_or(0.0, |reference| reference - lufs);
    let gain_db = match platform.behaviour {
        Behaviour::DownOnly => to_reference.min(0.0),
        // Never down because of the peak: a song at the reference stays where it is.
        Behaviour::UpToPeak(ceiling) if to_reference > 0.0 => to_reference.min((ceiling - peak).max(0.0)),
        Behaviour::UpToPeak(_)
        | Behaviour::UpWithLimiter
        | Behaviour::Both
        | Behaviour::Recommendation(_) => to_reference,
        Behaviour::None => 0.0,
    };
    let limited_db = match platform.behaviour {
        // The limiter works on samples, at −1 dB.
        Behaviour::UpWithLimiter if gain_db > 0.0 => {
            let sample = report.peaks.sample_peak_dbfs.value()?;
            (sample + gain_db + 1.0).max(0.0)
        }
        _ => 0.0,
    };
    Some(Playback {
        gain_db,
        played_lufs: lufs + gain_db,
        true_peak_dbtp: peak + gain_db,
        limited_db,
    })
}
