//! Points of the score, in whole tenths, so that sums are exact.

use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use crate::text;

/// Points in tenths; in JSON a number of points, `3.1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Points(i32);

impl Points {
    /// So many tenths of a point.
    #[must_use]
    pub const fn from_tenths(tenths: i32) -> Self {
        Self(tenths)
    }

    /// In tenths.
    #[must_use]
    pub const fn tenths(self) -> i32 {
        self.0
    }

    /// Whether a difference of two scores is none that anybody should act on: less than a point.
    #[must_use]
    pub const fn is_about_nothing(self) -> bool {
        self.0.abs() < 10
    }

    /// Whole points, without the tenths.
    #[must_use]
    pub const fn whole(self) -> i32 {
        self.0 / 10
    }

    /// As a number of points.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// `3.1`, `−3.1`.
    #[must_use]
    pub fn number(self) -> String {
        text::number(self.value(), 1)
    }

    /// `3.1 points`.
    #[must_use]
    pub fn display(self) -> String {
        match self.0 {
            10 => "1.0 point".to_owned(),
            _ => format!("{} points", self.number()),
        }
    }
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self(0), Add::add)
    }
}

impl Serialize for Points {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Points {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Points".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "description": "Points, with one decimal." })
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(|points| Self((points * 10.0).round() as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_keep_their_tenths_through_json() {
        for tenths in -1_000..=1_000 {
            let points = Points::from_tenths(tenths);
            let json = serde_json::to_string(&points).unwrap();
            assert_eq!(serde_json::from_str::<Points>(&json).unwrap(), points);
        }
    }
}
