//! Files sent to an account, and what came of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use model::verdict::{Finding, Stage};
use model::{Report, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::account::Account;
use crate::arguments::Upload;
use crate::budget::{Excess, Limits};
use crate::input::{self, Input};
use crate::{Outcome, limits_or_exit, progress_bar, table};

/// An upload that was begun.
#[derive(Debug, Deserialize)]
struct Begun {
    id: String,
    put: Option<Put>,
    parts_url: Option<String>,
}

/// A request to the storage.
#[derive(Debug, Deserialize)]
struct Put {
    url: String,
    headers: std::collections::BTreeMap<String, String>,
}

/// What of a large file is to be sent next.
#[derive(Debug, Deserialize)]
struct Parts {
    arrived_bytes: u64,
    next: Vec<Part>,
}

/// A piece of it.
#[derive(Debug, Deserialize)]
struct Part {
    offset: u64,
    length: u64,
    #[serde(flatten)]
    put: Put,
}

/// How often the same bytes are uploaded once more in a day, after what was made of them was deleted.
const MOST_UPLOADS: u32 = 10;

/// What came of one file.
#[derive(Debug)]
struct Uploaded {
    /// As the site answers it.
    analysis: Value,
    /// The first thing to fix.
    first: Option<String>,
    exceeded: Option<Vec<Excess>>,
}

/// Uploads each file, waits for its analysis, and prints what came of it.
pub(crate) fn upload_all(arguments: &Upload) -> Outcome {
    let limits = limits_or_exit(arguments.budget.as_deref(), arguments.fail_on);
    let account = match Account::open() {
        Ok(account) => account,
        Err(sentence) => {
            let _ = writeln!(io::stderr(), "mixlens-cli: {sentence}");
            return Outcome::Unreadable;
        }
    };
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Measured;
    for path in &arguments.files {
        let (line, came_of_it) = match upload(&account, path, arguments.reference, &limits) {
            Ok(uploaded) => (uploaded.line(arguments.json), uploaded.outcome()),
            Err(sentence) => {
                let _ = writeln!(io::stderr(), "mixlens-cli: {}: {sentence}", path.display());
                outcome = outcome.max(Outcome::Unreadable);
                continue;
            }
        };
        outcome = outcome.max(came_of_it);
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return Outcome::Unreadable;
        }
    }
    outcome
}

fn upload(account: &Account, path: &Path, is_reference: bool, limits: &Limits) -> Result<Uploaded, String> {
    let Input { mut file, name, .. } = Input::open(path).map_err(|error| input::status_message(&error).0)?;
    let unread = |error: io::Error| format!("cannot be read: {error}");
    let size = file.metadata().map_err(unread)?.len();
    // The same bytes with the same name are the same request, for a day: one that was cut off goes on where it was.
    let key = key_of(&mut file, &name, is_reference).map_err(unread)?;
    let kind = if is_reference { "reference" } else { "mix" };
    let about = json!({ "file_name": name, "size_bytes": size, "kind": kind });
    let begun = begin(account, &key, &about)?;
    send(account, &begun, &mut file, &name, size)?;
    let about = json!({ "upload": begun.id });
    let mut analysis: Value = account.post(
        &account.address("/analyses"),
        &format!("analyze-{}", begun.id),
        &about,
    )?;
    let id = analysis["id"].as_str().unwrap_or_default().to_owned();
    let bar = progress_bar(&name);
    while !matches!(analysis["state"].as_str(), Some("done" | "failed")) {
        bar.set_position(analysis["progress"]["percent"].as_u64().unwrap_or_default());
        analysis = account.get(&account.address(&format!("/analyses/{id}")))?;
    }
    bar.finish_and_clear();
    let (mut first, mut exceeded) = (None, None);
    if let (Some(verdict), Some(report)) = (analysis["verdict_url"].as_str(), analysis["report_url"].as_str())
    {
        let verdict: Verdict = account.get(verdict)?;
        let stage: Option<Stage> = serde_json::from_value(analysis["score"]["stage"].clone()).ok();
        let findings = &verdict.by(stage.unwrap_or(verdict.detected.stage)).findings;
        first = findings
            .first()
            .filter(|finding| finding.points >= Finding::WORTH_SAYING)
            .map(|finding| finding.title.clone());
        if !limits.is_empty() {
            let report: Report = account.get(report)?;
            exceeded = Some(limits.check(&report, &verdict, stage));
        }
    }
    Ok(Uploaded {
        analysis,
        first,
        exceeded,
    })
}

