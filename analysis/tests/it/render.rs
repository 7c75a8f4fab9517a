//! The corrective render from outside: what it promises, each promise a test.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::Command;

use analysis::decode::Stream;
use analysis::render::{
    Band, BandShape, Container, Dither, Levels, OutputFormat, PlanOptions, Proof, Provenance, Recipe,
    RecipeError, RenderError, RenderOptions, SampleFormat, Step, StepKind, Target, difference, origin, plan,
    plan_on, predict, render,
};
use analysis::rules::judge;
use analysis::testkit::{Encoding, Noise, Planes, amplitude, music, sine, wav};
use analysis::{AnalysisOptions, measure};
use model::Report;
use model::verdict::Stage;
use tempfile::TempDir;

use crate::ffmpeg::{decoded_by_ffmpeg, ebur128_by_ffmpeg};

const RATE: u32 = 44_100;
const WAV24: OutputFormat = OutputFormat {
    container: Container::Wav,
    samples: SampleFormat::Int24,
};
const WAV_FLOAT: OutputFormat = OutputFormat {
    container: Container::Wav,
    samples: SampleFormat::Float32,
};

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn bytes_of(file: &File) -> Vec<u8> {
    let mut file = file.try_clone().unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn samples_of(file: &File) -> Vec<Vec<f32>> {
    let mut file = file.try_clone().unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut stream = Stream::open(file).unwrap();
    let mut planes: Vec<Vec<f32>> = Vec::new();
    while stream.advance().unwrap().is_some() {
        planes.resize(stream.planes().len(), Vec::new());
        for (plane, new) in planes.iter_mut().zip(stream.planes()) {
            plane.extend_from_slice(new);
        }
    }
    planes
}

fn report_of(file: &File) -> Report {
    let mut file = file.try_clone().unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    measure(file, &AnalysisOptions::default(), &mut |_| {}).unwrap()
}

fn rendered(source: &File, recipe: &Recipe, stage: Stage) -> (File, Proof) {
    let output = tempfile::tempfile().unwrap();
    let options = RenderOptions {
        stage: Some(stage),
        ..RenderOptions::default()
    };
    let proof = render(source, recipe, &options, &output, &mut |_| {}).unwrap();
    (output, proof)
}

fn recipe(steps: Vec<Step>, output: OutputFormat, levels: Levels) -> Recipe {
    Recipe {
        steps,
        levels,
        ..Recipe::empty(output)
    }
}

fn gain(db: f64) -> Step {
    Step::Gain {
        db,
        highest_dbtp: None,
    }
}

fn limit(most_db: f64) -> Step {
    Step::Limit {
        ceiling_dbtp: -1.0,
        aim_dbtp: -1.03,
        most_db,
    }
}

fn stereo(left: Vec<f64>) -> Planes {
    vec![left.clone(), left]
}

#[test]
fn an_empty_recipe_writes_the_same_samples_in_16_24_and_float() {
    let planes = music(RATE, 2.0, 5);
    for (encoding, samples) in [
        (Encoding::Int16, SampleFormat::Int16),
        (Encoding::Int16, SampleFormat::Int24),
        (Encoding::Int24, SampleFormat::Int24),
        (Encoding::Float32, SampleFormat::Float32),
        (Encoding::Int24, SampleFormat::Float32),
    ] {
        let source = file_of(&wav(RATE, &planes, encoding));
        let output = OutputFormat {
            container: Container::Wav,
            samples,
        };
        let (result, proof) = rendered(&source, &Recipe::empty(output), Stage::Mix);
        assert_eq!(
            samples_of(&result),
            samples_of(&source),
            "{encoding:?} as {samples:?}"
        );
        assert!(proof.rolled_back.is_empty());
    }
}

#[test]
fn a_flac_holds_what_a_wav_holds_and_says_how_it_was_made() {
    let source = file_of(&wav(RATE, &music(RATE, 3.0, 8), Encoding::Int24));
    let in_flac = |samples| OutputFormat {
        container: Container::Flac,
        samples,
    };
    for samples in [SampleFormat::Int16, SampleFormat::Int24] {
        let wave = OutputFormat {
            container: Container::Wav,
            samples,
        };
        let (wave, _) = rendered(
            &source,
            &recipe(vec![gain(-2.0)], wave, Levels::AsWritten),
            Stage::Mix,
        );
        let recipe = recipe(vec![gain(-2.0)], in_flac(samples), Levels::AsWritten);
        let (flac, proof) = rendered(&source, &recipe, Stage::Mix);
        assert_eq!(samples_of(&flac), samples_of(&wave));
        assert_eq!(origin(&flac).unwrap().recipe, proof.recipe);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("result.flac");
        std::fs::write(&path, bytes_of(&flac)).unwrap();
        let by_ffmpeg = decoded_by_ffmpeg(&path, false);
        let ours = samples_of(&wave);
        assert_eq!(by_ffmpeg.len(), 2 * ours[0].len());
        assert!(
            by_ffmpeg
                .chunks(2)
                .zip(&ours[0])
                .all(|(frame, &left)| frame[0] == left)
        );
    }
}

#[test]
fn the_same_recipe_gives_the_same_bytes_and_the_file_holds_it() {
    let source = file_of(&wav(RATE, &music(RATE, 4.0, 3), Encoding::Int16));
    let bell = Step::Equalise(Band {
        shape: BandShape::Bell,
        hz: 280.0,
        q: 0.9,
        db: -2.0,
    });
    let recipe = recipe(vec![bell, gain(3.0), limit(12.0)], WAV24, Levels::Adjusted);
    let (first, proof) = rendered(&source, &recipe, Stage::Master);
    let (second, _) = rendered(&source, &recipe, Stage::Master);
    assert_eq!(bytes_of(&first), bytes_of(&second));
    let held = origin(&first).unwrap().recipe;
    assert_eq!(held, proof.recipe);
    assert_eq!(held.levels, Levels::AsWritten);
    let (replayed, _) = rendered(
        &source,
        &Recipe::from_json(&held.to_json()).unwrap(),
        Stage::Master,
    );
    assert_eq!(bytes_of(&replayed), bytes_of(&first));
    let options = RenderOptions {
        provenance: Provenance::LeftOut,
        ..RenderOptions::default()
    };
    let bare = tempfile::tempfile().unwrap();
    render(&source, &held, &options, &bare, &mut |_| {}).unwrap();
    assert_eq!(origin(&bare), None);
    assert_eq!(samples_of(&bare), samples_of(&first));
}

/// The bodies of the chunks of a plain WAV, by name.
fn chunks_of(file: &File) -> Vec<([u8; 4], Vec<u8>)> {
    let bytes = bytes_of(file);
    let mut chunks = Vec::new();
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let size = number(&bytes[at + 4..]) as usize;
        chunks.push((
            bytes[at..at + 4].try_into().unwrap(),
            bytes[at + 8..at + 8 + size].to_vec(),
        ));
        at += 8 + size + size % 2;
    }
    chunks
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// Music with a second of silence in it, and a render of that.
fn with_a_gap() -> (File, File) {
    let mut planes = music(RATE, 20.0, 6);
    for plane in &mut planes {
        plane[441_000..485_100].fill(0.0);
    }
    let source = file_of(&wav(RATE, &planes, Encoding::Int24));
    let (file, _) = rendered(
        &source,
        &recipe(vec![gain(-1.0)], WAV24, Levels::AsWritten),
        Stage::Mix,
    );
    (source, file)
}

#[test]
fn a_wav_says_where_the_findings_of_the_mix_are_as_cue_points() {
    let (source, file) = with_a_gap();
    let chunks = chunks_of(&file);
    let named = |name: [u8; 4]| {
        let of_name = chunks.iter().filter(move |(id, _)| *id == name);
        of_name.map(|(_, body)| body)
    };
    let points = named(*b"cue ").next().unwrap();
    let frames: Vec<u32> = points[4..].chunks(24).map(|point| number(&point[20..])).collect();
    assert_eq!(number(points) as usize, frames.len());
    let gap = frames.iter().position(|frame| frame.abs_diff(441_000) < 2_205);
    let gap = gap.unwrap_or_else(|| panic!("a point at the gap: {frames:?}")) as u32 + 1;
    let list = named(*b"LIST").find(|body| body.starts_with(b"adtl")).unwrap();
    let (mut at, mut name, mut region) = (4, String::new(), 0);
    while at < list.len() {
        let (id, size) = (&list[at..at + 4], number(&list[at + 4..]) as usize);
        let body = &list[at + 8..at + 8 + size];
        if number(body) == gap {
            match id {
                b"labl" => name = String::from_utf8(body[4..size - 1].to_vec()).unwrap(),
                _ => region = number(&body[4..]),
            }
        }
        at += 8 + size + size % 2;
    }
    assert!(
        name.to_lowercase().contains("gap") || name.to_lowercase().contains("drop"),
        "{name}"
    );
    assert!(region.abs_diff(44_100) < 2_205, "{region} frames");
    // Without provenance there are none.
    let bare = tempfile::tempfile().unwrap();
    let options = RenderOptions {
        provenance: Provenance::LeftOut,
        ..RenderOptions::default()
    };
    let plain = recipe(vec![gain(-1.0)], WAV24, Levels::AsWritten);
    render(&source, &plain, &options, &bare, &mut |_| {}).unwrap();
    assert!(chunks_of(&bare).iter().all(|(id, _)| id != b"cue "));
    assert_eq!(samples_of(&bare), samples_of(&file));
}

/// Prints frame, name and length of each cue point, a line each; exits with 77 where wavinfo is missing.
const CUE_READER: &str = "
import sys
try:
    import wavinfo
except ImportError:
    sys.exit(77)
cues = wavinfo.WavInfoReader(sys.argv[1]).cues
for point in cues.each_cue():
    label, _ = cues.label_and_note(point[0])
    print(point[1], cues.range(point[0]), label, sep='\\t')
";

#[test]
fn programs_of_others_read_a_wav_with_cue_points() {
    let (_, file) = with_a_gap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("render.wav");
    std::fs::write(&path, bytes_of(&file)).unwrap();
    // The chunks behind the samples are no sound to anybody.
    let planes = samples_of(&file);
    let interleaved: Vec<f32> = (0..planes[0].len())
        .flat_map(|n| [planes[0][n], planes[1][n]])
        .collect();
    assert!(decoded_by_ffmpeg(&path, false) == interleaved);
    let script = "import sys, wave; print(wave.open(sys.argv[1]).getnframes())";
    let frames = Command::new("python3").args(["-c", script]).arg(&path).output();
    if let Ok(frames) = frames {
        assert_eq!(String::from_utf8_lossy(&frames.stdout).trim(), "882000");
    }
    let read = Command::new("python3")
        .args(["-c", CUE_READER])
        .arg(&path)
        .env(
            "PYTHONPATH",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python"),
        )
        .output();
    let read = match read {
        Ok(read) if read.status.code() == Some(77) => return println!("wavinfo is not installed"),
        Ok(read) => read,
        Err(error) => return println!("python3 is not installed: {error}"),
    };
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = String::from_utf8(read.stdout).unwrap();
    let found = text.lines().any(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [frame, range, label] = columns[..] else {
            return false;
        };
        let near = |text: &str, wanted: u32| text.parse::<u32>().is_ok_and(|is| is.abs_diff(wanted) < 2_205);
        near(frame, 441_000) && near(range, 44_100) && label.to_lowercase().contains("gap")
    });
    assert!(found, "{text}");
}

