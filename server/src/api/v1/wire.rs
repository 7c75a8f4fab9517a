//! What programs are answered. Types of their own, so that what pages need can change and this cannot: a member is never renamed or
//! removed within a version, and a new one has to be ignored by who does not know it.
//!
//! Moments are RFC 3339 in UTC; lengths have their unit in the name; what does not exist is left out.

mod renders;
mod shares;

use std::collections::BTreeMap;

use backend::webhooks::{Attempt, Delivery, Endpoint, FreshSecret};
use model::{
    Audience, Timestamp,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary, Audio, Phase},
    comparison::Comparison,
    paths,
    plan::{self, Limits, Plan},
    song::{SongSummary, SongView},
    upload::{PresignedPart, PresignedUpload, UploadKind, UploadParts},
    verdict::{Stage, Standing},
    webhook::{DeliveryFailure, DeliveryState, DisabledReason, EndpointState, EventObject, EventType},
};
use schemars::JsonSchema;
use serde::Serialize;

pub(in crate::api) use self::{
    renders::{Link, Proof, Render, RenderPlan},
    shares::Share,
};

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(crate) struct Page<T> {
    /// The rows.
    pub(super) data: Vec<T>,
    /// The value of the parameter that asks for the next page; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// A list that has one page.
    pub(super) fn whole(rows: impl Iterator<Item = T>) -> Self {
        Self {
            data: rows.collect(),
            next: None,
        }
    }
}

impl Page<Analysis> {
    /// A page of analyses, or of references.
    pub(super) fn of(page: AnalysisPage, base_url: &str) -> Self {
        let data = page.rows.into_iter();
        Self {
            data: data.map(|summary| Analysis::of(summary, base_url)).collect(),
            next: page.next,
        }
    }
}

/// An upload that was begun.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Upload {
    /// Names it in later requests.
    id: String,
    /// Where and how to send the bytes; left out for a large file, which goes in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    put: Option<Put>,
    /// Where to ask for the parts; left out for a file that goes as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts_url: Option<String>,
}

/// A request to send, exactly as it stands here.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Put {
    /// Where to PUT the bytes.
    url: String,
    /// Headers that are part of the signature.
    headers: BTreeMap<String, String>,
    /// When the permission ends.
    expires_at: String,
}

impl Upload {
    pub(in crate::api) fn of(presigned: PresignedUpload, base_url: &str) -> Self {
        let id = presigned.upload.to_string();
        let parts_url = presigned
            .url
            .is_none()
            .then(|| format!("{base_url}{}", paths::API_UPLOAD_PARTS.replace("{id}", &id)));
        Self {
            id,
            put: presigned.url.map(|url| Put {
                url,
                headers: presigned.headers.into_iter().collect(),
                expires_at: presigned.expires_at.rfc3339(),
            }),
            parts_url,
        }
    }

    /// One whose bytes have arrived: there is nothing to send any more.
    pub(super) const fn arrived(id: String) -> Self {
        Self {
            id,
            put: None,
            parts_url: None,
        }
    }
}

/// How far an upload in parts has come.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Parts {
    /// The bytes of the parts that have arrived.
    arrived_bytes: u64,
    /// The parts to send next; empty when all have arrived.
    next: Vec<Part>,
}

/// A piece of a file to send.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Part {
    /// Where it begins in the file, in bytes.
    offset: u64,
    /// Its length in bytes.
    length: u64,
    /// Where to PUT it.
    url: String,
    /// Headers that are part of the signature.
    headers: BTreeMap<String, String>,
}

impl From<UploadParts> for Parts {
    fn from(parts: UploadParts) -> Self {
        let part = |part: PresignedPart| Part {
            offset: part.offset,
            length: part.length,
            url: part.url,
            headers: part.headers.into_iter().collect(),
        };
        Self {
            arrived_bytes: parts.arrived_bytes,
            next: parts.next.into_iter().map(part).collect(),
        }
    }
}

/// An analysis of one file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Analysis {
    /// Its id.
    id: String,
    /// What the file is for: a mix is judged, a reference is measured.
    kind: UploadKind,
    /// The name of the file until it is renamed.
    title: String,
    /// When the upload was completed.
    created_at: String,
    /// Where it stands; `done` and `failed` are final.
    state: AnalysisState,
    /// How far the work has come; left out when the state is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    /// Why there is no report; there when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Length of the audio; there when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    /// Integrated loudness, where it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrated_lufs: Option<f64>,
    /// How it was judged; there for a mix that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    /// Which version of which song it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    song: Option<Membership>,
    /// Until when the audio is kept; left out when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_until: Option<String>,
    /// Its page, for people.
    url: String,
    /// Where its report is; there when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_url: Option<String>,
    /// Where its verdict is; there for a mix that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict_url: Option<String>,
}

