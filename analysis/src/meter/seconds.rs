//! Blocks of samples, cut at the ends of seconds.

use std::ops::Range;

/// Counts the frames of the second that is going on.
pub(super) struct Seconds {
    len: usize,
    filled: usize,
}

impl Seconds {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            len: rate.max(1) as usize,
            filled: 0,
        }
    }

    /// The pieces of a block of so many frames, each within one second, and whether it completes that.
    pub(super) fn pieces(&mut self, frames: usize) -> impl Iterator<Item = (Range<usize>, bool)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at;
            (start < frames).then(|| {
                at = frames.min(start + self.len - self.filled);
                self.filled = (self.filled + at - start) % self.len;
                (start..at, self.filled == 0)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_seconds_whatever_the_blocks_are() {
        let mut seconds = Seconds::new(10);
        let mut pieces = |frames| seconds.pieces(frames).collect::<Vec<_>>();
        assert_eq!(pieces(4), [(0..4, false)]);
        assert_eq!(pieces(6), [(0..6, true)]);
        assert_eq!(pieces(25), [(0..10, true), (10..20, true), (20..25, false)]);
        assert_eq!(pieces(7), [(0..5, true), (5..7, false)]);
        assert_eq!(pieces(0), []);
    }
}
