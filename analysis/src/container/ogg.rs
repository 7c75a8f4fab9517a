//! Ogg (RFC 3533): pages with check sums and running numbers, in streams that may follow each other.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::{ContainerLayout, Gap, Link};

/// The longest page.
const LONGEST_PAGE: usize = 27 + 255 + 255 * 255;
/// The flag of a page that begins a stream, and of one that ends it (RFC 3533, 6).
const BEGINS_STREAM: u8 = 2;
const ENDS_STREAM: u8 = 4;
/// A page on which no packet ends has no position.
const NO_POSITION: u64 = u64::MAX;

/// Reads every page once. Readers leave out what is damaged without a word; here the check sums and the numbers of the
/// pages say what is missing, and where. A file whose last page does not end its stream has lost its end.
pub(super) fn inspect_ogg(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    source.seek(SeekFrom::Start(start))?;
    let mut pages = Pages {
        source: BufReader::with_capacity(1 << 16, source.by_ref().take(file_len - start)),
        buffer: Vec::with_capacity(2 * LONGEST_PAGE),
        at: start,
    };
    let mut links: Vec<Link> = Vec::new();
    let mut stream = StreamState::default();
    let mut end = start;
    let mut ends_stream = false;
    while let Some(page) = pages.next()? {
        if page.begins_stream() && (links.is_empty() || stream.has_audio) {
            stream = StreamState {
                serial: page.serial,
                sequence: Some(page.sequence),
                ..StreamState::default()
            };
            links.push(Link {
                start: page.start,
                end: page.end,
                head: page.head(),
                gaps: Vec::new(),
            });
        }
        let Some(link) = links.last_mut() else { continue };
        link.end = page.end;
        if page.serial == stream.serial {
            stream.follow(&page, &mut link.gaps);
            ends_stream = page.flags & ENDS_STREAM != 0;
        }
        end = page.end;
    }
    let has_tail = pages.has_begun_page();
    Ok(ContainerLayout {
        start,
        // symphonia gives up a file whose last page it cannot read.
        end: if links.is_empty() { file_len } else { end },
        is_cut_short: links.is_empty() || has_tail || !ends_stream,
        links,
        ..ContainerLayout::default()
    })
}

/// What is known of the stream that is measured.
#[derive(Default)]
struct StreamState {
    serial: u32,
    sequence: Option<u32>,
    position: u64,
    /// The length of a page, as the last whole one had it.
    page_len: u64,
    has_audio: bool,
    /// A page is missing since the last position.
    lost: bool,
}

impl StreamState {
    fn follow(&mut self, page: &Page, gaps: &mut Vec<Gap>) {
        let expected = self.sequence.map(|sequence| sequence.wrapping_add(1));
        if !page.begins_stream() && expected.is_some_and(|expected| expected != page.sequence) {
            self.lost = true;
        }
        self.sequence = Some(page.sequence);
        if page.position == NO_POSITION || page.position == 0 {
            return;
        }
        let len = page.position.saturating_sub(self.position);
        if self.lost {
            gaps.push(Gap {
                at_frames: self.position,
                frames: len.saturating_sub(self.page_len),
            });
        } else if self.has_audio {
            self.page_len = len;
        }
        self.lost = false;
        self.has_audio = true;
        self.position = page.position;
    }
}

struct Page {
    start: u64,
    end: u64,
    flags: u8,
    position: u64,
    serial: u32,
    sequence: u32,
    body: Vec<u8>,
}

impl Page {
    const fn begins_stream(&self) -> bool {
        self.flags & BEGINS_STREAM != 0
    }

    /// The start of the first packet, which says codec, channels and rate.
    fn head(&self) -> Vec<u8> {
        self.body.iter().copied().take(64).collect()
    }
}

struct Pages<R> {
    source: BufReader<R>,
    buffer: Vec<u8>,
    at: u64,
}

impl<R: Read> Pages<R> {
    /// The next page whose check sum is right.
    fn next(&mut self) -> io::Result<Option<Page>> {
        loop {
            self.fill(LONGEST_PAGE)?;
            let Some(found) = find(&self.buffer, b"OggS\0") else {
                if self.buffer.len() < LONGEST_PAGE {
                    return Ok(None);
                }
                self.drop_front(self.buffer.len() - 4);
                continue;
            };
            self.drop_front(found);
            self.fill(LONGEST_PAGE)?;
            match page_len(&self.buffer) {
                Some(len) if has_right_crc(&self.buffer[..len]) => {
                    let bytes = &self.buffer[..len];
                    let segments = usize::from(bytes[26]);
                    let number = |at: usize| {
                        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
                    };
                    let page = Page {
                        start: self.at,
                        end: self.at + len as u64,
                        flags: bytes[5],
                        position: u64::from(number(6)) | u64::from(number(10)) << 32,
                        serial: number(14),
                        sequence: number(18),
                        body: bytes[27 + segments..].to_vec(),
                    };
                    self.drop_front(len);
                    return Ok(Some(page));
                }
                // Cut off by the end of the file.
                None if self.buffer.len() < LONGEST_PAGE && find(&self.buffer[4..], b"OggS\0").is_none() => {
                    return Ok(None);
                }
                _ => self.drop_front(4),
            }
        }
    }

    /// Whether a page begins in what was not read as one.
    fn has_begun_page(&self) -> bool {
        self.buffer.starts_with(b"OggS")
    }

    fn fill(&mut self, len: usize) -> io::Result<()> {
        if self.buffer.len() < len {
            let missing = 2 * LONGEST_PAGE - self.buffer.len();
            self.source
                .by_ref()
                .take(missing as u64)
                .read_to_end(&mut self.buffer)?;
        }
        Ok(())
    }

    fn drop_front(&mut self, len: usize) {
        self.buffer.drain(..len);
        self.at += len as u64;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The length of the page that `bytes` begin with, if all of it is there.
fn page_len(bytes: &[u8]) -> Option<usize> {
    let header_len = 27 + usize::from(*bytes.get(26)?);
    let lacing = bytes.get(27..header_len)?;
    let len = header_len + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
    (bytes.len() >= len).then_some(len)
}

/// The check sum of a page, computed with its own four bytes as zeros.
fn has_right_crc(page: &[u8]) -> bool {
    let stored = u32::from_le_bytes([page[22], page[23], page[24], page[25]]);
    let crc = page.iter().enumerate().fold(0_u32, |crc, (at, &byte)| {
        let byte = if (22..26).contains(&at) { 0 } else { byte };
        crc << 8 ^ CRC[usize::from((crc >> 24) as u8 ^ byte)]
    });
    crc == stored
}

/// The polynomial 0x04c11db7, without reflection.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = value << 1 ^ if value >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};
