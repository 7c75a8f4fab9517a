//! The API as OpenAPI 3.1, from the one table of routes: an operation that is described here stands at the address that the router
//! serves, and one that is not does not compile. Schemas are those of the types that are sent and read.

#[cfg(test)]
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use analysis::render::{Container, Recipe, SampleFormat};
use backend::{
    Scope,
    renders::{CEILINGS_DBTP, LEVELS_LUFS},
};
use model::{
    ProblemCode, Report, Verdict,
    history::{Sort, StatusFilter},
    paths,
    routes::{Access, Api, Endpoint, Method, ROUTES, Route},
    verdict::Stage,
    webhook::{Event, EventType},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use utoipa::openapi::{
    self, Content, HttpMethod, InfoBuilder, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema, Server,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::{ObjectBuilder, Type},
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use super::{
    error::{ProblemBody, name_of},
    v1::{analyses, comparison, renders, shares, songs, uploads, webhooks, wire},
};

/// What stands in the document where an installation puts its own address.
pub(super) const SOMEWHERE: &str = "https://mixlens.example";

const BEARER: &str = "token";

/// What an operation is, beyond its line in the table.
struct Described {
    /// What it does, in a few words.
    summary: &'static str,
    /// What else there is to know.
    more: &'static str,
    /// Its parameters in the query, each with what it says.
    query: &'static [(&'static str, &'static str)],
    /// The schema of its body.
    body: Option<&'static str>,
    /// How it is answered where it works: status, what it says, and the schema.
    answers: &'static [(&'static str, &'static str, Option<&'static str>)],
    /// How it may fail, beyond what every request may.
    problems: &'static [ProblemCode],
}

/// What a token needs for an operation.
pub(crate) const fn scope_of(operation: Api) -> Scope {
    match operation {
        Api::CreateUpload | Api::UploadParts | Api::CreateAnalysis => Scope::Upload,
        Api::RenameAnalysis
        | Api::DeleteAnalysis
        | Api::Judge
        | Api::Compare
        | Api::CreateRender
        | Api::DeleteRender
        | Api::CreateShare
        | Api::DeleteShare
        | Api::CreateSong
        | Api::RenameSong
        | Api::DeleteSong => Scope::WriteAnalyses,
        Api::ListAnalyses
        | Api::GetAnalysis
        | Api::GetReport
        | Api::GetVerdict
        | Api::AnalysisEvents
        | Api::GetComparison
        | Api::GetPlan
        | Api::ListRenders
        | Api::GetRender
        | Api::GetProof
        | Api::GetRecipe
        | Api::GetRenderFile
        | Api::ListAnalysisShares
        | Api::ListShares
        | Api::ListReferences
        | Api::ListSongs
        | Api::GetSong
        | Api::GetUsage => Scope::ReadAnalyses,
        Api::CreateWebhookEndpoint
        | Api::UpdateWebhookEndpoint
        | Api::DeleteWebhookEndpoint
        | Api::RotateWebhookSecret
        | Api::PingWebhookEndpoint
        | Api::RedeliverWebhook => Scope::WriteWebhooks,
        Api::ListWebhookEndpoints
        | Api::GetWebhookEndpoint
        | Api::ListWebhookDeliveries
        | Api::GetWebhookDelivery => Scope::ReadWebhooks,
    }
}

const BEFORE: &[(&str, &str)] = &[("before", "The `next` of the page before.")];

