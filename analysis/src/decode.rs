//! Any supported file as a stream of planar samples, in constant memory.
//!
//! What fails in the middle is left out and counted; what ends too early keeps what was there. The reader for a file
//! is chosen by [`sniff`] alone and never by symphonia's probe, which finds formats inside other formats.

use std::io::{Read, Seek, SeekFrom};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::format::AudioFormat;
use model::{Failure, FailureCode};
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known as id,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::default::formats;

use crate::sniff::{self, Sniffed, sniff};
use crate::{Error, aac, layout};

/// The sample rates that are measured, in hertz.
pub const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;
/// The most channels that are measured.
pub const MAX_CHANNELS: usize = 8;

/// A stream that yields nothing for this many packets in a row is at its end, whatever its demuxer says.
const MAX_FRUITLESS: u32 = 4096;
/// The same for errors of the demuxer, which often stands still at the first one.
const MAX_DEMUX_ERRORS: u32 = 64;
/// What a header may promise beyond what was decoded before the file counts as cut short, in seconds. Two packets of
/// any codec.
const SHORTFALL_S: f64 = 0.1;
/// AAC frames that are examined for SBR data, and how many of them must have it.
const SBR_FRAMES_EXAMINED: u32 = 12;
const SBR_FRAMES_NEEDED: u32 = 6;

/// What a file is, as its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The container.
    pub format: AudioFormat,
    /// The codec, as people call it.
    pub codec: String,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// Bits per sample, where the codec has such a thing.
    pub bits_per_sample: Option<u16>,
}

/// How the stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has not ended yet.
    None,
    /// Where it should.
    Complete,
    /// Before that.
    Truncated,
}

/// A file being decoded.
pub struct Stream {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    facts: Facts,
    codec: AudioCodecId,
    channels: Channels,
    spec_is_proven: bool,
    promised_frames: Option<u64>,
    planes: Vec<Vec<f32>>,
    frames: u64,
    is_cut_short: bool,
    skipped: u64,
    sbr_examined: u32,
    sbr_found: u32,
    ending: Ending,
    watch: Arc<Watch>,
}

