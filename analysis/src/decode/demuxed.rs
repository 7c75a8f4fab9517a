//! What symphonia demuxes and decodes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use model::format::{AudioFormat, Codec};
use model::{Failure, FailureCode};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known as id,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;
use symphonia::default::formats;

use super::edits::{Edit, Edits};
use super::names::{bits_per_sample, codec_of, integer_bits, unsupported_name};
use super::source::SourceTracker;
use super::{PacketOutcome, StreamInfo, unsupported};
use crate::limits::{check_channels, check_rate};
use crate::{Error, aac};

/// AAC frames that are examined for SBR data, and how many of them must have it.
const SBR_FRAMES_EXAMINED: u32 = 12;
const SBR_FRAMES_NEEDED: u32 = 6;

/// symphonia 0.6.1 decodes 8 channels of Vorbis wrongly at some qualities.
const MAX_VORBIS_CHANNELS: usize = 7;

/// A demuxer and the decoder of one of its tracks.
pub(super) struct Demuxed {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    format: AudioFormat,
    is_aac: bool,
    /// Where the next packet should begin, in frames, where packets are numbered.
    next_frame: Option<i64>,
    /// The channels of the last packet.
    last_decoded: Option<(u32, Channels)>,
    sbr_examined: u32,
    sbr_found: u32,
    tracker: Arc<SourceTracker>,
    /// What was read ahead.
    ahead: Option<PacketResult>,
}

type PacketResult = symphonia::core::errors::Result<Option<Packet>>;

/// What the header says of the audio.
pub(super) struct Header {
    pub(super) info: StreamInfo,
    pub(super) channels: Channels,
    pub(super) is_unbounded: bool,
    pub(super) integer_bits: Option<u16>,
    /// Frames that should come out, where the file says so exactly, before [`Self::edit`].
    pub(super) promised_frames: Option<u64>,
    /// The part that plays.
    pub(super) edit: Edit,
}

impl Demuxed {
    /// Reads the header of `stream`, which stands at its start. `edits` are those of an MP4 file.
    pub(super) fn open(
        format: AudioFormat,
        stream: MediaSourceStream<'static>,
        edits: &Edits,
        tracker: &Arc<SourceTracker>,
    ) -> Result<(Self, Header), Error> {
        let refuse = |error| match (error, edits.unsupported_codec()) {
            (Error::Rejected(_), Some(name)) => unsupported(name),
            (error, _) => error,
        };
        let reader =
            catch_panic(|| read_header(format, stream))?.map_err(|error| refuse(tracker.refusal(&error)))?;
        let track = reader
            .first_track_known_codec(TrackType::Audio)
            .or_else(|| reader.first_track(TrackType::Audio));
        let Some((track, params)) =
            track.and_then(|track| Some((track, track.codec_params.as_ref()?.audio()?)))
        else {
            return Err(refuse(Failure::new(FailureCode::NotAudio).into()));
        };
        let mut params = params.clone();
        if let Some(codec) = edits.pcm_codec(track.id) {
            params.codec = codec;
        }
        let params = &params;
        let is_aac = params.codec == id::CODEC_ID_AAC;
        if is_aac && let Some(name) = params.extra_data.as_deref().and_then(aac::other_object_type) {
            return Err(unsupported(name));
        }
        if is_aac && params.extra_data.as_deref().is_some_and(aac::config_says_sbr) {
            return Err(unsupported("HE-AAC"));
        }
        let rate = params.sample_rate.unwrap_or(0);
        let channels = params.channels.clone().unwrap_or_default();
        if rate != 0 {
            check_rate(rate)?;
        }
        check_channels(channels.count())?;
        let codecs = symphonia::default::get_codecs();
        let decoder = catch_panic(|| codecs.make_audio_decoder(params, &AudioDecoderOptions::default()))?
            .map_err(|error| match error {
                SymphoniaError::Unsupported(_) => {
                    unsupported(&format!("{} in {}", unsupported_name(params), format.name()))
                }
                error => tracker.refusal(&error),
            })
            .map_err(refuse)?;

        let codec = codec_of(params.codec)
            .ok_or_else(|| unsupported(&format!("{} in {}", unsupported_name(params), format.name())))?;
        if codec == Codec::Vorbis && channels.count() == MAX_VORBIS_CHANNELS + 1 {
            return Err(unsupported("Vorbis with 8 channels"));
        }
        let header = Header {
            info: StreamInfo {
                format,
                codec,
                sample_rate_hz: rate,
                channels: channels.count() as u16,
                bits_per_sample: bits_per_sample(params),
            },
            channels,
            is_unbounded: codec.is_float(),
            integer_bits: integer_bits(codec, params),
            promised_frames: promised_frames(format, track, rate),
            edit: edit(format, track, params, edits),
        };
        let demuxed = Self {
            track_id: track.id,
            format,
            is_aac,
            next_frame: None,
            last_decoded: None,
            sbr_examined: 0,
            sbr_found: 0,
            tracker: Arc::clone(tracker),
            ahead: None,
            decoder,
            reader,
        };
        Ok((demuxed, header))
    }

