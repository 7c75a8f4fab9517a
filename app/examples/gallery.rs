//! Every page and state with made-up data, as files to look at: `cargo run -p app --features ssr --example gallery`
//! writes `target/gallery/*.html` and copies `style/` beside them.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a developer's tool")]

use std::{fs, path::Path, time::Duration};

use app::{
    pages::{
        history::HistoryTable,
        home::HomePage,
        report::{FailureBody, ReportBody, RunningBody, sample_report},
        song::SongBody,
    },
    ui::{
        Badge, Button, ButtonKind, ButtonLink, Checkbox, Confirm, Dialog, DialogButton, ErrorSummary, Field,
        NavEntry, Notice, SiteFooter, SiteHeader, SkipLink, Tone,
    },
};
use leptos::prelude::*;
use model::{
    AccountId, AnalysisId, Failure, FailureCode, Reading, SongId, Timestamp,
    account::Me,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary, AnalysisView, Audio, Phase, Progress, Score},
    plan::{Limits, Plan},
    report::{AbsenceReason, Note, NoteCode},
    song::{Pair, SongMembership, SongView, Version},
    verdict::{Points, Stage, Standing, VersionComparison},
};

type Page = fn() -> AnyView;

const NOW: Timestamp = Timestamp(1_795_491_766_000);

fn main() {
    let out = Path::new("target/gallery");
    fs::create_dir_all(out).unwrap();
    for file in fs::read_dir("style").unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "css") {
            fs::copy(&file, out.join(file.file_name().unwrap())).unwrap();
        }
    }
    let pages: [(&str, Page); 11] = [
        ("home", home),
        ("report", report),
        ("report-mono", report_mono),
        ("report-long", report_long),
        ("failed", failed),
        ("running", running),
        ("history", history),
        ("history-empty", history_empty),
        ("song", song),
        ("form", form),
        ("components", components),
    ];
    for (name, page) in pages {
        let body = Owner::new().with(|| page().to_html());
        let html = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name} – MixLens</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <link rel=\"stylesheet\" href=\"main.css\"></head><body>{body}</body></html>"
        );
        fs::write(out.join(format!("{name}.html")), &html).unwrap();
        println!("{name}: {} bytes", html.len());
    }
}

fn me() -> Me {
    Me {
        id: AccountId(Default::default()),
        display_name: "Ilse Vermeer".to_owned(),
        email: "ilse@example.org".to_owned(),
        plan: Plan::Free,
    }
}

fn page(current: NavEntry, class: &'static str, body: AnyView) -> AnyView {
    view! {
        <SkipLink />
        <SiteHeader current=current me=me()>
            <input type="hidden" name="csrf" value="specimen" />
        </SiteHeader>
        <main id="main" tabindex="-1">
            <div class=class>{body}</div>
        </main>
        <SiteFooter />
    }
    .into_any()
}

/// As the defaults have it.
fn free_plan() -> Limits {
    Limits {
        audio_kept_hours: 24,
        max_minutes: 10,
        max_megabytes: 200,
        analyses_per_month: Some(10),
        references_per_month: Some(10),
        renders_per_month: Some(20),
        live_tokens: 0,
        webhook_endpoints: 0,
    }
}

fn home() -> AnyView {
    view! {
        <SkipLink />
        <SiteHeader />
        <main id="main" tabindex="-1">
            <div class="wrap">
                <HomePage free=free_plan() sample=Some(sample_report::view(NOW)) />
            </div>
        </main>
        <SiteFooter />
    }
    .into_any()
}

fn actions() -> AnyView {
    view! {
        <Confirm opener="Rename">
            <form method="post" class="stack stack--wide">
                <Field label="Title" name="title" value="Low tide (mix 7)".to_owned() maxlength=200u32 />
                <Button kind=ButtonKind::Primary>"Rename"</Button>
            </form>
        </Confirm>
        <Confirm opener="Delete" kind=ButtonKind::Danger>
            <p>"The report and the audio are deleted for good."</p>
            <form method="post">
                <Button kind=ButtonKind::Danger>"Delete this analysis"</Button>
            </form>
        </Confirm>
    }
    .into_any()
}

