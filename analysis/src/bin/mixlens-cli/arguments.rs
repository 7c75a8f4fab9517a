//! What can be asked for; `mixlens-cli --help` is made of it.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use model::verdict::Stage;

/// Measures music mixes: the engine of MixLens on local files, without an account and without a network.
#[derive(Debug, Parser)]
#[command(name = "mixlens-cli", version, after_long_help = AFTER)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures files and prints what was found.
    Analyze(Analyze),
    /// Compares a mix with references, at equal loudness.
    Compare(Compare),
}

/// Measures files and prints what was found.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct Analyze {
    /// Audio files; `-` is standard input.
    ///
    /// The content decides what a file is, whatever its name says.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Prints JSON instead of tables: one document per file and line.
    ///
    /// A document is {"file", "report", "verdict"}, or {"file", "failure", "message", "advice"} for a file that was refused, or
    /// {"file", "io_error", "message", "advice"} for one that could not be read.
    #[arg(long)]
    pub(crate) json: bool,
    /// What the table judges a file as; `auto` decides by its loudness and peaks. JSON holds both receipts.
    #[arg(long, value_enum, default_value_t = StageChoice::Auto)]
    pub(crate) stage: StageChoice,
    #[command(flatten)]
    pub(crate) reading: ReadOptions,
    /// Colours in tables; `auto` means on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// Compares a mix with references, at equal loudness.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// The mix.
    pub(crate) mix: PathBuf,
    /// Finished music to compare it with. From two on, only what lies outside of all of them stands out.
    #[arg(required = true, value_name = "REFERENCE")]
    pub(crate) references: Vec<PathBuf>,
    /// Prints JSON instead of a table: {"mix", "references", "comparison"}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadOptions,
}

/// How files are read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadOptions {
    /// Refuses files that are longer.
    #[arg(long, value_name = "MINUTES", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub(crate) max_minutes: u32,
    /// Threads for one file: with 2 the meters run beside the decoder. The report is the same.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=2))]
    pub(crate) threads: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageChoice {
    Auto,
    Mix,
    Master,
}

impl StageChoice {
    pub(crate) const fn stage(self) -> Option<Stage> {
        match self {
            Self::Auto => None,
            Self::Mix => Some(Stage::Mix),
            Self::Master => Some(Stage::Master),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

const AFTER: &str = "\
What is measured:
  Loudness      integrated, short-term and momentary (ITU-R BS.1770-5, EBU Tech 3341),
                loudness range (EBU Tech 3342), integrated loudness below 16 kHz
  Peaks         sample peak; true peak at 4x (BS.1770-5, Annex 2) and at 8x; the ten worst places;
                clipped runs, DC offset
  Dynamics      peak to loudness, peak to short-term loudness, crest factor, DR
  Spectrum      seven bands from 20 Hz to 20 kHz, 1/3 and 1/6 octave, levels over time, tilt
  Stereo        correlation, width, balance and what is lost in mono: over all, by frequency, over time
  Signal        silence at the ends, quietest parts, hum, bits in use, steep cut-off, channels
  Parts         where the sound changes, each with its loudness and bands
  Verdict       a score of 100 less the rows of a receipt, as a mix and as a master
  Tables show the main figures; --json holds all of them.
  One channel is measured as it plays on two loudspeakers (3 LU more than a single one).

What is read:
  WAV, RF64, BW64 and Wave64 (8 to 32 bit, 32 and 64 bit float, A-law, u-law, ADPCM), AIFF and AIFC,
  CAF, FLAC, ALAC, MP3, AAC-LC (M4A, ADTS), Vorbis and Opus in Ogg;
  1 to 8 channels, 8 to 384 kHz, at least 0.4 s.
  A file that is cut short is measured as far as it goes, with a note.

Exit codes:
  0  every file was measured
  1  a file was refused: it is no audio, damaged, silent, too short or too long
  2  the arguments make no sense
  3  a file could not be read, or the result not be written

Environment:
  NO_COLOR      not empty: no colours in tables

Examples:
  mixlens-cli analyze mix.wav
  mixlens-cli analyze --json *.flac | jq -r '[.file, .report.loudness.integrated_lufs.value] | @tsv'
  mixlens-cli compare mix.wav hero-1.flac hero-2.flac
  ffmpeg -i video.mp4 -f wav - | mixlens-cli analyze -";
