//! What the corrective render makes of faults that have a step: are the findings fixed, does anything else get worse, does the
//! score rise as predicted?
//!
//! A finding is targeted where a step that is on is for it and the plan expects it to be better. One whose step a render took back
//! counts as missed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use analysis::render::{Outcome, Proof, RuleProof, Step};
use analysis::rules::find;
use analysis::testkit::corrections::{Correction, NEAR_POINTS, Planned, WORSE_POINTS, corrected as correct};
use analysis::testkit::faults::{FAULTS, Fault, Music, Strength};
use analysis::testkit::{Encoding, music_files, wav};
use analysis::{AnalysisOptions, measure};
use model::player::LoudnessOverTime;
use model::verdict::Stage;

use super::corpus::{hash, is_lossless, name_of, open};

/// The faults that a step is for.
const KINDS: [&str; 25] = [
    "DC",
    "subsonics",
    "rumble",
    "polarity",
    "polarity of a passage",
    "lean",
    "channel delay",
    "bass out of phase",
    "hum",
    "whistle",
    "mud",
    "honk",
    "harsh",
    "sibilant",
    "boom",
    "thin",
    "dull",
    "narrow resonance",
    "too wide",
    "clicks",
    "gap",
    "silence at the start",
    "silence at the end",
    "float over full scale",
    "dull and hum",
];
const THREADS: usize = 2;
/// The shares of findings and of predictions that are asked for, in percent.
const ASKED_MENDED: f64 = 95.0;
const ASKED_NEAR: f64 = 90.0;
/// A loop, and how far its loudness may be from that of the mix, in seconds and LU.
const LOOPS_S: [(f64, f64); 3] = [(10.0, 18.0), (20.0, 23.5), (5.0, 40.0)];
const EQUALLY_LOUD_LU: f64 = 0.1;

/// A render, and how far the loudness of each loop is from that of the mix.
struct Case {
    correction: Correction,
    loops_lu: Vec<f64>,
}

/// What became of some cases.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    cases: usize,
    targeted: usize,
    fixed: usize,
    improved: usize,
    /// Cases in which another rule costs more, the score fell, the ceiling is missed, the prediction was near.
    worse: usize,
    fell: usize,
    over: usize,
    near: usize,
    off: f64,
    won: f64,
    taken_back: usize,
    loops: usize,
    loops_even: usize,
}

impl Tally {
    fn of(
        Case {
            correction: case,
            loops_lu,
        }: &Case,
    ) -> Self {
        let count = |outcome| case.targeted().filter(|rule| rule.outcome == outcome).count();
        Self {
            cases: 1,
            targeted: case.targeted().count(),
            fixed: count(Outcome::Fixed),
            improved: count(Outcome::Improved),
            worse: usize::from(case.worse().next().is_some()),
            fell: usize::from(case.won() < 0.0),
            over: usize::from(case.proof.ceiling.is_some_and(|ceiling| !ceiling.is_met)),
            near: usize::from(case.off() <= NEAR_POINTS),
            off: case.off(),
            won: case.won(),
            taken_back: case.proof.rolled_back.len(),
            loops: loops_lu.len(),
            loops_even: loops_lu.iter().filter(|by| **by <= EQUALLY_LOUD_LU).count(),
        }
    }

    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.targeted += other.targeted;
        self.fixed += other.fixed;
        self.improved += other.improved;
        self.worse += other.worse;
        self.fell += other.fell;
        self.over += other.over;
        self.near += other.near;
        self.off += other.off;
        self.won += other.won;
        self.taken_back += other.taken_back;
        self.loops += other.loops;
        self.loops_even += other.loops_even;
    }

    fn sum(tallies: impl Iterator<Item = Self>) -> Self {
        let mut total = Self::default();
        tallies.for_each(|tally| total.add(tally));
        total
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.cases.max(1) as f64
    }

    fn mended(&self) -> f64 {
        percent(self.fixed + self.improved, self.targeted)
    }
}

/// Of nothing, all.
fn percent(part: usize, whole: usize) -> f64 {
    match whole {
        0 => 100.0,
        _ => 100.0 * part as f64 / whole as f64,
    }
}

