//! The bytes of a file as the decoders see them, and as the engine watches them.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Failure, FailureCode};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::io::MediaSource;

use crate::Error;

/// What the engine sees of the source while a decoder owns it.
pub(super) struct SourceTracker {
    len: u64,
    position: AtomicU64,
    error: Mutex<Option<io::Error>>,
}

impl SourceTracker {
    /// How much of the source has been read, 0 to 100.
    pub(super) fn percent_read(&self) -> u8 {
        let position = u128::from(self.position.load(Ordering::Relaxed));
        (position * 100 / u128::from(self.len.max(1))).min(100) as u8
    }

    /// The error of the source itself, if there was one: decoders report a short file and a broken disk alike.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(Error::Io(error)),
            None => Ok(()),
        }
    }

    /// Why symphonia could not read a header.
    pub(super) fn refusal(&self, error: &SymphoniaError) -> Error {
        if let Err(error) = self.check() {
            return error;
        }
        let code = match error {
            SymphoniaError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                FailureCode::Truncated
            }
            _ => FailureCode::Malformed,
        };
        Failure::new(code).into()
    }
}

/// A source that several readers use, one after the other.
pub(super) struct SharedSource<S>(Arc<Mutex<S>>);

impl<S> SharedSource<S> {
    pub(super) fn new(source: S) -> Self {
        Self(Arc::new(Mutex::new(source)))
    }
}

impl<S> Clone for SharedSource<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Read> Read for SharedSource<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

impl<S: Seek> Seek for SharedSource<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seek(to)
    }
}

/// A source that notes where it is read and whether that failed, and that reads as the patches say.
pub(super) struct TrackedSource<S> {
    inner: S,
    at: u64,
    patches: Vec<(u64, Vec<u8>)>,
    tracker: Arc<SourceTracker>,
}

impl<S> TrackedSource<S> {
    /// Reads `inner`, which stands at `start`, up to `end`. Each patch is what to read in place of the bytes at an
    /// offset.
    pub(super) fn new(inner: S, start: u64, end: u64, patches: Vec<(u64, Vec<u8>)>) -> Self {
        let tracker = SourceTracker {
            len: end,
            position: AtomicU64::new(start),
            error: Mutex::default(),
        };
        Self {
            inner,
            at: start,
            patches,
            tracker: Arc::new(tracker),
        }
    }

    pub(super) fn tracker(&self) -> Arc<SourceTracker> {
        Arc::clone(&self.tracker)
    }
}

impl<S: Read> Read for TrackedSource<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.tracker.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let within = buffer.len().min(left);
        let read = self.inner.read(&mut buffer[..within]);
        match &read {
            Ok(count) => {
                patch(&mut buffer[..*count], self.at, &self.patches);
                self.at += *count as u64;
                self.tracker.position.store(self.at, Ordering::Relaxed);
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let seen = io::Error::new(error.kind(), error.to_string());
                *self.tracker.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
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

impl<S: Seek> Seek for TrackedSource<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A demuxer that seeks to nonsense is the file's fault and no error of the source.
        self.at = self.inner.seek(to)?;
        Ok(self.at)
    }
}

impl<S: Read + Seek + Send + Sync> MediaSource for TrackedSource<S> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.tracker.len)
    }
}
