//! A recipe as a `.dawproject`: the open format in which Bitwig Studio, Studio One and Cubase exchange projects. The mix lies on a track, by its
//! name; equaliser, gain and limiter on it; findings are markers.
//!
//! Written by hand, because the types of the crate `dawproject` have no defaults, and most of them forty members; the tests read what is
//! written with that crate, and hold it against the format's own schema.

use std::io::{Cursor, Write as _};

use analysis::render::{BandShape, Recipe, Step, export::Marker, titled};
use maud::{Markup, PreEscaped, html};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Error, Result};

/// The track of the mix.
#[derive(Debug)]
pub(super) struct MixTrack<'a> {
    /// Its name.
    pub(super) title: &'a str,
    /// The file, which is looked for beside the project.
    pub(super) file_name: &'a str,
    pub(super) duration_s: f64,
    pub(super) channels: u16,
    pub(super) rate: u32,
}

/// The project, as a file.
///
/// # Errors
/// It cannot be packed, which memory alone can be the reason of.
pub(super) fn write(track: &MixTrack<'_>, recipe: &Recipe, markers: &[Marker]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, document) in [
        ("metadata.xml", html! { MetaData { Title { (track.title) } } }),
        ("project.xml", project(track, recipe, markers)),
    ] {
        zip.start_file(name, SimpleFileOptions::default())
            .map_err(Error::internal)?;
        zip.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
            .map_err(Error::internal)?;
        zip.write_all(document.into_string().as_bytes())
            .map_err(Error::internal)?;
    }
    Ok(zip.finish().map_err(Error::internal)?.into_inner())
}

fn project(track: &MixTrack<'_>, recipe: &Recipe, markers: &[Marker]) -> Markup {
    let channels = track.channels.to_string();
    let has_devices = recipe.steps.iter().any(|step| device_of(step) != Device::None);
    let left_out: Vec<String> = recipe
        .steps
        .iter()
        .filter(|step| device_of(step) == Device::None)
        .map(titled)
        .collect();
    let comment = if left_out.is_empty() {
        "The steps of a MixLens recipe.".to_owned()
    } else {
        format!(
            "Of the MixLens recipe no device is like this: {}.",
            left_out.join("; ")
        )
    };
    html! {
        Project version="1.0" {
            Application name="MixLens" version=(analysis::ENGINE_VERSION) {}
            Transport {
                Tempo unit="bpm" value="120" id="tempo" {}
                TimeSignature denominator="4" numerator="4" id="signature" {}
            }
            Structure {
                Track contentType="audio" loaded="true" id="mix" name=(track.title) comment=(comment) {
                    Channel audioChannels=(channels) destination="main" role="regular" solo="false" id="mix-channel" {
                        @if has_devices {
                            Devices { (devices(recipe)) }
                        }
                        Volume unit="decibel" value="0" id="mix-volume" {}
                    }
                }
                Track contentType="audio" loaded="true" id="main-track" name="Master" {
                    Channel audioChannels="2" role="master" solo="false" id="main" {
                        Volume unit="decibel" value="0" id="main-volume" {}
                    }
                }
            }
            Arrangement id="arrangement" {
                Lanes timeUnit="seconds" id="lanes" {
                    Lanes track="mix" id="mix-lane" {
                        Clips id="clips" {
                            Clip time="0" duration=(track.duration_s) playStart="0" contentTimeUnit="seconds" name=(track.title) {
                                Audio channels=(channels) duration=(track.duration_s) sampleRate=(track.rate) id="audio" {
                                    File path=(track.file_name) external="true" {}
                                }
                            }
                        }
                    }
                }
                Markers timeUnit="seconds" id="markers" {
                    @for marker in markers {
                        Marker time=(marker.start_s) name=(marker.name) {}
                    }
                }
            }
        }
    }
}

/// What a step is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Device {
    /// A band of the one equaliser, or its output.
    Equaliser,
    Limiter,
    None,
}

const fn device_of(step: &Step) -> Device {
    match step {
        Step::HighPass { .. } | Step::Notch { .. } | Step::Equalise(_) | Step::Gain { .. } => {
            Device::Equaliser
        }
        Step::Limit { .. } => Device::Limiter,
        _ => Device::None,
    }
}

