//! What the corrective render makes of faults that have a step: are the findings fixed, does anything else get worse, does the
//! score rise as predicted?

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use analysis::render::{Outcome, PlanOptions, Proof, RenderOptions, StepKind, plan, plan_on, render};
use analysis::testkit::faults::{FAULTS, Fault, Music, Strength};
use analysis::testkit::{Encoding, music_files, wav};
use analysis::{AnalysisOptions, measure};
use model::verdict::Stage;

use super::corpus::{hash, name_of, open};

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
/// Points that another rule may cost more, and that a prediction may be off.
const WORSE_POINTS: f64 = 0.5;
const NEAR_POINTS: f64 = 1.0;

/// Which steps are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switches {
    /// All.
    All,
    /// Those that a plan proposes from the report alone.
    Proposed,
    /// Those that a plan proposes on the very file.
    Simulated,
}

#[derive(Default)]
struct Row {
    cases: usize,
    /// Cases in which a step was planned.
    treated: usize,
    fixed: usize,
    improved: usize,
    unchanged: usize,
    worse: usize,
    others_worse: usize,
    score_fell: usize,
    near: usize,
    error_sum: f64,
    error_most: f64,
    won: f64,
    taken_back: usize,
    passes: u32,
}

/// Renders every fault at every strength in the first `songs` of `folders`, and prints a row for each kind.
pub(super) fn report(folders: &[PathBuf], songs: usize, kind: Option<&str>, switches: Switches) {
    let files: Vec<PathBuf> = music_files(folders)
        .into_iter()
        .filter(|file| open(file, Stage::Mix).is_some())
        .take(songs)
        .collect();
    let jobs: Vec<(PathBuf, &Fault)> = files
        .iter()
        .flat_map(|file| {
            let chosen = FAULTS.iter().filter(|fault| KINDS.contains(&fault.name));
            let chosen = chosen.filter(|fault| kind.is_none_or(|kind| fault.name == kind));
            chosen.map(|fault| (file.clone(), fault)).collect::<Vec<_>>()
        })
        .collect();
    let queue = Mutex::new(jobs.into_iter());
    let rows: Mutex<BTreeMap<&str, Row>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let job = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some((file, fault)) = job else { return };
                    for strength in Strength::ALL {
                        let Some(proof) = corrected(&file, fault, strength, switches) else {
                            continue;
                        };
                        if let Ok(mut rows) = rows.lock() {
                            rows.entry(fault.name).or_default().count(&proof);
                        }
                        complain(&file, fault, strength, &proof);
                    }
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_default();
    println!(
        "{:<24}{:>6}{:>8}{:>7}{:>10}{:>11}{:>7}{:>13}{:>7}{:>7}{:>11}{:>9}{:>8}{:>8}{:>7}",
        "fault",
        "cases",
        "treated",
        "fixed",
        "improved",
        "unchanged",
        "worse",
        "others worse",
        "fell",
        "won",
        "within 1",
        "mean off",
        "most",
        "taken",
        "passes"
    );
    let mut total = Row::default();
    for (name, row) in &rows {
        row.print(name);
        total.add(row);
    }
    total.print("all");
}

