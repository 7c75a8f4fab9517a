//! The proof of a render: its steps, both values of each rule, loudness and ceiling, and the recipe to take along.

use analysis::{
    render::{Outcome, Proof, RolledBack, RuleProof, Step, describe},
    rules::anchor,
};
use backend::renders::{RecipeFormat, StepAudio, StepAudioState};
use leptos::prelude::*;
use model::{RenderId, verdict::Unit};

use crate::{
    format,
    pages::post_form::PostForm,
    paths,
    ui::{Button, ButtonKind, Notice, Tone, ToneIcon},
};

/// What a render did.
#[component]
pub fn ProofBody(
    /// The proof.
    proof: Proof,
    /// Of which render.
    id: RenderId,
    /// The steps that somebody wants to hear.
    step_audio: Vec<StepAudio>,
    /// For the forms that ask for it; none where the audio is gone.
    #[prop(optional_no_strip)]
    csrf: Option<String>,
) -> impl IntoView {
    let digest = proof
        .result
        .as_ref()
        .map(|digest| format!("SHA-256 of the file: {}", digest.file_sha256));
    view! {
        <Missed proof=proof.clone() />
        <Steps steps=proof.recipe.steps.clone() rolled_back=proof.rolled_back.clone() id=id step_audio=step_audio csrf=csrf />
        <Rules rules=proof.rules.clone() />
        <Levels proof=proof.clone() />
        <section class="stack" aria-labelledby="along-heading">
            <h2 id="along-heading">"Take it along"</h2>
            <p class="small muted">"The steps with everything that was adjusted: the same file again, or the same settings elsewhere. A WAV has the findings of the mix as cue points, which editors show."</p>
            <p class="row">
                <a href=paths::recipe(id, RecipeFormat::Words.as_str())>"In words"</a>
                <a href=paths::recipe(id, RecipeFormat::Apo.as_str())>"EqualizerAPO, REW"</a>
                <a href=paths::recipe(id, RecipeFormat::DawProject.as_str())>"DAWproject (Bitwig, Studio One, Cubase)"</a>
                <a href=paths::recipe(id, RecipeFormat::Impulse.as_str())>"Impulse response"</a>
                <a href=paths::recipe(id, RecipeFormat::Ffmpeg.as_str())>"ffmpeg"</a>
                <a href=paths::recipe(id, RecipeFormat::Json.as_str())>"Recipe (JSON)"</a>
            </p>
            <p class="small muted">
                {format!("Engine {}, rules {}; passes over the mix: {}.", proof.engine, proof.rule_set, proof.passes)}
            </p>
            {digest.map(|digest| view! { <p class="small muted render__digest">{digest}</p> })}
        </section>
    }
    .into_any()
}

/// What was asked for and could not be reached, first of all.
#[component]
fn Missed(proof: Proof) -> impl IntoView {
    let shortfall = proof.loudness.shortfall_lu;
    let quiet = (shortfall > 0.0).then(|| {
        format!(
            "The loudness that was asked for is out of reach by {}: the peaks leave no more room.",
            format::with_unit(shortfall, 1, "LU")
        )
    });
    let over = proof.ceiling.filter(|ceiling| !ceiling.is_met).map(|ceiling| {
        format!(
            "The true peak is {}, above the ceiling of {}.",
            Unit::Dbtp.display(ceiling.true_peak_dbtp),
            Unit::Dbtp.display(ceiling.ceiling_dbtp)
        )
    });
    let words: Vec<String> = quiet.into_iter().chain(over).collect();
    if words.is_empty() {
        return ().into_any();
    }
    view! {
        <Notice tone=Tone::Warn title="Not reached">
            <p>{words.join(" ")}</p>
        </Notice>
    }
    .into_any()
}

/// The way to hear a step, or what there is to hear of it.
fn hear(id: RenderId, step: u32, heard: Option<&StepAudio>, csrf: Option<String>) -> Option<AnyView> {
    let words = match heard.map(|heard| (heard.state, heard.level_dbfs)) {
        Some((StepAudioState::Making, _)) => "Being made for the player.".to_owned(),
        Some((StepAudioState::Ready, Some(level))) => {
            format!(
                "In the player: switch it off there, or hear what it took away, {} RMS.",
                Unit::Dbfs.display(level)
            )
        }
        Some((StepAudioState::Ready, None)) => "It took nothing away.".to_owned(),
        Some((StepAudioState::Failed, _)) | None => {
            let csrf = csrf?;
            return Some(
                view! {
                    <PostForm action=paths::step_audio(id) csrf=csrf class="render__hear">
                        <Button kind=ButtonKind::Link name="step" value=step.to_string()>
                            {format!("Hear step {}", step + 1)}
                        </Button>
                    </PostForm>
                }
                .into_any(),
            );
        }
    };
    Some(view! { <span class="small muted">{words}</span> }.into_any())
}

