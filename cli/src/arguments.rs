//! What can be asked for; `mixlens-cli --help` is made of it.

use std::path::PathBuf;

use analysis::render::StepKind;
use clap::{Parser, Subcommand, ValueEnum};
use model::verdict::Stage;

use crate::budget::FailOn;

/// Measures music mixes: the engine of MixLens on local files, without an account and without a network, but for `upload`.
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
    /// Says which corrective steps would help, without rendering.
    Plan(Plan),
    /// Renders a corrected version, measures it and proves what it did.
    Render(Render),
    /// Prints the JSON Schema of what `--json` prints, or of a recipe.
    Schema {
        /// Of what.
        of: SchemaOf,
    },
    /// Signs in to a MixLens with a token, which is asked for.
    Login(Login),
    /// Forgets the token of the last login.
    Logout,
    /// Uploads files to an account, waits, and prints their scores.
    Upload(Upload),
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A line of `analyze --json`.
    Analyze,
    /// The document of `compare --json`.
    Compare,
    /// What `plan --as recipe` prints.
    Recipe,
}

/// Signs in to a MixLens with a token, which is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The address of the site, for example https://mixlens.example.
    pub(crate) url: String,
}

/// Uploads files to an account, waits, and prints their scores.
#[derive(Debug, clap::Args)]
pub(crate) struct Upload {
    /// Audio files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// They are references: measured to compare with, and not judged.
    #[arg(long)]
    pub(crate) reference: bool,
    /// Prints the analysis of each file as the API answers it, one per line, with {"exceeded"} where files are held to something.
    #[arg(long)]
    pub(crate) json: bool,
    /// Ends with 4 where a file has a finding that is as grave, or graver.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    /// Ends with 4 where a file is not as this TOML file asks, as for analyze.
    #[arg(long, value_name = "FILE")]
    pub(crate) budget: Option<PathBuf>,
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
    /// A document is {"file", "report", "verdict"}, with {"exceeded"} where files are held to something, or {"file", "failure", "message", "advice"} for a file that was refused, or
    /// {"file", "io_error", "message", "advice"} for one that could not be read.
    #[arg(long)]
    pub(crate) json: bool,
    /// What the table judges a file as; `auto` decides by its loudness and peaks. JSON holds both receipts.
    #[arg(long, value_enum, default_value_t = StageChoice::Auto)]
    pub(crate) stage: StageChoice,
    /// Ends with 4 where a file has a finding that is as grave, or graver.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    /// Ends with 4 where a file is not as this TOML file asks: a least score, figures by their place in the report, and points of rules.
    ///
    /// score = 80
    /// figures."loudness.integrated_lufs" = { min = -15, max = -13 }
    /// figures."peaks.true_peak_dbtp" = { max = -1 }
    /// rules."tone.sibilance" = 5
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub(crate) budget: Option<PathBuf>,
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

/// Says which corrective steps would help, without rendering.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The mix or master.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) wishes: Wishes,
    /// What is printed: the plan for people, or as something else to take along.
    #[arg(long = "as", value_enum, default_value_t = PlanFormat::Table)]
    pub(crate) format: PlanFormat,
    #[command(flatten)]
    pub(crate) reading: ReadOptions,
}

/// Renders a corrected version, measures it and proves what it did.
#[derive(Debug, clap::Args)]
pub(crate) struct Render {
    /// The mix or master.
    pub(crate) file: PathBuf,
    /// Where the result goes; what is there is overwritten.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) wishes: Wishes,
    /// A recipe as `plan --as recipe` prints it, or a rendered file that holds one, in place of a plan.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Takes the recipe's gain and ceiling as they stand: the same bytes again. Nothing is adjusted or taken back.
    #[arg(long, requires = "recipe")]
    pub(crate) replay: bool,
    /// Leaves out of the file how it was made, and of a WAV the cue points at the findings.
    #[arg(long)]
    pub(crate) no_provenance: bool,
    /// Writes what each step took away beside the result, as OUT.step-1.wav and so on.
    #[arg(long)]
    pub(crate) nulls: bool,
    /// Prints the proof as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadOptions,
}

/// What the result should be.
#[derive(Debug, clap::Args)]
pub(crate) struct Wishes {
    /// `keep` for the loudness of the file, a number of LUFS, or the name of a platform (`Spotify, normal`).
    #[arg(long, default_value = "keep", allow_hyphen_values = true)]
    pub(crate) target: String,
    /// What the file is judged as; `auto` decides by its loudness and peaks.
    #[arg(long, value_enum, default_value_t = StageChoice::Auto)]
    pub(crate) stage: StageChoice,
    /// Finished music whose tone is approached, within limits; its steps are off unless switched on by --with equalise.
    #[arg(long = "reference", value_name = "FILE")]
    pub(crate) references: Vec<PathBuf>,
    /// Switches steps on that are off, by kind: repair, trim, equalise (boosts) …
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = step_kind)]
    pub(crate) with: Vec<StepKind>,
    /// Switches steps off, by kind.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = step_kind)]
    pub(crate) without: Vec<StepKind>,
    /// The most that the limiter takes off any peak, in dB.
    #[arg(long, value_name = "DB", default_value_t = 3.0)]
    pub(crate) limiting: f64,
    /// Samples of the result: 16, 24 or float; the file decides if it is not given.
    #[arg(long, value_enum)]
    pub(crate) samples: Option<Samples>,
    /// The file of the result.
    #[arg(long = "format", value_enum, default_value_t = FileFormat::Wav)]
    pub(crate) container: FileFormat,
}

fn step_kind(text: &str) -> Result<StepKind, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = StepKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("a step is one of {}", known.join(", "))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    Wav,
    Flac,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Samples {
    #[value(name = "16")]
    Int16,
    #[value(name = "24")]
    Int24,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people.
    Table,
    /// The whole plan with everything expected.
    Json,
    /// The recipe of the steps that are on, which `render --recipe` takes.
    Recipe,
    /// The steps in words, a line each.
    Words,
    /// Filters for EqualizerAPO, REW and whatever reads AutoEq.
    Apo,
    /// Filters and gain as a filter graph of ffmpeg.
    Ffmpeg,
    /// Places of the findings as labels for Audacity.
    Audacity,
    /// Places of the findings as markers and regions for Reaper.
    Reaper,
    /// Places of the findings as markers for Audition.
    Audition,
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
  3  a file could not be read, the result not be written, or the site not be reached
  4  a file is not within the budget, or has a finding that --fail-on names

Environment:
  NO_COLOR      not empty: no colours in tables
  MIXLENS_URL, MIXLENS_TOKEN
                the site and the token of upload, in place of a login

Examples:
  mixlens-cli analyze mix.wav
  mixlens-cli analyze --json *.flac | jq -r '[.file, .report.loudness.integrated_lufs.value] | @tsv'
  mixlens-cli analyze --budget release.toml --fail-on problem *.wav
  mixlens-cli upload --fail-on problem mix.wav
  mixlens-cli compare mix.wav hero-1.flac hero-2.flac
  mixlens-cli plan mix.wav
  mixlens-cli render mix.wav -o corrected.wav
  mixlens-cli render mix.wav -o again.wav --recipe corrected.wav --replay
  ffmpeg -i video.mp4 -f wav - | mixlens-cli analyze -";
