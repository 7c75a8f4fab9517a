//! Tracks with faults, measured and kept.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use analysis::decode::Stream;
use analysis::testkit::faults::{FAULTS, Music, Places, Strength, limit, peak};
use analysis::testkit::{Encoding, Planes, amplitude, music_files, wav};
use analysis::{AnalysisOptions, measure as measure_file};
use model::Report;
use model::verdict::Stage;
use serde::{Deserialize, Serialize};

use super::ffmpeg::{CODEC_FAULTS, encoded};

/// Seconds of each track.
const SECONDS: f64 = 62.0;
/// The end fades over so long: an excerpt must not look cut.
const FADE_S: f64 = 5.0;
const THREADS: usize = 2;

/// A track, or a version of it, with all that was measured of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Track {
    pub(super) name: String,
    pub(super) stage: Stage,
    /// Whether constants may be chosen on it.
    pub(super) is_tuning: bool,
    /// Whether its source is lossy, so that a lossy past is no false alarm.
    pub(super) is_lossy: bool,
    pub(super) intact: Report,
    pub(super) faults: Vec<Faulty>,
}

/// A track with a fault.
#[derive(Serialize, Deserialize)]
pub(super) struct Faulty {
    pub(super) kind: String,
    pub(super) strength: usize,
    pub(super) places: Places,
    pub(super) report: Report,
}

/// The tracks that were kept in `cache`, in the order of their names.
pub(super) fn load(cache: &Path) -> Vec<Track> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let queue = Mutex::new(files.into_iter().enumerate());
    let tracks = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((index, file)) = locked(&queue).next() {
                    if let Some(track) = std::fs::read(&file)
                        .ok()
                        .and_then(|bytes| serde_json::from_slice::<Track>(&bytes).ok())
                    {
                        locked(&tracks).push((index, track));
                    } else {
                        eprintln!("{} cannot be read", file.display());
                    }
                }
            });
        }
    });
    let mut tracks = tracks.into_inner().unwrap_or_default();
    tracks.sort_by_key(|(index, _)| *index);
    tracks.into_iter().map(|(_, track)| track).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Measures every `every`th fault of every track below `folders` that `cache` does not hold yet.
pub(super) fn measure(cache: &Path, folders: &[PathBuf], every: u64) {
    let files = music_files(folders);
    if let Err(error) = std::fs::create_dir_all(cache) {
        eprintln!("{}: {error}", cache.display());
        return;
    }
    // A finished album of ninety tracks would outweigh twenty mixes.
    let jobs: Vec<(PathBuf, Stage)> = files
        .into_iter()
        .flat_map(|file| match is_lossless(&file) {
            true => vec![(file.clone(), Stage::Mix), (file, Stage::Master)],
            false if (hash(&name_of(&file)) / 2).is_multiple_of(3) => vec![(file, Stage::Master)],
            false => Vec::new(),
        })
        .collect();
    let queue = Mutex::new(jobs.into_iter());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let queue = &queue;
            scope.spawn(move || {
                let folder = cache.join(format!("work-{thread}"));
                let _ = std::fs::create_dir_all(&folder);
                while let Some((file, stage)) = locked(queue).next() {
                    let name = format!("{}.{}", name_of(&file), stage.as_str());
                    let target = cache.join(format!("{name}.json"));
                    if target.exists() {
                        continue;
                    }
                    if let Some(track) = measured(&file, &name, stage, every, &folder)
                        && let Ok(json) = serde_json::to_vec(&track)
                    {
                        let written = target.with_extension("part");
                        let _ = std::fs::write(&written, json);
                        let _ = std::fs::rename(&written, &target);
                        eprintln!("{name}: {} faults", track.faults.len());
                    }
                }
                let _ = std::fs::remove_dir_all(&folder);
            });
        }
    });
}

/// An intact track.
#[derive(Serialize, Deserialize)]
pub(super) struct Intact {
    pub(super) is_tuning: bool,
    pub(super) report: Report,
}

/// Every track below `folders`, as it is, in the order of their names. What was measured is kept in `cache`. Faults are put into
/// tracks of the first folder alone, so that all of the others are for choosing constants.
pub(super) fn intact_of(cache: &Path, folders: &[PathBuf]) -> Vec<Intact> {
    let files = music_files(folders);
    let with_faults = folders.first();
    if let Err(error) = std::fs::create_dir_all(cache) {
        eprintln!("{}: {error}", cache.display());
    }
    let queue = Mutex::new(files.iter().enumerate());
    let tracks = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((index, file)) = locked(&queue).next() {
                    let is_free = with_faults.is_none_or(|folder| !file.starts_with(folder));
                    let track = kept_or_measured(cache, file, is_free);
                    locked(&tracks).extend(track.map(|track| (index, track)));
                }
            });
        }
    });
    let mut tracks: Vec<(usize, Intact)> = tracks.into_inner().unwrap_or_default();
    tracks.sort_by_key(|(index, _)| *index);
    // Packages hold the same file more than once.
    let mut known = std::collections::HashSet::new();
    tracks
        .into_iter()
        .map(|(_, track)| track)
        .filter(|track| {
            known.insert(
                track
                    .report
                    .digest
                    .as_ref()
                    .map(|digest| digest.file_sha256.clone()),
            )
        })
        .collect()
}

/// The intact tracks that [`intact_of`] kept in `cache`, with their names.
pub(super) fn kept_intact(cache: &Path) -> Vec<(String, Intact)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let read = |file: &PathBuf| serde_json::from_slice(&std::fs::read(file).ok()?).ok();
    files
        .iter()
        .filter_map(|file| Some((name_of(file), read(file)?)))
        .collect()
}