    /// Decodes one packet into `planes`.
    pub(super) fn next_packet(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<PacketOutcome, Error> {
        let packet = match self.read_packet()? {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(PacketOutcome::End { early: false }),
            // A chained stream begins anew; each is read by a reader of its own.
            Err(SymphoniaError::ResetRequired) => return Ok(PacketOutcome::End { early: false }),
            Err(SymphoniaError::IoError(_)) => return Ok(PacketOutcome::End { early: true }),
            Err(_) => {
                self.tracker.check()?;
                return Ok(PacketOutcome::DemuxError);
            }
        };
        if packet.track_id != self.track_id {
            return Ok(PacketOutcome::Nothing);
        }
        if self.is_aac && self.sbr_examined < SBR_FRAMES_EXAMINED {
            self.sbr_examined += 1;
            self.sbr_found += u32::from(aac::frame_ends_in_sbr(&packet.data));
            if self.sbr_found >= SBR_FRAMES_NEEDED {
                return Err(unsupported("HE-AAC"));
            }
        }
        let missing = self.missing_before(packet.pts.get(), packet.dur.get());
        let Ok(decoded) = catch_panic(|| self.decoder.decode(&packet))? else {
            return Ok(self.silence(&packet.data, packet.dur.get(), planes));
        };
        if decoded.frames() == 0 {
            return Ok(PacketOutcome::Nothing);
        }
        let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().clone());
        let outcome = PacketOutcome::Decoded {
            frames: decoded.frames(),
            rate,
            channels: channels.clone(),
            missing,
        };
        decoded.copy_to_vecs_planar(planes);
        self.last_decoded = Some((rate, channels));
        Ok(outcome)
    }

    /// The next packet. The last page of Vorbis says how much of it plays, and no other page does; symphonia 0.6.1 cuts all that
    /// seem to hold more than they say, as the first one does where packets of audio lie on the page of the headers.
    fn read_packet(&mut self) -> Result<PacketResult, Error> {
        let mut result = match self.ahead.take() {
            Some(result) => result,
            None => catch_panic(|| self.reader.next_packet())?,
        };
        if let Ok(Some(packet)) = &mut result
            && self.format == AudioFormat::Ogg
            && packet.trim_end.get() > 0
        {
            let next = catch_panic(|| self.reader.next_packet())?;
            if matches!(&next, Ok(Some(next)) if next.track_id == packet.track_id) {
                packet.dur = packet.dur.saturating_add(packet.trim_end);
                packet.trim_end = Duration::ZERO;
            }
            self.ahead = Some(next);
        }
        Ok(result)
    }

    /// Frames between the packet before and this one. FLAC numbers its frames, and its reader leaves out those whose
    /// check sum is wrong.
    fn missing_before(&mut self, frame: i64, frames: u64) -> u64 {
        if self.format != AudioFormat::Flac {
            return 0;
        }
        let missing = self.next_frame.map_or(0, |next| frame.saturating_sub(next));
        self.next_frame = Some(frame.saturating_add_unsigned(frames));
        u64::try_from(missing).unwrap_or(0)
    }

    /// What comes of a packet that cannot be decoded: an MP3 frame without any data is silence, though symphonia 0.6.1
    /// refuses it where it names scale factors.
    fn silence(&self, packet: &[u8], frames: u64, planes: &mut Vec<Vec<f32>>) -> PacketOutcome {
        match (&self.last_decoded, usize::try_from(frames)) {
            (Some((rate, channels)), Ok(frames))
                if self.format == AudioFormat::Mp3 && is_empty_mp3_frame(packet) =>
            {
                planes.resize_with(channels.count(), Vec::new);
                for plane in planes {
                    plane.clear();
                    plane.resize(frames, 0.0);
                }
                PacketOutcome::Decoded {
                    frames,
                    rate: *rate,
                    channels: channels.clone(),
                    missing: 0,
                }
            }
            _ => PacketOutcome::DecodeError { frames },
        }
    }
}

