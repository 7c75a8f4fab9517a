//! The public demo: two mixes of a song and a reference, made by the program itself and measured by the same engine as any
//! upload. They are made once in a process, when somebody first asks, and nothing of them is in the database.

use std::{io::Write as _, path::Path};

use analysis::{AnalysisOptions, measure, rules::judge};
use demo_song::{Faults, Song};
use model::{
    AnalysisId, Report, Timestamp,
    analysis::{AnalysisState, AnalysisSummary, AnalysisView, Audio, Phase, Progress, Score},
    comparison::{ComparedTrack, TrackComparison},
    demo::DemoTrack,
    format::AudioFormat,
    player::{AudioRef, LoudnessOverTime, PlayerSource, PreviewState, SourceKind},
    song::Pair,
    upload::UploadKind,
    verdict::Stage,
};
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use crate::{Error, Result, songs};

static DEMO: OnceCell<Demo> = OnceCell::const_new();

/// The recordings with what was measured of them. Judged and compared once, because the first page shows it to everybody.
#[derive(Debug)]
pub struct Demo {
    first: Mix,
    second: Mix,
    reference: Recording,
    pair: Pair,
}

/// A mix, judged as one and compared with the reference.
#[derive(Debug)]
struct Mix {
    view: AnalysisView,
    recording: Recording,
}

/// A song that was played and measured.
#[derive(Debug)]
struct Recording {
    title: &'static str,
    report: Report,
    /// A file, so that it is served like one, in ranges; it goes with the process.
    wave: NamedTempFile,
}

/// The demo. The first who asks has it made, which takes some seconds.
///
/// # Errors
/// There is no room for its files.
pub async fn get() -> Result<&'static Demo> {
    DEMO.get_or_try_init(|| async {
        let made = tokio::task::spawn_blocking(Demo::make);
        made.await.map_err(Error::internal)?
    })
    .await
}

/// The demo, where it has been made.
#[must_use]
pub fn if_ready() -> Option<&'static Demo> {
    DEMO.get()
}

impl Demo {
    fn make() -> Result<Self> {
        let reference = Recording::make(Song::Reference)?;
        let first = Mix::make(Faults::AsFirstMixed, &reference)?;
        let second = Mix::make(Faults::Mended, &reference)?;
        let pair = songs::pair(
            (1, first.recording.report.clone()),
            (2, second.recording.report.clone()),
            Some(Stage::Mix),
        );
        Ok(Self {
            first,
            second,
            reference,
            pair,
        })
    }

    const fn recording(&self, which: DemoTrack) -> &Recording {
        match which {
            DemoTrack::FirstMix => &self.first.recording,
            DemoTrack::SecondMix => &self.second.recording,
            DemoTrack::Reference => &self.reference,
        }
    }

    /// The first mix: the one with faults.
    #[must_use]
    pub const fn first_mix(&self) -> &AnalysisView {
        &self.first.view
    }

    /// The second: the same without them.
    #[must_use]
    pub const fn second_mix(&self) -> &AnalysisView {
        &self.second.view
    }

    /// What was measured of a recording.
    #[must_use]
    pub const fn report(&self, which: DemoTrack) -> &Report {
        &self.recording(which).report
    }

    /// What can be listened to beside a mix: itself, the other mix, the reference.
    #[must_use]
    pub fn sources(&self, which: DemoTrack) -> Vec<PlayerSource> {
        let other = match which {
            DemoTrack::FirstMix => DemoTrack::SecondMix,
            DemoTrack::SecondMix | DemoTrack::Reference => DemoTrack::FirstMix,
        };
        [
            (which, SourceKind::Mix),
            (other, SourceKind::Version),
            (DemoTrack::Reference, SourceKind::Reference),
        ]
        .map(|(which, kind)| {
            let recording = self.recording(which);
            PlayerSource {
                audio: AudioRef::demo(which),
                kind,
                title: recording.title.to_owned(),
                duration_s: recording.report.file.duration_s,
                integrated_lufs: recording.report.loudness.integrated_lufs.value(),
                preview_state: PreviewState::Ready,
                gain_db: 0.0,
                loudness: Some(LoudnessOverTime::new(&recording.report.loudness.short_term_lufs)),
            }
        })
        .to_vec()
    }

