//! A program of somebody's, with a token.

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind, plans};
use model::plan::Plan;
use serde_json::Value;

use super::{Answer, Person, TestApp};

/// A program: it sends its token and keeps no cookie.
pub struct Program {
    browser: Person,
    pub token: String,
}

impl TestApp {
    /// A program of `person`, with a token that they make on the page.
    pub async fn program(&self, person: &Person, kind: TokenKind, scopes: &[Scope]) -> Program {
        let token = self.make_token(person, kind, scopes).await;
        self.program_with(&token)
    }

    /// A program that shows `token`.
    pub fn program_with(&self, token: &str) -> Program {
        Program::of(self.anon(), token)
    }

    /// Makes a token as [`new_token`] does, and sends what is said of it.
    pub async fn make_token(&self, person: &Person, kind: TokenKind, scopes: &[Scope]) -> String {
        let token = new_token(person, kind, scopes).await;
        self.run_jobs().await;
        token
    }

    /// Gives the account of an address a plan with live tokens.
    pub async fn on_studio(&self, email: &str) {
        assert!(
            plans::change_by_address(&self.backend, email, Plan::Studio)
                .await
                .unwrap()
                .is_some()
        );
    }
}

/// Makes a token on the page, as a person does.
pub async fn new_token(person: &Person, kind: TokenKind, scopes: &[Scope]) -> String {
    let mut fields = vec![
        ("name", "Catalogue check"),
        ("kind", kind.as_str()),
        ("lifetime", "90"),
    ];
    fields.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
    let answer = person.post("/account/tokens", &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    token_on(&answer.text()).expect("the token is shown")
}

/// The token that a page shows.
pub fn token_on(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("id=\"new-token\"")?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.split('<').next()?.to_owned())
}

impl Program {
    /// One that asks as `browser` does and shows `token`.
    pub fn of(browser: Person, token: &str) -> Self {
        Self {
            browser,
            token: token.to_owned(),
        }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = headers.to_vec();
        headers.push(("authorization", &bearer));
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.browser.send(method, path, &headers, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// POSTs with a key.
    pub async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[("idempotency-key", key)], Some(body))
            .await
    }

    /// Uploads, and has it measured: the whole way of a program. The analysis.
    pub async fn analyse(&self, app: &TestApp, name: &str, bytes: Vec<u8>) -> String {
        let key = name.replace(' ', "-");
        let upload: Value = self
            .post(
                "/api/v1/uploads",
                &format!("upload-{key}"),
                serde_json::json!({ "file_name": name, "size_bytes": bytes.len() }),
            )
            .await
            .json();
        let put = super::put_json(&upload["put"], bytes).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text());
        let begun = self
            .post(
                "/api/v1/analyses",
                &format!("analyse-{key}"),
                serde_json::json!({ "upload": upload["id"] }),
            )
            .await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text());
        app.run_jobs().await;
        begun.json::<Value>()["id"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    /// The code of a problem, which says so by its type and has an address for people.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem: Value = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["doc_url"].as_str().unwrap().contains("/docs/errors#"));
        (self.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }
}