type Tallies = BTreeMap<(&'static str, Strength), Tally>;

/// Renders every fault at every strength in so many songs of `folders`, and prints the document. Answers whether every bar holds.
pub(super) fn document(folders: &[PathBuf], songs: usize, kind: Option<&str>, planned: Planned) -> bool {
    let files = chosen(folders, songs);
    let jobs: Vec<(PathBuf, &'static Fault)> = files
        .iter()
        .flat_map(|file| {
            let chosen = FAULTS.iter().filter(|fault| KINDS.contains(&fault.name));
            let chosen = chosen.filter(|fault| kind.is_none_or(|kind| fault.name == kind));
            chosen.map(|fault| (file.clone(), fault)).collect::<Vec<_>>()
        })
        .collect();
    let queue = Mutex::new(jobs.into_iter());
    let tallies = Mutex::new(Tallies::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let job = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some((file, fault)) = job else { return };
                    for strength in Strength::ALL {
                        let Some(case) = corrected(&file, fault, strength, planned) else {
                            continue;
                        };
                        if let Ok(mut tallies) = tallies.lock() {
                            tallies
                                .entry((fault.name, strength))
                                .or_default()
                                .add(Tally::of(&case));
                        }
                        complain(&file, fault, strength, &case);
                    }
                }
            });
        }
    });
    let tallies = tallies.into_inner().unwrap_or_default();
    let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    write(&tallies, &names, planned)
}

/// So many songs below `folders`, half of them mixes and half finished tracks, and of either those that a hash comes to first.
fn chosen(folders: &[PathBuf], songs: usize) -> Vec<PathBuf> {
    let mut files = music_files(folders);
    files.sort_by_key(|file| hash(&name_of(file)));
    let (mixes, finished): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| is_lossless(file));
    let first = |files: Vec<PathBuf>, count: usize| {
        let usable = files.into_iter().filter(|file| open(file, Stage::Mix).is_some());
        usable.take(count).collect::<Vec<_>>()
    };
    let mut chosen = first(mixes, songs / 2);
    let missing = songs - chosen.len();
    chosen.extend(first(finished, missing));
    chosen
}

/// The song with the fault, rendered; `None` where the song cannot have it.
fn corrected(file: &Path, fault: &Fault, strength: Strength, who: Planned) -> Option<Case> {
    // Longer gaps than 20 ms are not filled.
    if fault.name == "gap" && strength > Strength::Subtle {
        return None;
    }
    let name = name_of(file);
    let stage = if (hash(&name) / 4).is_multiple_of(2) {
        Stage::Mix
    } else {
        Stage::Master
    };
    let (mut music, encoding): (Music, Encoding) = open(file, stage)?;
    music.seed = hash(&name) >> 8;
    (fault.put)(&mut music, fault.amount(strength)?)?;
    let encoding = match fault.name {
        "float over full scale" => Encoding::Float32,
        _ => encoding,
    };
    let mut source = tempfile::tempfile().ok()?;
    source.write_all(&wav(music.rate, &music.planes, encoding)).ok()?;
    let report = measure(source.try_clone().ok()?, &AnalysisOptions::default(), &mut |_| {}).ok()?;
    let output: File = tempfile::tempfile().ok()?;
    let correction = correct(&source, report, stage, who, &output)
        .inspect_err(|error| eprintln!("{name}, {}: {error}", fault.name))
        .ok()?;
    let loops_lu = loops_lu(&correction.proof, &source, &output);
    Some(Case { correction, loops_lu })
}

