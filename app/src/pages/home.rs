//! The public first page: what it finds, where, and why to believe it; the demo; what an account costs and what becomes of audio.
//! Nothing that is not true yet.

use leptos::prelude::*;
use leptos_meta::Title;
use model::{analysis::AnalysisView, format::AudioFormat, plan::Limits};

use super::{
    report::verdict::{Fixes, Judged, ScorePanel},
    shared::Preview,
};
use crate::{
    charts::WaveformChart,
    format, paths,
    request_context::RequestContext,
    ui::{ButtonKind, ButtonLink},
};

/// The first page.
#[component]
pub fn Home() -> impl IntoView {
    let context = RequestContext::here();
    let free = context.backend.config.plans.free.clone();
    // Whoever comes first after a start does not wait for it.
    let sample = backend::demo::if_ready().map(|demo| demo.first_mix().clone());
    view! {
        <Title text="" />
        <Preview
            title="MixLens: what to fix in your mix, and where"
            description="Upload a mix. MixLens measures it and says what is wrong, where, by how much, and what to do about it."
        />
        <div class="wrap">
            <HomePage signed_in=context.actor.user().is_ok() free=free sample=sample />
        </div>
    }
}

/// The body of the first page.
#[component]
pub fn HomePage(
    /// Whether somebody is signed in: then the way leads to the upload.
    #[prop(optional)]
    signed_in: bool,
    /// What the free plan takes; a setting.
    free: Limits,
    /// The report that is shown; none while there is none yet.
    sample: Option<AnalysisView>,
) -> impl IntoView {
    let (href, action) = if signed_in {
        (paths::UPLOAD, "Upload a mix")
    } else {
        (paths::SIGN_UP, "Check a mix")
    };
    let kept = format::retention(free.audio_kept_hours);
    let a_month = |count: Option<u32>| match count {
        Some(count) => format!("{count} mixes a month"),
        None => "as many mixes as you like".to_owned(),
    };
    view! {
        <div class="home">
            <section class="claim">
                <h1>"What to fix in your mix, and where."</h1>
                <div class="claim__side">
                    <p class="claim__sentence">
                        "Upload a mix or a master. MixLens measures it and names what would make an engineer send it back: the place, the amount, and what to do about it."
                    </p>
                    <div class="row">
                        <ButtonLink href=href kind=ButtonKind::Primary>
                            {action}
                        </ButtonLink>
                        <ButtonLink href=paths::DEMO>"Listen to the demo"</ButtonLink>
                    </div>
                    <p class="small muted">
                        {format!("Free: {}, up to {} minutes each. No card.", a_month(free.analyses_per_month), free.max_minutes)}
                    </p>
                </div>
            </section>

            {sample.map(|view| view! { <Sample view=view /> })}

            <section class="section" aria-labelledby="finds-heading">
                <div class="section__rail">
                    <h2 id="finds-heading">"What it finds"</h2>
                    <p class="small muted">
                        <a href=paths::RULES>{format!("All {} rules", analysis::rules::catalog().count())}</a>
                        ", each with its range and its price."
                    </p>
                </div>
                <dl class="measures">
                    <div>
                        <dt>"What makes a file go back"</dt>
                        <dd>"Gaps, clicks, clipping, hum, a lost or inverted channel, a cut-off end, a lossy past: each with its place in the song."</dd>
                    </div>
                    <div>
                        <dt>"Tone"</dt>
                        <dd>"Mud, boom, harshness, sibilance, a missing top: against what is usual, and against your own references at equal loudness."</dd>
                    </div>
                    <div>
                        <dt>"Loudness and dynamics"</dt>
                        <dd>"LUFS, range and true peak by ITU-R BS.1770-5 and EBU R 128, over-limiting, and what each platform will do to it."</dd>
                    </div>
                    <div>
                        <dt>"Stereo and mono"</dt>
                        <dd>"What cancels in mono and when, a low end that is too wide, one side that is louder or late."</dd>
                    </div>
                    <div>
                        <dt>"Versions"</dt>
                        <dd>"What the new mix fixed, what it made worse, and what changed in sound, at equal loudness."</dd>
                    </div>
                    <div>
                        <dt>"Listening"</dt>
                        <dd>"Every finding plays at its place. Switch between versions and references without a jump in loudness; mono, side, one band alone."</dd>
                    </div>
                </dl>
            </section>

            <section class="section" aria-labelledby="believe-heading">
                <div class="section__rail">
                    <h2 id="believe-heading">"Why believe it"</h2>
                </div>
                <div class="section__body stack">
                    <p>
                        "No black box: plain signal processing and published rules. The same file gives the same report to the last bit, and every point of the score has a row that says what it was taken for."
                    </p>
                    <p>
                        "The meters pass the test cases of EBU Tech 3341 and 3342, and how each number comes about is written down. "
                        <a href=paths::METHODOLOGY>"Methods and conformance"</a> "."
                    </p>
                    <p>
                        "We put faults into music that the rules had not seen, and publish "
                        <a href=format!("{}#how-well-the-judge-hears", paths::METHODOLOGY)>"what they hear and what they miss"</a>
                        ". " <a href=paths::DEMO>"Hear some faults for yourself"</a> "."
                    </p>
                </div>
            </section>

            <section class="section" aria-labelledby="cost-heading">
                <div class="section__rail">
                    <h2 id="cost-heading">"What it costs"</h2>
                </div>
                <div class="section__body stack">
                    <p>
                        <strong>"Nothing. "</strong>
                        {format!(
                            "An account takes {} of up to {} minutes and {}\u{a0}MB, in {}. What fails to be measured does not count.",
                            a_month(free.analyses_per_month),
                            free.max_minutes,
                            free.max_megabytes,
                            AudioFormat::list(),
                        )}
                        " Whoever needs more finds it under " <a href=paths::PRICING>"Plans"</a> "."
                    </p>
                </div>
            </section>

            <section class="promise">
                <h2>"Your unreleased song stays yours."</h2>
                <p>
                    {format!(
                        "Audio is used to measure it and for nothing else, never to train anything, and on the free plan it is deleted {kept} after the upload. The report stays until you delete it. ",
                    )} <a href=paths::PRIVACY>"Read the privacy policy"</a> "."
                </p>
                <ButtonLink href=href kind=ButtonKind::Primary>
                    {action}
                </ButtonLink>
            </section>
        </div>
    }
    .into_any()
}

/// The beginning of a report, as it is.
#[component]
fn Sample(view: AnalysisView) -> impl IntoView {
    let (Some(judged), Some(report)) = (Judged::of(&view), view.report) else {
        return ().into_any();
    };
    let breakdown = judged.breakdown().clone();
    view! {
        <section class="sample" id="sample" aria-labelledby="sample-heading">
            <div class="sample__head">
                <h2 id="sample-heading">"A report, from the top"</h2>
                <p class="small muted">
                    {format!("“{}”: a song that our own code plays, with faults put into it. ", view.summary.title)}
                    <a href=paths::DEMO>"Open all of it, and listen"</a>
                </p>
            </div>
            <div class="timeline sample__plate">
                <div class="first-fold">
                    <ScorePanel breakdown=breakdown.clone() stage=judged.stage page=paths::DEMO />
                    <Fixes breakdown=breakdown page=paths::DEMO />
                </div>
                <WaveformChart report=report marks=judged.marks() />
            </div>
        </section>
    }
    .into_any()
}
