//! A recipe, and the findings of a verdict, as other programs take them.

use std::fmt::Write;
use std::io::Cursor;

use model::text::number;
use model::verdict::ScoreBreakdown;

use super::chain::filter_sections;
use super::design::{Band, BandShape};
use super::recipe::{Recipe, SampleFormat, Step};
use super::wave::WaveWriter;
use super::words::titled;

/// The recipe as a table in words, a line for each step.
#[must_use]
pub fn table(recipe: &Recipe) -> String {
    let mut text = String::new();
    for (at, step) in (1..).zip(&recipe.steps) {
        let _ = writeln!(text, "{at}. {}", titled(step));
    }
    text
}

/// The filters as EqualizerAPO, REW and AutoEq write them. Steps that are no filters are comments. Bands above about 4 kHz say
/// how far a plain equaliser differs, and what coefficients have the response of the render at `rate` samples per second.
#[must_use]
pub fn equalizer_apo(recipe: &Recipe, rate: u32) -> String {
    let rate = f64::from(rate);
    let mut text = String::new();
    let mut at = 0;
    for step in &recipe.steps {
        match step {
            Step::Equalise(band) => {
                at += 1;
                let kind = match band.shape {
                    BandShape::Bell => "PK",
                    BandShape::LowShelf => "LSC",
                    BandShape::HighShelf => "HSC",
                };
                let _ = writeln!(
                    text,
                    "Filter {at}: ON {kind} Fc {} Hz Gain {} dB Q {}",
                    plain(band.hz, 1),
                    plain(band.db, 2),
                    plain(band.q, 4)
                );
                let (gap, hz) = plain_gap(band, rate);
                if gap >= 0.05 {
                    let [section] = filter_sections(step, rate)[..] else {
                        continue;
                    };
                    let _ = writeln!(
                        text,
                        "# A plain equaliser differs by up to {} dB, at {} Hz. With the render's response at {rate} Hz:\n# Filter {at}: ON IIR Order 2 Coefficients {} {} {} 1 {} {}",
                        plain(gap, 2),
                        plain(hz, 0),
                        section.b[0],
                        section.b[1],
                        section.b[2],
                        section.a[0],
                        section.a[1]
                    );
                }
            }
            Step::HighPass { hz, order: 2 } => {
                at += 1;
                let _ = writeln!(text, "Filter {at}: ON HP Fc {} Hz", plain(*hz, 1));
            }
            Step::HighPass { hz, .. } => {
                // The two sections of a Butterworth filter of order 4.
                for q in ["0.5412", "1.3066"] {
                    at += 1;
                    let _ = writeln!(text, "Filter {at}: ON HPQ Fc {} Hz Q {q}", plain(*hz, 1));
                }
            }
            Step::Notch { hz, harmonics, q } => {
                for &harmonic in harmonics {
                    at += 1;
                    let centre = plain(hz * f64::from(harmonic), 2);
                    let _ = writeln!(text, "Filter {at}: ON NO Fc {centre} Hz Q {}", plain(*q, 1));
                }
            }
            Step::Gain { db, .. } => {
                let _ = writeln!(text, "Preamp: {} dB", plain(*db, 2));
            }
            other => {
                let _ = writeln!(text, "# {}", titled(other));
            }
        }
    }
    text
}

/// The largest difference between a band and a plain equaliser of the same numbers up to 16 kHz, in dB, and where.
fn plain_gap(band: &Band, rate: f64) -> (f64, f64) {
    (0..=120)
        .map(|step| 20.0 * libm::pow(800.0, f64::from(step) / 120.0))
        .map(|hz| ((band.response_db(hz, rate) - band.plain_db(hz, rate)).abs(), hz))
        .fold((0.0, 0.0), |most, next| if next.0 > most.0 { next } else { most })
}

/// The filters and the gain as one filter graph of ffmpeg, by their coefficients at `rate`; steps that ffmpeg has no like of are
/// left out, and named in the second text.
#[must_use]
pub fn ffmpeg_filters(recipe: &Recipe, rate: u32) -> (String, Vec<&'static str>) {
    let mut filters: Vec<String> = Vec::new();
    let mut left_out = Vec::new();
    for step in &recipe.steps {
        let sections = filter_sections(step, f64::from(rate));
        match step {
            _ if !sections.is_empty() => filters.extend(sections.iter().map(|section| {
                format!(
                    "biquad=b0={}:b1={}:b2={}:a0=1:a1={}:a2={}",
                    section.b[0], section.b[1], section.b[2], section.a[0], section.a[1]
                )
            })),
            Step::Gain { db, .. } => filters.push(format!("volume={db}dB:precision=double")),
            other => left_out.push(other.kind().name()),
        }
    }
    (filters.join(","), left_out)
}