fn devices(recipe: &Recipe) -> Markup {
    let mut bands = Vec::new();
    let (mut gain_db, mut limiter) = (0.0, None);
    for step in &recipe.steps {
        match step {
            // Sections of a Butterworth filter, as one band.
            Step::HighPass { hz, order } => bands.push(band("highPass", *hz, None, None, Some(*order))),
            Step::Notch { hz, harmonics, q } => bands.extend(
                harmonics
                    .iter()
                    .map(|&harmonic| band("notch", hz * f64::from(harmonic), None, Some(*q), None)),
            ),
            Step::Equalise(it) => {
                let shape = match it.shape {
                    BandShape::Bell => "bell",
                    BandShape::LowShelf => "lowShelf",
                    BandShape::HighShelf => "highShelf",
                };
                bands.push(band(shape, it.hz, Some(it.db), Some(it.q), None));
            }
            Step::Gain { db, .. } => gain_db += db,
            Step::Limit { ceiling_dbtp, .. } => limiter = Some(*ceiling_dbtp),
            _ => {}
        }
    }
    html! {
        @if !bands.is_empty() || gain_db != 0.0 {
            Equalizer deviceName="Equalizer" deviceRole="audioFX" loaded="true" id="equaliser" name="MixLens" {
                Parameters {}
                Enabled value="true" id="equaliser-on" {}
                (PreEscaped(bands.into_iter().map(Markup::into_string).collect::<String>()))
                OutputGain unit="decibel" value=(gain_db) id="equaliser-gain" {}
            }
        }
        @if let Some(ceiling_dbtp) = limiter {
            Limiter deviceName="Limiter" deviceRole="audioFX" loaded="true" id="limiter" name="MixLens, true peak" {
                Parameters {}
                Enabled value="true" id="limiter-on" {}
                Threshold unit="decibel" value=(ceiling_dbtp) id="limiter-threshold" {}
            }
        }
    }
}

fn band(shape: &str, hz: f64, db: Option<f64>, q: Option<f64>, order: Option<u8>) -> Markup {
    html! {
        Band type=(shape) order=[order] {
            Freq unit="hertz" value=(hz) {}
            @if let Some(db) = db {
                Gain unit="decibel" value=(db) {}
            }
            @if let Some(q) = q {
                Q unit="linear" value=(q) {}
            }
            Enabled value="true" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use analysis::render::{Band, Container, OutputFormat, SampleFormat};
    use dawproject::{DawprojectReader, project::EqBandKindType};

    use super::*;

    #[test]
    fn a_reader_of_others_finds_the_mix_the_bands_the_limiter_and_the_markers() {
        let steps = vec![
            Step::Polarity {
                channel: 1,
                passages: Vec::new(),
            },
            Step::HighPass { hz: 25.0, order: 4 },
            Step::Notch {
                hz: 50.0,
                harmonics: vec![1, 3],
                q: 30.0,
            },
            Step::Equalise(Band {
                shape: BandShape::Bell,
                hz: 240.0,
                db: -2.1,
                q: 1.0,
            }),
            Step::Gain {
                db: -1.5,
                highest_dbtp: None,
            },
            Step::Limit {
                ceiling_dbtp: -1.0,
                aim_dbtp: -1.03,
                most_db: 3.0,
            },
        ];
        let mut recipe = Recipe::empty(OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Int24,
        });
        recipe.steps = steps;
        let track = MixTrack {
            title: "Night & <drive>",
            file_name: "Night & \"drive\".wav",
            duration_s: 200.25,
            channels: 2,
            rate: 44_100,
        };
        let markers = [Marker {
            start_s: 31.5,
            end_s: 32.4,
            name: "Gaps in the sound".to_owned(),
        }];
        let bytes = write(&track, &recipe, &markers).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        archive.extract(folder.path()).unwrap();
        for (document, schema) in [("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")] {
            let checked = std::process::Command::new("xmllint")
                .args(["--noout", "--schema"])
                .arg(format!(
                    "{}/tests/dawproject/{schema}",
                    env!("CARGO_MANIFEST_DIR")
                ))
                .arg(folder.path().join(document))
                .output()
                .unwrap();
            assert!(
                checked.status.success(),
                "{}",
                String::from_utf8_lossy(&checked.stderr)
            );
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut reader = DawprojectReader::open(file.path()).unwrap();
        reader.read_dawproject().unwrap();
        let read = reader.build_dawproject().unwrap();
        assert_eq!(read.metadata.title.as_deref(), Some(track.title));
        let text = format!("{:?}", read.project);
        assert!(text.contains("Night & \\\"drive\\\".wav"), "{text}");
        assert!(
            text.contains("31.5") && text.contains("Gaps in the sound"),
            "{text}"
        );
        assert!(text.contains("no device is like this: Polarity"), "{text}");
        for kind in [
            EqBandKindType::HighPass,
            EqBandKindType::Notch,
            EqBandKindType::Bell,
        ] {
            assert!(text.contains(&format!("{kind:?}")), "{kind:?} in {text}");
        }
        assert_eq!(text.matches("EqBandType").count(), 4, "{text}");
        assert!(text.contains("LimiterType"), "{text}");
    }
}
