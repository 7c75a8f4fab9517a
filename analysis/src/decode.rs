//! Any supported file as a stream of planar samples, in constant memory.
//!
//! What fails in the middle is left out and counted; what ends too early keeps what was there. The reader for a file
//! is chosen by [`sniff`] alone and never by symphonia's probe, which finds formats inside other formats.

mod demuxed;
mod edits;
mod names;
mod opus;
mod source;

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use model::format::{AudioFormat, Codec};
use model::{Failure, FailureCode};
use symphonia::core::audio::Channels;
use symphonia::core::io::MediaSourceStream;

use crate::Error;
use crate::container::{self, Gap, Link};
use crate::limits::{check_channels, check_rate};
use crate::sniff::{self, Sniffed, sniff};
use demuxed::{Demuxed, Header, catch_panic};
use edits::{Edit, Edits};
use opus::OpusStream;
use source::{SharedSource, SourceTracker, TrackedSource};

/// A stream that yields nothing for this many packets in a row is at its end, whatever its demuxer says.
const MAX_FRUITLESS: u32 = 4096;
/// The same for errors of the demuxer, which often stands still at the first one.
const MAX_DEMUX_ERRORS: u32 = 64;
/// More gaps are not told apart.
const MAX_GAPS: usize = 1_000;
/// What a header may promise beyond what was decoded before the file counts as cut short, in seconds. Two packets of
/// any codec.
const SHORTFALL_S: f64 = 0.1;

/// What a file is, as its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// The container.
    pub format: AudioFormat,
    /// The codec.
    pub codec: Codec,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// Bits per sample, where the codec has such a thing.
    pub bits_per_sample: Option<u16>,
}

impl StreamInfo {
    /// The codec as people call it, PCM with its bits.
    #[must_use]
    pub fn codec_name(&self) -> String {
        self.codec.name_with_bits(self.bits_per_sample)
    }
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
    packets: Packets,
    info: StreamInfo,
    channels: Channels,
    spec_is_proven: bool,
    is_unbounded: bool,
    integer_bits: Option<u16>,
    promised_frames: Option<u64>,
    edit: Edit,
    planes: Vec<Vec<f32>>,
    frames: u64,
    is_open_ended: bool,
    is_cut_short: bool,
    skipped: u64,
    gaps: Vec<Gap>,
    foreign_frames: u64,
    declared_frames: Option<u64>,
    chain: Chain,
    ending: Ending,
    tracker: Arc<SourceTracker>,
}

/// Opens the decoder of one stream of a chain.
type OpenLink = Box<dyn Fn(&Link) -> Result<Opened, Error> + Send + Sync>;

/// The streams of an Ogg file that follow the first.
struct Chain {
    /// Those that are measured with it, the next one last.
    links: Vec<Link>,
    /// How many are measured as one.
    count: usize,
    /// What follows that is not.
    other: Option<String>,
    open: OpenLink,
}

struct Opened {
    header: Header,
    packets: Packets,
    tracker: Arc<SourceTracker>,
}

enum Packets {
    Demuxed(Demuxed),
    Opus(Box<OpusStream>),
}