/// The longest impulse response, in seconds: by then a notch of 50 Hz has died away.
const LONGEST_RESPONSE_S: f64 = 4.0;

/// What is below this share of the whole energy is left out at the end of an impulse response: −120 dB.
const INAUDIBLE: f64 = 1e-12;

/// What the filters and the gain make of one sample of full scale, as a WAV file of one channel in 32-bit floating point, for a convolver.
/// `None` where the recipe has neither.
#[must_use]
pub fn impulse_response(recipe: &Recipe, rate: u32) -> Option<Vec<u8>> {
    let mut response = vec![0.0; (LONGEST_RESPONSE_S * f64::from(rate)) as usize];
    *response.first_mut()? = 1.0;
    let mut is_linear = false;
    for step in &recipe.steps {
        for section in filter_sections(step, f64::from(rate)) {
            is_linear = true;
            let (mut one, mut two) = (0.0, 0.0);
            for sample in &mut response {
                let (input, output) = (*sample, section.b[0] * *sample + one);
                one = section.b[1] * input - section.a[0] * output + two;
                two = section.b[2] * input - section.a[1] * output;
                *sample = output;
            }
        }
        if let Step::Gain { db, .. } = step {
            is_linear = true;
            let gain = libm::pow(10.0, db / 20.0);
            response.iter_mut().for_each(|sample| *sample *= gain);
        }
    }
    if !is_linear {
        return None;
    }
    let whole: f64 = response.iter().map(|sample| sample * sample).sum();
    let mut rest = 0.0;
    let end = response.iter().rposition(|sample| {
        rest += sample * sample;
        rest > INAUDIBLE * whole
    });
    response.truncate(end.map_or(1, |last| last + 1));
    let samples: Vec<f32> = response.into_iter().map(|sample| sample as f32).collect();
    let mut file = Cursor::new(Vec::new());
    let mut writer = WaveWriter::new(&mut file, SampleFormat::Float32, rate, 1).ok()?;
    writer.push(&[samples]).ok()?;
    writer.finish(&[]).ok()?;
    Some(file.into_inner())
}

/// A place in the song with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// Its start, in seconds.
    pub start_s: f64,
    /// Its end; the start where it is a moment.
    pub end_s: f64,
    /// What is there.
    pub name: String,
}

/// A marker for each place of each finding, in the order of time.
#[must_use]
pub fn markers(breakdown: &ScoreBreakdown) -> Vec<Marker> {
    let mut markers: Vec<Marker> = breakdown
        .findings
        .iter()
        .flat_map(|finding| {
            finding.time_ranges.iter().map(|range| Marker {
                start_s: range.start_s,
                end_s: range.end_s,
                name: finding.title.clone(),
            })
        })
        .collect();
    markers.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    markers
}

/// As Audacity imports labels.
#[must_use]
pub fn audacity_labels(markers: &[Marker]) -> String {
    let line = |marker: &Marker| format!("{:.6}\t{:.6}\t{}\n", marker.start_s, marker.end_s, marker.name);
    markers.iter().map(line).collect()
}

/// As Reaper imports markers (`M`) and regions (`R`).
#[must_use]
pub fn reaper_csv(markers: &[Marker]) -> String {
    let mut text = "#,Name,Start,End,Length\n".to_owned();
    for (at, marker) in (1..).zip(markers) {
        let name = marker.name.replace('"', "'");
        let _ = if marker.end_s > marker.start_s {
            let length = marker.end_s - marker.start_s;
            writeln!(
                text,
                "R{at},\"{name}\",{:.6},{:.6},{length:.6}",
                marker.start_s, marker.end_s
            )
        } else {
            writeln!(text, "M{at},\"{name}\",{:.6},,", marker.start_s)
        };
    }
    text
}

/// As Audition imports markers: columns apart by tabs, times as minutes and seconds.
#[must_use]
pub fn audition_csv(markers: &[Marker]) -> String {
    let clock = |seconds: f64| {
        let ms = (seconds * 1_000.0).round() as u64;
        format!("{}:{:02}.{:03}", ms / 60_000, ms / 1_000 % 60, ms % 1_000)
    };
    let mut text = "Name\tStart\tDuration\tTime Format\tType\tDescription\n".to_owned();
    for marker in markers {
        let (start, length) = (clock(marker.start_s), clock(marker.end_s - marker.start_s));
        let _ = writeln!(text, "{}\t{start}\t{length}\tdecimal\tCue\t", marker.name);
    }
    text
}

