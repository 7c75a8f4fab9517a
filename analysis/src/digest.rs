//! Digests by which two people see that they hold the same file and the same report.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Report;
use model::report::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes that are read at a time where no decoder has read.
const CHUNK: usize = 1 << 16;

/// A source whose bytes are hashed as they are read, so that a file is read once. Clones share it.
pub(crate) struct HashedSource<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    source: S,
    /// Where the source stands.
    at: u64,
    sha256: Sha256,
    /// The bytes before this offset are hashed.
    hashed: u64,
}

impl<S> Clone for HashedSource<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Read + Seek> HashedSource<S> {
    /// The bytes of `source` from its start on.
    ///
    /// # Errors
    /// The source cannot be moved to its start.
    pub(crate) fn new(mut source: S) -> io::Result<Self> {
        source.rewind()?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            source,
            at: 0,
            sha256: Sha256::new(),
            hashed: 0,
        }))))
    }

    /// SHA-256 of the whole file in hexadecimal; what was not read in order is read now.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(crate) fn sha256(&self) -> io::Result<String> {
        let mut inner = self.lock();
        let hashed = inner.hashed;
        if inner.at != hashed {
            inner.at = inner.source.seek(SeekFrom::Start(hashed))?;
        }
        let mut buffer = vec![0; CHUNK];
        loop {
            match inner.read(&mut buffer) {
                Ok(0) => return Ok(hex(&inner.sha256.clone().finalize())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<S> HashedSource<S> {
    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Read> Inner<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let end = self.at + count as u64;
        if self.at <= self.hashed && end > self.hashed {
            self.sha256
                .update(&buffer[(self.hashed - self.at) as usize..count]);
            self.hashed = end;
        }
        self.at = end;
        Ok(count)
    }
}

impl<S: Read> Read for HashedSource<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }
}

impl<S: Seek> Seek for HashedSource<S> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let mut inner = self.lock();
        inner.at = inner.source.seek(position)?;
        Ok(inner.at)
    }
}

/// The digest of `report`, measured of a file with this SHA-256.
pub(crate) fn of_report(report: &Report, file_sha256: String) -> Digest {
    let mut digest = Digest {
        file_sha256,
        report_sha256: String::new(),
    };
    let unsigned = Report {
        digest: Some(digest.clone()),
        ..report.clone()
    };
    // A report has no map with keys that are no strings, the only thing that could fail.
    let json = serde_json::to_vec(&unsigned).unwrap_or_default();
    digest.report_sha256 = hex(&Sha256::digest(json));
    digest
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn however_a_file_is_read_its_digest_is_that_of_its_bytes() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let expected = hex(&Sha256::digest(&bytes));
        let mut reads: Vec<Vec<(u64, usize)>> = vec![vec![], vec![(0, 200_000)]];
        reads.push(vec![(0, 100), (199_000, 1_000), (50, 100), (100, 70_000), (3, 9)]);
        for order in reads {
            let source = HashedSource::new(Cursor::new(bytes.clone())).unwrap();
            let mut reader = source.clone();
            for (at, len) in order {
                reader.seek(SeekFrom::Start(at)).unwrap();
                let mut piece = vec![0; len];
                reader.read_exact(&mut piece).unwrap();
                assert_eq!(piece, bytes[at as usize..at as usize + len]);
            }
            assert_eq!(source.sha256().unwrap(), expected);
        }
    }
}