#[component]
fn Steps(
    steps: Vec<Step>,
    rolled_back: Vec<RolledBack>,
    id: RenderId,
    step_audio: Vec<StepAudio>,
    csrf: Option<String>,
) -> impl IntoView {
    let is_empty = steps.is_empty();
    let items = steps
        .into_iter()
        .zip(0_u32..)
        .map(|(step, at)| {
            let heard = step_audio.iter().find(|heard| heard.step == at);
            let can_be_heard = !matches!(step, Step::Trim(_));
            let csrf = csrf.clone().filter(|_| can_be_heard);
            view! {
                <li>
                    <strong>{step.kind().name()}</strong>
                    " "
                    <span class="num">{describe(&step)}</span>
                    " "
                    {hear(id, at, heard, csrf)}
                </li>
            }
        })
        .collect_view();
    let back = rolled_back
        .into_iter()
        .map(|back| {
            view! {
                <li>
                    <strong>{back.step.kind().name()}</strong>
                    {format!(" {}: ", describe(&back.step))}
                    <a href=format!("{}#{}", paths::RULES, anchor(&back.rule))>{back.rule.clone()}</a>
                    {format!(" went from {} to {} with it", back.unit.display(back.without), back.unit.display(back.with))}
                </li>
            }
        })
        .collect::<Vec<_>>();
    let back = (!back.is_empty()).then(|| {
        view! {
            <h3>"Taken back"</h3>
            <ul class="plan__untouched">{back}</ul>
        }
    });
    view! {
        <section class="stack" aria-labelledby="steps-heading">
            <h2 id="steps-heading">"What was done"</h2>
            {is_empty.then(|| view! { <p>"No step: the same samples as the mix."</p> })}
            <ol class="render__steps">{items}</ol>
            {back}
        </section>
    }
    .into_any()
}

/// Each rule that either side costs something, and those that a step was for, the worst outcome first.
#[component]
fn Rules(rules: Vec<RuleProof>) -> impl IntoView {
    let total = rules.len();
    let mut told: Vec<RuleProof> = rules
        .into_iter()
        .filter(|rule| rule.is_targeted || rule.price_before > 0.0 || rule.price_after > 0.0)
        .collect();
    let quiet = total - told.len();
    told.sort_by_key(|rule| match rule.outcome {
        Outcome::Worse => 0,
        Outcome::Fixed => 1,
        Outcome::Improved => 2,
        Outcome::Unchanged => 3,
    });
    let count = |outcome| told.iter().filter(|rule| rule.outcome == outcome).count();
    let summary = format!(
        "{} fixed, {} improved, {} unchanged, {} worse. {quiet} more rules cost nothing on either side.",
        count(Outcome::Fixed),
        count(Outcome::Improved),
        count(Outcome::Unchanged),
        count(Outcome::Worse),
    );
    let kept = told.iter().any(|rule| rule.is_kept).then(|| {
        view! {
            <p class="small muted">
                "† A render can hide this but not mend it, or uncover it but not have made it: the value of the mix counts."
            </p>
        }
    });
    let rows = told.into_iter().map(row).collect_view();
    view! {
        <section class="stack" aria-labelledby="rules-heading">
            <h2 id="rules-heading">"Proof, rule by rule"</h2>
            <p>{summary}</p>
            <div class="proof__frame" role="region" tabindex="0" aria-label="Both values of each rule">
                <table class="table proof">
                    <caption class="visually-hidden">"Each rule in the mix and in the render"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Rule"</th>
                            <th scope="col">"Outcome"</th>
                            <th scope="col" class="is-num">"Mix"</th>
                            <th scope="col" class="is-num">"Render"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {kept}
        </section>
    }
    .into_any()
}

fn row(rule: RuleProof) -> AnyView {
    let (tone, word) = match rule.outcome {
        Outcome::Fixed => (Tone::Ok, "Fixed"),
        Outcome::Improved => (Tone::Info, "Improved"),
        Outcome::Unchanged => (Tone::Warn, "Unchanged"),
        Outcome::Worse => (Tone::Severe, "Worse"),
    };
    // A sentence in each row would make it six lines high on a phone.
    let kept = rule.is_kept.then(|| {
        view! {
            <span aria-hidden="true">" †"</span>
            <span class="visually-hidden">" (the value of the mix counts)"</span>
        }
    });
    view! {
        <tr>
            <th scope="row">
                <a href=format!("{}#{}", paths::RULES, anchor(&rule.rule))>{rule.title}</a>
                {kept}
            </th>
            <td>
                <span class=format!("proof__outcome {}", tone.class())>
                    <ToneIcon tone=tone />
                    {word}
                </span>
            </td>
            <td class="is-num">{rule.unit.display(rule.before)}</td>
            <td class="is-num">{rule.unit.display(rule.after)}</td>
        </tr>
    }
    .into_any()
}

/// Loudness, ceiling, and the work of the limiter.
#[component]
fn Levels(proof: Proof) -> impl IntoView {
    let lufs = |value: Option<f64>| value.map_or("none".to_owned(), |lufs| Unit::Lufs.display(lufs));
    let loudness = format!(
        "Loudness {} → {}, wanted {}.",
        lufs(proof.loudness.before_lufs),
        lufs(proof.loudness.after_lufs),
        lufs(proof.loudness.wanted_lufs)
    );
    let ceiling = proof.ceiling.map(|ceiling| {
        format!(
            "True peak of the written file {} by detectors at 4, 8 and 16 times the rate; ceiling {}.",
            Unit::Dbtp.display(ceiling.true_peak_dbtp),
            Unit::Dbtp.display(ceiling.ceiling_dbtp)
        )
    });
    let limiter = proof.limiter.map(|limiter| {
        format!(
            "The limiter took off {} at most, and worked {} of the time.",
            format::with_unit(limiter.most_db, 1, "dB"),
            format::with_unit(limiter.share_percent, 1, "%")
        )
    });
    view! {
        <section class="stack" aria-labelledby="levels-heading">
            <h2 id="levels-heading">"Levels"</h2>
            <p>{loudness}</p>
            {ceiling.map(|words| view! { <p>{words}</p> })}
            {limiter.map(|words| view! { <p>{words}</p> })}
        </section>
    }
    .into_any()
}