/// How far the work has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Progress {
    /// What is being done.
    phase: Phase,
    /// 0 to 100, never falling.
    percent: u8,
    /// While our side is in trouble and will try again: what about.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Why a file could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Failure {
    /// The reason, to decide by.
    code: model::FailureCode,
    /// The reason in words.
    message: String,
    /// What to do.
    advice: String,
}

/// How an analysis was judged.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Score {
    /// What is left of 100 points.
    points: f64,
    /// What it was judged as.
    stage: Stage,
    /// Whether somebody said so, and not the engine.
    stage_is_chosen: bool,
    /// How the file stands, in a word.
    standing: Standing,
}

/// Which version of which song.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Membership {
    /// The song.
    id: String,
    /// Its title.
    title: String,
    /// Counted from 1 by the time of the upload.
    version: u32,
}

impl From<&model::analysis::Progress> for Progress {
    fn from(progress: &model::analysis::Progress) -> Self {
        Self {
            phase: progress.phase,
            percent: progress.percent,
            message: progress.status_message.clone(),
        }
    }
}

impl From<model::Failure> for Failure {
    fn from(failure: model::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.sentence(Audience::Website),
            advice: failure.advice(Audience::Website).to_string(),
        }
    }
}

impl Analysis {
    pub(in crate::api) fn of(summary: AnalysisSummary, base_url: &str) -> Self {
        let (state, id) = (summary.progress.state, summary.id.to_string());
        let is_done = state == AnalysisState::Done;
        // A list has three of them a row.
        let address = |path: &str| {
            let (before, after) = path.split_once("{id}").unwrap_or((path, ""));
            [base_url, before, &id, after].concat()
        };
        Self {
            kind: summary.kind,
            title: summary.title,
            created_at: summary.created_at.rfc3339(),
            state,
            progress: (!state.is_final()).then(|| Progress::from(&summary.progress)),
            failure: summary.failure.map(Failure::from),
            duration_s: summary.duration_s,
            integrated_lufs: summary.integrated_lufs,
            score: summary.score.map(|score| Score {
                points: score.points.value(),
                stage: score.stage,
                stage_is_chosen: score.is_chosen,
                standing: score.standing,
            }),
            song: summary.song.map(|song| Membership {
                id: song.id.to_string(),
                title: song.title,
                version: song.version,
            }),
            audio_until: kept_until(summary.audio),
            url: address(paths::ANALYSIS),
            report_url: is_done.then(|| address(paths::API_REPORT)),
            verdict_url: (is_done && summary.kind == UploadKind::Mix).then(|| address(paths::API_VERDICT)),
            id,
        }
    }
}

fn kept_until(audio: Audio) -> Option<String> {
    match audio {
        Audio::Kept { until } => Some(until.rfc3339()),
        Audio::Gone => None,
    }
}

/// A mix beside what it is compared with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferenceComparison")]
pub(crate) struct Compared {
    /// With what, in the order of the comparison.
    pub(super) with: Vec<Reference>,
    /// What came of it; left out where it is compared with nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
}

/// What a mix is compared with.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reference {
    /// Its analysis.
    pub(super) id: String,
    /// Whether it is a reference, or another mix.
    pub(super) kind: UploadKind,
    /// Its title.
    pub(super) title: String,
}

/// A song in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Song {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// How many versions it has.
    versions: u32,
    /// The score of the newest judged version.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_points: Option<f64>,
}

impl From<SongSummary> for Song {
    fn from(song: SongSummary) -> Self {
        Self {
            id: song.id.to_string(),
            title: song.title,
            versions: song.versions,
            latest_points: song.latest.map(|points| points.value()),
        }
    }
}

/// A song with its versions, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SongWithVersions {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Its versions, oldest first.
    versions: Vec<Analysis>,
}

impl SongWithVersions {
    pub(super) fn of(song: SongView, base_url: &str) -> Self {
        Self {
            id: song.id.to_string(),
            title: song.title,
            versions: song
                .versions
                .into_iter()
                .map(|version| Analysis::of(version.summary, base_url))
                .collect(),
        }
    }
}

/// What is used of the plan in this calendar month (UTC).
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// The plan.
    plan: Plan,
    /// When the counts start again from zero.
    resets_at: String,
    /// Mixes.
    analyses: Used,
    /// References.
    references: Used,
    /// The longest file that is measured, in minutes.
    max_minutes: u32,
    /// The largest file that is taken, in bytes.
    max_bytes: u64,
    /// How long audio is kept, in hours.
    audio_kept_hours: u32,
}

