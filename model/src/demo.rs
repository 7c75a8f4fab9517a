//! The public demo: songs made by the program itself, measured like any other file.

crate::text_enum! {
    /// One of its recordings.
    pub enum DemoTrack {
        /// A mix with faults.
        FirstMix = "mix-1",
        /// The same mix with them mended.
        SecondMix = "mix-2",
        /// Another song, finished, to compare with.
        Reference = "reference",
    }
}

crate::text_enum! {
    /// One of its pages.
    pub enum DemoPage {
        /// The report of the first mix.
        FirstMix = "mix-1",
        /// The report of the second.
        SecondMix = "mix-2",
        /// What changed from the first mix to the second.
        Changes = "changes",
        /// The first mix beside the reference.
        Comparison = "comparison",
    }
}