/// How far apart mix and render are over some loops by the crate ebur128, at the gains that the player gives them.
fn loops_lu(proof: &Proof, source: &File, output: &File) -> Vec<f64> {
    let is_trimmed = proof
        .recipe
        .steps
        .iter()
        .any(|step| matches!(step, Step::Trim(_)));
    let known = proof
        .loudness
        .before_over_time
        .as_ref()
        .zip(proof.loudness.after_over_time.as_ref());
    let sides = samples_of(source).zip(samples_of(output));
    let (Some((before, after)), Some((mix, render))) = (known.filter(|_| !is_trimmed), sides) else {
        return Vec::new();
    };
    let apart = |&(from_s, until_s): &(f64, f64)| {
        let over = |loudness: &LoudnessOverTime| loudness.over(from_s, until_s);
        let gain_db = over(before)? - over(after)?;
        let cut = |(rate, planes): &(u32, Vec<Vec<f32>>)| {
            let at = |seconds: f64| (seconds * f64::from(*rate)) as usize;
            loudness(*rate, planes, at(from_s), at(until_s))
        };
        // A loop that is nearly silent is gated away.
        let apart = cut(&render)? + gain_db - cut(&mix)?;
        apart.is_finite().then_some(apart.abs())
    };
    LOOPS_S.iter().filter_map(apart).collect()
}

fn samples_of(file: &File) -> Option<(u32, Vec<Vec<f32>>)> {
    let mut file = file.try_clone().ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut stream = analysis::decode::Stream::open(file).ok()?;
    let mut planes: Vec<Vec<f32>> = Vec::new();
    while let Ok(Some(_)) = stream.advance() {
        planes.resize(stream.planes().len(), Vec::new());
        for (plane, new) in planes.iter_mut().zip(stream.planes()) {
            plane.extend_from_slice(new);
        }
    }
    Some((stream.sample_rate_hz(), planes))
}

fn loudness(rate: u32, planes: &[Vec<f32>], from: usize, until: usize) -> Option<f64> {
    let cut: Vec<&[f32]> = planes
        .iter()
        .map(|plane| plane.get(from..until))
        .collect::<Option<_>>()?;
    let mut meter = ebur128::EbuR128::new(cut.len() as u32, rate, ebur128::Mode::I).ok()?;
    meter.add_frames_planar_f32(&cut).ok()?;
    meter.loudness_global().ok()
}

/// Says what is not as it should be.
fn complain(
    file: &Path,
    fault: &Fault,
    strength: Strength,
    Case {
        correction: case,
        loops_lu,
    }: &Case,
) {
    let proof = &case.proof;
    let name = format!("{}, {} {}", name_of(file), strength.word(), fault.name);
    for rule in case.missed() {
        eprintln!(
            "{name}: {} {} from {:.2} to {:.2}",
            rule.rule, rule.outcome, rule.before, rule.after
        );
    }
    for rule in case.worse() {
        eprintln!(
            "{name}: {} costs {:.1} in place of {:.1}",
            rule.rule, rule.price_after, rule.price_before
        );
    }
    for back in &proof.rolled_back {
        eprintln!(
            "{name}: {} taken back for {} from {:.2} to {:.2}",
            back.step.kind(),
            back.rule,
            back.without,
            back.with
        );
    }
    if case.off() > NEAR_POINTS {
        let kinds: Vec<&str> = proof
            .recipe
            .steps
            .iter()
            .map(|step| step.kind().as_str())
            .collect();
        eprintln!(
            "{name}: {} before, {} predicted, {} after ({}){}",
            proof.before.score.number(),
            proof.predicted_score.number(),
            proof.after.score.number(),
            kinds.join(" "),
            surprises(case)
        );
    }
    if let Some(ceiling) = proof.ceiling.filter(|ceiling| !ceiling.is_met) {
        eprintln!(
            "{name}: the ceiling is missed, {:.3} dBTP",
            ceiling.true_peak_dbtp
        );
    }
    if case.won() < 0.0 {
        eprintln!(
            "{name}: {} fell to {}",
            proof.before.score.number(),
            proof.after.score.number()
        );
    }
    for by in loops_lu.iter().filter(|by| **by > EQUALLY_LOUD_LU) {
        eprintln!("{name}: a loop is {by:.2} LU apart");
    }
}

/// The rules whose price is not as expected.
fn surprises(case: &Correction) -> String {
    let surprise = |rule: &RuleProof| {
        let known = find(&rule.rule)?;
        let effect = case
            .planned
            .effects
            .iter()
            .find(|effect| effect.rule == rule.rule);
        let value = effect.map_or(rule.before, |effect| effect.after);
        let price = known.criterion(case.proof.stage)?.price(value, known.tolerance);
        let is_near = (price - rule.price_after).abs() < WORSE_POINTS;
        (!is_near).then(|| {
            format!(
                "; {} {value:.2} expected, {:.2} is ({price:.1}, {:.1})",
                rule.rule, rule.after, rule.price_after
            )
        })
    };
    case.proof.rules.iter().filter_map(surprise).collect()
}