impl Stream {
    /// Reads the header of `source`.
    ///
    /// # Errors
    /// [`Error::Rejected`] where it is not a supported file, [`Error::Io`] where reading failed.
    pub fn open<S>(mut source: S) -> Result<Self, Error>
    where
        S: Read + Seek + Send + Sync + 'static,
    {
        let len = source.seek(SeekFrom::End(0)).map_err(Error::Io)?;
        let (start, sniffed) = sniff_source(&mut source).map_err(Error::Io)?;
        let format = match sniffed {
            Sniffed::Known(format) => format,
            Sniffed::Unsupported(name) => return Err(unsupported(name)),
            Sniffed::NotAudio => return Err(Failure::new(FailureCode::NotAudio).into()),
            Sniffed::Empty if len == 0 => return Err(Failure::new(FailureCode::Empty).into()),
            // Nothing but tags.
            Sniffed::Empty => return Err(Failure::new(FailureCode::Truncated).into()),
        };
        let layout = layout::inspect(&mut source, format, start, len).map_err(Error::Io)??;
        source.seek(SeekFrom::Start(start)).map_err(Error::Io)?;

        let watch = Arc::new(Watch {
            len: layout.end,
            position: AtomicU64::new(start),
            error: Mutex::default(),
        });
        let watched = Watched {
            inner: source,
            at: start,
            patches: layout.patches,
            watch: Arc::clone(&watch),
        };
        let mut stream = MediaSourceStream::new(Box::new(watched), Default::default());
        // The stream counts from 0 wherever its source stands, and readers seek by that count.
        stream.seek(SeekFrom::Start(start)).map_err(Error::Io)?;
        let reader =
            contained(|| read_header(format, stream))?.map_err(|error| match watch.refusal(error) {
                Error::Rejected(_) if layout.is_cut_short => Failure::new(FailureCode::Truncated).into(),
                refusal => refusal,
            })?;

        let track = reader
            .first_track_known_codec(TrackType::Audio)
            .or_else(|| reader.first_track(TrackType::Audio));
        let Some((track, params)) =
            track.and_then(|track| Some((track, track.codec_params.as_ref()?.audio()?)))
        else {
            return Err(Failure::new(FailureCode::NotAudio).into());
        };
        if params.codec == id::CODEC_ID_AAC && params.extra_data.as_deref().is_some_and(aac::config_says_sbr)
        {
            return Err(unsupported("HE-AAC"));
        }
        let rate = params.sample_rate.unwrap_or(0);
        let channels = params.channels.clone().unwrap_or_default();
        if rate != 0 {
            check_rate(rate)?;
        }
        check_channels(channels.count())?;
        let codecs = symphonia::default::get_codecs();
        let decoder = contained(|| codecs.make_audio_decoder(params, &AudioDecoderOptions::default()))?
            .map_err(|error| match error {
                SymphoniaError::Unsupported(_) => {
                    unsupported(&format!("{} in {}", codec_name(params), format.name()))
                }
                error => watch.refusal(error),
            })?;

        let is_exact = match format {
            AudioFormat::Wav
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
        let promised = track.num_frames.filter(|_| is_exact && in_frames);
        Ok(Self {
            track_id: track.id,
            facts: Facts {
                format,
                codec: codec_name(params),
                sample_rate_hz: rate,
                channels: channels.count() as u16,
                bits_per_sample: bits_per_sample(params),
            },
            codec: params.codec,
            channels,
            spec_is_proven: false,
            promised_frames: promised,
            planes: Vec::new(),
            frames: 0,
            is_cut_short: layout.is_cut_short,
            skipped: 0,
            sbr_examined: 0,
            sbr_found: 0,
            ending: Ending::None,
            watch,
            decoder,
            reader,
        })
    }

    /// Decodes on until there are new samples in [`Self::planes`], and says how many per channel; `None` at the end.
    ///
    /// # Errors
    /// As [`Self::open`]; damage in the middle is no error.
    pub fn advance(&mut self) -> Result<Option<usize>, Error> {
        let (mut fruitless, mut demux_errors) = (0_u32, 0_u32);
        while self.ending == Ending::None {
            if fruitless > MAX_FRUITLESS || demux_errors > MAX_DEMUX_ERRORS {
                self.end(true);
                break;
            }
            let packet = match contained(|| self.reader.next_packet())? {
                Ok(Some(packet)) => packet,
                Ok(None) => {
                    self.watch.check()?;
                    self.end(false);
                    break;
                }
                // A chained stream begins anew, perhaps as something else. Its first part is the file.
                Err(SymphoniaError::ResetRequired) => {
                    self.end(false);
                    break;
                }
                Err(SymphoniaError::IoError(_)) => {
                    self.watch.check()?;
                    self.end(true);
                    break;
                }
                Err(_) => {
                    self.skipped += 1;
                    demux_errors += 1;
                    continue;
                }
            };
            fruitless += 1;
            if packet.track_id != self.track_id {
                continue;
            }
            if self.codec == id::CODEC_ID_AAC && self.sbr_examined < SBR_FRAMES_EXAMINED {
                self.sbr_examined += 1;
                self.sbr_found += u32::from(aac::frame_ends_in_sbr(&packet.data));
                if self.sbr_found >= SBR_FRAMES_NEEDED {
                    return Err(unsupported("HE-AAC"));
                }
            }
            let Ok(decoded) = contained(|| self.decoder.decode(&packet))? else {
                self.skipped += 1;
                continue;
            };
            let frames = decoded.frames();
            if frames == 0 {
                continue;
            }
            let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels());
            if !self.spec_is_proven {
                check_rate(rate)?;
                check_channels(channels.count())?;
                if channels.count() == 0 {
                    return Err(Failure::new(FailureCode::Malformed).into());
                }
                self.facts.sample_rate_hz = rate;
                self.facts.channels = channels.count() as u16;
                self.channels = channels.clone();
                self.spec_is_proven = true;
            } else if rate != self.facts.sample_rate_hz
                || channels.count() != usize::from(self.facts.channels)
            {
                self.skipped += 1;
                continue;
            }
            decoded.copy_to_vecs_planar(&mut self.planes);
            self.frames += frames as u64;
            return Ok(Some(frames));
        }
        Ok(None)
    }

