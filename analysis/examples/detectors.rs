//! How many local faults are found in real music, and how many false ones: the table of docs/DETECTORS.md.
//!
//!     cargo run --example detectors -- FOLDER… > docs/DETECTORS.md
//!
//! Up to ninety seconds of every track below the folders are measured as they are, and again with faults put into them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool whose numbers reach no report"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use analysis::decode::Stream;
use analysis::meter::{Meter, MeterInput};
use model::report::{LocalFault, LocalFaultKind};

/// Seconds of each track.
const SECONDS: usize = 90;
/// Where in the track the faults of moments are, in seconds; music is sought from there on.
const FIRST_S: f64 = 4.0;
const APART_S: f64 = 4.5;

type Planes = Vec<Vec<f32>>;

struct Track {
    planes: Planes,
    input: MeterInput,
}

/// A fault with its strength, as the table names it.
struct Injected {
    row: &'static str,
    strength: usize,
    kind: LocalFaultKind,
    start_s: f64,
    end_s: f64,
}

#[derive(Default)]
struct Recall {
    found: [usize; 3],
    tried: [usize; 3],
}

fn main() {
    let mut files = Vec::new();
    for folder in std::env::args().skip(1) {
        collect(Path::new(&folder), &mut files);
    }
    files.sort();
    let (mut tracks, mut seconds) = (0_usize, 0.0);
    let mut alarms: BTreeMap<LocalFaultKind, (u64, usize)> = BTreeMap::new();
    let mut recall: BTreeMap<&'static str, Recall> = BTreeMap::new();
    for file in &files {
        let Some(track) = decode(file) else {
            continue;
        };
        let rate = f64::from(track.input.rate);
        tracks += 1;
        seconds += track.planes[0].len() as f64 / rate;
        let intact = measure(&track.planes, &track.input);
        for kind in ALL {
            let count = intact.iter().filter(|fault| fault.kind == kind).count() as u64;
            let entry = alarms.entry(kind).or_default();
            entry.0 += count;
            entry.1 += usize::from(count > 0);
        }
        for fault in &intact {
            eprintln!("{}: {fault:?}", file.display());
        }
        let mut variants = vec![moments(&track)];
        if track.planes.len() == 2 && track.planes[0].len() as f64 >= 60.0 * rate {
            variants
                .extend([PassageFault::Lost, PassageFault::Inverted].map(|fault| passages(&track, fault)));
        }
        for (planes, injected) in variants {
            let faults = measure(&planes, &track.input);
            for injected in injected {
                let margin = if injected.end_s - injected.start_s > 2.0 {
                    1.6
                } else {
                    0.01
                };
                let is_it = |fault: &LocalFault| {
                    fault.kind == injected.kind
                        && fault.start_s <= injected.end_s + margin
                        && fault.end_s >= injected.start_s - margin
                };
                let entry = recall.entry(injected.row).or_default();
                entry.tried[injected.strength] += 1;
                entry.found[injected.strength] += usize::from(faults.iter().any(is_it));
            }
        }
    }
    print_tables(tracks, seconds / 3_600.0, &alarms, &recall);
}

const ALL: [LocalFaultKind; 5] = [
    LocalFaultKind::Gap,
    LocalFaultKind::HeldValue,
    LocalFaultKind::Dropout,
    LocalFaultKind::LostChannel,
    LocalFaultKind::InvertedPassage,
];

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| {
            ["ogg", "mp3", "flac", "wav", "opus"]
                .iter()
                .any(|known| extension == *known)
        }) {
            files.push(path);
        }
    }
}

fn decode(file: &Path) -> Option<Track> {
    let mut stream = Stream::open(File::open(file).ok()?).ok()?;
    let mut planes: Planes = Vec::new();
    while let Ok(Some(_)) = stream.advance() {
        planes.resize(stream.planes().len(), Vec::new());
        for (plane, new) in planes.iter_mut().zip(stream.planes()) {
            plane.extend_from_slice(new);
        }
        let limit = SECONDS * stream.sample_rate_hz() as usize;
        if planes[0].len() >= limit {
            planes.iter_mut().for_each(|plane| plane.truncate(limit));
            break;
        }
    }
    let input = MeterInput {
        rate: stream.sample_rate_hz(),
        weights: stream.weights(),
        integer_bits: None,
    };
    (planes.first()?.len() >= 20 * input.rate as usize).then_some(Track { planes, input })
}

fn measure(planes: &Planes, input: &MeterInput) -> Vec<LocalFault> {
    let mut meter = Meter::new(input, 1);
    meter.push(planes);
    meter
        .finish()
        .detail
        .local
        .map_or_else(Vec::new, |local| local.faults)
}

