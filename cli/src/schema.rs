//! What `--json` prints, as JSON Schema (2020-12).

use std::io::{self, Write};

use analysis::render::Recipe;
use schemars::{JsonSchema, generate::SchemaSettings};

use crate::arguments::SchemaOf;
use crate::{AnalyzedDocument, Outcome, comparing};

/// Prints the schema.
pub(crate) fn print(of: SchemaOf) -> Outcome {
    let schema = match of {
        SchemaOf::Analyze => schema_of::<AnalyzedDocument<'_>>(),
        SchemaOf::Compare => schema_of::<comparing::Document<'_>>(),
        SchemaOf::Recipe => schema_of::<Recipe>(),
    };
    match writeln!(io::stdout(), "{schema}") {
        Ok(()) => Outcome::Measured,
        Err(_) => Outcome::Unreadable,
    }
}

fn schema_of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<T>();
    serde_json::to_string_pretty(schema.as_value()).unwrap_or_default()
}