    /// The samples of the last [`Self::advance`], one plane per channel, ±1 at full scale. Values from a damaged
    /// floating-point file may be anything, NaN and infinity included.
    #[must_use]
    pub fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    /// What the file is. Rate and channels are final once there are samples.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts.clone()
    }

    /// Samples per second and channel.
    #[must_use]
    pub const fn sample_rate_hz(&self) -> u32 {
        self.facts.sample_rate_hz
    }

    /// The weight of each channel in the loudness (BS.1770-5, tables 3 and 4).
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        weights(&self.channels, usize::from(self.facts.channels))
    }

    /// How much of the source has been read, 0 to 100.
    #[must_use]
    pub fn percent_read(&self) -> u8 {
        let position = u128::from(self.watch.position.load(Ordering::Relaxed));
        (position * 100 / u128::from(self.watch.len.max(1))).min(100) as u8
    }

    /// Packets that could not be decoded.
    #[must_use]
    pub const fn packets_skipped(&self) -> u64 {
        self.skipped
    }

    /// How the stream ended, if it has.
    #[must_use]
    pub const fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether the file itself can hold samples beyond full scale. Lossy decoders overshoot too, but there it is the
    /// decoder's doing.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        is_float_pcm(self.codec)
    }

    /// Bits per sample, where samples are integers that come out of the decoder as they went in.
    #[must_use]
    pub fn integer_bits(&self) -> Option<u16> {
        let is_lossless = [id::CODEC_ID_FLAC, id::CODEC_ID_ALAC].contains(&self.codec)
            || self.facts.codec.starts_with("PCM");
        self.facts
            .bits_per_sample
            .filter(|_| is_lossless && !self.is_unbounded())
    }

    fn end(&mut self, early: bool) {
        let tolerated = (f64::from(self.facts.sample_rate_hz) * SHORTFALL_S) as u64;
        let short = self
            .promised_frames
            .is_some_and(|promised| self.frames + tolerated < promised);
        self.ending = if early || short || self.is_cut_short {
            Ending::Truncated
        } else {
            Ending::Complete
        };
    }
}

/// Calls into symphonia. Its authors want no panic, and fuzzing still finds some: they are the file's fault here, and
/// the stream is not used again. (Where panics abort, as in WebAssembly, there is nothing to catch.)
fn contained<T>(call: impl FnOnce() -> T) -> Result<T, Error> {
    std::panic::catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| Failure::new(FailureCode::DecoderFailed).into())
}

fn unsupported(name: &str) -> Error {
    Failure::with(FailureCode::Unsupported, name).into()
}

pub(crate) fn check_rate(rate: u32) -> Result<(), Failure> {
    if RATES_HZ.contains(&rate) {
        Ok(())
    } else {
        Err(Failure::with(FailureCode::SampleRate, rate))
    }
}

pub(crate) fn check_channels(count: usize) -> Result<(), Failure> {
    if count <= MAX_CHANNELS {
        Ok(())
    } else {
        Err(Failure::with(FailureCode::TooManyChannels, count))
    }
}