fn report() -> AnyView {
    page(
        NavEntry::History,
        "wrap",
        view! { <ReportBody view=sample_report::view(NOW) now=NOW actions=actions /> }.into_any(),
    )
}

fn report_mono() -> AnyView {
    let mut view = sample_report::view(NOW);
    view.summary.audio = Audio::Gone;
    view.summary.title =
        "interview_final_FINAL_v3_export_for_broadcast_2026-11-22_really-the-last-one.wav".to_owned();
    if let Some(report) = &mut view.report {
        report.file.channels = 1;
        report.file.duration_s = 41.2;
        report.file.codec = model::format::Codec::PcmFloat;
        report.file.bits_per_sample = Some(32);
        report.loudness.range_is_stable = false;
        report.loudness.integrated_lufs = Reading::new(-23.04);
        report.loudness.short_term_lufs.values.truncate(39);
        for at in [12, 13, 14, 15, 16] {
            report.loudness.short_term_lufs.values[at] = None;
        }
        report.peaks.true_peak_dbtp = Reading::new(1.84);
        report.peaks.sample_peak_dbfs = Reading::new(1.8);
        report.peaks.true_peak_at = Some(model::report::Position {
            time_s: 12.04,
            channel: 0,
        });
        let none = Reading::absent(AbsenceReason::NotStereo);
        report.stereo.correlation = none;
        report.stereo.width_db = none;
        report.stereo.mono_change_lu = none;
        report.stereo.balance_db = none;
        report.notes = vec![
            Note {
                code: NoteCode::DualMono,
                detail: None,
                time_ranges: Vec::new(),
            },
            Note {
                code: NoteCode::OverFullScale,
                detail: Some("1.8".to_owned()),
                time_ranges: Vec::new(),
            },
            Note {
                code: NoteCode::Truncated,
                detail: Some("41.2".to_owned()),
                time_ranges: Vec::new(),
            },
        ];
    }
    page(
        NavEntry::History,
        "wrap",
        view! { <ReportBody view=view now=NOW actions=actions /> }.into_any(),
    )
}

fn report_long() -> AnyView {
    let mut view = sample_report::view(NOW);
    view.summary.title = "Live at the Paradiso, whole evening".to_owned();
    view.summary.audio = Audio::Kept {
        until: NOW.plus(Duration::from_secs(29 * 86_400 + 5_000)),
    };
    if let Some(report) = &mut view.report {
        report.file.duration_s = 9_913.0;
        report.loudness.short_term_lufs.step_s = 46.6;
        report.loudness.integrated_lufs = Reading::new(-17.2);
        report.peaks.true_peak_dbtp = Reading::new(-1.2);
        report.peaks.true_peak_at = Some(model::report::Position {
            time_s: 9_870.4,
            channel: 1,
        });
    }
    page(
        NavEntry::History,
        "wrap",
        view! { <ReportBody view=view now=NOW actions=actions /> }.into_any(),
    )
}

fn unfinished(state: AnalysisState, phase: Phase, percent: u8) -> AnalysisView {
    let mut view = sample_report::view(NOW);
    view.report = None;
    view.summary.integrated_lufs = None;
    view.summary.duration_s = None;
    view.summary.progress = Progress {
        state,
        phase,
        percent,
        status_message: None,
        outcome: None,
    };
    view
}

fn failed() -> AnyView {
    let mut view = unfinished(AnalysisState::Failed, Phase::Measuring, 30);
    view.summary.failure = Some(Failure::with(FailureCode::Mislabelled, "an MP3 file"));
    page(
        NavEntry::History,
        "wrap",
        view! { <FailureBody view=view now=NOW csrf=String::new() actions=actions /> }.into_any(),
    )
}

