//! The API as documents for programs: OpenAPI, and the schemas of what is published. The tests compare them with those in `docs/api/`,
//! so that a change of them is seen in a review.

use std::{borrow::Cow, sync::LazyLock};

use axum::{
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::openapi::{self as description, SOMEWHERE};
use crate::router::AppState;

type Document = ([(HeaderName, &'static str); 2], Cow<'static, str>);

static OPENAPI: LazyLock<String> = LazyLock::new(|| pretty(&description::document()));
static REPORT: LazyLock<String> = LazyLock::new(schema_of::<model::Report>);
static VERDICT: LazyLock<String> = LazyLock::new(schema_of::<model::Verdict>);
static RECIPE: LazyLock<String> = LazyLock::new(schema_of::<analysis::render::Recipe>);
static EVENT: LazyLock<String> = LazyLock::new(schema_of::<model::webhook::Event>);

pub(crate) async fn openapi(State(site): State<AppState>) -> impl IntoResponse {
    document(OPENAPI.replace(SOMEWHERE, &site.backend.config.base_url).into())
}

pub(crate) async fn report_schema() -> impl IntoResponse {
    document(REPORT.as_str().into())
}

pub(crate) async fn verdict_schema() -> impl IntoResponse {
    document(VERDICT.as_str().into())
}

pub(crate) async fn recipe_schema() -> impl IntoResponse {
    document(RECIPE.as_str().into())
}

pub(crate) async fn event_schema() -> impl IntoResponse {
    document(EVENT.as_str().into())
}

fn document(text: Cow<'static, str>) -> Document {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, text)
}

/// The JSON Schema (2020-12) of what a type is written as.
fn schema_of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    pretty(generator.into_root_schema_for::<T>().as_value())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_API=1 cargo test -p server api::` writes them.
    #[test]
    fn the_documents_in_docs_api_are_those_of_the_code() {
        for (name, text) in [
            ("api/openapi.json", &*OPENAPI),
            ("api/report.schema.json", &*REPORT),
            ("api/verdict.schema.json", &*VERDICT),
            ("api/recipe.schema.json", &*RECIPE),
            ("api/event.schema.json", &*EVENT),
            ("guide/api.md", &description::markdown(&description::document())),
        ] {
            let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_API").is_some() {
                std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
                std::fs::write(&path, text).unwrap();
            }
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                stored == *text,
                "{name} differs: run UPDATE_API=1 cargo test -p server api::"
            );
        }
    }
}
