//! What an MP4 file says to play of what it holds.
//!
//! AAC encoders begin with 1024 to 2112 samples of nothing and fill up the last frame. MP4 says so in an edit list
//! (ISO/IEC 14496-12, 8.6.6), and iTunes in a comment of its own, `iTunSMPB`, which is exact where edit lists count
//! in coarse units. Edit lists that rearrange the audio are left alone: all of it is measured, in the stored order.

use std::io::{self, Read, Seek};

use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec_id};

use crate::io::read_at;

/// More boxes than any real file has outside of its tables of samples.
const MAX_BOXES: u32 = 4_096;
/// Boxes that hold boxes, down to what is read here.
const MAX_DEPTH: u32 = 8;
/// The longest comment that is searched for `iTunSMPB`.
const MAX_COMMENT: u64 = 1_024;

/// The part of a track that plays, in sample frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Frames in front of it.
    pub(crate) skip: u64,
    /// Its length, where the file says so to the sample.
    pub(crate) keep: Option<u64>,
}

/// All edits of a file.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    boxes: u32,
    timescale: u32,
    tracks: Vec<TrackBox>,
    comment: Option<Edit>,
}

impl Edits {
    /// Reads them from the boxes between `start` and `end`.
    pub(crate) fn read(source: &mut (impl Read + Seek), start: u64, end: u64) -> io::Result<Self> {
        let mut edits = Self::default();
        edits.walk(source, start, end, 0)?;
        Ok(edits)
    }

    /// The edit of the track `id` at `rate` samples per second, which stores `media_frames`.
    pub(crate) fn for_track(&self, id: u32, rate: u32, media_frames: Option<u64>) -> Edit {
        let edit = self.comment.or_else(|| {
            let track = self.tracks.iter().find(|track| track.id == id)?;
            let [(duration, media_time)] = track.edits[..] else {
                return None;
            };
            let in_frames = |time: u64, scale: u32| {
                u64::try_from(u128::from(time) * u128::from(rate) / u128::from(scale.max(1))).ok()
            };
            let skip = in_frames(media_time, track.timescale)?;
            // The length of the edit counts in the movie's units, often milliseconds. Where they are coarser than
            // samples the stored length, which ffmpeg and others cut to the sample, says it better.
            let keep = if self.timescale >= rate && duration > 0 {
                in_frames(duration, self.timescale)
            } else {
                media_frames.and_then(|frames| frames.checked_sub(skip))
            };
            Some(Edit { skip, keep })
        });
        // An edit that leaves nothing is a mistake of the file and no wish.
        let leaves_audio =
            |edit: &Edit| edit.keep != Some(0) && media_frames.is_none_or(|frames| edit.skip < frames);
        edit.filter(leaves_audio).unwrap_or_default()
    }

