//! The tools: what each takes, what it answers, and the use case behind it.

use std::{sync::Arc, time::Duration};

use backend::{
    Actor, Error, Scope, analyses, renders,
    renders::{UnknownSteps, Wishes},
    uploads,
};
use model::{
    AnalysisId, ProblemCode, RenderId, Verdict,
    analysis::{AnalysisView, Work},
    history::HistoryQuery,
    routes::{Api, RateLimit},
    upload::NewUpload,
    verdict::Stage,
};
use rmcp::model::{JsonObject, Tool as Description, ToolAnnotations};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Caller,
    answers::{AnalysisList, ComparisonAnswer, Explanation, PlanAnswer, RenderAnswer, VerdictAnswer},
};
use crate::{
    api::{
        call::{parse_id, refused},
        openapi::scope_of,
        prefer::Patience,
        v1::{self, renders::CreateRender, uploads::CreateUpload, wire},
    },
    layers::limits::{self, Shared},
};

/// The longest that a call waits for the end of work; clients give up after a minute.
const LONGEST_WAIT_S: u64 = 50;

/// What there is to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    ListAnalyses,
    GetAnalysis,
    GetVerdict,
    ExplainFinding,
    CompareTracks,
    PlanRender,
    GetRender,
    GetUsage,
    StartUpload,
    AnalyzeUpload,
    StartRender,
}

/// What a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Reads,
    /// It adds something, once more with each call.
    Adds,
    /// It adds something once, however often it is called with the same arguments.
    AddsOnce,
}

/// A page of the history.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ListAnalyses {
    /// Words of the title, or of the song's.
    query: Option<String>,
    /// `done`, `running` or `failed`; all where it is left out.
    state: Option<String>,
    /// `newest`, `oldest`, `best`, `worst`, `title`, `loudest` or `quietest`.
    order: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// One analysis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneAnalysis {
    /// Its id.
    analysis: String,
}

/// One analysis, waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AwaitedAnalysis {
    /// Its id.
    analysis: String,
    /// For how many seconds to wait for its end: 0 to 50.
    #[serde(default)]
    #[schemars(range(max = LONGEST_WAIT_S))]
    wait_s: u64,
}

/// One rule of one analysis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneRule {
    /// The analysis.
    analysis: String,
    /// The rule, as the verdict names it, for example `signal.gaps`.
    rule: String,
}

/// Tracks beside each other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CompareTracks {
    /// The mix.
    analysis: String,
    /// Analyses of references, or of other mixes.
    #[schemars(length(min = 1, max = 5))]
    with: Vec<String>,
}

/// A plan for a corrective render.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanRender {
    /// The mix.
    analysis: String,
    /// What is wanted, where it is other than proposed.
    #[serde(default)]
    wishes: CreateRender,
}

/// A render, waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AwaitedRender {
    /// Its id.
    render: String,
    /// For how many seconds to wait for its end: 0 to 50.
    #[serde(default)]
    #[schemars(range(max = LONGEST_WAIT_S))]
    wait_s: u64,
}

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// An upload whose bytes are there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AnalyzeUpload {
    /// The upload; with a test token `sample`.
    upload: String,
    /// For how many seconds to wait for the end of the analysis: 0 to 50.
    #[serde(default)]
    #[schemars(range(max = LONGEST_WAIT_S))]
    wait_s: u64,
}