fn kept_or_measured(cache: &Path, file: &Path, is_free: bool) -> Option<Intact> {
    // Many packages have a folder of the same name.
    let folder = file
        .parent()
        .map_or_else(String::new, |folder| folder.to_string_lossy().into_owned());
    let kept = cache.join(format!("{}.{:04x}.json", name_of(file), hash(&folder) >> 48));
    let known = std::fs::read(&kept).ok();
    if let Some(track) = known.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Some(track);
    }
    let (music, encoding) = open(file, Stage::Mix)?;
    let track = Intact {
        is_tuning: is_free || hash(&name_of(file)).is_multiple_of(2),
        report: report_of(&music, encoding)?,
    };
    if let Ok(json) = serde_json::to_vec(&track) {
        let _ = std::fs::write(&kept, json);
    }
    Some(track)
}

pub(super) fn is_lossless(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "wav" || extension == "flac")
}

pub(super) fn name_of(file: &Path) -> String {
    file.file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// FNV-1a: the same on every machine.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn measured(file: &Path, name: &str, stage: Stage, every: u64, folder: &Path) -> Option<Track> {
    let (mut music, encoding) = open(file, stage)?;
    music.seed = hash(name) >> 8;
    let intact = report_of(&music, encoding)?;
    let mut faults = Vec::new();
    for fault in FAULTS {
        if !(hash(&format!("{name}{}", fault.name)) >> 5).is_multiple_of(every) {
            continue;
        }
        for strength in Strength::ALL {
            let Some(amount) = fault.amount(strength) else {
                continue;
            };
            let mut spoilt = music.clone();
            let Some(places) = (fault.put)(&mut spoilt, amount) else {
                continue;
            };
            let encoding = if fault.name == "float over full scale" {
                Encoding::Float32
            } else {
                encoding
            };
            if let Some(report) = report_of(&spoilt, encoding) {
                faults.push(Faulty {
                    kind: fault.name.to_owned(),
                    strength: strength as usize,
                    places,
                    report,
                });
            }
        }
    }
    let codec_faults = CODEC_FAULTS.iter().filter(|_| is_lossless(file));
    for fault in
        codec_faults.filter(|fault| (hash(&format!("{name}{}", fault.name)) >> 5).is_multiple_of(every))
    {
        for (strength, steps) in fault.strengths.iter().enumerate() {
            let Some(report) = steps
                .and_then(|steps| encoded(folder, music.rate, &music.planes, steps))
                .and_then(report_of_file)
            else {
                continue;
            };
            faults.push(Faulty {
                kind: fault.name.to_owned(),
                strength,
                places: Vec::new(),
                report,
            });
        }
    }
    Some(Track {
        name: name.to_owned(),
        stage,
        // By the file, so that a mix and its master are on one side.
        is_tuning: hash(&name_of(file)).is_multiple_of(2),
        is_lossy: !is_lossless(file),
        intact,
        faults,
    })
}

/// The beginning of a file as what it is meant to be, and how it is written.
pub(super) fn open(file: &Path, stage: Stage) -> Option<(Music, Encoding)> {
    let mut stream = Stream::open(File::open(file).ok()?).ok()?;
    let mut planes: Planes = Vec::new();
    let mut limit_frames = usize::MAX;
    while let Ok(Some(_)) = stream.advance() {
        planes.resize(stream.planes().len(), Vec::new());
        for (plane, new) in planes.iter_mut().zip(stream.planes()) {
            plane.extend(new.iter().map(|&x| f64::from(x)));
        }
        limit_frames = (SECONDS * f64::from(stream.sample_rate_hz())) as usize;
        if planes[0].len() >= limit_frames {
            break;
        }
    }
    let rate = stream.sample_rate_hz();
    let fade = (FADE_S * f64::from(rate)) as usize;
    if planes.len() != 2 || planes[0].len() < 25 * rate as usize {
        return None;
    }
    if planes[0].len() >= limit_frames {
        for plane in &mut planes {
            plane.truncate(limit_frames);
            let from = limit_frames - fade;
            for (n, x) in plane[from..].iter_mut().enumerate() {
                let left = 1.0 - n as f64 / fade as f64;
                *x *= left * left;
            }
        }
    }
    let mut music = Music {
        rate,
        planes,
        seed: 0,
    };
    if !is_lossless(file) {
        return Some((music, Encoding::Int24));
    }
    let highest = peak(&music.planes);
    let scale = |music: &mut Music, dbfs: f64| {
        let gain = amplitude(dbfs) / highest.max(1e-9);
        music.planes.iter_mut().flatten().for_each(|x| *x *= gain);
    };
    // Half of the mixes are what the sequencer wrote, with samples over full scale where it wrote them; half are exported
    // with headroom, as mastering houses ask for.
    match (stage, hash(&name_of(file)) / 2 % 2) {
        (Stage::Mix, 0) => Some((music, Encoding::Float32)),
        (Stage::Mix, _) => {
            scale(&mut music, -5.0);
            Some((music, Encoding::Int24))
        }
        (Stage::Master, _) => {
            scale(&mut music, 0.0);
            limit(&mut music, 5.0, amplitude(-1.3));
            Some((music, Encoding::Int24))
        }
    }
}

fn report_of(music: &Music, encoding: Encoding) -> Option<Report> {
    report_of_file(wav(music.rate, &music.planes, encoding))
}

fn report_of_file(bytes: Vec<u8>) -> Option<Report> {
    let mut report = measure_file(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}).ok()?;
    // Rules do not read it, and it is half of the bytes.
    report.waveform.slices.clear();
    report.waveform.left_right = None;
    Some(report)
}