#[test]
fn mix_and_render_are_equally_loud_over_a_loop_after_the_gain_of_the_player() {
    let planes = music(RATE, 40.0, 9);
    let source = file_of(&wav(RATE, &planes, Encoding::Int24));
    let shelf = Step::Equalise(Band::shelf(BandShape::LowShelf, 150.0, -3.0));
    let steps = vec![shelf, gain(5.0), limit(6.0)];
    let (result, proof) = rendered(&source, &recipe(steps, WAV24, Levels::AsWritten), Stage::Master);
    assert!(proof.limiter.as_ref().unwrap().most_db > 1.0, "it works");
    let [mix, render] = [&source, &result].map(samples_of);
    let [before, after] =
        [proof.loudness.before_over_time, proof.loudness.after_over_time].map(Option::unwrap);
    // In the quiet verse, in the loud chorus, from one into the other, short and long.
    for (from_s, until_s) in [
        (1.0, 7.0),
        (9.0, 15.5),
        (5.0, 11.0),
        (17.3, 21.3),
        (2.0, 38.0),
        (0.0, 40.0),
    ] {
        // What `PlayerState::levels` turns the render up by, less what it turns the mix up by.
        let gain_db = before.over(from_s, until_s).unwrap() - after.over(from_s, until_s).unwrap();
        let over_loop = |planes: &[Vec<f32>], gain_db: f64| {
            let cut = |seconds: f64| (seconds * f64::from(RATE)) as usize;
            let factor = amplitude(gain_db) as f32;
            let planes = planes.iter().map(|plane| {
                plane[cut(from_s)..cut(until_s)]
                    .iter()
                    .map(|x| x * factor)
                    .collect::<Vec<f32>>()
            });
            let planes: Vec<Vec<f32>> = planes.collect();
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::I).unwrap();
            meter.add_frames_planar_f32(&planes).unwrap();
            meter.loudness_global().unwrap()
        };
        let (mix, render) = (over_loop(&mix, 0.0), over_loop(&render, gain_db));
        assert!(
            (mix - render).abs() <= 0.1,
            "{from_s} to {until_s} s: {mix} and {render} LUFS"
        );
    }
}