/// From `from` on, the first frame where every channel carries music for `frames` and a while around.
fn musical_frame(track: &Track, from: usize, frames: usize) -> Option<usize> {
    let rate = track.input.rate as usize;
    let (step, around) = (rate / 100, rate / 20);
    let loud = |plane: &[f32]| {
        plane.chunks(step).all(|step| {
            let squares: f32 = step.iter().map(|x| x * x).sum();
            (squares / step.len() as f32).sqrt() > 0.01
        })
    };
    (from..from + rate * 3).step_by(step).find(|&at| {
        let parts = [at - around..at, at + frames..at + frames + around];
        parts.iter().all(|part| {
            track
                .planes
                .iter()
                .all(|plane| plane.get(part.clone()).is_some_and(loud))
        })
    })
}

/// Gaps, held values and dropouts, each at three lengths.
fn moments(track: &Track) -> (Planes, Vec<Injected>) {
    type Change = fn(&mut [f32]);
    let rate = f64::from(track.input.rate);
    let rows: [(&str, LocalFaultKind, bool, [f64; 3], Change); 4] = [
        (
            "gap of 2, 20, 500 ms",
            LocalFaultKind::Gap,
            true,
            [0.002, 0.02, 0.5],
            |samples| samples.fill(0.0),
        ),
        (
            "gap in one channel, 2, 20, 500 ms",
            LocalFaultKind::Gap,
            false,
            [0.002, 0.02, 0.5],
            |samples| samples.fill(0.0),
        ),
        (
            "held value, 2, 20, 200 ms",
            LocalFaultKind::HeldValue,
            true,
            [0.002, 0.02, 0.2],
            |samples| {
                let value = samples.first().copied().unwrap_or_default();
                samples.fill(value);
            },
        ),
        (
            "fall by 46 dB, 5, 20, 200 ms",
            LocalFaultKind::Dropout,
            true,
            [0.005, 0.02, 0.2],
            |samples| {
                samples.iter_mut().for_each(|sample| *sample *= 0.005);
            },
        ),
    ];
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    let mut at_s = FIRST_S;
    for (row, kind, is_in_all, strengths, change) in rows {
        for (strength, &value) in strengths.iter().enumerate() {
            let frames = (value * rate).round() as usize;
            if let Some(at) = musical_frame(track, (at_s * rate) as usize, frames) {
                let count = if is_in_all { planes.len() } else { 1 };
                for plane in &mut planes[..count] {
                    change(&mut plane[at..at + frames]);
                }
                injected.push(Injected {
                    row,
                    strength,
                    kind,
                    start_s: at as f64 / rate,
                    end_s: (at + frames) as f64 / rate,
                });
            }
            at_s += APART_S;
        }
    }
    (planes, injected)
}

#[derive(Clone, Copy)]
enum PassageFault {
    Lost,
    Inverted,
}

/// Three passages of 4, 8 and 12 s.
fn passages(track: &Track, fault: PassageFault) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let (row, kind) = match fault {
        PassageFault::Lost => ("right channel lost for 4, 8, 12 s", LocalFaultKind::LostChannel),
        PassageFault::Inverted => (
            "right channel inverted for 4, 8, 12 s",
            LocalFaultKind::InvertedPassage,
        ),
    };
    let (starts, lengths) = ([10.3, 20.3, 38.3], [4.0, 8.0, 12.0]);
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    for strength in 0..3 {
        let (start_s, end_s) = (starts[strength], starts[strength] + lengths[strength]);
        let gain = match fault {
            PassageFault::Lost => 0.0,
            PassageFault::Inverted => -1.0,
        };
        planes[1][(start_s * rate) as usize..(end_s * rate) as usize]
            .iter_mut()
            .for_each(|sample| *sample *= gain);
        injected.push(Injected {
            row,
            strength,
            kind,
            start_s,
            end_s,
        });
    }
    (planes, injected)
}

fn print_tables(
    tracks: usize,
    hours: f64,
    alarms: &BTreeMap<LocalFaultKind, (u64, usize)>,
    recall: &BTreeMap<&'static str, Recall>,
) {
    println!("# Detectors of local faults\n");
    println!(
        "Written by `cargo run -p analysis --example detectors` over free music from Debian's packages: {tracks} tracks, up to {SECONDS} s of each, {hours:.2} hours in all.\n"
    );
    println!(
        "## On intact music\n\nMusic may hold real faults; nobody has listened to each alarm. No constant was changed after a look at these tracks.\n"
    );
    println!("| kind | alarms | per hour | tracks with any |\n|---|---:|---:|---:|");
    for (kind, (count, with)) in alarms {
        println!("| {kind:?} | {count} | {:.1} | {with} |", *count as f64 / hours);
    }
    println!("\n## On faults put in\n\nFound of tried, at three strengths.\n");
    println!("| fault | weak | middle | strong |\n|---|---:|---:|---:|");
    for (row, recall) in recall {
        let cells: Vec<String> = recall
            .found
            .iter()
            .zip(recall.tried)
            .map(|(found, tried)| {
                format!(
                    "{found} of {tried} ({:.0} %)",
                    100.0 * *found as f64 / tried.max(1) as f64
                )
            })
            .collect();
        println!("| {row} | {} |", cells.join(" | "));
    }
}
