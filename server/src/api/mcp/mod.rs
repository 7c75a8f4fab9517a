//! `/mcp`: the use cases of the API as tools for assistants (Model Context Protocol, streamable HTTP, revisions 2025-11-25 and
//! 2026-07-28).
//!
//! Stateless: each request carries its token and is answered by whichever process gets it, so that no session has to be kept or
//! found again. It stands in the same stack as the API: the same tokens, scopes, limits and problems. A tool that fails answers
//! with the problem as its text, which an assistant reads; only what is no call of a tool is an error of the protocol.

mod answers;
mod tools;

use std::{borrow::Cow, sync::Arc};

use axum::{
    http::request::Parts,
    routing::{MethodRouter, post_service},
};
use backend::{Actor, Error, tokens::ShownToken};
use model::routes::Page;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};

use self::tools::Tool;
use super::error;
use crate::{
    layers::request_id,
    router::{AppState, MAX_BODY},
};

/// The revisions that are spoken: the current one, and the one before it, which most clients speak.
const REVISIONS: &[ProtocolVersion] = &[ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// What an assistant is told of all tools together.
const INSTRUCTIONS: &str = "MixLens measures a mix and says what is wrong with it, where, and by how much. A verdict lists findings, worst first, with \
    the points that each costs; explain_finding says why, and what to do. Levels are in dB and LUFS, places in minutes and seconds. Scores are comparable \
    within one stage (mix or master) only. plan_render says what a corrective render would change, and changes nothing.";

/// What answers at `/mcp`.
pub(crate) fn handler(site: &AppState) -> MethodRouter<AppState> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY)
        // No cookie opens this, so that a page elsewhere which leads its own name here (DNS rebinding) has nothing to show; and a proxy
        // may name us as it likes. Pages of other origins are refused all the same.
        .disable_allowed_hosts()
        .with_allowed_origins([site.backend.config.base_url.to_string()])
        .enforce_origin_validation();
    let tools = Tools { site: site.clone() };
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    post_service(service)
}

/// The tools of this installation.
#[derive(Debug, Clone)]
struct Tools {
    site: AppState,
}

/// One call, as tools see it.
#[derive(Debug)]
struct Caller<'a> {
    site: &'a AppState,
    actor: Actor,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let documentation = app::docs::Doc::of(Page::DocsMcp)
            .map(|doc| doc.path)
            .unwrap_or_default();
        let about = Implementation::new("mixlens", analysis::ENGINE_VERSION)
            .with_title("MixLens")
            .with_website_url(format!("{}{documentation}", self.site.backend.config.base_url));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(about)
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(REVISIONS)
    }

    /// Those that the token may call: with a token that only reads there is nothing that changes anything.
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (shown, _) = shown_by(&context)?;
        let allowed = Tool::ALL
            .into_iter()
            .filter(|tool| shown.token.check_scope(tool.scope()).is_ok());
        Ok(ListToolsResult::with_all_items(
            allowed.map(Tool::described).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (shown, request_id) = shown_by(&context)?;
        let Some(tool) = Tool::ALL.into_iter().find(|tool| tool.name() == request.name) else {
            return Err(ErrorData::invalid_params(
                format!(
                    "There is no tool {}. tools/list says which there are.",
                    request.name
                ),
                None,
            ));
        };
        let caller = Caller {
            site: &self.site,
            actor: Actor::Token(shown.token),
        };
        let called = tool.call(&caller, request.arguments.unwrap_or_default()).await;
        Ok(match called {
            Ok(answer) => CallToolResult::structured(answer),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(words_of(&request_id, &error))]),
        }
        .into())
    }
}

/// The token of a call, which the layer before has put into the request, and the id under which our log knows the request.
fn shown_by(context: &RequestContext<RoleServer>) -> Result<(ShownToken, String), ErrorData> {
    let missing = || ErrorData::internal_error("a program without a token", None);
    let parts = context.extensions.get::<Parts>().ok_or_else(missing)?;
    let shown = parts
        .extensions
        .get::<ShownToken>()
        .cloned()
        .ok_or_else(missing)?;
    Ok((shown, request_id(&parts.headers)))
}

/// A problem as an assistant reads it: the code to decide by, what to do, and where it says more.
fn words_of(request_id: &str, error: &Error) -> String {
    let problem = app::problem_of(request_id, error);
    let code = error::name_of(problem.code);
    let field = problem
        .field
        .map(|field| format!(" ({field})"))
        .unwrap_or_default();
    let again = problem
        .retry_after
        .map(|seconds| format!(" Try again in {seconds} s."))
        .unwrap_or_default();
    format!("{code}{field}: {}{again}", problem.message)
}
