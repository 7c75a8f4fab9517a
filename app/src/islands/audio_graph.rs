//! The path of the sound behind the player, where every change is faded so that nothing clicks.
//!
//! source ─ level ─┐                ┌─ dry ───────────────────┐
//! source ─ level ─┴─ left and right┴─ high-pass ─ low-pass ─ wet ─┴─ out ─ loudspeakers
//!
//! Which source is heard is a matter of levels; mono and side are four gains between left and right; one band alone is
//! a pair of fourth-order filters at its edges.

use leptos::web_sys;
use model::report::BANDS;
use wasm_bindgen::JsValue;
use web_sys::{
    AudioContext, AudioNode, BiquadFilterNode, BiquadFilterType, ChannelCountMode, GainNode, HtmlAudioElement,
};

use super::player::Mode;

/// Time constant of every change, in seconds: quick, and too slow to click.
const FADE_S: f64 = 0.012;
/// After this the old value is 72 dB down.
const SETTLED_S: f64 = 8.0 * FADE_S;
/// Two Butterworth filters of second order in a row are a Linkwitz–Riley filter of fourth order: −6 dB at the edge, 24 dB
/// per octave beyond it. Web Audio counts the Q of a high-pass and a low-pass in dB, so that this is Q = 1/√2.
const BUTTERWORTH_DB: f32 = -3.0103;

/// Left to left, left to right, right to left, right to right.
const fn gains(mode: Mode) -> [f32; 4] {
    match mode {
        Mode::Stereo => [1.0, 0.0, 0.0, 1.0],
        Mode::Mono => [0.5, 0.5, 0.5, 0.5],
        Mode::Side => [0.5, 0.5, -0.5, -0.5],
    }
}

/// The nodes. Once made, the audio elements play through them for good.
#[derive(Clone)]
pub(super) struct AudioGraph {
    context: AudioContext,
    levels: Vec<GainNode>,
    matrix: [GainNode; 4],
    dry: GainNode,
    wet: GainNode,
    /// Two high-passes, then two low-passes.
    filters: [BiquadFilterNode; 4],
    out: GainNode,
}

impl AudioGraph {
    /// Takes over the sound of every one of `sources`; none is heard until [`Self::set_levels`].
    ///
    /// # Errors
    /// The browser has no Web Audio.
    pub(super) fn new(sources: &[HtmlAudioElement]) -> Result<Self, JsValue> {
        let context = AudioContext::new()?;
        let split = context.create_channel_splitter_with_number_of_outputs(2)?;
        let merge = context.create_channel_merger_with_number_of_inputs(2)?;
        let levels = sources
            .iter()
            .map(|source| {
                let source = context.create_media_element_source(source)?;
                // One channel becomes two here, and more than two are folded down.
                let level = context.create_gain()?;
                level.set_channel_count(2);
                level.set_channel_count_mode(ChannelCountMode::Explicit);
                level.gain().set_value(0.0);
                source.connect_with_audio_node(&level)?;
                level.connect_with_audio_node(&split)?;
                Ok(level)
            })
            .collect::<Result<_, JsValue>>()?;
        let cross = |from: u32, to: u32| -> Result<GainNode, JsValue> {
            let gain = context.create_gain()?;
            gain.gain().set_value(if from == to { 1.0 } else { 0.0 });
            split.connect_with_audio_node_and_output(&gain, from)?;
            AudioNode::connect_with_audio_node_and_output_and_input(&gain, &merge, 0, to)?;
            Ok(gain)
        };
        let matrix = [cross(0, 0)?, cross(0, 1)?, cross(1, 0)?, cross(1, 1)?];
        let filter = |kind: BiquadFilterType| -> Result<BiquadFilterNode, JsValue> {
            let filter = context.create_biquad_filter()?;
            filter.set_type(kind);
            filter.q().set_value(BUTTERWORTH_DB);
            Ok(filter)
        };
        let filters = [
            filter(BiquadFilterType::Highpass)?,
            filter(BiquadFilterType::Highpass)?,
            filter(BiquadFilterType::Lowpass)?,
            filter(BiquadFilterType::Lowpass)?,
        ];
        let (dry, wet, out) = (
            context.create_gain()?,
            context.create_gain()?,
            context.create_gain()?,
        );
        wet.gain().set_value(0.0);
        merge.connect_with_audio_node(&dry)?;
        merge.connect_with_audio_node(&filters[0])?;
        for pair in filters.windows(2) {
            pair[0].connect_with_audio_node(&pair[1])?;
        }
        filters[3].connect_with_audio_node(&wet)?;
        dry.connect_with_audio_node(&out)?;
        wet.connect_with_audio_node(&out)?;
        out.gain().set_value(0.0);
        out.connect_with_audio_node(&context.destination())?;
        Ok(Self {
            context,
            levels,
            matrix,
            dry,
            wet,
            filters,
            out,
        })
    }

    /// Lets the sound through, as browsers ask for after a click.
    pub(super) fn resume(&self) {
        // A refusal is heard, and the next click tries again.
        let _ = self.context.resume();
    }

    /// How much of each source is heard, as factors.
    pub(super) fn set_levels(&self, levels: &[f32]) {
        for (node, level) in self.levels.iter().zip(levels) {
            self.fade(node, *level, 0.0);
        }
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        for (node, gain) in self.matrix.iter().zip(gains(mode)) {
            self.fade(node, gain, 0.0);
        }
    }

    /// Lets one of the seven bands through alone, or everything. The filters move while nothing is heard through them.
    pub(super) fn set_band(&self, band: Option<usize>) {
        self.fade(&self.wet, 0.0, 0.0);
        let Some(band) = band.and_then(|band| BANDS.get(band)) else {
            self.fade(&self.dry, 1.0, 0.0);
            return;
        };
        self.fade(&self.dry, 0.0, 0.0);
        let moved = self.context.current_time() + SETTLED_S;
        for (filter, hz) in self
            .filters
            .iter()
            .zip([band.from_hz, band.from_hz, band.to_hz, band.to_hz])
        {
            // A device at 32 kHz has nothing above 16 kHz to leave out.
            let hz = (hz as f32).min(self.context.sample_rate() / 2.0);
            let frequency = filter.frequency();
            let _ = frequency.cancel_scheduled_values(self.context.current_time());
            let _ = frequency.set_value_at_time(hz, moved);
        }
        self.fade(&self.wet, 1.0, SETTLED_S + FADE_S);
    }

    /// Before a jump or a pause.
    pub(super) fn fade_out(&self) {
        self.fade(&self.out, 0.0, 0.0);
    }

    /// After it.
    pub(super) fn fade_in(&self) {
        self.fade(&self.out, 1.0, 0.0);
    }

    /// Begins to fade after `wait_s`; what was to come after now is forgotten first.
    fn fade(&self, node: &GainNode, to: f32, wait_s: f64) {
        let now = self.context.current_time();
        let gain = node.gain();
        if wait_s == 0.0 {
            let _ = gain.cancel_scheduled_values(now);
        }
        // A value that cannot be set leaves the one before.
        let _ = gain.set_target_at_time(to, now + wait_s, FADE_S);
    }
}
