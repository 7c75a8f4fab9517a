//! The path of the sound behind the player: which of left and right reaches which ear, faded so that nothing clicks.
//!
//! left ─┬─ gain ─┐
//!       └─ gain ─┼─ out ─ loudspeakers, and the same for right. A change of mode is a change of four gains.

use leptos::web_sys;
use wasm_bindgen::JsValue;
use web_sys::{AudioContext, AudioNode, ChannelCountMode, GainNode, HtmlAudioElement};

/// Time constant of every change, in seconds: quick, and too slow to click.
const FADE_S: f64 = 0.012;

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Stereo,
    Mono,
    Side,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Stereo, Self::Mono, Self::Side];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stereo => "Stereo",
            Self::Mono => "Mono",
            Self::Side => "Side",
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Stereo => "As it is",
            Self::Mono => "Left and right summed, as on a phone",
            Self::Side => "Only what differs between left and right; it vanishes in mono",
        }
    }

    /// Left to left, left to right, right to left, right to right.
    const fn gains(self) -> [f32; 4] {
        match self {
            Self::Stereo => [1.0, 0.0, 0.0, 1.0],
            Self::Mono => [0.5, 0.5, 0.5, 0.5],
            Self::Side => [0.5, 0.5, -0.5, -0.5],
        }
    }
}

/// The nodes. Once made, the audio element plays through them for good.
#[derive(Clone)]
pub(super) struct Desk {
    context: AudioContext,
    gains: [GainNode; 4],
    out: GainNode,
}

impl Desk {
    /// Takes over the sound of `audio`.
    ///
    /// # Errors
    /// The browser has no Web Audio.
    pub(super) fn new(audio: &HtmlAudioElement) -> Result<Self, JsValue> {
        let context = AudioContext::new()?;
        let source = context.create_media_element_source(audio)?;
        // One channel becomes two here, and more than two are folded down.
        let input = context.create_gain()?;
        input.set_channel_count(2);
        input.set_channel_count_mode(ChannelCountMode::Explicit);
        let split = context.create_channel_splitter_with_number_of_outputs(2)?;
        let merge = context.create_channel_merger_with_number_of_inputs(2)?;
        let out = context.create_gain()?;
        source.connect_with_audio_node(&input)?;
        input.connect_with_audio_node(&split)?;
        let gain = |from: u32, to: u32| -> Result<GainNode, JsValue> {
            let gain = context.create_gain()?;
            gain.gain().set_value(if from == to { 1.0 } else { 0.0 });
            split.connect_with_audio_node_and_output(&gain, from)?;
            AudioNode::connect_with_audio_node_and_output_and_input(&gain, &merge, 0, to)?;
            Ok(gain)
        };
        let gains = [gain(0, 0)?, gain(0, 1)?, gain(1, 0)?, gain(1, 1)?];
        merge.connect_with_audio_node(&out)?;
        out.connect_with_audio_node(&context.destination())?;
        Ok(Self { context, gains, out })
    }

    /// Lets the sound through, as browsers ask for after a click.
    pub(super) fn resume(&self) {
        // A refusal is heard, and the next click tries again.
        let _ = self.context.resume();
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        for (node, gain) in self.gains.iter().zip(mode.gains()) {
            self.fade(node, gain);
        }
    }

    /// Fades out before a jump, or in behind it.
    pub(super) fn open(&self, is_open: bool) {
        self.fade(&self.out, if is_open { 1.0 } else { 0.0 });
    }

    fn fade(&self, node: &GainNode, to: f32) {
        // A value that cannot be set leaves the one before.
        let _ = node
            .gain()
            .set_target_at_time(to, self.context.current_time(), FADE_S);
    }
}
