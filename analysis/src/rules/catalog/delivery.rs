//! The file as a thing to hand over.

use model::report::NoteCode;
use model::verdict::{Area, Class, Unit};

use super::{CheckText, Criterion, Measurement, Rule, Subject};

const COMMON: Rule = Rule {
    area: Area::Delivery,
    class: Class::Risk,
    subject: Subject::Provenance,
    ..Rule::COMMON
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "delivery.lossy",
        title: "Lossless file",
        unit: Unit::YesNo,
        why: "Services and mastering engineers want lossless files: they encode themselves, and twice is worse than once. Figures above 16 kHz and true peaks are those of the encoder here.",
        method: "Whether the file is MP3, AAC, Vorbis or Opus.",
        source: "Every distributor asks for WAV or FLAC",
        mix: Criterion::at_most(0.0, 3.0, 3.0),
        master: Criterion::at_most(0.0, 3.0, 3.0),
        high: CheckText::new("A lossy file", "Export WAV or FLAC at 24 bit, and analyse that."),
        measure: |view| Measurement::new(f64::from(u8::from(view.is_lossy()))),
        ..COMMON
    },
    Rule {
        id: "delivery.sample_rate",
        title: "Sample rate",
        unit: Unit::Kilohertz,
        why: "Below 44.1 kHz the highs are missing for good, and distributors refuse the file.",
        method: "Samples per second and channel.",
        source: "Distributors ask for 44.1 kHz or more; Apple Digital Masters for the rate of the session, never upsampled",
        mix: Criterion::at_least(44.1, 0.3, 6.0),
        master: Criterion::at_least(44.1, 0.4, 8.0),
        low: CheckText::new(
            "Low sample rate",
            "Export at the rate of the session, 44.1 kHz or more.",
        ),
        measure: |view| Measurement::new(f64::from(view.report.file.sample_rate_hz) / 1_000.0),
        ..COMMON
    },
    Rule {
        id: "delivery.bits",
        title: "Bit depth",
        unit: Unit::Bits,
        why: "A mix at 24 bit or floating point keeps what mastering will bring up. For a release 16 bit with dither is enough, 24 better.",
        method: "Bits per sample of lossless files.",
        source: "Mastering houses and Apple Digital Masters ask for 24 bit",
        mix: Criterion::at_least(24.0, 0.25, 3.0),
        master: Criterion::at_least(16.0, 0.5, 4.0),
        low: CheckText::new(
            "Few bits per sample",
            "Export at 24 bit, without normalising; this file has {value}.",
        ),
        measure: |view| {
            (!view.is_lossy()).then_some(())?;
            Measurement::new(f64::from(view.report.file.bits_per_sample?))
        },
        ..COMMON
    },
    Rule {
        id: "delivery.channels",
        title: "Stereo file",
        unit: Unit::Count,
        why: "Services play stereo; a mono file has no image to judge, and more than two channels are folded down by rules that nobody checked.",
        method: "The number of channels.",
        source: "Distributors ask for two channels",
        mix: Criterion::between(2.0, 2.0, 1.0, 2.0),
        master: Criterion::between(2.0, 2.0, 1.5, 3.0),
        high: CheckText::new(
            "More than two channels",
            "Export a stereo version; what was said of loudness holds for the file as it is.",
        ),
        low: CheckText::new(
            "A mono file",
            "Export stereo if the song is; nothing could be said of its image.",
        ),
        measure: |view| Measurement::new(f64::from(view.channels())),
        ..COMMON
    },
    Rule {
        id: "delivery.mislabelled",
        title: "Name and content",
        unit: Unit::YesNo,
        why: "A file whose ending is another format's is refused by distributors and opened wrongly by some programs.",
        method: "Whether the content is another format than the name says.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 1.0, 1.0),
        master: Criterion::at_most(0.0, 2.0, 2.0),
        high: CheckText::new(
            "The name says another format",
            "Rename the file, or export it in the format that its name says.",
        ),
        measure: |view| {
            let is_noted = view
                .report
                .notes
                .iter()
                .any(|note| note.code == NoteCode::Mislabelled);
            Measurement::new(f64::from(u8::from(is_noted)))
        },
        ..COMMON
    },
];