impl Tool {
    /// All of them, in the order in which they are listed.
    pub(super) const ALL: [Self; 11] = [
        Self::ListAnalyses,
        Self::GetAnalysis,
        Self::GetVerdict,
        Self::ExplainFinding,
        Self::CompareTracks,
        Self::PlanRender,
        Self::GetRender,
        Self::GetUsage,
        Self::StartUpload,
        Self::AnalyzeUpload,
        Self::StartRender,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ListAnalyses => "list_analyses",
            Self::GetAnalysis => "get_analysis",
            Self::GetVerdict => "get_verdict",
            Self::ExplainFinding => "explain_finding",
            Self::CompareTracks => "compare_tracks",
            Self::PlanRender => "plan_render",
            Self::GetRender => "get_render",
            Self::GetUsage => "get_usage",
            Self::StartUpload => "start_upload",
            Self::AnalyzeUpload => "analyze_upload",
            Self::StartRender => "start_render",
        }
    }

    /// What a token needs for it: the scope of the operation of the API that does the same.
    pub(super) const fn scope(self) -> Scope {
        scope_of(match self {
            Self::ListAnalyses => Api::ListAnalyses,
            Self::GetAnalysis => Api::GetAnalysis,
            Self::GetVerdict | Self::ExplainFinding => Api::GetVerdict,
            Self::CompareTracks => Api::GetComparison,
            Self::PlanRender => Api::GetPlan,
            Self::GetRender => Api::GetRender,
            Self::GetUsage => Api::GetUsage,
            Self::StartUpload => Api::CreateUpload,
            Self::AnalyzeUpload => Api::CreateAnalysis,
            Self::StartRender => Api::CreateRender,
        })
    }

    const fn title(self) -> &'static str {
        match self {
            Self::ListAnalyses => "List analyses",
            Self::GetAnalysis => "Look at an analysis",
            Self::GetVerdict => "What is wrong with a mix",
            Self::ExplainFinding => "Explain a finding",
            Self::CompareTracks => "Compare a mix with references",
            Self::PlanRender => "Plan a corrective render",
            Self::GetRender => "Look at a render",
            Self::GetUsage => "What is left of the plan",
            Self::StartUpload => "Begin an upload",
            Self::AnalyzeUpload => "Analyze an upload",
            Self::StartRender => "Start a corrective render",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::ListAnalyses => {
                "The measured files of the account, the newest first, 25 on a page, with their scores."
            }
            Self::GetAnalysis => {
                "Where an analysis stands, its loudness and its score. While it runs, call again or wait with wait_s."
            }
            Self::GetVerdict => {
                "What is wrong with a mix: its score, and the findings, worst first, each with its value, what is usual, its places and what to do."
            }
            Self::ExplainFinding => {
                "One rule on one mix: why it matters, what to do, all places, and what a machine could do about it. Rules that found nothing \
                 say what they measured."
            }
            Self::CompareTracks => {
                "A mix beside up to five references or other mixes, at equal loudness: what stands out, and the figures of each. Stores nothing."
            }
            Self::PlanRender => {
                "What a corrective render of a mix would do, step by step, with the score that is expected. Renders nothing and costs nothing."
            }
            Self::GetRender => {
                "Where a render stands and, when it is done, what it changed, with its score before and after."
            }
            Self::GetUsage => {
                "How many analyses and references of this month are used, and what the plan allows."
            }
            Self::StartUpload => {
                "A permission to upload one file: PUT its bytes to put.url with put.headers, for example with curl, then call analyze_upload. Files \
                 over 100 MB go in parts: GET parts_url with the token says which. Audio goes to the object store, never through this server."
            }
            Self::AnalyzeUpload => {
                "Measures and judges a file whose bytes were uploaded. Counts against the plan; called again with the same upload, it answers the same \
                 analysis. With a test token the upload `sample` stands for a stored song."
            }
            Self::StartRender => {
                "Makes the corrective render that plan_render with the same wishes describes, and a proof of what it did. Counts against the plan; \
                 the same wishes on the same mix are the same render."
            }
        }
    }

    const fn effect(self) -> Effect {
        match self {
            Self::StartUpload => Effect::Adds,
            Self::AnalyzeUpload | Self::StartRender => Effect::AddsOnce,
            Self::ListAnalyses
            | Self::GetAnalysis
            | Self::GetVerdict
            | Self::ExplainFinding
            | Self::CompareTracks
            | Self::PlanRender
            | Self::GetRender
            | Self::GetUsage => Effect::Reads,
        }
    }

    /// As `tools/list` describes it.
    pub(super) fn described(self) -> Description {
        let effect = self.effect();
        let hints = ToolAnnotations::with_title(self.title())
            .read_only(effect == Effect::Reads)
            .destructive(false)
            .idempotent(effect != Effect::Adds)
            .open_world(false);
        Description::new(self.name(), self.about(), self.takes())
            .with_title(self.title())
            .with_raw_output_schema(self.answers())
            .with_annotations(hints)
    }

    fn takes(self) -> Arc<JsonObject> {
        match self {
            Self::ListAnalyses => taken::<ListAnalyses>(),
            Self::GetAnalysis => taken::<AwaitedAnalysis>(),
            Self::GetVerdict => taken::<OneAnalysis>(),
            Self::ExplainFinding => taken::<OneRule>(),
            Self::CompareTracks => taken::<CompareTracks>(),
            Self::PlanRender | Self::StartRender => taken::<PlanRender>(),
            Self::GetRender => taken::<AwaitedRender>(),
            Self::GetUsage => taken::<Nothing>(),
            Self::StartUpload => taken::<CreateUpload>(),
            Self::AnalyzeUpload => taken::<AnalyzeUpload>(),
        }
    }

    fn answers(self) -> Arc<JsonObject> {
        match self {
            Self::ListAnalyses => answered::<AnalysisList>(),
            Self::GetAnalysis | Self::AnalyzeUpload => answered::<wire::Analysis>(),
            Self::GetVerdict => answered::<VerdictAnswer>(),
            Self::ExplainFinding => answered::<Explanation>(),
            Self::CompareTracks => answered::<ComparisonAnswer>(),
            Self::PlanRender => answered::<PlanAnswer>(),
            Self::GetRender | Self::StartRender => answered::<RenderAnswer>(),
            Self::GetUsage => answered::<wire::Usage>(),
            Self::StartUpload => answered::<wire::Upload>(),
        }
    }

    /// Calls it.
    pub(super) async fn call(self, caller: &Caller<'_>, arguments: JsonObject) -> Result<Value, Error> {
        match self {
            Self::ListAnalyses => written(caller.list_analyses(read(arguments)?).await?),
            Self::GetAnalysis => written(caller.get_analysis(read(arguments)?).await?),
            Self::GetVerdict => written(caller.get_verdict(read(arguments)?).await?),
            Self::ExplainFinding => written(caller.explain_finding(read(arguments)?).await?),
            Self::CompareTracks => written(caller.compare_tracks(read(arguments)?).await?),
            Self::PlanRender => written(caller.plan_render(read(arguments)?).await?),
            Self::GetRender => written(caller.get_render(read(arguments)?).await?),
            Self::GetUsage => {
                let Nothing {} = read(arguments)?;
                written(caller.usage().await?)
            }
            Self::StartUpload => written(caller.start_upload(read(arguments)?).await?),
            Self::AnalyzeUpload => written(caller.analyze_upload(read(arguments)?).await?),
            Self::StartRender => written(caller.start_render(read(arguments)?).await?),
        }
    }
}

