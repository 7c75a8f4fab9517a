//! What a corrective render would do: each step with a switch, its reason and what it is expected to change, before anything is
//! rendered. A plain form; where there is a script, the figures follow each change.

use analysis::{
    render::{Effect, Outcome, Plan, PlannedStep, SampleFormat, Target, Untouched, describe, export},
    rules::{anchor, platforms::PLATFORMS},
};
use backend::renders::{self, AMOUNT, KEEP, LEVEL, MarkerFormat, PlanView, Wishes};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{AnalysisId, Timestamp, analysis::AnalysisView, verdict::Points};

use super::{not_found::failed, render::list::Renders, report::TitleLine};
use crate::{
    format,
    islands::{
        live::REPLACED,
        plan_form::{FORM, PlanForm},
    },
    paths,
    request_context::{FormErrors, PageRequest, context_for},
    ui::{Button, ErrorSummary, Field, Notice, Select, Tone},
};

/// The ceilings that are offered, in dBTP.
const CEILINGS: [(&str, &str); 4] = [
    ("", "−1 dBTP, as services ask for"),
    ("-2", "−2 dBTP, room for lossy codecs"),
    ("-0.5", "−0.5 dBTP"),
    ("-0.1", "−0.1 dBTP, hardly any room"),
];

/// The plan for one mix; for its owner.
#[component]
pub fn PlanPage() -> impl IntoView {
    let (context, id) = match context_for("analysis", paths::plan) {
        Ok(context) => context,
        Err(page) => return page,
    };
    let form_errors = FormErrors::here();
    let asked = Asked::here();
    let body = Suspend::new(async move {
        let mut errors = form_errors.errors();
        // What makes no sense is said, and the plan is shown as it is proposed.
        let wishes = asked.wishes().unwrap_or_else(|error| {
            if errors.is_empty() {
                let problem = context.problem(&error);
                errors.push((problem.field.unwrap_or_default(), problem.message));
            }
            Wishes::default()
        });
        match renders::plan(&context.backend, &context.actor, id, &wishes).await {
            Ok(view) => {
                let (csrf, now) = (context.csrf.clone(), context.backend.now());
                view! { <Body view=view asked=asked csrf=csrf now=now errors=errors /> }.into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

/// The fields of the form, as the address has them.
#[derive(Debug, Clone)]
struct Asked(Vec<(String, String)>);

impl Asked {
    fn here() -> Self {
        let uri = PageRequest::here().uri;
        let query = uri.query().unwrap_or_default();
        Self(
            form_urlencoded::parse(query.as_bytes())
                .filter(|(name, value)| !name.contains('\0') && !value.contains('\0'))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    fn wishes(&self) -> Result<Wishes, backend::Error> {
        Wishes::from_fields(self.0.iter().map(|(name, value)| (&**name, &**value)))
    }

    fn value(&self, name: &str) -> String {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

#[component]
fn Body(
    view: PlanView,
    asked: Asked,
    csrf: String,
    now: Timestamp,
    errors: Vec<(String, String)>,
) -> impl IntoView {
    let PlanView {
        analysis,
        plan,
        usage,
        renders,
    } = view;
    let id = analysis.summary.id;
    let title = analysis.summary.title.clone();
    let is_there = analysis.summary.audio.kept_until(now).is_some();
    let lufs_error = errors.iter().find(|(field, _)| field == renders::LUFS);
    let lufs_error = lufs_error.map(|(_, message)| message.clone());
    let steps = steps(&plan);
    let rate = analysis
        .report
        .as_ref()
        .map_or(44_100, |report| report.file.sample_rate_hz);
    view! {
        <Title text=format!("Plan for {title}") />
        <PlanForm />
        <div class="wrap" id=REPLACED>
            <ErrorSummary errors=errors />
            <article class="report plan">
                <TitleLine
                    title=title
                    kind="Corrective render"
                    actions=move || view! { <a class="button button--small" href=paths::analysis(id)>"Back to the report"</a> }
                />
                <Expected plan=plan.clone() analysis=analysis.clone() />
                <form method="get" action=paths::plan(id) id=FORM class="plan__form" novalidate>
                    {steps}
                    <Choices asked=asked.clone() lufs_error=lufs_error lufs=loudness_of(&analysis) />
                    <div class="plan__actions">
                        <Button>"Update what is expected"</Button>
                        <button
                            class="button button--primary"
                            type="submit"
                            name="csrf"
                            value=csrf
                            formmethod="post"
                            formaction=paths::plan(id)
                            disabled=!is_there
                        >
                            "Render"
                        </button>
                        <p class="small muted">{about_start(is_there, usage.left())}</p>
                    </div>
                </form>
                <Effects effects=plan.effects.clone() />
                <OnlyInTheMix untouched=plan.untouched.clone() />
                <Renders renders=renders now=now />
                <TakenAlong plan=plan rate=rate id=id />
            </article>
        </div>
    }
    .into_any()
}

fn loudness_of(analysis: &AnalysisView) -> Option<f64> {
    analysis.report.as_ref()?.loudness.integrated_lufs.value()
}

fn about_start(is_there: bool, left: Option<u32>) -> String {
    match (is_there, left) {
        (false, _) => {
            "The audio of this mix was removed, so it cannot be rendered. The recipe below is still right; upload the mix again to render it here.".to_owned()
        }
        (true, None) => "The mix itself stays as it is.".to_owned(),
        (true, Some(0)) => "The renders of this month are used up. New ones start on the 1st (UTC).".to_owned(),
        (true, Some(1)) => "The mix itself stays as it is. One render is left this month.".to_owned(),
        (true, Some(left)) => format!("The mix itself stays as it is. {left} renders are left this month."),
    }
}

/// Score before and expected, in one line that is read out when it changes.
#[component]
fn Expected(plan: Plan, analysis: AnalysisView) -> impl IntoView {
    let lufs = plan.target.lufs().or(loudness_of(&analysis));
    let count = plan.steps.iter().filter(|step| step.is_on).count();
    let sentence = match count {
        0 => "No step is on: the render would be the same samples.".to_owned(),
        1 => "One step is on.".to_owned(),
        _ => format!("{count} steps are on."),
    };
    let loudness = lufs.map(|lufs| format!(" The result has {}.", format::with_unit(lufs, 1, "LUFS")));
    view! {
        <section class="plate plan__expected" aria-label="Expected score" role="status" data-fresh="expected">
            <p class="scores">
                <Score label="Now" points=plan.score_before />
                <span class="scores__arrow" aria-hidden="true">"→"</span>
                <Score label="Expected" points=plan.score_predicted />
            </p>
            <p>
                {sentence} {loudness} " Figures are expected from the report; the render is measured, and its page says how far they were off."
            </p>
        </section>
    }
    .into_any()
}

/// A score with what it is the score of.
#[component]
pub(super) fn Score(
    /// What it is the score of.
    label: &'static str,
    /// The score.
    points: Points,
) -> impl IntoView {
    view! {
        <span class="scores__one">
            <span class="label">{label}</span>
            " "
            <span class="reading">
                <span class="num">{points.number()}</span>
            </span>
        </span>
    }
}

fn steps(plan: &Plan) -> AnyView {
    if plan.steps.is_empty() {
        return view! {
            <Notice tone=Tone::Ok title="Nothing to correct">
                <p>"There is nothing that a render would do better than the mix. A target for the loudness can still be chosen."</p>
            </Notice>
        }
        .into_any();
    }
    let items = renders::names(&plan.steps)
        .into_iter()
        .zip(plan.steps.clone())
        .map(|(name, planned)| step(name, planned))
        .collect_view();
    view! {
        <section aria-labelledby="steps-heading" class="stack">
            <h2 id="steps-heading">"Steps"</h2>
            <p class="small muted">
                "In this order, each on what the steps before leave. Every band goes to the edge of what is usual and no further. Not done here: multiband compression, exciters, separation into stems."
            </p>
            <ol class="plan-steps">{items}</ol>
        </section>
    }
    .into_any()
}

fn step(name: String, planned: PlannedStep) -> AnyView {
    let PlannedStep {
        step,
        is_on,
        remark,
        in_the_mix,
        rules,
        effects,
        points,
    } = planned;
    let switch = format!("field-{name}");
    // What serves no rule serves the target, and does nothing by itself.
    let for_target = rules
        .is_empty()
        .then_some("Brings the result to its loudness, and makes up for what other steps change.");
    let effects = effects
        .into_iter()
        .filter(|effect| {
            let is_told = rules.contains(&effect.rule) || effect.outcome == Outcome::Worse;
            is_told && for_target.is_none()
        })
        .map(|effect| view! { <li>{effect_line(effect)}</li> })
        .collect_view();
    let won = (points.tenths() != 0 && for_target.is_none()).then(|| {
        let sign = if points.tenths() > 0 { "+" } else { "" };
        view! { <span class="plan-steps__points num">{format!("{sign}{} points alone", points.number())}</span> }
    });
    let amount = step.amount().map(|amount| {
        let field = format!("{AMOUNT}{name}");
        let label = format!("{} ({})", amount.name, amount.unit);
        let id = format!("field-{field}");
        let (least, most) = (*amount.range.start(), *amount.range.end());
        let value = amount.shown();
        view! {
            <label class="plan-steps__amount" for=id.clone()>
                <span class="small">{label}</span>
                <input
                    class="input num"
                    type="number"
                    inputmode="decimal"
                    id=id.clone()
                    name=field
                    value=value
                    min=least.to_string()
                    max=most.to_string()
                    step=if amount.decimals == 0 { "1" } else { "0.1" }
                />
            </label>
        }
    });
    view! {
        <li class="plan-steps__step">
            <input type="hidden" name=renders::SHOWN value=name.clone() />
            <div class="check plan-steps__head">
                <input type="checkbox" id=switch.clone() name=renders::STEP value=name.clone() checked=is_on />
                <label for=switch>
                    <strong>{step.kind().name()}</strong>
                    " "
                    <span class="num" data-fresh=format!("{name}-does")>{describe(&step)}</span>
                </label>
            </div>
            {amount}
            <div class="plan-steps__about small" data-fresh=format!("{name}-about")>
                {for_target}
                {won}
                <ul>{effects}</ul>
                {remark.map(|remark| view! { <p>{remark}</p> })}
                {in_the_mix.map(|advice| view! { <p><strong>"Better in the mix: "</strong> {advice}</p> })}
            </div>
        </li>
    }
    .into_any()
}

/// `True peak: 0.3 dBTP → −1.0 dBTP, fixed`.
fn effect_line(effect: Effect) -> AnyView {
    let Effect {
        rule,
        title,
        unit,
        before,
        after,
        outcome,
    } = effect;
    view! {
        <a href=format!("{}#{}", paths::RULES, anchor(&rule))>{title}</a>
        ": "
        <span class="num">{format!("{} → {}", unit.display(before), unit.display(after))}</span>
        ", "
        {outcome.as_str()}
    }
    .into_any()
}

/// Target, ceiling and file.
#[component]
fn Choices(asked: Asked, lufs_error: Option<String>, lufs: Option<f64>) -> impl IntoView {
    let option = |value: &str, text: String| (value.to_owned(), text);
    let keep = match lufs {
        Some(lufs) => format!("That of the mix, {}", format::with_unit(lufs, 1, "LUFS")),
        None => "That of the mix".to_owned(),
    };
    let mut targets = vec![option(KEEP, keep)];
    targets.extend(PLATFORMS.iter().filter_map(|platform| {
        let lufs = platform.reference_lufs?;
        Some(option(
            platform.name,
            format!("{}, {}", platform.name, format::with_unit(lufs, 1, "LUFS")),
        ))
    }));
    targets.push(option(LEVEL, "Another one".to_owned()));
    let ceilings = CEILINGS
        .map(|(value, text)| option(value, text.to_owned()))
        .to_vec();
    let files = vec![
        option("wav", "WAV".to_owned()),
        option("flac", "FLAC, lossless and about half the size".to_owned()),
    ];
    let mut samples = vec![option("", "What fits the mix".to_owned())];
    samples.extend(SampleFormat::ALL.map(|format| {
        let words = match format {
            SampleFormat::Int16 => "16 bit, dithered",
            SampleFormat::Int24 => "24 bit",
            SampleFormat::Float32 => "32 bit float (WAV)",
        };
        option(format.as_str(), words.to_owned())
    }));
    let or = |name: &str, usual: &str| {
        let value = asked.value(name);
        if value.is_empty() { usual.to_owned() } else { value }
    };
    view! {
        <fieldset class="plan__choices">
            <legend class="label">"Target and file"</legend>
            <Select label="Loudness" name=renders::TARGET options=targets value=or(renders::TARGET, KEEP) />
            <Field
                label="Loudness of your own, in LUFS"
                name=renders::LUFS
                value=asked.value(renders::LUFS)
                error=lufs_error
                inputmode="decimal"
                required=false
            />
            <Select label="True peaks stay below" name=renders::CEILING options=ceilings value=asked.value(renders::CEILING) />
            <Select label="File" name=renders::CONTAINER options=files value=or(renders::CONTAINER, "wav") />
            <Select label="Samples" name=renders::SAMPLES options=samples value=asked.value(renders::SAMPLES) />
        </fieldset>
    }
    .into_any()
}

/// All rules that are expected to change.
#[component]
fn Effects(effects: Vec<Effect>) -> impl IntoView {
    let items = effects
        .into_iter()
        .map(|effect| view! { <li>{effect_line(effect)}</li> })
        .collect_view();
    view! {
        <details class="plate" id="effects">
            <summary>
                <h2>"All that is expected to change"</h2>
            </summary>
            <ul class="plan__effects" data-fresh="effects">{items}</ul>
        </details>
    }
    .into_any()
}

/// What no step is for.
#[component]
fn OnlyInTheMix(untouched: Vec<Untouched>) -> impl IntoView {
    if untouched.is_empty() {
        return ().into_any();
    }
    let items = untouched
        .into_iter()
        .map(|finding| {
            view! {
                <li>
                    <strong>{finding.title}</strong>
                    " "
                    <span class="num">{format::signed(-finding.points.value(), 1)}</span>
                    " "
                    {finding.action}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="stack" aria-labelledby="untouched-heading">
            <h2 id="untouched-heading">"Only in the mix"</h2>
            <p class="small muted">"A sum of all tracks does not hold what these would need."</p>
            <ul class="plan__untouched">{items}</ul>
        </section>
    }
    .into_any()
}

/// The recipe to copy, for who does it in another program.
#[component]
fn TakenAlong(plan: Plan, rate: u32, id: AnalysisId) -> impl IntoView {
    let recipe = plan.recipe();
    let is_empty = recipe.steps.is_empty();
    let target = match &recipe.target {
        Target::KeepLoudness => String::new(),
        target => target
            .lufs()
            .map(|lufs| format!("Loudness: {}\n", format::with_unit(lufs, 1, "LUFS")))
            .unwrap_or_default(),
    };
    let words = format!("{}{target}", export::table(&recipe));
    let apo = export::equalizer_apo(&recipe, rate);
    let (ffmpeg, _) = export::ffmpeg_filters(&recipe, rate);
    view! {
        <details class="plate plan__along" id="along">
            <summary>
                <h2>"Take it along"</h2>
            </summary>
            <p class="small muted">"The same steps for your own programs; a render has them with everything that it adjusted."</p>
            <div class="stack" data-fresh="along">
                {if is_empty {
                    view! { <p>"No step is on."</p> }.into_any()
                } else {
                    view! {
                        <h3>"In words"</h3>
                        <pre tabindex="0">{words}</pre>
                        <h3>"EqualizerAPO, REW"</h3>
                        <pre tabindex="0">{apo}</pre>
                        <h3>"ffmpeg"</h3>
                        <pre tabindex="0">{ffmpeg}</pre>
                    }
                        .into_any()
                }}
            </div>
            <h3>"Findings as markers"</h3>
            <p class="row">
                <a href=paths::markers(id, MarkerFormat::Audacity.as_str())>"Audacity"</a>
                <a href=paths::markers(id, MarkerFormat::Reaper.as_str())>"Reaper"</a>
                <a href=paths::markers(id, MarkerFormat::Audition.as_str())>"Audition"</a>
            </p>
        </details>
    }
    .into_any()
}