/// What came of asking for one more packet.
enum PacketOutcome {
    /// New samples.
    Decoded {
        frames: usize,
        rate: u32,
        channels: Channels,
        /// Frames that are missing in front of them.
        missing: u64,
    },
    /// A packet of another track, or one without samples.
    Nothing,
    /// The packet could not be decoded. It should have held so many frames; 0 where that is not known.
    DecodeError { frames: u64 },
    /// The container could not be read here; it may go on behind.
    DemuxError,
    /// There are no more packets.
    End { early: bool },
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
        let (start, sniffed, is_opus) = sniff_source(&mut source).map_err(Error::Io)?;
        let format = match sniffed {
            Sniffed::Known(format) => format,
            Sniffed::Unsupported(name) => return Err(unsupported(name)),
            Sniffed::NotAudio => return Err(Failure::new(FailureCode::NotAudio).into()),
            Sniffed::Empty if len == 0 => return Err(Failure::new(FailureCode::Empty).into()),
            // Nothing but tags.
            Sniffed::Empty => return Err(Failure::new(FailureCode::Truncated).into()),
        };
        let len = match format {
            AudioFormat::Flac | AudioFormat::Mp3 | AudioFormat::Aac | AudioFormat::Ogg => {
                container::end_before_tags(&mut source, start, len).map_err(Error::Io)?
            }
            _ => len,
        };
        let layout = container::inspect(&mut source, format, start, len).map_err(Error::Io)??;
        let edits = match format {
            AudioFormat::Mp4 => Edits::read(&mut source, start, len).map_err(Error::Io)?,
            _ => Edits::default(),
        };
        let source = SharedSource::new(source);
        let open = move |start: u64, end: u64, patches: Vec<(u64, Vec<u8>)>| -> Result<Opened, Error> {
            let mut source = source.clone();
            source.seek(SeekFrom::Start(start)).map_err(Error::Io)?;
            let source = TrackedSource::new(source, start, end, patches);
            let tracker = source.tracker();
            let opened = if is_opus {
                catch_panic(|| OpusStream::open(source))
                    .flatten()
                    .map(|opus| (opus.header(), Packets::Opus(Box::new(opus))))
            } else {
                let mut stream = MediaSourceStream::new(Box::new(source), Default::default());
                // The stream counts from 0 wherever its source stands, and readers seek by that count.
                stream.seek(SeekFrom::Start(start)).map_err(Error::Io)?;
                Demuxed::open(format, stream, &edits, &tracker)
                    .map(|(demuxed, header)| (header, Packets::Demuxed(demuxed)))
            };
            match opened {
                Ok((header, packets)) => Ok(Opened {
                    header,
                    packets,
                    tracker,
                }),
                Err(error) => {
                    tracker.check()?;
                    Err(error)
                }
            }
        };
        let mut links = layout.links;
        let first = (!links.is_empty()).then(|| links.remove(0));
        let end = first.as_ref().map_or(layout.end, |first| first.end);
        let opened = open(layout.start, end, layout.patches).map_err(|error| match error {
            Error::Rejected(failure) if layout.is_cut_short && failure.code == FailureCode::Malformed => {
                Failure::new(FailureCode::Truncated).into()
            }
            error => error,
        })?;
        let Opened {
            header,
            packets,
            tracker,
        } = opened;
        let open = move |link: &Link| open(link.start, link.end, Vec::new());
        let gaps = first.as_ref().map_or(layout.gaps, |first| first.gaps.clone());
        let chain = Chain::new(first, links, Box::new(open));
        let Header {
            info,
            channels,
            is_unbounded,
            integer_bits,
            promised_frames,
            edit,
        } = header;
        Ok(Self {
            packets,
            info,
            channels,
            spec_is_proven: false,
            is_unbounded,
            integer_bits,
            promised_frames: edit.keep.or(promised_frames),
            edit,
            planes: Vec::new(),
            frames: 0,
            is_open_ended: layout.is_open_ended,
            is_cut_short: layout.is_cut_short,
            skipped: 0,
            gaps,
            foreign_frames: 0,
            declared_frames: layout.declared_frames,
            chain,
            ending: Ending::None,
            tracker,
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
            if self.edit.keep == Some(self.frames) {
                self.end(false);
                break;
            }
            fruitless += 1;
            let outcome = match &mut self.packets {
                Packets::Demuxed(demuxed) => demuxed.next_packet(&mut self.planes)?,
                Packets::Opus(opus) => catch_panic(|| opus.next_packet(&mut self.planes))?,
            };
            match outcome {
                PacketOutcome::Decoded {
                    frames,
                    rate,
                    channels,
                    missing,
                } => {
                    if missing > 0 {
                        self.lose(missing);
                    }
                    if self.accept(rate, channels, frames)? {
                        let frames = self.trim(frames);
                        if frames > 0 {
                            self.frames += frames as u64;
                            return Ok(Some(frames));
                        }
                    }
                }
                PacketOutcome::Nothing => {}
                PacketOutcome::DecodeError { frames } => {
                    self.skipped += 1;
                    self.lose(frames);
                }
                PacketOutcome::DemuxError => {
                    self.tracker.check()?;
                    self.skipped += 1;
                    self.lose(0);
                    demux_errors += 1;
                }
                PacketOutcome::End { early } => {
                    self.tracker.check()?;
                    if !self.open_next_link()? {
                        self.end(early && !self.is_open_ended);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether samples of this rate and these channels belong to the file: the first that come say what it is.
    fn accept(&mut self, rate: u32, channels: Channels, frames: usize) -> Result<bool, Error> {
        let count = channels.count();
        if !self.spec_is_proven {
            check_rate(rate)?;
            check_channels(count)?;
            if count == 0 {
                return Err(Failure::new(FailureCode::Malformed).into());
            }
            self.info.sample_rate_hz = rate;
            self.info.channels = count as u16;
            self.channels = channels;
            self.spec_is_proven = true;
        } else if rate != self.info.sample_rate_hz || count != usize::from(self.info.channels) {
            self.foreign_frames += frames as u64;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that audio is missing here; what is damaged at one place counts as one gap.
    fn lose(&mut self, frames: u64) {
        let is_numbered = matches!(self.info.format, AudioFormat::Ogg);
        if is_numbered && frames == 0 {
            // The pages said so already.
            return;
        }
        if let Some(gap) = self.gaps.last_mut().filter(|gap| gap.at_frames == self.frames) {
            gap.frames += frames;
        } else if self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap {
                at_frames: self.frames,
                frames,
            });
        }
    }

    /// Goes on with the next stream of a chain; `false` where there is none.
    fn open_next_link(&mut self) -> Result<bool, Error> {
        let Some(link) = self.chain.links.pop() else {
            return Ok(false);
        };
        let Opened {
            header,
            packets,
            tracker,
        } = (self.chain.open)(&link)?;
        self.chain.count += 1;
        self.edit.skip = header.edit.skip;
        self.gaps.extend(link.gaps.iter().map(|gap| Gap {
            at_frames: gap.at_frames + self.frames,
            frames: gap.frames,
        }));
        self.packets = packets;
        self.tracker = tracker;
        Ok(true)
    }

    /// Leaves of the `frames` new ones those that play, and says how many.
    fn trim(&mut self, frames: usize) -> usize {
        let skip = usize::try_from(self.edit.skip).map_or(frames, |skip| skip.min(frames));
        self.edit.skip -= skip as u64;
        let left = self.edit.keep.map_or(u64::MAX, |keep| keep - self.frames);
        let kept = usize::try_from(left).map_or(frames - skip, |left| left.min(frames - skip));
        if kept < frames {
            for plane in &mut self.planes {
                plane.truncate(skip + kept);
                plane.drain(..skip);
            }
        }
        kept
    }

    /// The samples of the last [`Self::advance`], one plane per channel, ±1 at full scale. Values from a damaged
    /// floating-point file may be anything, NaN and infinity included.
    #[must_use]
    pub fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    /// What the file is. Rate and channels are final once there are samples.
    #[must_use]
    pub const fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// Samples per second and channel.
    #[must_use]
    pub const fn sample_rate_hz(&self) -> u32 {
        self.info.sample_rate_hz
    }

    /// The weight of each channel in the loudness (BS.1770-5, tables 3 and 4).
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        names::weights(&self.channels, usize::from(self.info.channels))
    }

    /// How much of the source has been read, 0 to 100.
    #[must_use]
    pub fn percent_read(&self) -> u8 {
        self.tracker.percent_read()
    }

    /// Packets that could not be decoded.
    #[must_use]
    pub const fn packets_skipped(&self) -> u64 {
        self.skipped
    }

    /// Where audio is damaged or missing and was left out, in frames of what was decoded.
    pub(crate) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Streams of one file that were decoded as one.
    pub(crate) const fn streams(&self) -> usize {
        self.chain.count
    }

    /// What follows behind what was decoded.
    pub(crate) fn other_stream(&self) -> Option<String> {
        let foreign = (self.foreign_frames > 0).then(|| "audio of another rate or other channels".to_owned());
        self.chain.other.clone().or(foreign)
    }

    /// Frames that the file itself counts, where they are not those that it holds.
    pub(crate) fn declared_frames(&self) -> Option<u64> {
        let promised = self
            .promised_frames
            .filter(|&promised| self.frames > promised + self.tolerated());
        self.declared_frames.or(promised)
    }

    /// How the stream ended, if it has.
    #[must_use]
    pub const fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether the file itself can hold samples beyond full scale. Lossy decoders overshoot too, but there it is the
    /// decoder's doing.
    #[must_use]
    pub const fn is_unbounded(&self) -> bool {
        self.is_unbounded
    }

    /// Bits per sample, where samples are integers that come out of the decoder as they went in.
    #[must_use]
    pub const fn integer_bits(&self) -> Option<u16> {
        self.integer_bits
    }

    fn tolerated(&self) -> u64 {
        (f64::from(self.info.sample_rate_hz) * SHORTFALL_S) as u64
    }

    fn end(&mut self, early: bool) {
        let missing: u64 = self.gaps.iter().map(|gap| gap.frames).sum();
        let short = self
            .promised_frames
            .is_some_and(|promised| self.frames + missing + self.tolerated() < promised);
        self.ending = if early || short || self.is_cut_short {
            Ending::Truncated
        } else {
            Ending::Complete
        };
    }
}

impl Chain {
    /// The streams behind `first` that are coded alike belong to it, up to the first that is not.
    fn new(first: Option<Link>, following: Vec<Link>, open: OpenLink) -> Self {
        let spec = first.as_ref().and_then(|first| ogg_spec(&first.head));
        let (mut links, mut other) = (Vec::new(), None);
        for link in following {
            match (spec, ogg_spec(&link.head)) {
                (Some(spec), Some(this)) if spec == this && other.is_none() => links.push(link),
                (_, Some(this)) => {
                    other.get_or_insert_with(|| this.description());
                }
                (_, None) => {}
            }
        }
        links.reverse();
        Self {
            links,
            count: 1,
            other,
            open,
        }
    }
}

/// What the first packet of a stream in Ogg says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OggSpec {
    codec: Codec,
    rate: u32,
    channels: u8,
}

impl OggSpec {
    fn description(self) -> String {
        format!(
            "{} at {} with {} channels",
            self.codec.name(),
            model::text::sample_rate(self.rate),
            self.channels
        )
    }
}

/// Vorbis I, 4.2.2; RFC 7845, 5.1; the mapping of FLAC to Ogg with its STREAMINFO.
fn ogg_spec(head: &[u8]) -> Option<OggSpec> {
    let number = |at: usize| {
        let bytes = head.get(at..at + 4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    if head.starts_with(b"\x01vorbis") {
        return Some(OggSpec {
            codec: Codec::Vorbis,
            rate: number(12)?,
            channels: *head.get(11)?,
        });
    }
    if head.starts_with(b"OpusHead") {
        return Some(OggSpec {
            codec: Codec::Opus,
            rate: 48_000,
            channels: *head.get(9)?,
        });
    }
    // Behind 9 bytes of the mapping, "fLaC" and the header of the block: 20 bits of rate, 3 of channels.
    let info = head.strip_prefix(b"\x7fFLAC")?.get(12..)?;
    let &[a, b, c, ..] = info.get(10..13)? else {
        return None;
    };
    Some(OggSpec {
        codec: Codec::Flac,
        rate: u32::from(a) << 12 | u32::from(b) << 4 | u32::from(c >> 4),
        channels: (c >> 1 & 7) + 1,
    })
}

fn unsupported(name: &str) -> Error {
    Failure::with(FailureCode::Unsupported, name).into()
}

/// Where the audio begins behind ID3v2 tags, however long they are, what it is, and whether that is Opus.
fn sniff_source(source: &mut (impl Read + Seek)) -> std::io::Result<(u64, Sniffed, bool)> {
    let mut start = 0;
    let mut head = Vec::with_capacity(sniff::SNIFF_LEN);
    loop {
        source.seek(SeekFrom::Start(start))?;
        head.clear();
        source
            .by_ref()
            .take(sniff::SNIFF_LEN as u64)
            .read_to_end(&mut head)?;
        match sniff::id3v2_len(&head) {
            Some(len) => start += len as u64,
            None => return Ok((start, sniff(&head), sniff::is_opus(&head))),
        }
    }
}
