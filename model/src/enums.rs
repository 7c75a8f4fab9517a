//! Enums that are written as text: in rows, JSON, addresses and forms, with one spelling for all of them.
//!
//! A macro of our own instead of `strum`: that would spell every variant twice (for itself and for serde), and its errors do
//! not say which enum the text is no variant of.

use std::fmt;

/// A text that is no variant of an enum. Names the enum and never repeats the text, so that it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVariant {
    /// The enum's name.
    pub of: &'static str,
}

impl fmt::Display for UnknownVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a variant of {}", self.of)
    }
}

impl std::error::Error for UnknownVariant {}

/// Declares an enum with the text of each variant: `Ready = "ready"`. Gives it `ALL` in the order of the declaration, `as_str`,
/// `Display`, `FromStr`, and serde by the same text. The doc comment comes first, then further attributes.
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$outer:meta])*
        $vis:vis enum $name:ident {
            $($(#[$inner:meta])* $variant:ident = $text:literal),+ $(,)?
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]
        $vis enum $name {
            $($(#[$inner])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every variant, in the order of the declaration.
            $vis const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// As rows, JSON, addresses and forms spell it.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        $crate::enum_schema!($name, $($text),+);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::enums::UnknownVariant;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::enums::UnknownVariant { of: stringify!($name) }),
                }
            }
        }
    };
}

/// The JSON Schema of a `text_enum`.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! enum_schema {
    ($name:ident, $($text:literal),+) => {
        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }
    };
}

/// No schema is asked for.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! enum_schema {
    ($name:ident, $($text:literal),+) => {};
}

#[cfg(test)]
mod tests {
    use super::UnknownVariant;

    text_enum! {
        /// A side of a channel pair.
        enum Side {
            /// Where the first channel is.
            Left = "left",
            /// Where the second is.
            FarRight = "far_right",
        }
    }

    #[test]
    fn a_variant_has_one_spelling_as_text_and_as_json() {
        assert_eq!(Side::ALL, [Side::Left, Side::FarRight]);
        for side in Side::ALL {
            assert_eq!(side.to_string().parse(), Ok(side));
            assert_eq!(
                serde_json::to_string(&side).unwrap(),
                format!("\"{}\"", side.as_str())
            );
            assert_eq!(
                serde_json::from_str::<Side>(&format!("\"{side}\"")).unwrap(),
                side
            );
        }
    }

    #[test]
    fn another_text_is_refused_with_the_name_of_the_enum() {
        assert_eq!("Left".parse::<Side>(), Err(UnknownVariant { of: "Side" }));
        assert_eq!(UnknownVariant { of: "Side" }.to_string(), "not a variant of Side");
    }
}
