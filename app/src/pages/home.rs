//! The public first page: what it does, what one gets, how it goes. Nothing that is not true yet.

use leptos::prelude::*;
use leptos_meta::Title;
use model::format::AudioFormat;

use super::report::{Bridge, sample_report};
use crate::{
    charts::{LoudnessChart, SpectrumChart, WaveformChart},
    paths,
    request_context::RequestContext,
    ui::{ButtonKind, ButtonLink, Meter, Scale},
};

/// The first page.
#[component]
pub fn Home() -> impl IntoView {
    let context = RequestContext::here();
    let kept = context.backend.config.plans.free.audio_kept_hours;
    view! {
        <Title text="" />
        <div class="wrap">
            <HomePage signed_in=context.actor.user().is_ok() audio_kept_hours=kept />
        </div>
    }
}

/// The body of the first page.
#[component]
pub fn HomePage(
    /// Whether somebody is signed in: then the way leads to the upload.
    #[prop(optional)]
    signed_in: bool,
    /// How long the free plan keeps audio, in hours; a setting.
    #[prop(default = 24)]
    audio_kept_hours: u32,
) -> impl IntoView {
    let (href, action) = if signed_in {
        (paths::UPLOAD, "Upload a mix")
    } else {
        (paths::SIGN_UP, "Measure a mix")
    };
    let report = sample_report::report();
    view! {
        <div class="home">
            <section class="claim">
                <h1>"Your mix, measured."</h1>
                <div class="claim__side">
                    <p class="claim__sentence">
                        "Upload a stereo mix and read its loudness, peaks, spectrum and stereo image as a studio meter shows them: each with its unit, its scale and the place in the song."
                    </p>
                    <div class="row">
                        <ButtonLink href=href kind=ButtonKind::Primary>
                            {action}
                        </ButtonLink>
                        <a class="claim__more" href="#sample">
                            "See a report"
                        </a>
                    </div>
                </div>
                <div class="claim__ruler">
                    <Meter scale=Scale::new(-60.0, 0.0, 10.0, 1.0) value=report.loudness.integrated_lufs.value() />
                </div>
            </section>

            <section class="sample" id="sample" aria-labelledby="sample-heading">
                <div class="sample__head">
                    <h2 id="sample-heading">"What a report looks like"</h2>
                    <p class="small muted">"A made-up song, 3:34 long. The pages you get look like this."</p>
                </div>
                <div class="timeline sample__plate">
                    <WaveformChart report=report.clone() />
                    <Bridge report=report.clone() />
                    <div class="sample__pair">
                        <LoudnessChart report=report.clone() />
                        <SpectrumChart spectrum=report.spectrum />
                    </div>
                </div>
            </section>

            <section class="section" aria-labelledby="get-heading">
                <div class="section__rail">
                    <h2 id="get-heading">"What is measured"</h2>
                </div>
                <dl class="measures">
                    <div>
                        <dt>"Loudness"</dt>
                        <dd>
                            "Integrated, short-term, momentary and range by ITU-R BS.1770-5 and EBU R 128, with the curve over the song and what inaudible highs add."
                        </dd>
                    </div>
                    <div>
                        <dt>"Peaks and dynamics"</dt>
                        <dd>"True peak with its places, clipping that was turned down later, PSR over time, DR, crest factor."</dd>
                    </div>
                    <div>
                        <dt>"Spectrum"</dt>
                        <dd>"The average in sixths of an octave with its range over time, seven bands from sub to air, tilt, low end."</dd>
                    </div>
                    <div>
                        <dt>"Stereo"</dt>
                        <dd>"Correlation, width and balance by frequency and over time, and where mono loses most."</dd>
                    </div>
                    <div>
                        <dt>"Signal"</dt>
                        <dd>"Hum, offset, silence at the ends, bits in use, a steep cut-off as lossy coders leave it, lost or inverted channels."</dd>
                    </div>
                    <div>
                        <dt>"Parts"</dt>
                        <dd>"Where the sound of the song changes, each part with its own loudness and bands."</dd>
                    </div>
                </dl>
            </section>

            <section class="section" aria-labelledby="how-heading">
                <div class="section__rail">
                    <h2 id="how-heading">"How it goes"</h2>
                </div>
                <ol class="steps">
                    <li>
                        <h3>"Upload"</h3>
                        <p>{format!("{}. Straight from your browser to storage.", AudioFormat::list())}</p>
                    </li>
                    <li>
                        <h3>"Measure"</h3>
                        <p>"Plain signal processing, no guessing: the same file gives the same numbers every time."</p>
                    </li>
                    <li>
                        <h3>"Read"</h3>
                        <p>"One page with every reading, its chart and the numbers behind it. It stays in your history."</p>
                    </li>
                </ol>
            </section>

            <section class="promise">
                <h2>"Your unreleased song stays yours."</h2>
                <p>
                    {format!(
                        "Audio is used to measure it and for nothing else, never to train anything, and on the free plan it is deleted {audio_kept_hours} hours after the upload. ",
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