impl Row {
    fn count(&mut self, proof: &Proof) {
        self.cases += 1;
        self.taken_back += proof.rolled_back.len();
        self.passes += proof.passes;
        let won = (proof.after.score - proof.before.score).value();
        self.won += won;
        self.score_fell += usize::from(won < 0.0);
        let off = (proof.after.score - proof.predicted_score).value().abs();
        self.error_sum += off;
        self.error_most = self.error_most.max(off);
        self.near += usize::from(off <= NEAR_POINTS);
        let mut is_treated = false;
        for rule in &proof.rules {
            if rule.is_targeted && rule.price_before > 0.0 {
                is_treated = true;
                match rule.outcome {
                    Outcome::Fixed => self.fixed += 1,
                    Outcome::Improved => self.improved += 1,
                    Outcome::Unchanged => self.unchanged += 1,
                    Outcome::Worse => self.worse += 1,
                }
            }
        }
        self.treated += usize::from(is_treated);
        let is_worse =
            |rule: &analysis::render::RuleProof| rule.price_after > rule.price_before + WORSE_POINTS;
        self.others_worse += usize::from(proof.rules.iter().any(is_worse));
    }

    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.treated += other.treated;
        self.fixed += other.fixed;
        self.improved += other.improved;
        self.unchanged += other.unchanged;
        self.worse += other.worse;
        self.others_worse += other.others_worse;
        self.score_fell += other.score_fell;
        self.near += other.near;
        self.error_sum += other.error_sum;
        self.error_most = self.error_most.max(other.error_most);
        self.won += other.won;
        self.taken_back += other.taken_back;
        self.passes += other.passes;
    }

    fn print(&self, name: &str) {
        let cases = self.cases.max(1) as f64;
        println!(
            "{:<24}{:>6}{:>8}{:>7}{:>10}{:>11}{:>7}{:>13}{:>7}{:>7.1}{:>9.0} %{:>9.2}{:>8.1}{:>8}{:>7.1}",
            name,
            self.cases,
            self.treated,
            self.fixed,
            self.improved,
            self.unchanged,
            self.worse,
            self.others_worse,
            self.score_fell,
            self.won / cases,
            100.0 * self.near as f64 / cases,
            self.error_sum / cases,
            self.error_most,
            self.taken_back,
            f64::from(self.passes) / cases,
        );
    }
}

/// The song with the fault, rendered; `None` where the song cannot have it.
fn corrected(file: &Path, fault: &Fault, strength: Strength, switches: Switches) -> Option<Proof> {
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
    let options = PlanOptions {
        stage: Some(stage),
        ..PlanOptions::default()
    };
    let output: File = tempfile::tempfile().ok()?;
    let mut planned = match switches {
        Switches::All | Switches::Proposed => plan(&report, &options),
        Switches::Simulated => plan_on(&source, &report, &options, &output).ok()?,
    };
    if switches == Switches::All {
        planned.switch(&report, |_| true);
    }
    let options = RenderOptions {
        stage: Some(stage),
        report: Some(report),
        expected_score: Some(planned.score_predicted),
        ..RenderOptions::default()
    };
    let rendered = render(&source, &planned.recipe(), &options, &output, &mut |_| {});
    rendered
        .inspect_err(|error| eprintln!("{name}, {}: {error}", fault.name))
        .ok()
}

/// Says what is not as it should be.
fn complain(file: &Path, fault: &Fault, strength: Strength, proof: &Proof) {
    let case = format!("{}, {} {}", name_of(file), strength.word(), fault.name);
    let missed = proof
        .rules
        .iter()
        .filter(|rule| rule.is_targeted && rule.price_before > 0.0)
        .filter(|rule| matches!(rule.outcome, Outcome::Unchanged | Outcome::Worse));
    for rule in missed {
        eprintln!(
            "{case}: {} {} from {:.2} to {:.2}",
            rule.rule, rule.outcome, rule.before, rule.after
        );
    }
    for rule in proof
        .rules
        .iter()
        .filter(|rule| rule.price_after > rule.price_before + WORSE_POINTS)
    {
        eprintln!(
            "{case}: {} costs {:.1} in place of {:.1}",
            rule.rule, rule.price_after, rule.price_before
        );
    }
    for back in &proof.rolled_back {
        eprintln!(
            "{case}: {} taken back for {} from {:.2} to {:.2}",
            back.step.kind(),
            back.rule,
            back.without,
            back.with
        );
    }
    let off = (proof.after.score - proof.predicted_score).value();
    if off.abs() > NEAR_POINTS {
        let kinds: Vec<&str> = proof
            .recipe
            .steps
            .iter()
            .map(|step| step.kind().as_str())
            .collect();
        eprintln!(
            "{case}: {} before, {} predicted, {} after ({})",
            proof.before.score.number(),
            proof.predicted_score.number(),
            proof.after.score.number(),
            kinds.join(" ")
        );
    }
    if proof.ceiling.is_some_and(|ceiling| !ceiling.is_met) {
        eprintln!("{case}: the ceiling is missed");
    }
    if proof
        .recipe
        .steps
        .iter()
        .any(|step| step.kind() == StepKind::Gain)
        && proof.after.score < proof.before.score
    {
        eprintln!(
            "{case}: {} fell to {}",
            proof.before.score.number(),
            proof.after.score.number()
        );
    }
}
