//! The components that pages are built from. None of them needs hydration; islands may use them, or their classes.
//!
//! Nothing here writes a `style` attribute: the content security policy would drop it. What moves with a value is an
//! SVG attribute.

pub mod button;
pub mod chip;
pub mod dialog;
pub mod form;
pub mod frame;
pub mod layout;
#[cfg(feature = "ssr")]
pub mod list;
pub mod meter;
pub mod progress;
#[cfg(feature = "ssr")]
pub mod qr;
pub mod reading;
pub mod table;
pub mod tone;

pub use button::{Button, ButtonKind, ButtonLink};
pub use chip::{Badge, StateChip};
pub use dialog::{Confirm, Dialog, DialogButton, Toast, Toasts};
pub use form::{Checkbox, ErrorSummary, Field, Select};
pub use frame::{ChartFrame, EmptyState};
pub use layout::{NavEntry, SiteFooter, SiteHeader, SkipLink, Unstarted, Wordmark};
#[cfg(feature = "ssr")]
pub use list::{
    AudioCell, DayCell, Head, LengthCell, List, LoudnessCell, NumberCell, RowOrder, SortableHead,
};
pub use meter::{Meter, Scale};
pub use progress::{ProgressBar, ProgressPanel};
pub use reading::{Tile, Value};
pub use table::{DataTable, Table};
pub use tone::{Notice, Tone, ToneIcon};
