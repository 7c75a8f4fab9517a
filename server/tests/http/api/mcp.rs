//! The tools of assistants at `/mcp`.

use std::process::Command;

use analysis::testkit::{self, Encoding};
use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind};
use serde_json::{Value, json};

use super::{fits, program};
use crate::support::{TestApp, mix, program::Program, put_json};

/// What an answer may have, at 3.5 bytes for a token of JSON.
const MOST_BYTES: usize = 7_000;

/// Calls a method in the revision of November 2025, without a session.
async fn ask(program: &Program, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let answer = program.send(Method::POST, "/mcp", &headers, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn call(program: &Program, tool: &str, arguments: Value) -> Value {
    ask(
        program,
        "tools/call",
        json!({ "name": tool, "arguments": arguments }),
    )
    .await["result"]
        .take()
}

/// What a tool answers where it works: short, and as its schema says.
async fn answer(program: &Program, tools: &[Value], tool: &str, arguments: Value) -> Value {
    let mut result = call(program, tool, arguments).await;
    assert_eq!(result["isError"], false, "{tool}: {result}");
    let answer = result["structuredContent"].take();
    let described = tools.iter().find(|described| described["name"] == tool).unwrap();
    fits(&described["outputSchema"], &answer);
    let text = answer.to_string();
    assert!(text.len() < MOST_BYTES, "{tool}: {} bytes", text.len());
    answer
}

/// What a tool says where it fails.
async fn refusal(program: &Program, tool: &str, arguments: Value) -> String {
    let result = call(program, tool, arguments).await;
    assert_eq!(result["isError"], true, "{tool}: {result}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

async fn tools_of(program: &Program) -> Vec<Value> {
    let listed = ask(program, "tools/list", json!({})).await;
    listed["result"]["tools"].as_array().unwrap().clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

/// A mix with so many faults that no list of them is short: clipped, with holes, with clicks, leaning to the left.
fn broken() -> Vec<u8> {
    let mut left = testkit::music(44_100, 20.0, 7);
    for channel in &mut left {
        for (at, sample) in channel.iter_mut().enumerate() {
            *sample = (*sample * 6.0).clamp(-0.9, 0.9);
            let in_hole = at % 44_100 < 900 && at > 44_100;
            if in_hole {
                *sample = 0.0;
            }
        }
    }
    testkit::wav(44_100, &left, Encoding::Int16)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_goes_the_whole_way_from_a_file_to_a_proof() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let tools = tools_of(&program).await;
    for tool in &tools {
        let reads = tool["annotations"]["readOnlyHint"].as_bool().unwrap();
        let name = tool["name"].as_str().unwrap();
        let changes = ["start_upload", "analyze_upload", "start_render"].contains(&name);
        assert_eq!(reads, !changes, "{tool}");
        assert_eq!(tool["annotations"]["destructiveHint"], false, "{tool}");
        assert!(tool["description"].as_str().unwrap().len() > 40, "{tool}");
        jsonschema::validator_for(&tool["inputSchema"]).unwrap();
    }

    let bytes = broken();
    let file = json!({ "file_name": "Bad mix.wav", "size_bytes": bytes.len() });
    let upload = answer(&program, &tools, "start_upload", file).await;
    let early = refusal(&program, "analyze_upload", json!({ "upload": upload["id"] })).await;
    assert!(early.starts_with("conflict"), "{early}");
    put_json(&upload["put"], bytes).await;
    let begun = answer(
        &program,
        &tools,
        "analyze_upload",
        json!({ "upload": upload["id"] }),
    )
    .await;
    let analysis = begun["id"].clone();
    let one = json!({ "analysis": analysis });
    let waits = refusal(&program, "get_verdict", one.clone()).await;
    assert!(waits.contains("get_analysis"), "{waits}");
    app.run_jobs().await;
    let twice = answer(
        &program,
        &tools,
        "analyze_upload",
        json!({ "upload": upload["id"], "wait_s": 5 }),
    )
    .await;
    assert_eq!(twice["id"], analysis);
    assert_eq!(twice["state"], "done");

    let verdict = answer(&program, &tools, "get_verdict", one.clone()).await;
    let findings = verdict["findings"].as_array().unwrap();
    assert!(!findings.is_empty(), "{verdict}");
    let costs: Vec<f64> = findings
        .iter()
        .map(|finding| finding["points"].as_f64().unwrap())
        .collect();
    let full: Value = program
        .get(&format!(
            "/api/v1/analyses/{}/verdict",
            analysis.as_str().unwrap()
        ))
        .await
        .json();
    let stage = verdict["stage"].as_str().unwrap();
    assert_eq!(
        verdict["points"], full[stage]["score"],
        "the same as the API says"
    );
    assert_eq!(costs[0], full[stage]["findings"][0]["points"].as_f64().unwrap());
    for finding in findings {
        let rule = json!({ "analysis": analysis, "rule": finding["rule"] });
        let explained = answer(&program, &tools, "explain_finding", rule).await;
        assert_eq!(explained["finding"]["points"], finding["points"]);
        assert!(explained["finding"]["why"].as_str().unwrap().len() > 20);
    }
    let passed = full[stage]["passed"][0]["rule"].clone();
    let passed = answer(
        &program,
        &tools,
        "explain_finding",
        json!({ "analysis": analysis, "rule": passed }),
    )
    .await;
    assert_eq!(passed["is_as_it_should_be"], true);
    let nothing = refusal(
        &program,
        "explain_finding",
        json!({ "analysis": analysis, "rule": "tone.nothing" }),
    )
    .await;
    assert!(
        nothing.starts_with("not_found: There is no such rule."),
        "{nothing}"
    );

    let other = program.analyse(&app, "Other.wav", mix()).await;
    let pair = json!({ "analysis": analysis, "with": [other] });
    let compared = answer(&program, &tools, "compare_tracks", pair).await;
    assert_eq!(compared["figures"][0]["each"].as_array().unwrap().len(), 1);
    let stored: Value = program
        .get(&format!(
            "/api/v1/analyses/{}/comparison",
            analysis.as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(stored["with"], json!([]), "nothing is stored");
    let alone = refusal(
        &program,
        "compare_tracks",
        json!({ "analysis": analysis, "with": [analysis] }),
    )
    .await;
    assert!(alone.starts_with("invalid (with)"), "{alone}");

    let plan = answer(&program, &tools, "plan_render", one.clone()).await;
    assert!(
        plan["points_expected"].as_f64() >= plan["points_before"].as_f64(),
        "{plan}"
    );
    let unknown =
        json!({ "analysis": analysis, "wishes": { "steps": [{ "name": "exciter", "is_on": true }] } });
    let unknown = refusal(&program, "start_render", unknown).await;
    assert!(unknown.contains("no step exciter"), "{unknown}");
    let started = answer(&program, &tools, "start_render", one.clone()).await;
    app.run_jobs().await;
    let render = json!({ "render": started["id"], "wait_s": 5 });
    let render = answer(&program, &tools, "get_render", render).await;
    assert_eq!(render["state"], "done");
    assert!(!render["changed"].as_array().unwrap().is_empty(), "{render}");
    let again = answer(&program, &tools, "start_render", one).await;
    assert_eq!(again["id"], started["id"]);

    let usage = answer(&program, &tools, "get_usage", json!({})).await;
    assert_eq!(usage["analyses"]["used"], 2);
    let listed = answer(
        &program,
        &tools,
        "list_analyses",
        json!({ "query": "bad", "order": "worst" }),
    )
    .await;
    assert_eq!(listed["analyses"].as_array().unwrap().len(), 1);
    let odd = refusal(&program, "list_analyses", json!({ "order": "sideways" })).await;
    assert!(odd.starts_with("invalid (order)"), "{odd}");
    let misspelt = refusal(&program, "get_verdict", json!({ "analyses": analysis })).await;
    assert!(misspelt.contains("unknown field"), "{misspelt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_of_the_longest_titles_stays_short() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let id = program.analyse(&app, "A.wav", mix()).await;
    let title = "A title of as many characters as there may be, "
        .repeat(3)
        .chars()
        .take(120)
        .collect::<String>();
    let address = format!("/api/v1/analyses/{id}");
    let renamed = program
        .send(Method::PATCH, &address, &[], Some(json!({ "title": title })))
        .await;
    assert_eq!(renamed.status, StatusCode::OK);
    let tools = tools_of(&program).await;
    let listed = answer(&program, &tools, "list_analyses", json!({})).await;
    let row = listed["analyses"][0].to_string().len();
    assert!(row * 25 + 200 < MOST_BYTES, "{row} bytes a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_sees_the_tools_of_its_scopes_and_reaches_nothing_else() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    app.on_studio("ann@example.org").await;
    let owner = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
    let id = owner.analyse(&app, "Mine.wav", mix()).await;
    let reader = app.program(&ann, TokenKind::Live, &[Scope::ReadAnalyses]).await;
    let tools = tools_of(&reader).await;
    assert!(
        tools
            .iter()
            .all(|tool| tool["annotations"]["readOnlyHint"] == true),
        "{:?}",
        names(&tools)
    );
    assert_eq!(tools.len(), 8);
    let refused = refusal(&reader, "start_render", json!({ "analysis": id })).await;
    assert!(refused.starts_with("forbidden"), "{refused}");
    let uploader = app.program(&ann, TokenKind::Live, &[Scope::Upload]).await;
    assert_eq!(
        names(&tools_of(&uploader).await),
        ["start_upload", "analyze_upload"]
    );
    let unread = refusal(&uploader, "get_analysis", json!({ "analysis": id })).await;
    assert!(
        unread.starts_with("forbidden"),
        "only what it has just made: {unread}"
    );

    let other = app.signed_up("other@example.org").await;
    app.on_studio("other@example.org").await;
    let other = app.program(&other, TokenKind::Live, &Scope::ALL).await;
    for (tool, arguments) in [
        ("get_analysis", json!({ "analysis": id })),
        ("get_verdict", json!({ "analysis": id })),
        (
            "explain_finding",
            json!({ "analysis": id, "rule": "signal.gaps" }),
        ),
        (
            "compare_tracks",
            json!({ "analysis": id, "with": [id.clone() + "0"] }),
        ),
        ("plan_render", json!({ "analysis": id })),
        ("start_render", json!({ "analysis": id })),
        ("get_render", json!({ "render": id })),
        ("analyze_upload", json!({ "upload": id })),
    ] {
        let refused = refusal(&other, tool, arguments).await;
        assert!(refused.starts_with("not_found"), "{tool}: {refused}");
    }

    let test = app.program(&ann, TokenKind::Test, &Scope::ALL).await;
    let tools = tools_of(&test).await;
    let sample = answer(&test, &tools, "analyze_upload", json!({ "upload": "sample" })).await;
    let verdict = answer(&test, &tools, "get_verdict", json!({ "analysis": sample["id"] })).await;
    assert_eq!(verdict["title"], "Sample");
    let mine = refusal(&test, "get_verdict", json!({ "analysis": id })).await;
    assert!(mine.starts_with("not_found"), "{mine}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_of_a_tool_is_refused_as_such() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let unknown = ask(
        &program,
        "tools/call",
        json!({ "name": "delete_everything", "arguments": {} }),
    )
    .await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let nothing = app.anon().send(Method::POST, "/mcp", &[], Vec::new()).await;
    assert_eq!(nothing.problem(), (401, "unauthenticated".to_owned()));
    assert!(nothing.header("www-authenticate").starts_with("Bearer"));
    let seen = program.get("/mcp").await;
    assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(seen.header("allow"), "POST");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("origin", "https://elsewhere.example"),
    ];
    let elsewhere = program.send(Method::POST, "/mcp", &headers, Some(body)).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    let headers = [("accept", "application/json, text/event-stream")];
    let broken = program
        .send(Method::POST, "/mcp", &headers, Some(json!([1, 2])))
        .await;
    assert!(broken.status.is_client_error(), "{}", broken.status);
}

/// The official client, by the handshake of 2025-11-25 and by the requests without one of 2026-07-28. `scripts/setup test` brings it.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_of_each_revision_lists_and_calls() {
    const CLIENT: &str = r#"
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const found = createRequire(process.env.ROOT + "/end2end/package.json").resolve("@modelcontextprotocol/client");
const { Client, StreamableHTTPClientTransport } = await import(pathToFileURL(found));
for (const mode of ["legacy", { pin: "2026-07-28" }]) {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: `Bearer ${process.env.TOKEN}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(process.env.MIXLENS + "/mcp"), { requestInit }));
  const { tools } = await client.listTools();
  const made = await client.callTool({ name: "analyze_upload", arguments: { upload: "sample" } });
  const verdict = await client.callTool({ name: "get_verdict", arguments: { analysis: made.structuredContent.id } });
  const failed = await client.callTool({ name: "get_verdict", arguments: { analysis: "nothing" } });
  console.log(tools.length, client.getServerVersion().name, client.getInstructions().length > 100, verdict.structuredContent.title, failed.isError);
  await client.close();
}
"#;
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let token = app.make_token(&ann, TokenKind::Test, &Scope::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("client.mjs"), CLIENT).unwrap();
    let mut command = Command::new("node");
    command
        .arg("client.mjs")
        .current_dir(folder.path())
        .env("ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("MIXLENS", &app.url)
        .env("TOKEN", token);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "11 mixlens true Sample true\n".repeat(2));
}
