//! Ogg, whose last page says that it is the last.

use std::io::{self, Read, Seek, SeekFrom};

use super::ContainerLayout;

/// The last page of an Ogg file is marked as such (RFC 3533, 6). A file whose last page is not, or that ends within a
/// page, has lost its end.
pub(super) fn inspect_ogg(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    /// The longest page.
    const LONGEST: u64 = 27 + 255 + 255 * 255;
    let from = file_len.saturating_sub(2 * LONGEST).max(start);
    source.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    source.by_ref().take(2 * LONGEST).read_to_end(&mut tail)?;
    let is_page = |at: &usize| tail[*at..].starts_with(b"OggS\0");
    let pages = (0..tail.len()).rev().filter(is_page);
    let whole = pages
        .clone()
        .find_map(|at| Some((at, ogg_page_len(&tail[at..])?)));
    let is_last = pages.clone().next() == whole.map(|(at, _)| at);
    let ends_stream = whole.is_some_and(|(at, _)| tail[at + 5] & 4 != 0);
    Ok(ContainerLayout {
        start,
        // symphonia gives up a file whose last page it cannot read.
        end: whole.map_or(file_len, |(at, len)| from + (at + len) as u64),
        is_cut_short: !(is_last && ends_stream),
        ..ContainerLayout::default()
    })
}

/// The length of the page that `bytes` begin with, if all of it is there.
fn ogg_page_len(bytes: &[u8]) -> Option<usize> {
    let header_len = 27 + usize::from(*bytes.get(26)?);
    let lacing = bytes.get(27..header_len)?;
    let len = header_len + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
    (bytes.len() >= len).then_some(len)
}