#[test]
fn a_recipe_of_another_version_or_beyond_its_ranges_is_refused_with_the_reason() {
    let good = recipe(vec![gain(1.0)], WAV24, Levels::Adjusted).to_json();
    assert!(Recipe::from_json(&good).is_ok());
    let other = good.replace("\"version\": 1", "\"version\": 7");
    assert_eq!(Recipe::from_json(&other), Err(RecipeError::Version(7)));
    let message = |recipe: &Recipe| recipe.check().unwrap_err().to_string();
    let with = |steps: Vec<Step>| recipe(steps, WAV24, Levels::Adjusted);
    assert_eq!(
        message(&with(vec![gain(99.0)])),
        "Gain: the gain in dB is 99, outside of -40 to 30"
    );
    assert_eq!(
        message(&with(vec![limit(3.0), gain(1.0)])),
        "Gain comes before True-peak limiter"
    );
    assert!(message(&with(vec![gain(1.0), gain(1.0)])).contains("2 steps"));
    assert!(message(&with(vec![gain(f64::NAN)])).contains("NaN"));
    let float_flac = OutputFormat {
        container: Container::Flac,
        samples: SampleFormat::Float32,
    };
    assert!(message(&Recipe::empty(float_flac)).contains("FLAC"));
    let unknown = good.replace("\"db\": 1.0", "\"db\": 1.0, \"drive\": 3");
    assert!(matches!(
        Recipe::from_json(&unknown),
        Err(RecipeError::Malformed(_))
    ));
    let target = Recipe {
        target: Target::Platform {
            name: "Nobody".to_owned(),
        },
        ..with(Vec::new())
    };
    assert!(message(&target).contains("Nobody"));
    let source = file_of(&wav(RATE, &music(RATE, 1.0, 1), Encoding::Int16));
    let output = tempfile::tempfile().unwrap();
    let refused = render(&source, &target, &RenderOptions::default(), &output, &mut |_| {});
    assert!(matches!(refused, Err(RenderError::Recipe(_))));
}

