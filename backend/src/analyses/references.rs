//! References: files that are measured to be compared with, and which of them a mix is compared with (P05).
//!
//! Comparing reads stored reports, so that a reference is good after its audio is gone. Another mix of the person's own,
//! such as an earlier version, may stand in for a reference.

use model::{
    AccountId, AnalysisId, Report, Timestamp,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary, AnalysisView},
    comparison::{ComparedTrack, TrackComparison},
    player::LoudnessOverTime,
    upload::UploadKind,
};

use super::{
    PAGE_ROWS, missing,
    store::{self, summary_columns},
};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Db, DbError, Json, Sql, Tx, row, sql},
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "comparison",
    title: "Comparisons",
    about: "Which references you compare a mix with.",
    kept: "Until you delete the mix or the reference.",
    export: rows! {
        from "comparison" where Account is "account_id = $1" in order of "reference_id"
        given { "analysis_id" Text "Mix", "reference_id" Text "Reference", "added_at" Time "Chosen" }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

/// With how many a mix is compared at a time. More would not be read, and each is a report to load.
pub const MOST_COMPARED: usize = 8;

/// The statement of those that a mix is compared with, by title, with further columns.
macro_rules! chosen {
    ($more:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            $more,
            " FROM comparison JOIN analysis ON analysis.id = reference_id
            WHERE analysis_id = $1 ORDER BY title, reference_id"
        )
    };
}

/// What a mix may be compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The analysis.
    pub summary: AnalysisSummary,
    /// Whether it is compared with already.
    pub is_chosen: bool,
}

/// A page of the person's references, newest first. `before` is the `next` of the page before it.
///
/// # Errors
/// `Invalid` on `before` where it is no key of ours.
pub async fn references(backend: &Backend, actor: &Actor, before: Option<&str>) -> Result<AnalysisPage> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let before = parsed_key(before)?;
    // Behind every id: those are hexadecimal digits.
    let before = before.map_or_else(|| "g".to_owned(), |before| before.to_string());
    let page = sql(PAGE).bind(account).bind(UploadKind::Reference).bind(before);
    let mut rows = summaries(&backend.db, page).await?;
    let more = rows.len() > PAGE_ROWS as usize;
    rows.truncate(PAGE_ROWS as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(AnalysisPage {
        rows,
        next,
        previous: None,
        looked_through: None,
    })
}

/// What the person's mix of `view` may be compared with: what is chosen first, then the newest references and mixes that
/// are measured. Reads no report.
///
/// # Errors
/// The database does not answer.
pub async fn choices(backend: &Backend, actor: &Actor, view: &AnalysisView) -> Result<Vec<Choice>> {
    const CHOSEN: &str = chosen!("");
    let (account, id) = (actor.account(Scope::ReadAnalyses)?, view.summary.id);
    let chosen: Vec<store::SummaryRow> = backend.db.all(sql(CHOSEN).bind(id)).await?;
    let mut choices: Vec<Choice> = chosen
        .into_iter()
        .map(|row| Choice {
            summary: row.summary(),
            is_chosen: true,
        })
        .collect();
    for kind in [UploadKind::Reference, UploadKind::Mix] {
        for summary in summaries(&backend.db, sql(OFFERED).bind(account).bind(kind)).await? {
            let is_new = summary.id != id && choices.iter().all(|choice| choice.summary.id != summary.id);
            if is_new && summary.duration_s.is_some() {
                choices.push(Choice {
                    summary,
                    is_chosen: false,
                });
            }
        }
    }
    Ok(choices)
}

/// Compares the mix `id` with `companions` from now on, and with nothing else; with none, not at all.
///
/// # Errors
/// `NotFound` where the mix or one of `companions` does not exist, or is somebody else's; `Invalid` on `with` where one
/// has no report, is the mix itself, or where there are more than [`MOST_COMPARED`].
pub async fn compare_with(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    companions: &[AnalysisId],
) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    check_companions(id, companions)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if state_of(tx, account, id).await? != Some(AnalysisState::Done) {
            return Err(missing());
        }
        tx.execute(sql("DELETE FROM comparison WHERE analysis_id = $1").bind(id))
            .await?;
        for companion in companions {
            match state_of(tx, account, *companion).await? {
                None => return Err(missing()),
                Some(AnalysisState::Done) => insert(tx, id, *companion, backend.now()).await?,
                Some(_) => {
                    return Err(Error::invalid("with", NO_REPORT_YET));
                }
            }
        }
        Ok(())
    })
}

/// The mix `id` beside `companions`, without storing that it is compared with them.
///
/// # Errors
/// As [`compare_with`]; `Invalid` on `with` where it is empty.
pub async fn compare(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    companions: &[AnalysisId],
) -> Result<TrackComparison> {
    check_companions(id, companions)?;
    let without_report = || Error::invalid("with", NO_REPORT_YET);
    let (_, mix) = super::measured(backend, actor, id).await?;
    let mix = mix.ok_or_else(missing)?;
    let mut tracks = Vec::new();
    for companion in companions {
        let (summary, report) = super::measured(backend, actor, *companion).await?;
        tracks.push((summary, report.ok_or_else(without_report)?));
    }
    beside(&mix, tracks).ok_or_else(|| Error::invalid("with", "Say what to compare it with."))
}

