//! The API: what programs may, and what they may not.

mod attacks;
mod conformance;
mod flow;
mod mcp;
mod once;
mod renders;
mod sample;
mod shares;
mod tokens;
mod walk;

use backend::{Scope, TokenKind};
use serde_json::{Value, json};

use crate::support::{TestApp, program::Program};

/// Refuses what is not as the schema says.
fn fits(schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// The schema of an object of the API.
fn schema_of(openapi: &Value, name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}"), "components": openapi["components"] })
}

/// A program that may do everything.
async fn program(app: &TestApp) -> Program {
    let ann = app.signed_up("ann@example.org").await;
    app.on_studio("ann@example.org").await;
    app.program(&ann, TokenKind::Live, &Scope::ALL).await
}