/// Clicks between samples, a quarter of the rate at 45°, bursts, a low sine, limited music, a square wave.
fn adversaries() -> Vec<(&'static str, Planes)> {
    let seconds = 1.0;
    let mut noise = Noise::new(11);
    let frames = (seconds * f64::from(RATE)) as usize;
    let mut clicks = vec![0.0; frames];
    for at in (2_000..frames - 10).step_by(4_410) {
        // Half a sample off the grid, worst for any meter.
        for (offset, x) in clicks[at - 4..at + 4].iter_mut().enumerate() {
            let t = offset as f64 - 3.5;
            *x = 0.9 * (std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t);
        }
    }
    // It fades in and out: of one that begins at once ffmpeg reads the edge, 0.6 dB above the sine, whatever limits it.
    let fade = |n: usize| (n.min(frames - 1 - n) as f64 / 2_205.0).min(1.0);
    let quarter = sine(RATE, f64::from(RATE) / 4.0, 0.9, 45.0, seconds);
    let quarter = quarter.iter().enumerate().map(|(n, x)| fade(n) * x).collect();
    let bursts = (0..frames)
        .map(|n| {
            if n / 2_205 % 3 == 0 {
                0.9 * noise.white()
            } else {
                0.02 * noise.white()
            }
        })
        .collect();
    let low = sine(RATE, 40.0, 0.9, 0.0, seconds);
    let limited = music(RATE, seconds, 2)[0]
        .iter()
        .map(|x| (2.5 * x).clamp(-0.8, 0.8))
        .collect();
    let square = sine(RATE, 997.0, 1.0, 10.0, seconds)
        .iter()
        .map(|x| 0.7 * x.signum())
        .collect();
    vec![
        ("clicks", stereo(clicks)),
        ("quarter", stereo(quarter)),
        ("bursts", stereo(bursts)),
        ("low", stereo(low)),
        ("limited", stereo(limited)),
        ("square", stereo(square)),
    ]
}

/// 16 times oversampled with 64 taps under a Kaiser window: another order than the limiter's detector.
fn peak_at_16x(planes: &[Vec<f32>]) -> f64 {
    const HALF: i64 = 32;
    let bessel = |x: f64| {
        (1..40)
            .fold((1.0, 1.0), |(sum, term): (f64, f64), k| {
                let term = term * (x / 2.0 / f64::from(k)).powi(2);
                (sum + term, term)
            })
            .0
    };
    let mut highest = 0.0_f64;
    let taps: Vec<Vec<f64>> = (0..16)
        .map(|phase| {
            let taps: Vec<f64> = (-HALF + 1..=HALF)
                .map(|tap| {
                    let x = tap as f64 - f64::from(phase) / 16.0;
                    let sinc = if x.abs() < 1e-12 {
                        1.0
                    } else {
                        (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x)
                    };
                    let at = (x / HALF as f64).clamp(-1.0, 1.0);
                    sinc * bessel(8.0 * (1.0 - at * at).sqrt()) / bessel(8.0)
                })
                .collect();
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|tap| tap / sum).collect()
        })
        .collect();
    let plane = &planes[0];
    for window in plane.windows(2 * HALF as usize) {
        let loudest = window[24..40].iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        if f64::from(loudest) < 0.4 {
            continue;
        }
        for taps in &taps {
            let value: f64 = taps.iter().zip(window).map(|(tap, &x)| tap * f64::from(x)).sum();
            highest = highest.max(value.abs());
        }
    }
    20.0 * highest.log10()
}

