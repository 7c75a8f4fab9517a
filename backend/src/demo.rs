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
    player::{AudioRef, PlayerSource, PreviewState, SourceKind},
    song::Pair,
    upload::UploadKind,
    verdict::Stage,
};
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use crate::{Error, Result, songs};

static DEMO: OnceCell<Demo> = OnceCell::const_new();

/// The recordings with what was measured of them.
#[derive(Debug)]
pub struct Demo {
    tracks: [Track; 3],
    pair: Pair,
}

#[derive(Debug)]
struct Track {
    which: DemoTrack,
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
        let tracks = [
            Track::make(DemoTrack::FirstMix, Song::Mix(Faults::AsFirstMixed))?,
            Track::make(DemoTrack::SecondMix, Song::Mix(Faults::Mended))?,
            Track::make(DemoTrack::Reference, Song::Reference)?,
        ];
        let [first, second, _] = &tracks;
        let pair = songs::pair(
            (1, first.report.clone()),
            (2, second.report.clone()),
            Some(Stage::Mix),
        );
        Ok(Self { tracks, pair })
    }

    fn track(&self, which: DemoTrack) -> &Track {
        let [first, second, reference] = &self.tracks;
        match which {
            DemoTrack::FirstMix => first,
            DemoTrack::SecondMix => second,
            DemoTrack::Reference => reference,
        }
    }

    /// A mix with its report, judged as a mix and compared with the reference.
    #[must_use]
    pub fn view(&self, which: DemoTrack) -> AnalysisView {
        let track = self.track(which);
        let reference = &self.track(DemoTrack::Reference);
        let verdict = judge(&track.report);
        let summary = AnalysisSummary {
            score: Some(Score {
                stage: Stage::Mix,
                is_chosen: true,
                points: verdict.by(Stage::Mix).score,
                standing: verdict.by(Stage::Mix).standing(),
            }),
            ..track.summary()
        };
        let comparison = analysis::comparison::compare(&track.report, &[&reference.report]);
        let with = reference.summary();
        AnalysisView {
            file_name: summary.title.clone(),
            summary,
            verdict: Some(verdict),
            earlier: Vec::new(),
            size_bytes: track.wave.as_file().metadata().map_or(0, |file| file.len()),
            declared_format: AudioFormat::Wav,
            report: Some(track.report.clone()),
            compared: Some(TrackComparison {
                with: vec![ComparedTrack {
                    id: with.id,
                    kind: UploadKind::Reference,
                    title: with.title,
                    duration_s: reference.report.file.duration_s,
                    integrated_lufs: with.integrated_lufs,
                    audio: with.audio,
                }],
                comparison,
            }),
        }
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
            let track = self.track(which);
            PlayerSource {
                audio: AudioRef::demo(which),
                kind,
                title: track.title.to_owned(),
                duration_s: track.report.file.duration_s,
                integrated_lufs: track.report.loudness.integrated_lufs.value(),
                preview_state: PreviewState::Ready,
                gain_db: 0.0,
            }
        })
        .to_vec()
    }

    /// What changed from the first mix to the second.
    #[must_use]
    pub fn changes(&self) -> Pair {
        self.pair.clone()
    }

    /// The file of a recording.
    #[must_use]
    pub fn file(&self, which: DemoTrack) -> &Path {
        self.track(which).wave.path()
    }
}

impl Track {
    fn make(which: DemoTrack, song: Song) -> Result<Self> {
        let mut wave = tempfile::Builder::new()
            .suffix(".wav")
            .tempfile()
            .map_err(Error::internal)?;
        wave.write_all(&song.render().wave()).map_err(Error::internal)?;
        let source = wave.reopen().map_err(Error::internal)?;
        let report = measure(source, &AnalysisOptions::default(), &mut |_| {})
            .map_err(|_| Error::internal("the demo cannot be measured"))?;
        Ok(Self {
            which,
            title: song.title(),
            report,
            wave,
        })
    }

    fn summary(&self) -> AnalysisSummary {
        AnalysisSummary {
            id: AnalysisId(uuid::Uuid::nil()),
            kind: match self.which {
                DemoTrack::Reference => UploadKind::Reference,
                DemoTrack::FirstMix | DemoTrack::SecondMix => UploadKind::Mix,
            },
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mix_is_told_its_faults_and_the_second_has_none() {
        let demo = Demo::make().unwrap();
        let of = |which| {
            let verdict = demo.view(which).verdict.unwrap();
            verdict.by(Stage::Mix).clone()
        };
        let (first, second) = (of(DemoTrack::FirstMix), of(DemoTrack::SecondMix));
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