/// The schema of arguments, with every type where it is used: assistants follow no references.
fn taken<T: JsonSchema>() -> Arc<JsonObject> {
    schema::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// The schema of an answer.
fn answered<T: JsonSchema>() -> Arc<JsonObject> {
    schema::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> Arc<JsonObject> {
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Arc::new(std::mem::take(schema.ensure_object()))
}

fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Error> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        Error::problem(
            ProblemCode::Invalid,
            format!("These are not the arguments of this tool: {error}."),
        )
    })
}

fn written(answer: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(Error::internal)
}

impl Caller<'_> {
    fn base_url(&self) -> &str {
        &self.site.backend.config.base_url
    }

    async fn list_analyses(&self, asked: ListAnalyses) -> Result<AnalysisList, Error> {
        let pairs = [
            ("q", asked.query.as_deref()),
            ("state", asked.state.as_deref()),
            ("order", asked.order.as_deref()),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query = HistoryQuery::of(pairs).map_err(|name| {
            refused(
                name,
                "This argument has no such value. The schema of the tool lists them.",
            )
        })?;
        let page = analyses::list(&self.site.backend, &self.actor, &query, asked.after.as_deref()).await?;
        Ok(AnalysisList::of(page, self.base_url()))
    }

    async fn get_analysis(&self, asked: AwaitedAnalysis) -> Result<wire::Analysis, Error> {
        let id = parse_id(&asked.analysis, "analysis")?;
        self.awaited(&self.actor, id, asked.wait_s).await
    }

    async fn awaited(&self, actor: &Actor, id: AnalysisId, wait_s: u64) -> Result<wire::Analysis, Error> {
        let backend = &self.site.backend;
        patience(wait_s)
            .spent_on(backend, actor, Work::Analysis(id))
            .await?;
        let view = analyses::view(backend, actor, id).await?;
        Ok(wire::Analysis::of(view.summary, self.base_url()))
    }

    async fn get_verdict(&self, asked: OneAnalysis) -> Result<VerdictAnswer, Error> {
        let view = self.view(&asked.analysis).await?;
        let (stage, verdict) = judged(&view)?;
        Ok(VerdictAnswer::of(&view, stage, verdict, self.base_url()))
    }

    async fn explain_finding(&self, asked: OneRule) -> Result<Explanation, Error> {
        let view = self.view(&asked.analysis).await?;
        let (stage, verdict) = judged(&view)?;
        let (id, breakdown) = (view.summary.id, verdict.by(stage));
        if let Some(finding) = breakdown.finding(&asked.rule) {
            return Ok(Explanation::of_finding(finding, id, self.base_url()));
        }
        if let Some(passed) = breakdown.passed(&asked.rule) {
            return Ok(Explanation::of_passed(passed, id, self.base_url()));
        }
        Err(if breakdown.not_applicable.contains(&asked.rule) {
            Error::problem(
                ProblemCode::Conflict,
                "This file gives the rule no value to look at.",
            )
        } else {
            Error::problem(
                ProblemCode::NotFound,
                "There is no such rule. get_verdict names those of the findings, and /rules lists all.",
            )
        })
    }

    async fn compare_tracks(&self, asked: CompareTracks) -> Result<ComparisonAnswer, Error> {
        let id = parse_id(&asked.analysis, "analysis")?;
        let with: Vec<AnalysisId> = asked
            .with
            .iter()
            .map(|id| parse_id(id, "analysis"))
            .collect::<Result<_, _>>()?;
        let compared = analyses::compare(&self.site.backend, &self.actor, id, &with).await?;
        Ok(ComparisonAnswer::from(compared))
    }

    async fn plan_render(&self, asked: PlanRender) -> Result<PlanAnswer, Error> {
        let (id, wishes) = wished(&asked)?;
        let plan = renders::plan(&self.site.backend, &self.actor, id, &wishes).await?;
        Ok(PlanAnswer::of(plan, id, self.base_url()))
    }

    async fn get_render(&self, asked: AwaitedRender) -> Result<RenderAnswer, Error> {
        let (backend, id): (_, RenderId) = (&self.site.backend, parse_id(&asked.render, "render")?);
        patience(asked.wait_s)
            .spent_on(backend, &self.actor, Work::Render(id))
            .await?;
        let view = renders::view(backend, &self.actor, id).await?;
        Ok(RenderAnswer::of(view, self.base_url()))
    }

    async fn usage(&self) -> Result<wire::Usage, Error> {
        v1::usage::of(&self.site.backend, &self.actor).await
    }

    async fn start_upload(&self, file: CreateUpload) -> Result<wire::Upload, Error> {
        let backend = &self.site.backend;
        let account = self.actor.account(Scope::Upload)?;
        let (shared, limiters) = (Shared::of(self.site), &self.site.limiters);
        if let Some(wait) = limiters.wait_of_route(shared, RateLimit::Uploads, account).await {
            return Err(limits::too_many(wait));
        }
        let presigned = uploads::begin(backend, &self.actor, NewUpload::from(file)).await?;
        Ok(wire::Upload::of(presigned, self.base_url()))
    }

    async fn analyze_upload(&self, asked: AnalyzeUpload) -> Result<wire::Analysis, Error> {
        let (backend, actor) = (&self.site.backend, &self.actor);
        let id = v1::analyses::complete(backend, actor, asked.upload).await?;
        let actor = actor.shown_its_own();
        self.awaited(&actor, id, asked.wait_s).await
    }

    async fn start_render(&self, asked: PlanRender) -> Result<RenderAnswer, Error> {
        let (id, wishes) = wished(&asked)?;
        let (backend, actor) = (&self.site.backend, &self.actor);
        let render = renders::start(backend, actor, id, &wishes, UnknownSteps::Refused).await?;
        let view = renders::view(backend, &actor.shown_its_own(), render).await?;
        Ok(RenderAnswer::of(view, self.base_url()))
    }

    async fn view(&self, analysis: &str) -> Result<AnalysisView, Error> {
        let view = analyses::view(&self.site.backend, &self.actor, parse_id(analysis, "analysis")?).await?;
        if view.report.is_none() {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "There is no report yet, or there will be none. get_analysis says which, and waits for it.",
            ));
        }
        Ok(view)
    }
}

fn patience(wait_s: u64) -> Patience {
    Patience::lasting(Duration::from_secs(wait_s.min(LONGEST_WAIT_S)))
}

fn wished(asked: &PlanRender) -> Result<(AnalysisId, Wishes), Error> {
    Ok((parse_id(&asked.analysis, "analysis")?, asked.wishes.wishes()?))
}

/// The stage that the analysis counts as, and its verdict.
fn judged(view: &AnalysisView) -> Result<(Stage, &Verdict), Error> {
    view.judged().ok_or_else(|| {
        Error::problem(
            ProblemCode::Conflict,
            "A reference is measured and not judged. compare_tracks sets a mix beside it.",
        )
    })
}
