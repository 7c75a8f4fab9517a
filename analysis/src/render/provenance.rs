//! What a rendered file says of itself: by which engine, rules and recipe it was made of what, and where the findings of the mix
//! are. Chunks that players pass over; the file plays the same without them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use model::Report;
use serde::{Deserialize, Serialize};

use super::cues::{Cue, cues};
use super::export::Marker;
use super::recipe::Recipe;
use super::wave::{Chunk, put};
use crate::ENGINE_VERSION;
use crate::rules::RULE_SET;

/// The chunk's name, of our own: `LIST INFO` is rewritten by editors, and cut to short texts.
const CHUNK: [u8; 4] = *b"mixl";
/// No provenance is longer.
const LONGEST: u64 = 1 << 20;

/// How a file was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The version of the engine.
    pub engine: String,
    /// The version of the rules.
    pub rule_set: String,
    /// SHA-256 of the source, in hexadecimal.
    pub source_sha256: Option<String>,
    /// The recipe with everything that was adjusted.
    pub recipe: Recipe,
}

/// The seed of the dither: the first eight bytes of the SHA-256 of the source.
pub(super) fn seed(report: &Report) -> u64 {
    let digest = report.digest.as_ref().map(|digest| digest.file_sha256.as_str());
    let head = digest.and_then(|hex| hex.get(..16));
    head.and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .unwrap_or(0)
}

/// What a file says of itself.
pub(super) struct Note {
    /// An [`Origin`] as JSON.
    pub(super) origin: String,
    cues: Vec<Cue>,
}

/// What is said of the file that `recipe` makes of the source of `report`, whose findings are at `markers`.
pub(super) fn note(report: &Report, recipe: &Recipe, markers: &[Marker]) -> Note {
    let origin = Origin {
        engine: ENGINE_VERSION.to_owned(),
        rule_set: RULE_SET.to_owned(),
        source_sha256: report.digest.as_ref().map(|digest| digest.file_sha256.clone()),
        recipe: recipe.clone(),
    };
    Note {
        origin: serde_json::to_string(&origin).unwrap_or_default(),
        cues: cues(markers, recipe, report.file.sample_rate_hz),
    }
}

/// The chunks of a WAV that hold `note`.
pub(super) fn chunks(note: &Note) -> Vec<Chunk> {
    let program = format!("MixLens {ENGINE_VERSION}\0");
    let mut info = b"INFO".to_vec();
    put(&mut info, *b"ISFT", program.as_bytes());
    let mut chunks = super::cues::chunks(&note.cues);
    chunks.push(Chunk {
        id: *b"LIST",
        body: info,
    });
    chunks.push(Chunk {
        id: CHUNK,
        body: note.origin.as_bytes().to_vec(),
    });
    chunks
}

/// How `file` was made, where it is a WAV or a FLAC that says so.
#[must_use]
pub fn origin(file: &File) -> Option<Origin> {
    let mut file = file.try_clone().ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic).ok()?;
    let note = if &magic == b"fLaC" {
        from_flac(&mut file)?
    } else {
        from_wave(&mut file)?
    };
    serde_json::from_slice(&note).ok()
}

/// The comment `MIXLENS` of the first metadata blocks.
fn from_flac(file: &mut File) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    loop {
        file.read_exact(&mut head).ok()?;
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        let mut block = vec![0; usize::try_from(len).ok()?];
        file.read_exact(&mut block).ok()?;
        if head[0] & 0x7f == 4 {
            let at = block.windows(8).position(|window| window == b"MIXLENS=")?;
            let len = block.get(at.checked_sub(4)?..at)?.first_chunk()?;
            let end = at + usize::try_from(u32::from_le_bytes(*len)).ok()?;
            return Some(block.get(at + 8..end)?.to_vec());
        }
        if head[0] & 0x80 != 0 {
            return None;
        }
    }
}

fn from_wave(file: &mut File) -> Option<Vec<u8>> {
    let len = file.seek(SeekFrom::End(0)).ok()?;
    let mut head = [0; 8];
    let mut data_len = None;
    let mut at = 12;
    while at + 8 <= len {
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut head).ok()?;
        let [id, size] = [head[..4].first_chunk::<4>()?, head[4..].first_chunk::<4>()?];
        let mut size = u64::from(u32::from_le_bytes(*size));
        if id == b"ds64" {
            let mut sizes = [0; 16];
            file.read_exact(&mut sizes).ok()?;
            data_len = sizes[8..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        }
        if id == b"data" && size == u64::from(u32::MAX) {
            size = data_len?;
        }
        if *id == CHUNK && size <= LONGEST {
            let mut body = vec![0; size as usize];
            file.read_exact(&mut body).ok()?;
            return Some(body);
        }
        at = at.checked_add(8 + size + size % 2)?;
    }
    None
}