/// Prints the document, and answers whether every bar holds.
fn write(tallies: &Tallies, songs: &[String], planned: Planned) -> bool {
    let total = Tally::sum(tallies.values().copied());
    let near = percent(total.near, total.cases);
    let kinds: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| {
            Strength::ALL
                .iter()
                .any(|&strength| tallies.contains_key(&(*kind, strength)))
        })
        .collect();
    let how = match planned {
        Planned::FromReport => "from the report alone, as the page does",
        Planned::OnFile => "stage by stage on the very file, as `mixlens-cli` does",
    };
    println!(
        "# What renders make of faults\n\n\
         Written by `make bench-render`. {} faults are put into {} songs by code (`analysis/src/testkit/faults.rs`), at up to three \
         strengths; the plan is made {how}, and what it leaves to the person (repairs, boosts, a shorter file) is switched on. Then it is \
         rendered, measured and judged again: {} renders.\n\n\
         Songs, half of them mixes that a sequencer rendered and half finished tracks: {}.\n",
        kinds.len(),
        songs.len(),
        total.cases,
        songs.join(", ")
    );
    let bars = [
        (
            "targeted findings that end fixed or improved",
            format!("≥ {ASKED_MENDED} %"),
            format!("{:.1} % of {}", total.mended(), total.targeted),
            total.mended() >= ASKED_MENDED,
        ),
        (
            "renders in which another rule costs over half a point more",
            "0".to_owned(),
            total.worse.to_string(),
            total.worse == 0,
        ),
        (
            "renders with a lower score than their mix",
            "0".to_owned(),
            total.fell.to_string(),
            total.fell == 0,
        ),
        (
            "renders above their ceiling",
            "0".to_owned(),
            total.over.to_string(),
            total.over == 0,
        ),
        (
            "predicted scores within a point of the measured ones",
            format!("≥ {ASKED_NEAR} %"),
            format!("{near:.1} %, off by {:.2} in the mean", total.mean(total.off)),
            near >= ASKED_NEAR,
        ),
        (
            "loops within 0.1 LU of the mix at the gain of the player",
            "all".to_owned(),
            format!("{} of {}", total.loops_even, total.loops),
            total.loops_even == total.loops,
        ),
    ];
    println!("| | asked | is | |\n|---|---:|---:|---|");
    for (what, asked, is, holds) in &bars {
        println!(
            "| {what} | {asked} | {is} | {} |",
            if *holds { "" } else { "missed" }
        );
    }
    println!(
        "\nA finding is targeted where a step that is on is for it and the plan expects it to be better; where a render takes that step back, \
         because another rule became worse with it, it counts as missed. Below, three figures are those of subtle, clear and gross; a dash \
         is a strength that there is not.\n\n\
         | fault | renders | targeted | fixed or improved, % | other rules worse | won, points | prediction off, points | steps taken back |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|"
    );
    for kind in kinds {
        let each = |text: &dyn Fn(&Tally) -> String| -> String {
            let cells =
                Strength::ALL.map(|strength| tallies.get(&(kind, strength)).map_or("–".to_owned(), text));
            cells.join(" / ")
        };
        println!(
            "| {kind} | {} | {} | {} | {} | {} | {} | {} |",
            each(&|tally| tally.cases.to_string()),
            each(&|tally| tally.targeted.to_string()),
            each(&|tally| match tally.targeted {
                0 => "–".to_owned(),
                _ => format!("{:.0}", tally.mended()),
            }),
            each(&|tally| tally.worse.to_string()),
            each(&|tally| format!("{:.1}", tally.mean(tally.won))),
            each(&|tally| format!("{:.1}", tally.mean(tally.off))),
            each(&|tally| tally.taken_back.to_string()),
        );
    }
    bars.iter().all(|(.., holds)| *holds)
}