    /// What changed from the first mix to the second.
    #[must_use]
    pub const fn changes(&self) -> &Pair {
        &self.pair
    }

    /// The file of a recording.
    #[must_use]
    pub fn file(&self, which: DemoTrack) -> &Path {
        self.recording(which).wave.path()
    }
}

impl Mix {
    fn make(faults: Faults, reference: &Recording) -> Result<Self> {
        let recording = Recording::make(Song::Mix(faults))?;
        let (verdict, report) = (judge(&recording.report), &recording.report);
        let breakdown = verdict.by(Stage::Mix);
        let summary = AnalysisSummary {
            score: Some(Score {
                stage: Stage::Mix,
                is_chosen: true,
                points: breakdown.score,
                standing: breakdown.standing(),
            }),
            ..recording.summary()
        };
        let comparison = analysis::comparison::compare(report, &[&reference.report]);
        let view = AnalysisView {
            file_name: summary.title.clone(),
            summary,
            verdict: Some(verdict),
            earlier: Vec::new(),
            size_bytes: recording
                .wave
                .as_file()
                .metadata()
                .map_err(Error::internal)?
                .len(),
            declared_format: AudioFormat::Wav,
            report: Some(report.clone()),
            compared: Some(TrackComparison {
                with: vec![reference.compared()],
                comparison,
            }),
        };
        Ok(Self { view, recording })
    }
}

impl Recording {
    fn make(song: Song) -> Result<Self> {
        let mut wave = tempfile::Builder::new()
            .suffix(".wav")
            .tempfile()
            .map_err(Error::internal)?;
        wave.write_all(&song.render().wave()).map_err(Error::internal)?;
        let source = wave.reopen().map_err(Error::internal)?;
        let report = measure(source, &AnalysisOptions::default(), &mut |_| {})
            .map_err(|_| Error::internal("the demo cannot be measured"))?;
        Ok(Self {
            title: song.title(),
            report,
            wave,
        })
    }

    fn summary(&self) -> AnalysisSummary {
        AnalysisSummary {
            id: AnalysisId(uuid::Uuid::nil()),
            kind: UploadKind::Mix,
            title: self.title.to_owned(),
            created_at: Timestamp(0),
            progress: Progress {
                state: AnalysisState::Done,
                phase: Phase::Saving,
                percent: 100,
                status_message: None,
                outcome: None,
            },
            duration_s: Some(self.report.file.duration_s),
            integrated_lufs: self.report.loudness.integrated_lufs.value(),
            score: None,
            first_finding: None,
            song: None,
            failure: None,
            audio: Audio::Gone,
        }
    }

    /// As a mix is compared with it.
    fn compared(&self) -> ComparedTrack {
        ComparedTrack {
            id: AnalysisId(uuid::Uuid::nil()),
            kind: UploadKind::Reference,
            title: self.title.to_owned(),
            duration_s: self.report.file.duration_s,
            integrated_lufs: self.report.loudness.integrated_lufs.value(),
            audio: Audio::Gone,
            waveform: self.report.waveform.clone(),
            loudness: LoudnessOverTime::new(&self.report.loudness.short_term_lufs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mix_is_told_its_faults_and_the_second_has_none() {
        let demo = Demo::make().unwrap();
        let of = |view: &AnalysisView| view.verdict.as_ref().unwrap().by(Stage::Mix).clone();
        let (first, second) = (of(demo.first_mix()), of(demo.second_mix()));
        let named: Vec<&str> = first
            .findings
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect();
        for rule in ["signal.inverted_passage", "signal.gaps", "peaks.clipped"] {
            assert!(named.contains(&rule), "{rule} is not among {named:?}");
        }
        assert_eq!(second.findings, [], "what was mended is gone, and nothing is new");
        assert!(first.score.value() < 60.0 && second.score.value() > 95.0);
    }
}