/// In dB; the limiter takes all of it off.
const DRIVES: [f64; 5] = [0.0, 6.0, 12.0, 18.0, 24.0];
/// What a meter of others may see above a ceiling of −1 dBTP.
const HIGHEST_DBTP: f64 = -0.95;

/// The highest true peak by a 16x meter and by ffmpeg, in dBTP.
fn peaks_by_others(result: &File, folder: &TempDir) -> [f64; 2] {
    let path = folder.path().join("result.wav");
    std::fs::write(&path, bytes_of(result)).unwrap();
    let (_, by_ffmpeg) = ebur128_by_ffmpeg(&path);
    [peak_at_16x(&samples_of(result)), by_ffmpeg]
}

#[test]
fn what_is_far_over_full_scale_ends_below_the_ceiling_by_meters_of_others() {
    let folder = TempDir::new().unwrap();
    let mut limited = Vec::new();
    for (name, planes) in adversaries() {
        for drive in DRIVES {
            let driven: Planes = planes
                .iter()
                .map(|plane| plane.iter().map(|x| x * amplitude(drive)).collect())
                .collect();
            let source = file_of(&wav(RATE, &driven, Encoding::Float32));
            // Its loudness is to stay, so that the limiter takes off all that it may.
            let recipe = recipe(vec![gain(0.0), limit(24.0)], WAV24, Levels::Adjusted);
            let (result, proof) = rendered(&source, &recipe, Stage::Master);
            let [sixteen, by_ffmpeg] = peaks_by_others(&result, &folder);
            let case = format!("{name} driven by {drive} dB: {sixteen} dBTP at 16x, {by_ffmpeg} by ffmpeg");
            // Where limiting made a rule worse it was taken back, and no ceiling is promised; but nothing is clipped for it.
            let Some(ceiling) = proof.ceiling else {
                let was_over = report_of(&source)
                    .peaks
                    .sample_peak_dbfs
                    .value()
                    .is_some_and(|dbfs| dbfs > 0.01);
                assert!(!was_over || sixteen.max(by_ffmpeg) <= 0.05, "{case}");
                continue;
            };
            assert!(sixteen.max(by_ffmpeg) <= HIGHEST_DBTP, "{case}");
            assert!(ceiling.is_met, "{case}: {ceiling:?}");
            if proof
                .limiter
                .is_some_and(|limiter| limiter.most_db >= drive.min(20.0))
            {
                limited.push((name, drive));
            }
        }
    }
    let hard = limited.iter().filter(|(_, drive)| *drive == 24.0).count();
    assert!(hard >= 2, "the limiter worked on {limited:?}");
}

#[test]
fn what_whole_numbers_do_not_hold_is_lowered_or_refused_and_never_clipped() {
    let loud: Planes = music(RATE, 12.0, 9)
        .iter()
        .map(|plane| plane.iter().map(|x| 3.0 * x).collect())
        .collect();
    let source = file_of(&wav(RATE, &loud, Encoding::Float32));
    let over = report_of(&source).peaks.sample_peak_dbfs.value().unwrap();
    assert!(over > 3.0, "{over} dBFS");
    let flac = OutputFormat {
        container: Container::Flac,
        ..WAV24
    };
    for output in [WAV24, flac] {
        let (result, proof) = rendered(&source, &recipe(Vec::new(), output, Levels::Adjusted), Stage::Mix);
        let [Step::Gain { db, .. }] = proof.recipe.steps[..] else {
            panic!("{:?}", proof.recipe)
        };
        assert!((-over - 1.5..=-over).contains(&db), "{db}");
        let peak = report_of(&result).peaks.true_peak_dbtp.value().unwrap();
        assert!((-0.1..=0.0).contains(&peak), "{peak} dBTP");
        for (before, after) in loud.iter().zip(samples_of(&result)) {
            for (x, y) in before.iter().zip(after) {
                assert!((x * amplitude(db) - f64::from(y)).abs() < 1e-6);
            }
        }
        // The same once more, from what the proof holds.
        let (again, _) = rendered(&source, &proof.recipe, Stage::Mix);
        assert_eq!(bytes_of(&again), bytes_of(&result));
    }
    let as_written = recipe(vec![gain(-1.0)], WAV24, Levels::AsWritten);
    let output = tempfile::tempfile().unwrap();
    let refused = render(
        &source,
        &as_written,
        &RenderOptions::default(),
        &output,
        &mut |_| {},
    );
    let Err(RenderError::Recipe(RecipeError::Clips { over_db })) = refused else {
        panic!("{refused:?}")
    };
    assert!((over_db - (over - 1.0)).abs() < 0.01, "{over_db}");
    // Floating point holds it all.
    let (result, proof) = rendered(
        &source,
        &recipe(Vec::new(), WAV_FLOAT, Levels::Adjusted),
        Stage::Mix,
    );
    assert_eq!(
        (samples_of(&result), proof.recipe.steps.len()),
        (samples_of(&source), 0)
    );
}