/// Whether all parts of an MP3 frame have a length of 0 (`part2_3_length`, ISO/IEC 11172-3, 2.4.1.7).
fn is_empty_mp3_frame(frame: &[u8]) -> bool {
    let &[_, version, _, mode, ..] = frame else {
        return false;
    };
    let is_v1 = version >> 3 & 3 == 3;
    let has_crc = version & 1 == 0;
    let channels = if mode >> 6 == 3 { 1 } else { 2 };
    let start = if has_crc { 6 } else { 4 } * 8;
    let (granules, private, first_fields, part) = match (is_v1, channels) {
        (true, 1) => (2, 5, 9 + 4, 59),
        (true, _) => (2, 3, 9 + 8, 59),
        (false, 1) => (1, 1, 8, 63),
        (false, _) => (1, 2, 8, 63),
    };
    let first = start + private + first_fields;
    let bit = |at: usize| {
        frame
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    frame.len() * 8 >= first + granules * channels * part
        && (0..granules * channels).all(|index| !(0..12).any(|at| bit(first + index * part + at)))
}

/// Calls into symphonia. Its authors want no panic, and fuzzing still finds some: they are the file's fault here, and
/// the stream is not used again. (Where panics abort, as in WebAssembly, there is nothing to catch.)
pub(super) fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, Error> {
    std::panic::catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| Failure::new(FailureCode::DecoderFailed).into())
}

fn read_header(
    format: AudioFormat,
    stream: MediaSourceStream<'static>,
) -> symphonia::core::errors::Result<Box<dyn FormatReader>> {
    let options = FormatOptions::default();
    Ok(match format {
        // The header of Wave64 is read as one of WAV (module `container`).
        AudioFormat::Wav | AudioFormat::W64 => Box::new(formats::WavReader::try_new(stream, options)?),
        AudioFormat::Aiff => Box::new(formats::AiffReader::try_new(stream, options)?),
        AudioFormat::Flac => Box::new(formats::FlacReader::try_new(stream, options)?),
        AudioFormat::Mp3 => Box::new(formats::MpaReader::try_new(stream, options)?),
        AudioFormat::Mp4 => Box::new(formats::IsoMp4Reader::try_new(stream, options)?),
        AudioFormat::Aac => Box::new(formats::AdtsReader::try_new(stream, options)?),
        AudioFormat::Ogg => Box::new(formats::OggReader::try_new(stream, options)?),
        AudioFormat::Caf => Box::new(formats::CafReader::try_new(stream, options)?),
    })
}

fn promised_frames(format: AudioFormat, track: &Track, rate: u32) -> Option<u64> {
    let is_exact = match format {
        AudioFormat::Wav
        | AudioFormat::W64
        | AudioFormat::Aiff
        | AudioFormat::Caf
        | AudioFormat::Flac
        | AudioFormat::Mp4 => true,
        // Only an encoder's own tag counts frames; without it symphonia extrapolates from the bit rate.
        AudioFormat::Mp3 => track.delay.is_some() || track.padding.is_some(),
        AudioFormat::Aac | AudioFormat::Ogg => false,
    };
    let in_frames = track
        .time_base
        .is_none_or(|base| base.numer.get() == 1 && base.denom.get() == rate);
    track.num_frames.filter(|_| is_exact && in_frames)
}

/// What plays of a track, where symphonia itself does not see to it (0.6.1: it does for MP3 and Vorbis).
fn edit(format: AudioFormat, track: &Track, params: &AudioCodecParameters, edits: &Edits) -> Edit {
    match format {
        AudioFormat::Mp4 => edits.for_track(track.id, params.sample_rate.unwrap_or(0), track.num_frames),
        // The packet table counts the frames in front and those that play.
        AudioFormat::Caf => Edit {
            skip: track.delay.map_or(0, u64::from),
            keep: track.num_frames.filter(|_| track.delay.is_some()),
        },
        _ => Edit::default(),
    }
}