fn running() -> AnyView {
    let mut view = unfinished(AnalysisState::Running, Phase::Measuring, 42);
    view.summary.progress.status_message =
        Some("The storage does not answer at the moment. We try again by ourselves.".into());
    page(
        NavEntry::History,
        "wrap",
        view! { <RunningBody view=view now=NOW actions=actions /> }.into_any(),
    )
}

fn row(title: &str, hours: u64) -> AnalysisSummary {
    let created_at = NOW.minus(Duration::from_secs(hours * 3600));
    AnalysisSummary {
        kind: model::upload::UploadKind::Mix,
        id: AnalysisId(Default::default()),
        title: title.to_owned(),
        created_at,
        progress: Progress {
            state: AnalysisState::Done,
            phase: Phase::Saving,
            percent: 100,
            status_message: None,
            outcome: None,
        },
        duration_s: Some(214.6),
        integrated_lufs: Some(-10.72),
        score: Some(Score {
            stage: Stage::Mix,
            is_chosen: false,
            points: Points::from_tenths(834 - i32::try_from(hours).unwrap_or(0)),
            standing: Standing::Ready,
        }),
        first_finding: None,
        song: (hours == 60).then(|| SongMembership {
            id: SongId(Default::default()),
            title: "Salt".to_owned(),
            version: 3,
        }),
        failure: None,
        audio: if hours < 24 {
            Audio::Kept {
                until: created_at.plus(Duration::from_secs(24 * 3600)),
            }
        } else {
            Audio::Gone
        },
    }
}

fn history() -> AnyView {
    let mut waiting = row("Low tide (mix 8)", 0);
    waiting.progress = Progress {
        state: AnalysisState::Queued,
        phase: Phase::Waiting,
        percent: 0,
        status_message: None,
        outcome: None,
    };
    waiting.duration_s = None;
    waiting.integrated_lufs = None;
    waiting.score = None;
    let mut running = row("Low tide (mix 8, vocal up)", 0);
    running.progress = Progress {
        state: AnalysisState::Running,
        phase: Phase::Measuring,
        percent: 42,
        status_message: None,
        outcome: None,
    };
    running.integrated_lufs = None;
    running.score = None;
    let mut failed = row("bounce 003.wav", 3);
    failed.progress.state = AnalysisState::Failed;
    failed.failure = Some(Failure::new(FailureCode::Silent));
    failed.duration_s = Some(180.0);
    failed.integrated_lufs = None;
    failed.score = None;
    let mut long = row(
        "interview_final_FINAL_v3_export_for_broadcast_2026-11-22_really-the-last-one.wav",
        30,
    );
    long.integrated_lufs = Some(-23.04);
    long.duration_s = Some(9_913.0);
    let rows = vec![
        waiting,
        running,
        row("Low tide (mix 7)", 1),
        failed,
        long,
        row("Salt", 60),
        row("Harbour lights", 90),
    ];
    let page_of = AnalysisPage {
        rows,
        next: Some("0193".to_owned()),
        previous: None,
        looked_through: None,
    };
    let body = view! {
        <div class="page-head">
            <h1>"History"</h1>
            <ButtonLink href="/upload" kind=ButtonKind::Primary>
                "Upload a mix"
            </ButtonLink>
        </div>
        <HistoryTable page=page_of now=NOW />
    };
    page(NavEntry::History, "wrap", body.into_any())
}

fn history_empty() -> AnyView {
    let body = view! {
        <div class="page-head">
            <h1>"History"</h1>
        </div>
        <HistoryTable page=AnalysisPage { rows: Vec::new(), next: None, previous: None, looked_through: None } now=NOW />
    };
    page(NavEntry::History, "wrap", body.into_any())
}