#[test]
fn a_render_with_a_target_holds_the_ceiling_on_adversarial_signals_by_every_meter() {
    let folder = TempDir::new().unwrap();
    for (name, planes) in adversaries() {
        let source = file_of(&wav(RATE, &planes, Encoding::Float32));
        for drive in DRIVES {
            for samples in [SampleFormat::Int16, SampleFormat::Int24] {
                if samples == SampleFormat::Int16 && drive != 12.0 {
                    continue;
                }
                let output = OutputFormat {
                    container: Container::Wav,
                    samples,
                };
                let recipe = recipe(vec![gain(drive), limit(24.0)], output, Levels::Adjusted);
                // No gain to adjust: the target is what the drive makes of it.
                let recipe = fixed_drive(recipe, &source, drive);
                let (result, proof) = rendered(&source, &recipe, Stage::Master);
                let case = format!("{name} driven by {drive} dB as {samples:?}");
                let ceiling = proof.ceiling.unwrap_or_else(|| panic!("{case}: no ceiling"));
                assert!(ceiling.is_met, "{case}: {ceiling:?}");
                let report = report_of(&result);
                assert!(report.peaks.true_peak_dbtp.value().unwrap() <= -1.0, "{case}");
                let detail = report.detail.unwrap();
                assert!(detail.peaks.true_peak_8x_dbtp.value().unwrap() <= -1.0, "{case}");
                let crate_peak = peak_by_crate(&samples_of(&result));
                assert!(crate_peak <= -0.999, "{case}: {crate_peak} dBTP by ebur128");
                for peak in peaks_by_others(&result, &folder) {
                    assert!(peak <= HIGHEST_DBTP, "{case}: {peak} dBTP");
                }
            }
        }
    }
}

/// The recipe with a target that a gain of `drive` leads to, so that the render does not take the drive back.
fn fixed_drive(recipe: Recipe, source: &File, drive: f64) -> Recipe {
    let lufs = report_of(source).loudness.integrated_lufs.value().unwrap();
    Recipe {
        target: Target::Level {
            lufs: (lufs + drive).clamp(-36.0, -5.0),
        },
        ..recipe
    }
}

fn peak_by_crate(planes: &[Vec<f32>]) -> f64 {
    let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::TRUE_PEAK).unwrap();
    let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
    meter.add_frames_planar_f32(&planes).unwrap();
    let peak = meter.true_peak(0).unwrap().max(meter.true_peak(1).unwrap());
    20.0 * peak.log10()
}

#[test]
fn a_target_out_of_reach_is_said_with_what_is_missing() {
    let source = file_of(&wav(RATE, &music(RATE, 8.0, 4), Encoding::Int24));
    let far = Recipe {
        target: Target::Level { lufs: -6.0 },
        ..recipe(vec![gain(0.0), limit(3.0)], WAV24, Levels::Adjusted)
    };
    let (_, proof) = rendered(&source, &far, Stage::Master);
    let limiter = proof.limiter.unwrap();
    assert!(limiter.most_db <= 3.1, "{}", limiter.most_db);
    let loudness = proof.loudness;
    assert!(loudness.shortfall_lu > 0.5, "{loudness:?}");
    let missing = loudness.wanted_lufs.unwrap() - loudness.after_lufs.unwrap();
    assert!((missing - loudness.shortfall_lu).abs() < 0.01);
    let near = Recipe {
        target: Target::Level {
            lufs: loudness.before_lufs.unwrap() - 2.0,
        },
        ..far
    };
    let (_, proof) = rendered(&source, &near, Stage::Master);
    assert!((proof.loudness.after_lufs.unwrap() - proof.loudness.wanted_lufs.unwrap()).abs() < 0.1);
    assert_eq!(proof.loudness.shortfall_lu, 0.0);
}

/// Music with an offset, too much at 280 Hz, a lean and rumble.
fn faulty() -> Planes {
    let mut planes = music(RATE, 12.0, 6);
    let mut noise = Noise::new(3);
    let mut low = 0.0;
    for n in 0..planes[0].len() {
        low += 0.003 * (noise.white() - low);
        let rumble = 0.4 * low
            + 0.25 * amplitude(-12.0) * (n as f64 * 7.0 * std::f64::consts::TAU / f64::from(RATE)).sin();
        planes[0][n] = 0.5 * planes[0][n] + 0.02 + rumble;
        planes[1][n] = 0.5 * amplitude(-3.0) * planes[1][n] + 0.02 + rumble;
    }
    planes
}

