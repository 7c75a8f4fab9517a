//! Reading at a place.

use std::io::{self, Read, Seek, SeekFrom};

/// The `N` bytes of `source` at offset `at`; `None` where it ends before that.
pub(crate) fn read_at<const N: usize>(
    source: &mut (impl Read + Seek),
    at: u64,
) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    source.seek(SeekFrom::Start(at))?;
    match source.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