fn described(operation: Api) -> Described {
    use ProblemCode::{Conflict, Invalid, Quota, TooLarge};
    let nothing = Described {
        summary: "",
        more: "",
        query: &[],
        body: None,
        answers: &[],
        problems: &[],
    };
    match operation {
        Api::CreateUpload => Described {
            summary: "Begin an upload",
            more: "Answers with a presigned PUT: send the bytes there, with exactly the headers that are given, within 15 minutes. A file over 100 MB goes in parts, for which `parts_url` gives the permissions. Then make an analysis of it.",
            body: Some("CreateUpload"),
            answers: &[("201", "The upload, with where to send its bytes.", Some("Upload"))],
            problems: &[Invalid, TooLarge, Quota],
            ..nothing
        },
        Api::UploadParts => Described {
            summary: "Get the next parts of an upload",
            more: "Which bytes have arrived, and the permissions for what to send next. Ask again after each few; a connection that broke costs one part.",
            answers: &[("200", "What has arrived, and what to send.", Some("Parts"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::CreateAnalysis => Described {
            summary: "Analyse an upload",
            more: "Checks what has arrived and queues its measuring. With `Prefer: wait=50` the answer waits for the end. A test token names the upload `sample`.",
            body: Some("CreateAnalysis"),
            answers: &[
                ("201", "The analysis, which has ended.", Some("Analysis")),
                (
                    "202",
                    "The analysis, which has not ended: ask again after `Retry-After`.",
                    Some("Analysis"),
                ),
            ],
            problems: &[Invalid, Conflict, Quota],
            ..nothing
        },
        Api::ListAnalyses => Described {
            summary: "List analyses",
            more: "Mixes, 25 on a page. With `q`, `state`, `stage` or `song` a page is what fits among 2,000 analyses: \
                   it may hold fewer, or none, and the list has ended only where there is no `next`.",
            query: &[
                ("q", "Words that title, file name or song hold, all of them."),
                ("state", "`done`, `running` or `failed`."),
                ("stage", "`mix` or `master`."),
                ("song", "The id of a song, or `none`."),
                (
                    "order",
                    "`newest` (which goes without saying), `oldest`, `best`, `worst`, `title`, `loudest` or `quietest`.",
                ),
                ("after", "The `next` of the page before."),
            ],
            answers: &[("200", "A page of them.", Some("AnalysisPage"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::GetAnalysis => Described {
            summary: "Get an analysis",
            more: "With `Prefer: wait=50` the answer waits for the end.",
            answers: &[
                ("200", "The analysis, which has ended.", Some("Analysis")),
                (
                    "202",
                    "The analysis, which has not ended: ask again after `Retry-After`.",
                    Some("Analysis"),
                ),
            ],
            ..nothing
        },
        Api::RenameAnalysis => Described {
            summary: "Rename an analysis",
            body: Some("RenameAnalysis"),
            answers: &[("200", "The analysis.", Some("Analysis"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::DeleteAnalysis => Described {
            summary: "Delete an analysis",
            more: "Its report, its upload and its audio go with it.",
            answers: &[("204", "It is deleted.", None)],
            ..nothing
        },
        Api::GetReport => Described {
            summary: "Get a report",
            more: "Everything that was measured. `version` says which layout it has.",
            answers: &[("200", "The report.", Some("Report"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::GetVerdict => Described {
            summary: "Get a verdict",
            more: "What the rules say of the report, as a mix and as a master; the points of all findings sum to what is missing from 100.",
            answers: &[("200", "The verdict.", Some("Verdict"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::Judge => Described {
            summary: "Judge again",
            more: "By the present rules, and as the stage that is named.",
            body: Some("Judge"),
            answers: &[("200", "The verdict.", Some("Verdict"))],
            problems: &[Invalid, Conflict],
            ..nothing
        },
        Api::AnalysisEvents => Described {
            summary: "Follow an analysis",
            more: "Server-sent events `progress`, whose data is a `ProgressEvent`; the last one has a final state.",
            answers: &[("200", "The stream.", None)],
            ..nothing
        },
        Api::GetComparison => Described {
            summary: "Get a comparison",
            more: "A mix beside its references, at equal loudness.",
            answers: &[("200", "The comparison.", Some("ReferenceComparison"))],
            ..nothing
        },
        Api::Compare => Described {
            summary: "Choose references",
            more: "Compares the mix with these from now on, and with nothing else.",
            body: Some("Compare"),
            answers: &[("200", "The comparison.", Some("ReferenceComparison"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::GetPlan => Described {
            summary: "Plan a render",
            more: "What a corrective render of the mix would do, step by step, and what is expected of it. Nothing is made or counted.",
            query: &[
                (
                    "target",
                    "`keep` (which goes without saying), `level`, or the name of a platform in the report.",
                ),
                (
                    "lufs",
                    "The loudness of the result, with the target `level`: −36 to −5.",
                ),
                ("ceiling_dbtp", "What true peaks stay below: −6 to −0.1."),
                ("container", "`wav` (which goes without saying) or `flac`."),
                ("samples", "`int16`, `int24` or `float32`."),
            ],
            answers: &[("200", "The plan.", Some("RenderPlan"))],
            problems: &[Invalid, Conflict],
            ..nothing
        },
        Api::ListRenders => Described {
            summary: "List the renders of a mix",
            more: "The newest first, all of them.",
            answers: &[("200", "The renders.", Some("RenderPage"))],
            ..nothing
        },
        Api::CreateRender => Described {
            summary: "Render a mix",
            more: "Does what the plan proposes, or what is asked for in place of it, and measures the result. The same recipe asked for twice is one render. With `Prefer: wait=50` the answer waits for the end.",
            body: Some("CreateRender"),
            answers: &[
                ("201", "The render, which has ended.", Some("Render")),
                (
                    "202",
                    "The render, which has not ended: ask again after `Retry-After`.",
                    Some("Render"),
                ),
            ],
            problems: &[Conflict, Quota],
            ..nothing
        },
        Api::ListAnalysisShares => Described {
            summary: "List the links to a report",
            more: "Those that are still good, the newest first.",
            answers: &[("200", "The links.", Some("SharePage"))],
            ..nothing
        },
        Api::CreateShare => Described {
            summary: "Share a report",
            more: "Makes a link by which whoever has it reads this report without an account.",
            body: Some("CreateShare"),
            answers: &[("201", "The link.", Some("Share"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::ListReferences => Described {
            summary: "List references",
            more: "The newest first, 25 on a page.",
            query: BEFORE,
            answers: &[("200", "A page of them.", Some("AnalysisPage"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::ListSongs => Described {
            summary: "List songs",
            more: "The latest made first, 50 on a page.",
            query: BEFORE,
            answers: &[("200", "A page of them.", Some("SongPage"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::CreateSong => Described {
            summary: "Group versions",
            more: "Puts analyses into the song of this title, which is made where there is none.",
            body: Some("CreateSong"),
            answers: &[("201", "The song with its versions.", Some("SongWithVersions"))],
            problems: &[Invalid, Conflict],
            ..nothing
        },
        Api::GetSong => Described {
            summary: "Get a song",
            answers: &[("200", "The song with its versions.", Some("SongWithVersions"))],
            ..nothing
        },
        Api::RenameSong => Described {
            summary: "Rename a song",
            body: Some("RenameSong"),
            answers: &[("200", "The song with its versions.", Some("SongWithVersions"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::DeleteSong => Described {
            summary: "Delete a song",
            more: "Its versions stay.",
            answers: &[("204", "It is deleted.", None)],
            ..nothing
        },
        Api::GetRender => Described {
            summary: "Get a render",
            more: "With `Prefer: wait=50` the answer waits for the end.",
            answers: &[
                ("200", "The render, which has ended.", Some("Render")),
                (
                    "202",
                    "The render, which has not ended: ask again after `Retry-After`.",
                    Some("Render"),
                ),
            ],
            ..nothing
        },
        Api::DeleteRender => Described {
            summary: "Delete a render",
            more: "Its file goes with it; the mix stays.",
            answers: &[("204", "It is deleted.", None)],
            ..nothing
        },
        Api::GetProof => Described {
            summary: "Get the proof of a render",
            more: "What became of each rule, of the loudness and of the true peak.",
            answers: &[("200", "The proof.", Some("Proof"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::GetRecipe => Described {
            summary: "Get the recipe of a render",
            more: "What `mixlens-cli render --recipe` reads; with everything that was adjusted, once the render is done.",
            answers: &[("200", "The recipe.", Some("Recipe"))],
            ..nothing
        },
        Api::GetRenderFile => Described {
            summary: "Get the file of a render",
            more: "Answers with a signed address, good for a few minutes.",
            answers: &[("200", "Where the file is.", Some("Link"))],
            problems: &[Conflict],
            ..nothing
        },
        Api::ListShares => Described {
            summary: "List the links to reports",
            more: "Those that are still good, the newest first.",
            answers: &[("200", "The links.", Some("SharePage"))],
            ..nothing
        },
        Api::DeleteShare => Described {
            summary: "End a link to a report",
            more: "It opens nothing from now on.",
            answers: &[("204", "It has ended.", None)],
            ..nothing
        },
        Api::GetUsage => Described {
            summary: "Get the usage",
            more: "What is used of the plan in this month.",
            answers: &[("200", "The usage.", Some("Usage"))],
            ..nothing
        },
        Api::CreateWebhookEndpoint => Described {
            summary: "Create a webhook endpoint",
            more: "From then on what happens is sent there. The secret is in this answer alone, and not in one that is replayed.",
            body: Some("CreateWebhookEndpoint"),
            answers: &[("201", "The endpoint with its secret.", Some("WebhookEndpoint"))],
            problems: &[Invalid, Quota],
            ..nothing
        },
        Api::ListWebhookEndpoints => Described {
            summary: "List webhook endpoints",
            more: "The newest first, all of them.",
            answers: &[("200", "The endpoints.", Some("WebhookEndpointPage"))],
            ..nothing
        },
        Api::GetWebhookEndpoint => Described {
            summary: "Get a webhook endpoint",
            answers: &[("200", "The endpoint.", Some("WebhookEndpoint"))],
            ..nothing
        },
        Api::UpdateWebhookEndpoint => Described {
            summary: "Change a webhook endpoint",
            more: "Pauses and resumes it, too. What happens while it is paused is not kept for it; what waits is sent when it is resumed.",
            body: Some("UpdateWebhookEndpoint"),
            answers: &[("200", "The endpoint.", Some("WebhookEndpoint"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::DeleteWebhookEndpoint => Described {
            summary: "Delete a webhook endpoint",
            more: "What waits for it is not sent any more, and its log goes with it.",
            answers: &[("204", "It is deleted.", None)],
            ..nothing
        },
        Api::RotateWebhookSecret => Described {
            summary: "Rotate the secret of a webhook endpoint",
            more: "The new secret is in this answer alone, and not in one that is replayed. The one before signs as well for 24 hours.",
            answers: &[(
                "200",
                "The endpoint with its new secret.",
                Some("WebhookEndpoint"),
            )],
            ..nothing
        },
        Api::PingWebhookEndpoint => Described {
            summary: "Send a test event",
            more: "A `ping`, up to 10 an hour.",
            answers: &[(
                "201",
                "The delivery, which is on its way.",
                Some("WebhookDelivery"),
            )],
            problems: &[Conflict],
            ..nothing
        },
        Api::ListWebhookDeliveries => Described {
            summary: "List deliveries",
            more: "What was sent to an endpoint in the last 30 days, the newest first, 25 on a page.",
            query: BEFORE,
            answers: &[("200", "A page of them.", Some("WebhookDeliveryPage"))],
            problems: &[Invalid],
            ..nothing
        },
        Api::GetWebhookDelivery => Described {
            summary: "Get a delivery",
            answers: &[("200", "The delivery with its attempts.", Some("WebhookDelivery"))],
            ..nothing
        },
        Api::RedeliverWebhook => Described {
            summary: "Send an event once more",
            more: "At once, with the same `webhook-id` and another time stamp. One that has ended begins a new round of attempts.",
            answers: &[(
                "200",
                "The delivery, which is on its way.",
                Some("WebhookDelivery"),
            )],
            problems: &[Conflict],
            ..nothing
        },
    }
}

/// The operations with their lines in the table.
fn operations() -> impl Iterator<Item = (&'static Route, Api)> {
    ROUTES.iter().filter_map(|route| match route.endpoint {
        Endpoint::Api(operation) => Some((route, operation)),
        _ => None,
    })
}

/// The whole document.
pub(super) fn document() -> Value {
    let mut found = PathsBuilder::new().build();
    for (route, operation) in operations() {
        found.add_path_operation(
            route.path,
            vec![method(route.method)],
            operation_of(route, operation),
        );
    }
    let info = InfoBuilder::new()
        .title("MixLens")
        .version("1")
        .description(Some(
            "Measures a mix by the published standards, and says what is wrong with it. Read the guide at /docs first.",
        ))
        .build();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("mlp_ and 36 letters and digits")
        .description(Some("A token of the page /account/tokens."))
        .build();
    let components = openapi::ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(scheme))
        .build();
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new(SOMEWHERE)]))
        .paths(found)
        .components(Some(components))
        .build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // By their own generator, which knows every attribute of serde's; utoipa's derive does not.
    document["components"]["schemas"] = Value::Object(schemas());
    document["webhooks"] = Value::Object(events());
    document
}

/// What is sent to webhook endpoints, one entry for each type of event.
fn events() -> Map<String, Value> {
    let header = |name: &str, says: &str| json!({ "name": name, "in": "header", "required": true, "description": says, "schema": { "type": "string" } });
    let headers = [
        header("webhook-id", "The id of the event: the same for every attempt."),
        header(
            "webhook-timestamp",
            "When this attempt was made, in seconds since 1970.",
        ),
        header(
            "webhook-signature",
            "`v1,` and a signature of Standard Webhooks; two with a space between while a secret is rotated.",
        ),
    ];
    let entry = |kind: EventType| {
        let operation = json!({ "post": {
            "summary": words_of(kind),
            "parameters": headers,
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Event" } } } },
            "responses": { "2XX": { "description": "It has arrived; anything else is tried again." } },
        } });
        (kind.to_string(), operation)
    };
    EventType::ALL.into_iter().map(entry).collect()
}

/// What an event says, for people.
const fn words_of(kind: EventType) -> &'static str {
    match kind {
        EventType::AnalysisComplete => "A file was measured, and judged where it is a mix",
        EventType::AnalysisFailed => "A file could not be measured",
        EventType::RenderComplete => "A render is ready",
        EventType::RenderFailed => "A render could not be made",
        EventType::AudioDeleted => "The audio of an analysis was removed",
        EventType::Ping => "A test event",
    }
}

fn schemas() -> Map<String, Value> {
    let generator = |settings: SchemaSettings| {
        settings
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .into_generator()
    };
    let mut written = generator(SchemaSettings::draft2020_12().for_serialize());
    add::<wire::Upload>(&mut written);
    add::<wire::Parts>(&mut written);
    add::<wire::Page<wire::Analysis>>(&mut written);
    add::<wire::Page<wire::Song>>(&mut written);
    add::<wire::SongWithVersions>(&mut written);
    add::<wire::Compared>(&mut written);
    add::<wire::RenderPlan>(&mut written);
    add::<wire::Page<wire::Render>>(&mut written);
    add::<wire::Proof>(&mut written);
    add::<wire::Link>(&mut written);
    add::<wire::Page<wire::Share>>(&mut written);
    add::<wire::Usage>(&mut written);
    add::<wire::ProgressEvent>(&mut written);
    add::<wire::Page<wire::WebhookEndpoint>>(&mut written);
    add::<wire::Page<wire::WebhookDelivery>>(&mut written);
    add::<Event>(&mut written);
    add::<Report>(&mut written);
    add::<Verdict>(&mut written);
    add::<Recipe>(&mut written);
    add::<ProblemBody>(&mut written);
    let mut read = generator(SchemaSettings::draft2020_12().for_deserialize());
    add::<uploads::CreateUpload>(&mut read);
    add::<analyses::CreateAnalysis>(&mut read);
    add::<analyses::RenameAnalysis>(&mut read);
    add::<analyses::Judge>(&mut read);
    add::<comparison::Compare>(&mut read);
    add::<renders::CreateRender>(&mut read);
    add::<shares::CreateShare>(&mut read);
    add::<songs::CreateSong>(&mut read);
    add::<songs::RenameSong>(&mut read);
    add::<webhooks::CreateWebhookEndpoint>(&mut read);
    add::<webhooks::UpdateWebhookEndpoint>(&mut read);
    let mut schemas = read.take_definitions(true);
    schemas.extend(written.take_definitions(true));
    schemas
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    let _ = generator.subschema_for::<T>();
}

const fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get | Method::Any => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

fn operation_of(route: &Route, operation: Api) -> Operation {
    let it = described(operation);
    let scope = scope_of(operation).as_str();
    let more = format!("{} Takes the scope `{scope}`.", it.more);
    let mut built = OperationBuilder::new()
        .operation_id(Some(id_of(operation)))
        .tag(tag_of(route))
        .summary(Some(it.summary))
        .description(Some(more.trim()))
        .security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    if route.path.contains("{id}") {
        let says = "Its id: 32 lower-case hex digits.";
        built = built.parameter(parameter("id", ParameterIn::Path, Required::True, says));
    }
    for (name, says) in it.query {
        built = built.parameter(parameter(name, ParameterIn::Query, Required::False, says));
    }
    if route.method == Method::Post {
        let says = "A fresh text for each request, such as a UUID; its retries carry the same one.";
        built = built.parameter(parameter(
            "Idempotency-Key",
            ParameterIn::Header,
            Required::True,
            says,
        ));
    }
    if it.answers.iter().any(|(status, _, _)| *status == "202") {
        let says = "`wait=50`: for how many seconds the answer may wait for the end, at most 55.";
        built = built.parameter(parameter("Prefer", ParameterIn::Header, Required::False, says));
    }
    if let Some(body) = it.body {
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content(body))
            .build();
        built = built.request_body(Some(body));
    }
    for (status, says, schema) in it.answers {
        let mut answer = ResponseBuilder::new().description(*says);
        if let Some(schema) = schema {
            answer = answer.content("application/json", content(schema));
        } else if operation == Api::AnalysisEvents {
            answer = answer.content("text/event-stream", Content::new(Some(progress_event())));
        }
        built = built.response(*status, answer.build());
    }
    for (status, says) in problems_of(route, &it) {
        built = built.response(status.to_string(), problem(&says));
    }
    built.build()
}

/// Every status that a request may fail with, once, with what it means.
fn problems_of(route: &Route, it: &Described) -> Vec<(u16, String)> {
    by_status(EVERYWHERE.into_iter().chain(own_problems(route, it)))
}

/// How every request may fail.
const EVERYWHERE: [ProblemCode; 4] = [
    ProblemCode::Unauthenticated,
    ProblemCode::Forbidden,
    ProblemCode::RateLimited,
    ProblemCode::Unavailable,
];

/// How every POST may fail besides.
const EVERY_POST: [ProblemCode; 3] = [
    ProblemCode::KeyMissing,
    ProblemCode::KeyReused,
    ProblemCode::KeyInUse,
];

/// How an operation may fail beyond [`EVERYWHERE`].
fn own_problems(route: &Route, it: &Described) -> Vec<ProblemCode> {
    let mut codes = it.problems.to_vec();
    if route.access == Access::Owner || it.body.is_some() {
        codes.push(ProblemCode::NotFound);
    }
    if route.method == Method::Post {
        codes.extend(EVERY_POST);
    }
    if it.body.is_some() {
        codes.extend([ProblemCode::Invalid, ProblemCode::TooLarge]);
    }
    codes
}

fn by_status(codes: impl IntoIterator<Item = ProblemCode>) -> Vec<(u16, String)> {
    let mut found = std::collections::BTreeMap::<u16, Vec<String>>::new();
    for code in codes {
        let names = found.entry(code.status()).or_default();
        let name = format!("`{}`", name_of(code));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    found
        .into_iter()
        .map(|(status, names)| (status, format!("{}.", names.join(" or "))))
        .collect()
}

fn problem(says: &str) -> Response {
    ResponseBuilder::new()
        .description(says)
        .content("application/problem+json", content("Problem"))
        .build()
}

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

/// One event of a stream: its fields, as the standard of server-sent events names them.
fn progress_event() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("event", text().enum_values(Some(["progress"])))
        .property("data", text().description(Some("A `ProgressEvent` as JSON.")))
        .required("event")
        .required("data")
        .build()
        .into()
}

/// What a parameter of this name may be, wherever it stands.
fn values_of(name: &str) -> RefOr<Schema> {
    const ID: &str = "^[0-9a-f]{32}$";
    fn among(names: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
        let names: Vec<&str> = names.into_iter().collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
    }
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let number = |range: RangeInclusive<f64>| {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        number.minimum(Some(*range.start())).maximum(Some(*range.end()))
    };
    match name {
        "state" => among(StatusFilter::ALL.map(StatusFilter::as_str)),
        "stage" => among(Stage::ALL.map(Stage::as_str)),
        "order" => among(Sort::ALL.map(Sort::as_str)),
        "container" => among(Container::ALL.map(Container::as_str)),
        "samples" => among(SampleFormat::ALL.map(SampleFormat::as_str)),
        "lufs" => number(LEVELS_LUFS),
        "ceiling_dbtp" => number(CEILINGS_DBTP),
        "song" => text().pattern(Some("^([0-9a-f]{32}|none)?$")),
        "id" | "before" => text().pattern(Some(ID)),
        "after" => text().min_length(Some(1)),
        // Visible ASCII without quotes.
        "Idempotency-Key" => text().pattern(Some("^[!#-~]{1,255}$")),
        _ => text(),
    }
    .build()
    .into()
}

fn parameter(name: &str, place: ParameterIn, required: Required, says: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(says))
        .schema(Some(values_of(name)))
        .build()
}

/// `create_upload`, as the table of routes names it.
fn id_of(operation: Api) -> String {
    match serde_json::to_value(operation) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The first word of the address: what it is about.
fn tag_of(route: &Route) -> &'static str {
    let rest = route.path.trim_start_matches(paths::API).trim_start_matches('/');
    rest.split('/').next().unwrap_or_default()
}

/// The document as the page `/docs/api` shows it.
#[cfg(test)]
pub(super) fn markdown(document: &Value) -> String {
    let mut page = String::from(INTRODUCTION);
    let mut tag = "";
    for (route, operation) in operations() {
        if tag != tag_of(route) {
            tag = tag_of(route);
            let _ = write!(page, "\n## {}{}\n", tag[..1].to_uppercase(), &tag[1..]);
        }
        let it = described(operation);
        let verb = format!("{:?}", route.method).to_uppercase();
        let _ = write!(page, "\n### {}\n\n`{verb} {}`\n", it.summary, route.path);
        let scope = scope_of(operation);
        let _ = write!(page, "\n{} Takes the scope `{scope}`.\n", it.more);
        if !it.query.is_empty() {
            page += "\n| Parameter | |\n| --- | --- |\n";
            for (name, says) in it.query {
                let _ = writeln!(page, "| `{name}` | {says} |");
            }
        }
        if let Some(body) = it.body {
            page += &members("Member of the body", document, body);
        }
        page += "\n| Status | |\n| --- | --- |\n";
        for (status, says, schema) in it.answers {
            let schema = schema.map_or(String::new(), |schema| format!(" `{schema}`"));
            let _ = writeln!(page, "| {status} | {says}{schema} |");
        }
        // What all of them have is said once, at the beginning.
        let own = own_problems(route, &it).into_iter();
        for (status, says) in by_status(own.filter(|code| !EVERY_POST.contains(code))) {
            let _ = writeln!(page, "| {status} | {says} |");
        }
    }
    page += "\n## Objects\n";
    for name in [
        "Upload",
        "Put",
        "Parts",
        "Part",
        "Analysis",
        "Progress",
        "Failure",
        "Score",
        "Membership",
        "Song",
        "SongWithVersions",
        "ReferenceComparison",
        "RenderPlan",
        "PlannedStep",
        "Amount",
        "Effect",
        "Untouched",
        "Render",
        "Output",
        "Proof",
        "ProvenRule",
        "RolledBack",
        "LoudnessProof",
        "CeilingProof",
        "LimiterProof",
        "Link",
        "Share",
        "Usage",
        "ProgressEvent",
        "WebhookEndpoint",
        "WebhookDelivery",
        "WebhookAttempt",
        "Event",
        "EventObject",
        "Problem",
    ] {
        let _ = write!(page, "\n### {name}\n");
        page += &members("Member", document, name);
    }
    page
}

#[cfg(test)]
const INTRODUCTION: &str = "# The API\n
Every address, what it takes and what it answers. [OpenAPI 3.1](/api/v1/openapi.json) says the same to programs; the
schemas of a [report](/api/v1/schemas/report.json), of a [verdict](/api/v1/schemas/verdict.json), of a
[recipe](/api/v1/schemas/recipe.json) and of an [event](/api/v1/schemas/event.json) stand alone, too. Begin with the [guide](/docs).\n
Every request may be answered with 401 `unauthenticated`, 403 `forbidden`, 429 `rate_limited` and 503 `unavailable` as well, and every
POST with 400 `key_missing`, 409 `key_in_use` and 422 `key_reused`; [Errors](/docs/errors) says what to do then.\n
A member that you do not know is to be ignored: new ones come without a new version. None is renamed or removed within `v1`.\n";

/// The members of an object, as a table.
#[cfg(test)]
fn members(head: &str, document: &Value, name: &str) -> String {
    let schema = &document["components"]["schemas"][name];
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut table = format!("\n| {head} | | |\n| --- | --- | --- |\n");
    for (member, it) in schema["properties"].as_object().into_iter().flatten() {
        let says = it["description"].as_str().unwrap_or_default().replace('\n', " ");
        let when = if required.contains(&member.as_str()) {
            "always"
        } else {
            "optional"
        };
        let _ = writeln!(table, "| `{member}` | {says} | {when} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = document();
        assert_eq!(document["openapi"], json!("3.1.0"));
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        assert!(references.len() > 50, "{}", references.len());
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.insert(reference.clone());
                }
                members.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
}