/// How many files were taken, and how many may be.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Used {
    used: u32,
    /// Left out where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<u32>,
}

impl Usage {
    pub(super) fn of(
        plan: Plan,
        limits: &Limits,
        mixes: plan::Usage,
        references: plan::Usage,
        resets_at: Timestamp,
    ) -> Self {
        Self {
            plan,
            resets_at: resets_at.rfc3339(),
            analyses: Used::from(mixes),
            references: Used::from(references),
            max_minutes: limits.max_minutes,
            max_bytes: limits.max_bytes(),
            audio_kept_hours: limits.audio_kept_hours,
        }
    }
}

/// A step on the way of an analysis, as an event of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ProgressEvent {
    /// Where it stands.
    state: AnalysisState,
    /// How far the work has come.
    progress: Progress,
}

impl From<&model::analysis::Progress> for ProgressEvent {
    fn from(progress: &model::analysis::Progress) -> Self {
        Self {
            state: progress.state,
            progress: Progress::from(progress),
        }
    }
}

/// An address that is told of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WebhookEndpoint {
    /// Its id.
    id: String,
    /// Where it is.
    url: String,
    /// What it is for, for people; may be empty.
    description: String,
    /// What it is told of.
    events: Vec<EventType>,
    /// Whether it is sent anything.
    state: EndpointState,
    /// Why we disabled it; there when we did.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<DisabledReason>,
    /// The last four characters of its secret.
    secret_hint: String,
    /// The secret, `mlwhs_…`: in the answer that made it alone, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The same as libraries of Standard Webhooks take it, `whsec_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_webhooks_secret: Option<String>,
    /// Until when the secret before the last rotation signs as well; left out when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_until: Option<String>,
    /// The first attempt that failed since one worked; left out when the last one worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// When it was made.
    created_at: String,
}

impl WebhookEndpoint {
    pub(super) fn of(endpoint: Endpoint, secret: Option<&FreshSecret>, now: Timestamp) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url.to_string(),
            description: endpoint.description,
            events: endpoint.events.0,
            state: endpoint.state,
            disabled_reason: endpoint.disabled_reason,
            secret_hint: endpoint.secret_hint,
            secret: secret.map(|secret| secret.text().to_owned()),
            standard_webhooks_secret: secret.map(FreshSecret::standard),
            previous_secret_until: endpoint
                .previous_until
                .filter(|until| *until > now)
                .map(Timestamp::rfc3339),
            failing_since: endpoint.failing_since.map(Timestamp::rfc3339),
            created_at: endpoint.created_at.rfc3339(),
        }
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WebhookDelivery {
    /// Its id.
    id: String,
    /// The id of the endpoint.
    endpoint: String,
    /// The id of the event, which the header `webhook-id` carries.
    event: String,
    /// What happened.
    #[serde(rename = "type")]
    event_type: EventType,
    /// What it happened to; left out for a ping.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<EventObject>,
    /// When it happened.
    happened_at: String,
    /// Where it stands.
    state: DeliveryState,
    /// When it is sent next; there while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    /// The requests so far, in their order.
    attempts: Vec<WebhookAttempt>,
}

/// One request to an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WebhookAttempt {
    /// When it was sent.
    at: String,
    /// How long the answer took.
    duration_ms: u64,
    /// The status of the answer, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u32>,
    /// Why it failed; left out where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<DeliveryFailure>,
    /// The first 1,024 bytes of the answer's body, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
}

impl From<(Delivery, Vec<Attempt>)> for WebhookDelivery {
    fn from((delivery, attempts): (Delivery, Vec<Attempt>)) -> Self {
        let object = delivery.object_kind.zip(delivery.object_id);
        Self {
            id: delivery.id.to_string(),
            endpoint: delivery.endpoint_id.to_string(),
            event: delivery.event_id.to_string(),
            event_type: delivery.event_type,
            object: object.map(|(kind, id)| EventObject { kind, id }),
            happened_at: delivery.happened_at.rfc3339(),
            state: delivery.state,
            next_attempt_at: delivery.next_attempt_at.map(Timestamp::rfc3339),
            attempts: attempts.into_iter().map(WebhookAttempt::from).collect(),
        }
    }
}

impl From<Attempt> for WebhookAttempt {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: attempt.started_at.rfc3339(),
            duration_ms: attempt.duration_ms,
            status: attempt.status,
            failure: attempt.failure,
            response: attempt.response,
        }
    }
}