    fn walk(&mut self, source: &mut (impl Read + Seek), start: u64, end: u64, depth: u32) -> io::Result<()> {
        let mut at = start;
        while at + 8 <= end && self.boxes < MAX_BOXES && depth < MAX_DEPTH {
            self.boxes += 1;
            let Some([l0, l1, l2, l3, kind @ ..]) = read_at::<8>(source, at)? else {
                break;
            };
            let (header, len) = match u32::from_be_bytes([l0, l1, l2, l3]) {
                0 => (8, end - at),
                1 => match read_at::<8>(source, at + 8)? {
                    Some(len) => (16, u64::from_be_bytes(len)),
                    None => break,
                },
                len => (8, u64::from(len)),
            };
            if len < header || len > end - at {
                break;
            }
            let (body, next) = (at + header, at + len);
            match &kind {
                b"trak" => {
                    self.tracks.push(TrackBox::default());
                    self.walk(source, body, next, depth + 1)?;
                }
                b"moov" | b"edts" | b"mdia" | b"minf" | b"stbl" | b"udta" | b"ilst" => {
                    self.walk(source, body, next, depth + 1)?
                }
                // A box with a version in front of its boxes, except in QuickTime.
                b"meta" => self.walk(source, body + 4, next, depth + 1)?,
                b"mvhd" => self.timescale = timescale(source, body)?.unwrap_or(0),
                b"stsd" => self.read_sample_entry(source, body, next)?,
                b"tkhd" | b"mdhd" | b"elst" => self.read_track_box(source, kind, body)?,
                b"----" if self.comment.is_none() && next - body <= MAX_COMMENT => {
                    let mut text = vec![0; (next - body) as usize];
                    source.seek(io::SeekFrom::Start(body))?;
                    source.read_exact(&mut text)?;
                    self.comment = itunes_gapless(&text);
                }
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    /// The first sample entry, which names the codec. PCM of QuickTime is big-endian unless a box `enda` in it says
    /// otherwise.
    fn read_sample_entry(&mut self, source: &mut (impl Read + Seek), body: u64, end: u64) -> io::Result<()> {
        let Some(track) = self.tracks.last_mut() else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        source.seek(io::SeekFrom::Start(body + 8))?;
        source
            .by_ref()
            .take(end.saturating_sub(body + 8).min(MAX_COMMENT))
            .read_to_end(&mut bytes)?;
        track.codec = bytes.get(4..8).and_then(|name| name.first_chunk().copied());
        let flag = bytes
            .windows(4)
            .position(|window| window == b"enda")
            .map(|at| at + 4);
        track.is_little_endian = flag.and_then(|at| bytes.get(at..at + 2)) == Some(&[0, 1]);
        Ok(())
    }

    /// How the PCM of the track `id` is stored, where symphonia 0.6.1 takes big-endian samples for little-endian ones.
    pub(crate) fn pcm_codec(&self, id: u32) -> Option<AudioCodecId> {
        let track = self.tracks.iter().find(|track| track.id == id)?;
        Some(match (&track.codec?, track.is_little_endian) {
            (b"in24", false) => codec_id::CODEC_ID_PCM_S24BE,
            (b"in24", true) => codec_id::CODEC_ID_PCM_S24LE,
            (b"in32", false) => codec_id::CODEC_ID_PCM_S32BE,
            (b"in32", true) => codec_id::CODEC_ID_PCM_S32LE,
            (b"fl32", false) => codec_id::CODEC_ID_PCM_F32BE,
            (b"fl32", true) => codec_id::CODEC_ID_PCM_F32LE,
            (b"fl64", false) => codec_id::CODEC_ID_PCM_F64BE,
            (b"fl64", true) => codec_id::CODEC_ID_PCM_F64LE,
            _ => return None,
        })
    }

    /// The codec of a sound track that is not decoded, by its name.
    pub(crate) fn unsupported_codec(&self) -> Option<&'static str> {
        self.tracks.iter().find_map(|track| {
            Some(match &track.codec? {
                b"alaw" => "A-law in QuickTime",
                b"ulaw" => "µ-law in QuickTime",
                b"ima4" | b"ms\0\x11" | b"ms\0\x02" => "ADPCM in QuickTime",
                b"alac" => "ALAC in QuickTime",
                b"raw " => "8-bit PCM in QuickTime",
                b"twos" | b"sowt" => "QuickTime PCM with more than two channels",
                b"ac-3" => "AC-3 in M4A",
                b"ec-3" => "E-AC-3 in M4A",
                b"ac-4" => "AC-4 in M4A",
                b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "DTS in M4A",
                b"Opus" => "Opus in M4A",
                b"samr" | b"sawb" => "AMR in M4A",
                b"QDM2" | b"QDMC" => "QDesign Music in QuickTime",
                b"MAC3" | b"MAC6" => "MACE in QuickTime",
                _ => return None,
            })
        })
    }

    fn read_track_box(
        &mut self,
        source: &mut (impl Read + Seek),
        kind: [u8; 4],
        body: u64,
    ) -> io::Result<()> {
        let Some(track) = self.tracks.last_mut() else {
            return Ok(());
        };
        match &kind {
            b"tkhd" => {
                let is_long = read_at::<1>(source, body)? == Some([1]);
                let id = read_at::<4>(source, body + if is_long { 20 } else { 12 })?;
                track.id = id.map_or(0, u32::from_be_bytes);
            }
            b"mdhd" => track.timescale = timescale(source, body)?.unwrap_or(0),
            _ => {
                let Some([version, _, _, _, count @ ..]) = read_at::<8>(source, body)? else {
                    return Ok(());
                };
                let count = u32::from_be_bytes(count).min(MAX_BOXES);
                for index in 0..u64::from(count) {
                    let entry = if version == 1 {
                        read_at::<16>(source, body + 8 + index * 20)?.map(
                            |[a, b, c, d, e, f, g, h, time @ ..]| {
                                (
                                    u64::from_be_bytes([a, b, c, d, e, f, g, h]),
                                    i64::from_be_bytes(time),
                                )
                            },
                        )
                    } else {
                        read_at::<8>(source, body + 8 + index * 12)?.map(|[a, b, c, d, time @ ..]| {
                            (
                                u64::from(u32::from_be_bytes([a, b, c, d])),
                                i64::from(i32::from_be_bytes(time)),
                            )
                        })
                    };
                    let Some((duration, media_time)) = entry else {
                        break;
                    };
                    if let Ok(media_time) = u64::try_from(media_time) {
                        track.edits.push((duration, media_time));
                    }
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct TrackBox {
    id: u32,
    timescale: u32,
    /// Duration in the movie's units, and where it begins in the track's. Empty edits are left out.
    edits: Vec<(u64, u64)>,
    /// The name of the first sample entry.
    codec: Option<[u8; 4]>,
    is_little_endian: bool,
}

/// Units per second of `mvhd` and `mdhd`, which begin alike.
fn timescale(source: &mut (impl Read + Seek), body: u64) -> io::Result<Option<u32>> {
    let is_long = read_at::<1>(source, body)? == Some([1]);
    let at = body + if is_long { 20 } else { 12 };
    Ok(read_at::<4>(source, at)?.map(u32::from_be_bytes))
}

/// ` 00000000 00000840 000001CA 00000000003F31F6 …`: reserved, delay, padding, length.
fn itunes_gapless(comment: &[u8]) -> Option<Edit> {
    let text = String::from_utf8_lossy(comment);
    let (_, behind) = text.split_once("iTunSMPB")?;
    let (_, value) = behind.split_once(" 00000000 ")?;
    let mut numbers = value
        .split(' ')
        .map(|number| u64::from_str_radix(number, 16).ok());
    let (delay, _padding, length) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Edit {
        skip: delay,
        keep: Some(length).filter(|&length| length > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(body);
        bytes
    }

    /// A file of one track with the id 1 at 44.1 kHz, whose movie counts in `movie_scale`.
    fn movie(movie_scale: u32, edits: &[(u32, i32)], comment: &[u8]) -> Vec<u8> {
        let header = |scale: u32| [&[0; 12], &scale.to_be_bytes()[..], &[0; 8]].concat();
        let mut list = [[0; 4], (edits.len() as u32).to_be_bytes()].concat();
        for (duration, time) in edits {
            list.extend(duration.to_be_bytes());
            list.extend(time.to_be_bytes());
            list.extend([0, 1, 0, 0]);
        }
        let track = [
            boxed(b"tkhd", &[&[0; 12], &1_u32.to_be_bytes()[..]].concat()),
            boxed(b"edts", &boxed(b"elst", &list)),
            boxed(b"mdia", &boxed(b"mdhd", &header(44_100))),
        ]
        .concat();
        let tags = boxed(b"ilst", &boxed(b"----", comment));
        let meta = [&[0; 4], &tags[..]].concat();
        let movie = [
            boxed(b"mvhd", &header(movie_scale)),
            boxed(b"trak", &track),
            boxed(b"udta", &boxed(b"meta", &meta)),
        ]
        .concat();
        [boxed(b"ftyp", b"M4A "), boxed(b"moov", &movie)].concat()
    }

    fn edit_of(bytes: Vec<u8>) -> Edit {
        let end = bytes.len() as u64;
        Edits::read(&mut io::Cursor::new(bytes), 0, end)
            .unwrap()
            .for_track(1, 44_100, Some(100_000))
    }

    #[test]
    fn an_edit_list_in_samples_says_what_plays() {
        let edit = Edit {
            skip: 2_112,
            keep: Some(90_000),
        };
        assert_eq!(edit_of(movie(44_100, &[(90_000, 2_112)], b"")), edit);
        // An empty edit in front only delays.
        assert_eq!(edit_of(movie(44_100, &[(441, -1), (90_000, 2_112)], b"")), edit);
    }

    #[test]
    fn an_edit_list_in_milliseconds_leaves_the_length_to_the_track() {
        let edit = Edit {
            skip: 1_024,
            keep: Some(98_976),
        };
        assert_eq!(edit_of(movie(1_000, &[(2_245, 1_024)], b"")), edit);
    }

    #[test]
    fn the_comment_of_itunes_is_believed_first() {
        let comment = b"meancom.apple.iTunes name iTunSMPB data\0\0 00000000 00000840 000001CA 0000000000003F31 00000000";
        let edit = Edit {
            skip: 0x840,
            keep: Some(0x3f31),
        };
        assert_eq!(edit_of(movie(1_000, &[(2_245, 1_024)], comment)), edit);
    }

    #[test]
    fn an_edit_list_that_rearranges_or_leaves_nothing_is_ignored() {
        for edits in [&[(1_000, 0), (1_000, 50_000)][..], &[(10, 100_000)], &[]] {
            assert_eq!(edit_of(movie(1_000, edits, b"")), Edit::default(), "{edits:?}");
        }
    }
}
