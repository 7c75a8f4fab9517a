//! API tokens.

use std::collections::BTreeMap;

use app::SCOPES;
use axum::response::Response;
use backend::{
    Scope, TokenKind,
    tokens::{self, Lifetime, NewToken},
};
use model::{TokenId, paths, routes::Page};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct TokenForm {
    #[serde(default)]
    name: String,
    kind: TokenKind,
    #[serde(default)]
    scope: Vec<Scope>,
    #[serde(default)]
    lifetime: Lifetime,
    #[serde(default)]
    code: String,
}

pub(crate) async fn create(Submitted { mut form, fields }: Submitted<TokenForm>) -> Response {
    let ticked: Vec<&str> = fields.scope.iter().map(|scope| scope.as_str()).collect();
    form.keep(SCOPES, ticked.join(" "));
    let new = NewToken {
        name: fields.name,
        kind: fields.kind,
        scopes: fields.scope,
        lifetime: fields.lifetime,
        code: fields.code,
    };
    let token = tokens::create(form.backend(), form.actor(), new).await;
    // In the answer itself, because nobody can show it again.
    form.reply(token.map(|token| FormReply::NextStep {
        page: Page::Tokens,
        values: BTreeMap::from([("token".to_owned(), token.expose_secret().to_owned())]),
    }))
    .await
}

pub(crate) async fn revoke(PathId(id): PathId<TokenId>, form: FormRequest) -> Response {
    let done = tokens::revoke(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::TOKENS, "token-revoked"))))
        .await
}