/// Where the audio begins behind ID3v2 tags, however long they are, and what it is.
fn sniff_source(source: &mut (impl Read + Seek)) -> std::io::Result<(u64, Sniffed)> {
    let mut start = 0;
    let mut head = Vec::with_capacity(sniff::HEAD_LEN);
    loop {
        source.seek(SeekFrom::Start(start))?;
        head.clear();
        source
            .by_ref()
            .take(sniff::HEAD_LEN as u64)
            .read_to_end(&mut head)?;
        match sniff::id3v2_len(&head) {
            Some(len) => start += len as u64,
            None => return Ok((start, sniff(&head))),
        }
    }
}

fn read_header(
    format: AudioFormat,
    stream: MediaSourceStream<'static>,
) -> symphonia::core::errors::Result<Box<dyn FormatReader>> {
    let options = FormatOptions::default();
    Ok(match format {
        AudioFormat::Wav => Box::new(formats::WavReader::try_new(stream, options)?),
        AudioFormat::Aiff => Box::new(formats::AiffReader::try_new(stream, options)?),
        AudioFormat::Flac => Box::new(formats::FlacReader::try_new(stream, options)?),
        AudioFormat::Mp3 => Box::new(formats::MpaReader::try_new(stream, options)?),
        AudioFormat::Mp4 => Box::new(formats::IsoMp4Reader::try_new(stream, options)?),
        AudioFormat::Aac => Box::new(formats::AdtsReader::try_new(stream, options)?),
        AudioFormat::Ogg => Box::new(formats::OggReader::try_new(stream, options)?),
        AudioFormat::Caf => Box::new(formats::CafReader::try_new(stream, options)?),
    })
}

/// BS.1770-5: 1.41 for a loudspeaker at 60° to 120° to the side and less than 30° up, 0 for LFE, 1 for all others.
fn weights(channels: &Channels, count: usize) -> Vec<f64> {
    const SURROUND: f64 = 1.41;
    // Without positions, or with the first n of WAVE's list, which is what readers assume for a plain WAV: the layouts
    // that n channels have in practice.
    let by_count: &[f64] = match count {
        4 => &[1.0, 1.0, SURROUND, SURROUND],
        5 => &[1.0, 1.0, 1.0, SURROUND, SURROUND],
        6 => &[1.0, 1.0, 1.0, 0.0, SURROUND, SURROUND],
        7 => &[1.0, 1.0, 1.0, 0.0, 1.0, SURROUND, SURROUND],
        8 => &[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, SURROUND, SURROUND],
        _ => &[1.0, 1.0, 1.0],
    };
    match channels {
        Channels::Positioned(positions) if positions.bits() != (1 << count) - 1 => {
            // "Rear" stands at 110° where there are no side loudspeakers, and at 135° where there are.
            let sides = Position::SIDE_LEFT | Position::SIDE_RIGHT;
            let surrounds = if positions.intersects(sides) {
                sides
            } else {
                Position::REAR_LEFT | Position::REAR_RIGHT
            };
            let lfe = Position::LFE1 | Position::LFE2;
            positions
                .iter()
                .map(|position| {
                    if lfe.contains(position) {
                        0.0
                    } else if surrounds.contains(position) {
                        SURROUND
                    } else {
                        1.0
                    }
                })
                .collect()
        }
        _ => by_count.iter().copied().take(count).collect(),
    }
}

fn is_float_pcm(codec: AudioCodecId) -> bool {
    [
        id::CODEC_ID_PCM_F32LE,
        id::CODEC_ID_PCM_F32BE,
        id::CODEC_ID_PCM_F64LE,
        id::CODEC_ID_PCM_F64BE,
    ]
    .contains(&codec)
}

fn bits_per_sample(params: &AudioCodecParameters) -> Option<u16> {
    let bits = match params.codec {
        id::CODEC_ID_PCM_F32LE | id::CODEC_ID_PCM_F32BE => Some(32),
        id::CODEC_ID_PCM_F64LE | id::CODEC_ID_PCM_F64BE => Some(64),
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 | id::CODEC_ID_MP3 | id::CODEC_ID_AAC | id::CODEC_ID_VORBIS => {
            None
        }
        _ => params.bits_per_sample.or(params.bits_per_coded_sample),
    };
    bits.and_then(|bits| u16::try_from(bits).ok())
        .filter(|bits| (1..=64).contains(bits))
}