/// With a point and an ordinary minus, as programs read numbers.
fn plain(value: f64, decimals: usize) -> String {
    number(value, decimals).replace('\u{2212}', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Container, OutputFormat, SampleFormat};

    /// The level of a response at `hz`, by its Fourier sum.
    fn level_db(samples: &[f64], hz: f64, rate: f64) -> f64 {
        let turn = 2.0 * std::f64::consts::PI * hz / rate;
        let (re, im) = samples
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |(re, im), (at, sample)| {
                let phase = turn * at as f64;
                (re + sample * libm::cos(phase), im - sample * libm::sin(phase))
            });
        10.0 * libm::log10(re * re + im * im)
    }

    #[test]
    fn an_impulse_response_has_the_response_of_the_filters() {
        let output = OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Int24,
        };
        let mut recipe = Recipe::empty(output);
        assert_eq!(impulse_response(&recipe, 48_000), None);
        let band = Band {
            shape: BandShape::Bell,
            hz: 5_000.0,
            db: 4.0,
            q: 0.7,
        };
        recipe.steps = vec![
            Step::HighPass { hz: 25.0, order: 4 },
            Step::Equalise(band),
            Step::Gain {
                db: -1.5,
                highest_dbtp: None,
            },
        ];
        let file = impulse_response(&recipe, 48_000).unwrap();
        let data = file.windows(4).position(|id| id == b"data").unwrap() + 8;
        let samples: Vec<f64> = file[data..]
            .chunks_exact(4)
            .map(|word| f64::from(f32::from_le_bytes([word[0], word[1], word[2], word[3]])))
            .collect();
        assert!(samples.len() < 48_000, "{}", samples.len());
        for hz in [30.0, 100.0, 1_000.0, 5_000.0, 16_000.0] {
            let sections = recipe
                .steps
                .iter()
                .flat_map(|step| filter_sections(step, 48_000.0));
            let expected: f64 = sections
                .map(|section| 10.0 * libm::log10(section.power(hz, 48_000.0)))
                .sum();
            let is = level_db(&samples, hz, 48_000.0);
            assert!((is - (expected - 1.5)).abs() < 0.001, "{hz}: {is} {expected}");
        }
    }

    #[test]
    fn a_recipe_becomes_the_text_that_others_read() {
        let mut recipe = Recipe::empty(OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Int24,
        });
        let bell = |hz, q, db| {
            Step::Equalise(Band {
                shape: BandShape::Bell,
                hz,
                q,
                db,
            })
        };
        recipe.steps = vec![
            Step::HighPass { hz: 25.0, order: 4 },
            bell(240.0, 1.0, -2.1),
            bell(10_000.0, 0.7, 4.0),
            Step::Gain {
                db: -1.5,
                highest_dbtp: None,
            },
        ];
        let text = equalizer_apo(&recipe, 44_100);
        assert!(
            text.contains("Filter 3: ON PK Fc 240.0 Hz Gain -2.10 dB Q 1.0000\n"),
            "{text}"
        );
        assert!(text.contains("Filter 2: ON HPQ Fc 25.0 Hz Q 1.3066"), "{text}");
        assert!(text.contains("# A plain equaliser differs by up to 1."), "{text}");
        assert!(text.contains("Preamp: -1.50 dB"), "{text}");
        let (graph, left_out) = ffmpeg_filters(&recipe, 44_100);
        assert_eq!(graph.matches("biquad=").count(), 4);
        assert!(left_out.is_empty());
        assert!(
            table(&recipe).contains("2. Equaliser: bell 240"),
            "{}",
            table(&recipe)
        );
    }

    #[test]
    fn markers_are_written_as_each_program_reads_them() {
        let markers = [
            Marker {
                start_s: 61.5,
                end_s: 61.5,
                name: "Clicks".to_owned(),
            },
            Marker {
                start_s: 70.0,
                end_s: 72.25,
                name: "Cancels in mono".to_owned(),
            },
        ];
        assert_eq!(
            audacity_labels(&markers).lines().next(),
            Some("61.500000\t61.500000\tClicks")
        );
        assert!(reaper_csv(&markers).contains("R2,\"Cancels in mono\",70.000000,72.250000,2.250000"));
        assert!(audition_csv(&markers).contains("Cancels in mono\t1:10.000\t0:02.250\tdecimal\tCue"));
    }
}
