//! Samples that come in pieces of any length, as windows of one length.

/// Collects the samples of several channels.
pub(super) struct Windows {
    len: usize,
    /// From the start of one window to the next, in samples.
    hop: usize,
    /// Samples up to the next window.
    skip: usize,
    waiting: Vec<Vec<f32>>,
}

impl Windows {
    /// Windows of `len` samples, every `hop`.
    pub(super) fn new(channels: usize, len: usize, hop: usize) -> Self {
        Self {
            len,
            hop,
            skip: 0,
            waiting: vec![Vec::with_capacity(len); channels],
        }
    }

    /// Takes the next samples of all channels; gives each window that is full, channel by channel, to `measure`.
    pub(super) fn push(&mut self, planes: &[&[f32]], mut measure: impl FnMut(&[Vec<f32>])) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        let mut at = 0;
        while at < frames {
            let skipped = self.skip.min(frames - at);
            self.skip -= skipped;
            at += skipped;
            let missing = self.len - self.waiting.first().map_or(0, Vec::len);
            let count = missing.min(frames - at);
            for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
                waiting.extend_from_slice(&plane[at..at + count]);
            }
            at += count;
            if count == missing {
                measure(&self.waiting);
                let used = self.hop.min(self.len);
                for waiting in &mut self.waiting {
                    waiting.drain(..used);
                }
                self.skip = self.hop - used;
            }
        }
    }
}