/// Begins the upload, or finds the one that was begun before. One whose analysis was deleted since is begun once more.
fn begin(account: &Account, key: &str, about: &Value) -> Result<Begun, String> {
    let address = account.address("/uploads");
    let mut number = 1;
    loop {
        match account.post(&address, &format!("upload-{key}-{number}"), about) {
            Err(trouble) if trouble.is_not_found() && number < MOST_UPLOADS => number += 1,
            begun => return Ok(begun?),
        }
    }
}

/// Names the upload of these bytes, under this name, for this purpose.
fn key_of(file: &mut File, name: &str, is_reference: bool) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update([u8::from(is_reference)]);
    hash.update((name.len() as u64).to_be_bytes());
    hash.update(name.as_bytes());
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn send(account: &Account, begun: &Begun, file: &mut File, name: &str, size: u64) -> Result<(), String> {
    let bar = progress_bar(name);
    let percent = |sent: u64| sent * 100 / size.max(1);
    if let Some(put) = &begun.put {
        put_piece(account, put, file, 0, size)?;
    }
    // Gone where all bytes have arrived before.
    let Some(address) = &begun.parts_url else {
        bar.finish_and_clear();
        return Ok(());
    };
    loop {
        let parts: Parts = account.get(address)?;
        bar.set_position(percent(parts.arrived_bytes));
        if parts.next.is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        for part in &parts.next {
            put_piece(account, &part.put, file, part.offset, part.length)?;
            bar.set_position(percent(part.offset + part.length));
        }
    }
}

fn put_piece(account: &Account, put: &Put, file: &mut File, offset: u64, length: u64) -> Result<(), String> {
    let unread = |error: io::Error| format!("cannot be read: {error}");
    let mut bytes =
        vec![0; usize::try_from(length).map_err(|_| "is too large for this machine.".to_owned())?];
    file.seek(SeekFrom::Start(offset)).map_err(unread)?;
    file.read_exact(&mut bytes).map_err(unread)?;
    let headers: Vec<(String, String)> = put.headers.clone().into_iter().collect();
    account.put(&put.url, &headers, &bytes)
}

impl Uploaded {
    fn outcome(&self) -> Outcome {
        if self.analysis["state"] == "failed" {
            Outcome::Refused
        } else if self
            .exceeded
            .as_ref()
            .is_some_and(|exceeded| !exceeded.is_empty())
        {
            Outcome::Exceeded
        } else {
            Outcome::Measured
        }
    }

    fn line(&self, as_json: bool) -> String {
        if as_json {
            let mut document = self.analysis.clone();
            if let Some(exceeded) = &self.exceeded {
                document["exceeded"] = json!(exceeded);
            }
            return document.to_string();
        }
        let text = |place: &str| {
            self.analysis
                .pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let what = match (
            text("/state"),
            self.analysis.pointer("/score/points").and_then(Value::as_f64),
        ) {
            ("failed", _) => format!("{} {}", text("/failure/message"), text("/failure/advice")),
            (_, Some(points)) => format!("{points:.1} points as a {}.", text("/score/stage")),
            (_, None) => "measured.".to_owned(),
        };
        let first = self.first.iter().map(|first| format!(" First: {first}."));
        let rows = self.exceeded.iter().flatten();
        let rows = rows.map(|excess| format!("\n  {}", table::row_of(excess)));
        let more = first.chain([format!("\n  {}", text("/url"))]).chain(rows);
        format!("{}: {what}{}", text("/title"), more.collect::<String>())
    }
}