#[test]
fn findings_become_steps_and_the_proof_says_what_they_did() {
    let source = file_of(&wav(RATE, &faulty(), Encoding::Int24));
    let report = report_of(&source);
    let options = PlanOptions {
        stage: Some(Stage::Mix),
        ..PlanOptions::default()
    };
    let scratch = tempfile::tempfile().unwrap();
    let plan = plan_on(&source, &report, &options, &scratch).unwrap();
    let recipe = plan.recipe();
    for kind in [StepKind::Offset, StepKind::HighPass, StepKind::Balance] {
        assert!(
            recipe.steps.iter().any(|step| step.kind() == kind),
            "{kind}: {recipe:?}"
        );
    }
    assert!(
        plan.steps
            .iter()
            .all(|step| step.in_the_mix.is_some() || step.rules.is_empty()),
        "{plan:?}"
    );
    let (_, proof) = rendered(&source, &recipe, Stage::Mix);
    assert!(proof.after.score > proof.before.score);
    let targeted: Vec<_> = proof
        .rules
        .iter()
        // What costs less than half a point is not said, and nobody asked for it.
        .filter(|rule| rule.is_targeted && rule.price_before >= 0.5)
        .collect();
    assert!(
        targeted.len() >= 3,
        "{targeted:?} {:?} {:?}",
        proof.rolled_back,
        proof.rules.iter().find(|rule| rule.rule == "signal.subsonic")
    );
    assert!(
        targeted
            .iter()
            .all(|rule| rule.outcome.as_str() == "fixed" || rule.outcome.as_str() == "improved"),
        "{targeted:?}"
    );
    assert!(
        proof
            .rules
            .iter()
            .all(|rule| rule.price_after <= rule.price_before + 0.5)
    );
    let off = proof.after.score.value() - plan.score_predicted.value();
    assert!(
        off.abs() <= 1.0,
        "{} predicted, {} measured",
        plan.score_predicted.value(),
        proof.after.score.value()
    );
    let predicted = predict(&report, &proof.recipe).breakdown(&report, Stage::Mix, &proof.recipe);
    assert_eq!(proof.predicted_score, predicted.score);
}

#[test]
fn a_step_that_makes_a_rule_worse_is_taken_back_and_named() {
    // A balance the wrong way round, beside an offset that is right.
    let source = file_of(&wav(RATE, &faulty(), Encoding::Int24));
    let steps = vec![
        Step::Offset {
            amounts: vec![0.02, 0.02],
        },
        Step::Balance { db: 6.0 },
    ];
    let (_, proof) = rendered(&source, &recipe(steps, WAV24, Levels::Adjusted), Stage::Mix);
    let kinds: Vec<StepKind> = proof.recipe.steps.iter().map(Step::kind).collect();
    assert_eq!(kinds, [StepKind::Offset]);
    assert_eq!(proof.rolled_back.len(), 1);
    assert_eq!(proof.rolled_back[0].step.kind(), StepKind::Balance);
    assert!(
        proof.rolled_back[0].rule.starts_with("stereo."),
        "{:?}",
        proof.rolled_back
    );
    assert!(proof.after.score >= proof.before.score);
}

#[test]
fn a_render_of_a_render_changes_nothing() {
    for (planes, stage) in [(faulty(), Stage::Mix), (music(RATE, 12.0, 9), Stage::Master)] {
        let loud: Planes = planes
            .iter()
            .map(|plane| plane.iter().map(|x| 1.4 * x).collect())
            .collect();
        let source = file_of(&wav(RATE, &loud, Encoding::Float32));
        let report = report_of(&source);
        let options = PlanOptions {
            stage: Some(stage),
            ..PlanOptions::default()
        };
        let first_plan = plan(&report, &options);
        let (first, proof) = rendered(&source, &first_plan.recipe(), stage);
        assert!(!proof.recipe.steps.is_empty());
        let made = origin(&first).unwrap();
        let report = report_of(&first);
        let options = PlanOptions {
            already: Some(&made.recipe),
            ..options
        };
        let second_plan = plan(&report, &options);
        let (second, proof) = rendered(&first, &second_plan.recipe(), stage);
        assert!(proof.recipe.steps.is_empty(), "{:?}", proof.recipe);
        assert_eq!(samples_of(&second), samples_of(&first));
    }
}

