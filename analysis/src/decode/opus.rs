//! Opus in Ogg (RFC 6716, RFC 7845), which symphonia finds but does not decode.
//!
//! Samples are decoded at 48 kHz, as every Opus file plays, whatever rate it was made from. Pre-skip, the end that the
//! last page gives and the output gain of the header are applied; gains in the tags are left to players.

use std::io::{BufReader, Read};

use model::format::{AudioFormat, Codec};
use model::{Failure, FailureCode};
use opus_pure::{ChannelLayout, OggOpusReader, OggPacket, OpusHead, OpusMSDecoder, Trim};
use symphonia::core::audio::Channels;

use super::demuxed::Header;
use super::edits::Edit;
use super::{PacketOutcome, StreamInfo, unsupported};
use crate::Error;
use crate::dsp::db_to_amplitude;
use crate::limits::check_channels;

/// The rate at which Opus is decoded, in hertz.
const RATE_HZ: u32 = 48_000;
/// The longest packet, 120 ms, in samples per channel.
const LONGEST_PACKET: usize = 5_760;
/// Vorbis's order of 1 to 8 channels (RFC 7845, 5.1.1.2) rearranged to WAVE's: at each place, which to take.
const WAVE_ORDER: [&[usize]; 8] = [
    &[0],
    &[0, 1],
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// One logical Opus stream.
pub(super) struct OpusStream {
    reader: OggOpusReader<Box<dyn Read + Send + Sync>>,
    decoder: OpusMSDecoder,
    trim: Trim,
    gain: f32,
    order: &'static [usize],
    packet: OggPacket,
    interleaved: Vec<f32>,
    failed_last: bool,
}

impl OpusStream {
    /// Reads the two header packets.
    pub(super) fn open(source: impl Read + Send + Sync + 'static) -> Result<Self, Error> {
        // Whether it is cut short instead is known from its last page.
        let malformed = |_| Error::from(Failure::new(FailureCode::Malformed));
        let source: Box<dyn Read + Send + Sync> = Box::new(BufReader::new(source));
        let reader = OggOpusReader::new(source).map_err(malformed)?;
        let head = reader.head();
        let channels = usize::from(head.channel_count);
        check_channels(channels)?;
        // Family 0 is mono or stereo, 1 is surround. All others are ambisonics, or mean nothing to a loudspeaker.
        let is_standard = ChannelLayout::surround(channels, head.mapping_family)
            .is_ok_and(|layout| describes(&layout, head));
        if !is_standard {
            return Err(unsupported("Opus with a channel mapping of its own"));
        }
        let rate = RATE_HZ as i32;
        Ok(Self {
            decoder: OpusMSDecoder::new(rate, channels, head.mapping_family).map_err(malformed)?,
            trim: Trim::new(head, rate, channels).map_err(malformed)?,
            gain: db_to_amplitude(f64::from(head.output_gain_db())) as f32,
            order: WAVE_ORDER[channels - 1],
            packet: OggPacket::default(),
            interleaved: vec![0.0; LONGEST_PACKET * channels],
            failed_last: false,
            reader,
        })
    }

    /// What the header says. The end is given by the last page, so no length is promised.
    pub(super) fn header(&self) -> Header {
        Header {
            info: StreamInfo {
                format: AudioFormat::Ogg,
                codec: Codec::Opus,
                sample_rate_hz: RATE_HZ,
                channels: self.order.len() as u16,
                bits_per_sample: None,
            },
            channels: Channels::Discrete(self.order.len() as u16),
            is_unbounded: false,
            integer_bits: None,
            promised_frames: None,
            edit: Edit::default(),
        }
    }

    /// Decodes one packet into `planes`.
    pub(super) fn next_packet(&mut self, planes: &mut Vec<Vec<f32>>) -> PacketOutcome {
        match self.reader.read_packet_into(&mut self.packet) {
            Ok(true) => {}
            Ok(false) => {
                return PacketOutcome::End {
                    early: self.failed_last,
                };
            }
            Err(_) => {
                self.failed_last = true;
                return PacketOutcome::DemuxError;
            }
        }
        self.failed_last = false;
        // A chained stream that was not closed before it.
        if self.packet.data.starts_with(b"OpusHead") {
            return PacketOutcome::End { early: false };
        }
        let channels = self.order.len();
        let Ok(frames) = self
            .decoder
            .decode(&self.packet.data, LONGEST_PACKET, &mut self.interleaved)
        else {
            return PacketOutcome::DecodeError { frames: 0 };
        };
        let Some(decoded) = self.interleaved.get(..frames * channels) else {
            return PacketOutcome::DecodeError { frames: 0 };
        };
        let kept = self.trim.keep(&self.packet, decoded);
        planes.resize_with(channels, Vec::new);
        for (plane, &channel) in planes.iter_mut().zip(self.order) {
            plane.clear();
            plane.extend(
                kept.iter()
                    .skip(channel)
                    .step_by(channels)
                    .map(|sample| sample * self.gain),
            );
        }
        PacketOutcome::Decoded {
            frames: kept.len() / channels,
            rate: RATE_HZ,
            channels: Channels::Discrete(channels as u16),
            missing: 0,
        }
    }
}

fn describes(layout: &ChannelLayout, head: &OpusHead) -> bool {
    usize::from(head.stream_count) == layout.nb_streams
        && usize::from(head.coupled_count) == layout.nb_coupled_streams
        && (head.mapping_family == 0 || head.channel_mapping == layout.mapping)
}
