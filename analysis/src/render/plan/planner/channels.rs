//! What brings the channels together, and tones.

use model::report::{ChannelDelay, LocalFaultKind};
use model::verdict::Operation;

use super::super::PlannedStep;
use super::{Planner, Proposal};
use crate::render::recipe::{Passage, Step};

/// Delays of passages that differ by less are one, in ms.
const SAME_DELAY_MS: f64 = 0.05;
/// The share of the song that has a delay, from which on all of it has.
const DELAYED_SHARE: f64 = 0.5;
/// Where a channel that is upside down shows, beside the bass, in Hz.
const TURNED_HZ: std::ops::Range<f64> = 200.0..5_000.0;
/// Side over mid from which on something is in the side, in dB.
const IN_THE_SIDE_DB: f64 = 3.0;

/// 1.7 Hz wide for the mains; a tone is known to about a hertz, and a music's own tones are further apart.
fn notch(hz: f64, harmonics: Vec<u8>) -> Step {
    let q = (hz / 2.0).clamp(30.0, 500.0);
    Step::Notch { hz, harmonics, q }
}

impl Planner<'_> {
    /// Delay and polarity: a delay is found where the channels agree, so that none of them is upside down.
    pub(super) fn align(&mut self) {
        if self.now.file.channels != 2 {
            return;
        }
        if let Some(step) = self.delay() {
            let rules = [
                "stereo.delay",
                "stereo.mono_loss",
                "stereo.band_mono_loss",
                "stereo.phase_time",
            ];
            self.add(step, &rules, Proposal::On);
        } else {
            self.polarity();
        }
    }

    pub(super) fn balance(&mut self) {
        if let Some(Operation::Balance { db }) = self.operation("stereo.balance") {
            self.add(Step::Balance { db }, &["stereo.balance"], Proposal::On);
        }
    }

    pub(super) fn low_end_and_tones(&mut self) {
        if let Some(Operation::MonoBelow { hz }) = self.operation("low_end.width") {
            let proposal = if self.is_bass_in_the_side() {
                Proposal::Off("The bass itself is in the side: this would take it away.")
            } else {
                Proposal::On
            };
            self.add(Step::LowMono { hz }, &["low_end.width"], proposal);
        }
        for rule in ["signal.hum", "signal.tone"] {
            if let Some(Operation::Notch { hz, harmonics }) = self.operation(rule) {
                self.add(notch(hz, harmonics), &[rule], Proposal::On);
            }
        }
        // The rule names the loudest tone; another one beside it is as loud as ever behind that notch.
        let tones = self
            .now
            .detail
            .as_ref()
            .map_or(&[][..], |detail| &detail.quality.tones);
        let is_notched = |hz: f64| {
            let of_tone = |step: &&PlannedStep| step.rules.iter().any(|rule| rule == "signal.tone");
            self.steps
                .iter()
                .filter(of_tone)
                .any(|step| matches!(step.step, Step::Notch { hz: notched, .. } if notched == hz))
        };
        let others: Vec<f64> = tones
            .iter()
            .map(|tone| tone.hz)
            .filter(|&hz| !is_notched(hz))
            .collect();
        if self.fault("signal.tone").is_some() {
            for hz in others {
                self.add(notch(hz, vec![1]), &["signal.tone"], Proposal::On);
            }
        }
    }

    fn polarity(&mut self) {
        let passages: Vec<Passage> = self
            .local_faults(|kind| kind == LocalFaultKind::InvertedPassage)
            .iter()
            .map(|fault| Passage {
                start_s: fault.start_s,
                end_s: fault.end_s,
            })
            .collect();
        let whole = Step::Polarity {
            channel: 1,
            passages: Vec::new(),
        };
        let stereo = [
            "stereo.inverted",
            "stereo.mono_loss",
            "stereo.band_mono_loss",
            "stereo.phase_time",
            "stereo.wide",
            "low_end.width",
        ];
        if self.fault("stereo.inverted").is_some() && self.is_upside_down() {
            self.add(whole, &stereo, Proposal::On);
        } else if self.fault("signal.inverted_passage").is_some() && !passages.is_empty() {
            let step = Step::Polarity { channel: 1, passages };
            self.add(
                step,
                &[
                    "signal.inverted_passage",
                    "stereo.mono_loss",
                    "stereo.band_mono_loss",
                ],
                Proposal::On,
            );
        }
    }

    /// Whether most of the sound is in the side, bass and middle alike: what was only widened keeps its bass in the middle, and
    /// where the bass alone is upside down, turning a channel over would break the rest.
    fn is_upside_down(&self) -> bool {
        let Some(detail) = &self.now.detail else {
            return false;
        };
        let is_middle_turned = detail.stereo.as_ref().is_some_and(|stereo| {
            let middle = stereo.bands.iter().filter(|band| TURNED_HZ.contains(&band.hz));
            let known: Vec<f32> = middle.filter_map(|band| band.correlation).collect();
            let turned = known.iter().filter(|&&correlation| correlation < 0.0).count();
            2 * turned > known.len()
        });
        detail.quality.is_inverted || (is_middle_turned && self.is_bass_in_the_side())
    }

    fn is_bass_in_the_side(&self) -> bool {
        let stereo = self.now.detail.as_ref().and_then(|detail| detail.stereo.as_ref());
        let width = stereo.map(|stereo| stereo.low_width_db.value());
        // Without any middle there is no figure.
        width.is_some_and(|width| width.is_none_or(|db| db > IN_THE_SIDE_DB))
    }

    /// One delay for the whole song: the channel that is early waits.
    fn delay(&self) -> Option<Step> {
        self.fault("stereo.delay")?;
        let delays = &self.now.detail.as_ref()?.local.as_ref()?.delays;
        let length = |delay: &ChannelDelay| delay.end_s - delay.start_s;
        let longest = delays.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?;
        let is_same = |delay: &&ChannelDelay| (delay.right_ms - longest.right_ms).abs() < SAME_DELAY_MS;
        let share = delays.iter().filter(is_same).map(length).sum::<f64>() / self.now.file.duration_s;
        (share >= DELAYED_SHARE && delays.iter().all(|delay| is_same(&delay))).then(|| Step::Delay {
            channel: u16::from(longest.right_ms < 0.0),
            ms: longest.right_ms.abs(),
        })
    }
}