fn codec_name(params: &AudioCodecParameters) -> String {
    let name = match params.codec {
        id::CODEC_ID_FLAC => "FLAC",
        id::CODEC_ID_ALAC => "ALAC",
        id::CODEC_ID_VORBIS => "Vorbis",
        id::CODEC_ID_MP1 => "MP1",
        id::CODEC_ID_MP2 => "MP2",
        id::CODEC_ID_MP3 => "MP3",
        id::CODEC_ID_AAC => match params.channels.as_ref().map_or(2, Channels::count) {
            0..=2 => "AAC-LC",
            _ => "multichannel AAC",
        },
        id::CODEC_ID_OPUS => "Opus",
        id::CODEC_ID_AC3 => "AC-3",
        id::CODEC_ID_EAC3 => "E-AC-3",
        id::CODEC_ID_PCM_ALAW => "A-law",
        id::CODEC_ID_PCM_MULAW => "µ-law",
        id::CODEC_ID_ADPCM_MS | id::CODEC_ID_ADPCM_IMA_WAV | id::CODEC_ID_ADPCM_IMA_QT => "ADPCM",
        codec if is_float_pcm(codec) => {
            return format!("PCM {}-bit float", bits_per_sample(params).unwrap_or(32));
        }
        _ => match bits_per_sample(params) {
            Some(bits) => return format!("PCM {bits}-bit"),
            None => "an unknown codec",
        },
    };
    name.to_owned()
}

/// What the engine sees of the source while symphonia owns it.
struct Watch {
    len: u64,
    position: AtomicU64,
    error: Mutex<Option<std::io::Error>>,
}

impl Watch {
    /// The error of the source itself, if there was one: symphonia reports a short file and a broken disk alike.
    fn check(&self) -> Result<(), Error> {
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(Error::Io(error)),
            None => Ok(()),
        }
    }

    /// Why a header could not be read.
    fn refusal(&self, error: SymphoniaError) -> Error {
        if let Err(error) = self.check() {
            return error;
        }
        let code = match error {
            SymphoniaError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                FailureCode::Truncated
            }
            _ => FailureCode::Malformed,
        };
        Failure::new(code).into()
    }
}

/// A source that notes where it is read and whether that failed, and that reads as the patches say.
struct Watched<S> {
    inner: S,
    at: u64,
    patches: Vec<(u64, Vec<u8>)>,
    watch: Arc<Watch>,
}

impl<S: Read> Read for Watched<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.watch.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let within = buffer.len().min(left);
        let read = self.inner.read(&mut buffer[..within]);
        match &read {
            Ok(count) => {
                patch(&mut buffer[..*count], self.at, &self.patches);
                self.at += *count as u64;
                self.watch.position.store(self.at, Ordering::Relaxed);
            }
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                let seen = std::io::Error::new(error.kind(), error.to_string());
                *self.watch.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            }
            Err(_) => {}
        }
        read
    }
}

/// Replaces what `patches` say in the bytes that were read at offset `at`.
fn patch(bytes: &mut [u8], at: u64, patches: &[(u64, Vec<u8>)]) {
    for (offset, patched) in patches {
        for (offset, &byte) in (*offset..).zip(patched) {
            let index = offset
                .checked_sub(at)
                .and_then(|index| usize::try_from(index).ok());
            if let Some(target) = index.and_then(|index| bytes.get_mut(index)) {
                *target = byte;
            }
        }
    }
}

impl<S: Seek> Seek for Watched<S> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        // A demuxer that seeks to nonsense is the file's fault and no error of the source.
        self.at = self.inner.seek(to)?;
        Ok(self.at)
    }
}

impl<S: Read + Seek + Send + Sync> MediaSource for Watched<S> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.watch.len)
    }
}