#[test]
fn what_a_render_only_hides_counts_as_before() {
    // Clipped, then filtered: no run of equal samples is left, and nothing is mended.
    let clipped: Planes = music(RATE, 10.0, 2)
        .iter()
        .map(|plane| plane.iter().map(|x| (3.0 * x).clamp(-1.0, 1.0)).collect())
        .collect();
    // A lower rate for a while, whose steps the filter fills.
    let mut held = music(RATE, 12.0, 2);
    for plane in &mut held {
        for samples in plane[3 * RATE as usize..9 * RATE as usize].chunks_mut(4) {
            samples.fill(samples[0]);
        }
    }
    for (planes, id) in [(clipped, "peaks.clipped"), (held, "signal.coarse_passage")] {
        let source = file_of(&wav(RATE, &planes, Encoding::Int16));
        let steps = vec![Step::HighPass { hz: 20.0, order: 2 }, gain(-5.0)];
        let (result, proof) = rendered(&source, &recipe(steps, WAV24, Levels::AsWritten), Stage::Mix);
        let hidden = judge(&report_of(&result)).mix;
        assert!(
            hidden.score > proof.after.score,
            "the file alone looks better than it is: {id}"
        );
        let rule = proof.rules.iter().find(|rule| rule.rule == id).unwrap();
        assert!(
            rule.is_kept && rule.before == rule.after && rule.price_before > 5.0,
            "{rule:?}"
        );
    }
}

#[test]
fn an_independent_reader_of_the_recipe_has_the_same_equaliser() {
    let folder = TempDir::new().unwrap();
    let mut impulse = vec![0.0; 4 * RATE as usize];
    impulse[100] = 0.9;
    let source_path = folder.path().join("impulse.wav");
    std::fs::write(&source_path, wav(RATE, &stereo(impulse), Encoding::Float32)).unwrap();
    let bell = |hz, q, db| {
        Step::Equalise(Band {
            shape: BandShape::Bell,
            hz,
            q,
            db,
        })
    };
    let steps = vec![
        Step::HighPass { hz: 25.0, order: 4 },
        bell(280.0, 0.9, -3.0),
        bell(3_100.0, 0.9, -2.2),
        bell(6_700.0, 0.8, 2.0),
        Step::Equalise(Band {
            shape: BandShape::HighShelf,
            hz: 10_000.0,
            q: std::f64::consts::FRAC_1_SQRT_2,
            db: -3.0,
        }),
        gain(-1.0),
    ];
    let recipe = Recipe {
        dither: Dither::Off,
        ..recipe(steps, WAV_FLOAT, Levels::AsWritten)
    };
    let source = File::open(&source_path).unwrap();
    let (ours, _) = rendered(&source, &recipe, Stage::Mix);
    let recipe_path = folder.path().join("recipe.json");
    std::fs::write(&recipe_path, recipe.to_json()).unwrap();
    let ours_path = folder.path().join("ours.wav");
    std::fs::write(&ours_path, bytes_of(&ours)).unwrap();
    // numpy reads the recipe and designs the filters by itself.
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/render_reader.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(&recipe_path)
        .arg(&source_path)
        .arg(&ours_path)
        .output();
    match output {
        Ok(output) if output.status.code() == Some(77) => println!("numpy is not installed"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            println!("{said}");
            assert!(output.status.success(), "{said}");
        }
        Err(error) => println!("python3 is not installed: {error}"),
    }
}

#[test]
fn the_differences_of_all_steps_sum_to_the_whole_difference() {
    let source = file_of(&wav(RATE, &faulty(), Encoding::Int24));
    let bell = Step::Equalise(Band {
        shape: BandShape::Bell,
        hz: 280.0,
        q: 0.9,
        db: -3.0,
    });
    let steps = vec![
        Step::Offset {
            amounts: vec![0.02, 0.02],
        },
        Step::HighPass { hz: 20.0, order: 2 },
        Step::Delay { channel: 0, ms: 0.31 },
        Step::LowMono { hz: 100.0 },
        bell,
        gain(10.0),
        limit(12.0),
    ];
    let recipe = Recipe {
        dither: Dither::Off,
        ..recipe(steps, WAV_FLOAT, Levels::AsWritten)
    };
    let (result, _) = rendered(&source, &recipe, Stage::Mix);
    let (before, after) = (samples_of(&source), samples_of(&result));
    let mut sum = vec![vec![0.0_f64; before[0].len()]; 2];
    for index in 0..recipe.steps.len() {
        let output = tempfile::tempfile().unwrap();
        let level = difference(&source, &recipe, index, &output).unwrap().unwrap();
        assert!((-90.0..-5.0).contains(&level), "step {index}: {level} dBFS");
        for (sum, plane) in sum.iter_mut().zip(samples_of(&output)) {
            assert_eq!(sum.len(), plane.len());
            sum.iter_mut()
                .zip(plane)
                .for_each(|(sum, x)| *sum += f64::from(x));
        }
    }
    let mut worst = 0.0_f64;
    for channel in 0..2 {
        for (n, sum) in sum[channel].iter().enumerate() {
            let whole = f64::from(before[channel][n]) - f64::from(after[channel][n]);
            worst = worst.max((whole - sum).abs());
        }
    }
    let db = 20.0 * worst.log10();
    assert!(db < -120.0, "{db} dB");
}
