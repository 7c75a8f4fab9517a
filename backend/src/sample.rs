//! The sample: what a test token is shown in place of its owner's analyses. A report of this engine, measured once and
//! kept beside this file (`server/tests/http/api/sample.rs` measures it), and judged by the present rules.

use std::sync::LazyLock;

use analysis::rules;
use model::{
    AnalysisId, Report, Timestamp, Verdict,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary, AnalysisView, Audio, Phase, Progress, Score},
    upload::UploadKind,
};

use crate::{Error, Result};

/// What stands for its upload where one is named.
pub const UPLOAD: &str = "sample";

/// Its title.
pub const TITLE: &str = "Sample";

/// When it was measured: 27 November 2026.
const MADE_AT: Timestamp = Timestamp(1_795_737_600_000);

/// The bytes of its file, which is not kept.
const SIZE_BYTES: u64 = 1_058_444;

const REPORT: &str = include_str!("sample/report.json");

static MEASURED: LazyLock<Option<(Report, Verdict)>> = LazyLock::new(|| {
    let report: Report = serde_json::from_str(REPORT).ok()?;
    let verdict = rules::judge(&report);
    Some((report, verdict))
});

/// Its id, the same in every installation.
#[must_use]
pub const fn id() -> AnalysisId {
    AnalysisId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_5a4d_504c))
}

/// The one analysis that there is for a test token.
///
/// # Errors
/// `NotFound` for every other id.
pub(crate) fn view(wanted: AnalysisId) -> Result<AnalysisView> {
    if wanted != id() {
        return Err(Error::not_found("sample"));
    }
    let (report, verdict) = measured()?;
    Ok(AnalysisView {
        summary: summary(report, verdict),
        file_name: "sample.wav".to_owned(),
        size_bytes: SIZE_BYTES,
        declared_format: report.file.format,
        report: Some(report.clone()),
        verdict: Some(verdict.clone()),
        earlier: Vec::new(),
        compared: None,
    })
}

/// The history of a test token.
pub(crate) fn page() -> Result<AnalysisPage> {
    let (report, verdict) = measured()?;
    Ok(AnalysisPage {
        rows: vec![summary(report, verdict)],
        next: None,
        previous: None,
        looked_through: None,
    })
}

fn measured() -> Result<&'static (Report, Verdict)> {
    MEASURED
        .as_ref()
        .ok_or_else(|| Error::internal("the sample is no report of this version"))
}

fn summary(report: &Report, verdict: &Verdict) -> AnalysisSummary {
    let stage = verdict.detected.stage;
    let breakdown = verdict.by(stage);
    AnalysisSummary {
        id: id(),
        kind: UploadKind::Mix,
        title: TITLE.to_owned(),
        created_at: MADE_AT,
        progress: Progress {
            state: AnalysisState::Done,
            phase: Phase::Saving,
            percent: 100,
            status_message: None,
            outcome: None,
        },
        duration_s: Some(report.file.duration_s),
        integrated_lufs: report.loudness.integrated_lufs.value(),
        score: Some(Score {
            stage,
            is_chosen: false,
            points: breakdown.score,
            standing: breakdown.standing(),
        }),
        first_finding: breakdown.findings.first().map(|finding| finding.title.clone()),
        song: None,
        failure: None,
        audio: Audio::Gone,
    }
}