fn song() -> AnyView {
    let after = sample_report::view(NOW);
    let report_after = after.report.unwrap();
    let mut report_before = report_after.clone();
    report_before.peaks.true_peak_dbtp = Reading::new(1.4);
    report_before.loudness.integrated_lufs = Reading::new(-6.2);
    let (before, after) = (
        analysis::rules::judge(&report_before),
        analysis::rules::judge(&report_after),
    );
    let versions = [
        (712, Stage::Mix),
        (790, Stage::Mix),
        (655, Stage::Master),
        (834, Stage::Master),
    ];
    let versions = versions
        .into_iter()
        .zip(1..)
        .map(|((tenths, stage), number)| {
            let mut summary = row(&format!("Low tide (mix {number})"), u64::from(8 - number) * 20);
            summary.score = Some(Score {
                stage,
                is_chosen: false,
                points: Points::from_tenths(tenths),
                standing: Standing::Ready,
            });
            Version { number, summary }
        })
        .collect();
    let song = SongView {
        id: SongId(Default::default()),
        title: "Low tide".to_owned(),
        versions,
        pair: Some(Pair {
            before: 3,
            after: 4,
            stage: Stage::Master,
            rule_set: after.rule_set.clone(),
            is_rescored: true,
            comparison: VersionComparison::between(&before.master, &after.master),
            report_before,
            report_after,
        }),
    };
    page(
        NavEntry::History,
        "",
        view! { <SongBody song=song csrf="specimen" /> }.into_any(),
    )
}

fn form() -> AnyView {
    let errors = vec![
        (
            "email".to_owned(),
            "Enter an address such as name@example.org.".to_owned(),
        ),
        ("password".to_owned(), "Use at least 12 characters.".to_owned()),
    ];
    let body = view! {
        <div class="stack stack--wide">
            <h1>"Create an account"</h1>
            <ErrorSummary errors=errors />
            <form method="post" class="stack stack--wide" novalidate>
                <Field label="Name" name="display_name" value="Ilse".to_owned() autocomplete="name" hint="As the pages greet you." />
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value="ilse@example".to_owned()
                    autocomplete="email"
                    error="Enter an address such as name@example.org.".to_owned()
                />
                <Field
                    label="Password"
                    name="password"
                    r#type="password"
                    autocomplete="new-password"
                    hint="12 characters or more. A sentence works well."
                    error="Use at least 12 characters.".to_owned()
                />
                <Field label="Studio" name="studio" required=false />
                <Checkbox name="age" required=true>
                    "I am at least 13 years old"
                </Checkbox>
                <Checkbox name="news" hint="About once a month. You can stop it at any time.">
                    "Send me news about MixLens"
                </Checkbox>
                <Button kind=ButtonKind::Primary>"Create account"</Button>
            </form>
        </div>
    };
    page(NavEntry::Elsewhere, "wrap wrap--narrow", body.into_any())
}

fn components() -> AnyView {
    let notices = Tone::ALL
        .into_iter()
        .map(|severity| {
            view! {
                <Notice tone=severity>
                    <p>"One plain sentence that says what happened and what to do."</p>
                </Notice>
            }
        })
        .collect_view();
    let badges = Tone::ALL
        .into_iter()
        .map(|severity| view! { <Badge tone=severity>{severity.word()}</Badge> })
        .collect_view();
    let body = view! {
        <div class="stack stack--wide">
            <h1>"Components"</h1>
            <div class="row">
                <Button kind=ButtonKind::Primary>"Primary"</Button>
                <Button>"Quiet"</Button>
                <Button kind=ButtonKind::Danger>"Danger"</Button>
                <Button kind=ButtonKind::Link>"Link"</Button>
                <Button disabled=true>"Disabled"</Button>
                <DialogButton dialog="ask">"Open a dialog"</DialogButton>
            </div>
            <div class="row">{badges} <Badge>"Free"</Badge></div>
            {notices}
            <Dialog id="ask" title="Sign out everywhere?">
                <p>"Every other browser has to sign in again."</p>
                <form method="post">
                    <Button kind=ButtonKind::Primary>"Sign out everywhere"</Button>
                </form>
            </Dialog>
        </div>
    };
    page(NavEntry::Elsewhere, "wrap", body.into_any())
}