const NO_REPORT_YET: &str = "One of these has no report yet. Wait until it is measured, or choose another.";

fn check_companions(id: AnalysisId, companions: &[AnalysisId]) -> Result<()> {
    if companions.len() > MOST_COMPARED {
        return Err(Error::invalid(
            "with",
            format!("Choose at most {MOST_COMPARED}; the median of more says no more."),
        ));
    }
    if companions.contains(&id) {
        return Err(Error::invalid("with", "A mix cannot be its own reference."));
    }
    Ok(())
}

/// The report of the mix `id` beside those that it is compared with; `None` where there are none.
pub(super) async fn compared(db: &Db, id: AnalysisId, report: &Report) -> Result<Option<TrackComparison>> {
    const CHOSEN: &str = chosen!(", report");
    let chosen: Vec<WithReport> = db.all(sql(CHOSEN).bind(id)).await?;
    let tracks = chosen
        .into_iter()
        .filter_map(|row| Some((row.summary.summary(), row.report?.0)))
        .collect();
    Ok(beside(report, tracks))
}

/// The report of a mix beside other tracks; `None` where there are none.
fn beside(mix: &Report, tracks: Vec<(AnalysisSummary, Report)>) -> Option<TrackComparison> {
    if tracks.is_empty() {
        return None;
    }
    let reports: Vec<&Report> = tracks.iter().map(|(_, report)| report).collect();
    let comparison = analysis::comparison::compare(mix, &reports);
    let with = tracks
        .into_iter()
        .map(|(summary, report)| ComparedTrack {
            id: summary.id,
            kind: summary.kind,
            title: summary.title,
            duration_s: report.file.duration_s,
            integrated_lufs: report.loudness.integrated_lufs.value(),
            audio: summary.audio,
            loudness: LoudnessOverTime::new(&report.loudness.short_term_lufs),
            waveform: report.waveform,
        })
        .collect();
    Some(TrackComparison { with, comparison })
}

/// The reports of the references that a mix is compared with, by title; its own versions are none.
pub(crate) async fn reference_reports(db: &Db, id: AnalysisId) -> Result<Vec<Report>> {
    const CHOSEN: &str = chosen!(", report");
    let chosen: Vec<WithReport> = db.all(sql(CHOSEN).bind(id)).await?;
    Ok(chosen
        .into_iter()
        .map(|row| (row.summary.summary().kind, row.report))
        .filter(|(kind, _)| *kind == UploadKind::Reference)
        .filter_map(|(_, report)| report.map(|Json(report)| report))
        .collect())
}

row! {
    /// A summary with its report, which the history leaves out.
    struct WithReport {
        summary: store::SummaryRow,
        report: Option<Json<Report>>,
    }
}

/// The newest analyses of the account $1 that are for $2. How many is part of the statement: for a number that it is not told,
/// PostgreSQL plans again each time.
macro_rules! newest {
    ($further:literal, $rows:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            " FROM analysis WHERE account_id = $1 AND kind = $2",
            $further,
            " ORDER BY id DESC LIMIT ",
            $rows
        )
    };
}

/// A page and one more, before $3.
const PAGE: &str = newest!(" AND id < $3", 26);
const _: () = assert!(PAGE_ROWS + 1 == 26);

/// Those of each kind that are offered to choose from, beside those that are chosen.
const OFFERED: &str = newest!("", 100);

async fn summaries(db: &Db, select: Sql) -> Result<Vec<AnalysisSummary>> {
    let rows: Vec<store::SummaryRow> = db.all(select).await?;
    Ok(rows.into_iter().map(store::SummaryRow::summary).collect())
}

/// The key of a page, which is the id of the last row before it.
fn parsed_key(before: Option<&str>) -> Result<Option<AnalysisId>> {
    before
        .map(|key| {
            key.parse()
                .map_err(|_| Error::invalid("before", "This page does not exist. Go back to the newest."))
        })
        .transpose()
}

/// Where the person's analysis stands; `None` where there is no such analysis.
async fn state_of(tx: &mut Tx, account: AccountId, id: AnalysisId) -> Result<Option<AnalysisState>, DbError> {
    const SELECT: &str = "SELECT state FROM analysis WHERE id = $1 AND account_id = $2";
    tx.scalar(sql(SELECT).bind(id).bind(account)).await
}

async fn insert(tx: &mut Tx, id: AnalysisId, companion: AnalysisId, now: Timestamp) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO comparison (analysis_id, reference_id, account_id, added_at)
        SELECT id, $2, account_id, $3 FROM analysis WHERE id = $1
        ON CONFLICT (analysis_id, reference_id) DO NOTHING";
    tx.execute(sql(INSERT).bind(id).bind(companion).bind(now)).await?;
    Ok(())
}
