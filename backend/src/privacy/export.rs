//! An export of everything that is held about a person (P15): a zip with a JSON file for each table of the manifest and the
//! analysis history as CSV.
//!
//! Built by a job into a temporary file, kept under the account's own prefix for a day, read by a signed link, then reaped.
//! The audio is not in it: it is the person's own file, and the report page plays it as long as it is kept.

use std::{
    collections::HashMap,
    fs::File,
    io::{Seek as _, Write as _},
    pin::pin,
    time::Duration,
};

use futures::StreamExt as _;
use model::{AccountId, ExportId, Problem, ProblemCode, Timestamp, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    DataSubject, all_records, exported,
    manifest::{self, Column, ColumnKind, Export, Table},
};
use crate::{
    Actor, Backend, Error, Result,
    db::{Db, DbError, Tx, record::Record, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Notification},
    retention::{self, ExpiredCount},
    spreadsheet::defused,
    storage::{ARCHIVE, Key},
    tables::{Erase, REFERENCE, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "export",
    title: "Copies of your data",
    about: "The archives that you asked for.",
    kept: "The archive for 24 hours; that there was one, until you delete your account.",
    export: rows! {
        from "export" where Account is "account_id = $1"
        given {
            "id" Text "Number", "state" Text "State", "created_at" Time "Asked for", "ready_at" Time "Ready",
            "delete_after" Time "Archive is removed", "size_bytes" Number "Bytes",
        }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

/// How long a link to an archive is good (P04): long enough to begin the download.
const LINK: Duration = Duration::from_secs(5 * 60);

/// How long an archive is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Archives that one person may have made within a day; each reads everything.
pub const A_DAY: usize = 2;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Rows that are held in memory at once. A report has some 150 kB.
const BATCH: usize = 20;

/// JSON is a tenth of its size by the fastest deflation already; the best takes five times as long for little more.
const FASTEST: i64 = 1;

/// Archives that are purged in one transaction.
const PURGE_BATCH: u32 = 100;

/// One export, as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: ExportState,
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportState {
    /// A worker makes it.
    Building,
    /// It can be fetched.
    Ready {
        /// Which one, for [`download`].
        id: ExportId,
        /// When it is removed.
        until: Timestamp,
        /// How large it is.
        bytes: u64,
    },
    /// It could not be made.
    Failed,
    /// Its day is over.
    Removed,
}

text_enum! {
    /// How far an export is, as its row says.
    enum Progress {
        /// A job builds it.
        Building = "building",
        /// Its archive is in the store.
        Ready = "ready",
        /// It could not be built.
        Failed = "failed",
        /// Its day is over.
        Removed = "removed",
    }
}

text! { Progress }

row! {
    #[derive(Debug)]
    struct ExportRow {
        id: ExportId,
        account_id: AccountId,
        state: Progress,
        created_at: Timestamp,
        delete_after: Option<Timestamp>,
        size_bytes: Option<u64>,
    }
}

/// Asks for an export. One that is being built already is not built twice.
///
/// # Errors
/// `RateLimited` after [`A_DAY`] of them.
pub async fn request(backend: &Backend, actor: &Actor) -> Result<()> {
    let account = actor.user()?.account;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        begin(backend, tx, account).await
    })?;
    backend.wake.wake();
    Ok(())
}

async fn begin(backend: &Backend, tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = backend.now();
    let newest: Vec<ExportRow> = tx.all(sql(NEWEST).bind(account)).await?;
    let recent: Vec<ExportRow> = newest
        .into_iter()
        .filter(|row| row.state != Progress::Failed && now.since(row.created_at) < DAY)
        .collect();
    if recent.iter().any(|row| row.state == Progress::Building) {
        return Ok(());
    }
    if let Some(oldest) = recent.last().filter(|_| recent.len() >= A_DAY) {
        let again = oldest.created_at.plus(DAY).since(now);
        return Err(Error::Problem(Problem {
            retry_after: Some(again.as_secs() + 1),
            ..Problem::new(
                ProblemCode::RateLimited,
                format!(
                    "You can have {A_DAY} copies a day. The ones that you have are good for 24 hours each."
                ),
            )
        }));
    }
    let export = ExportId(backend.new_id());
    insert(tx, export, account, now).await?;
    let options = EnqueueOptions {
        account: Some(account),
        ..EnqueueOptions::default()
    };
    jobs::enqueue(tx, backend, &BuildExport { export }, options).await?;
    Ok(())
}

/// The exports of a person, newest first.
pub(super) async fn copies(backend: &Backend, account: AccountId) -> Result<Vec<Copy>> {
    let now = backend.now();
    let mut copies = Vec::new();
    let rows: Vec<ExportRow> = backend.db.all(sql(NEWEST).bind(account)).await?;
    for row in rows {
        let until = row.delete_after.unwrap_or(Timestamp(0));
        let state = match row.state {
            Progress::Building => ExportState::Building,
            Progress::Ready if until > now => ExportState::Ready {
                id: row.id,
                until,
                bytes: row.size_bytes.unwrap_or(0),
            },
            Progress::Failed => ExportState::Failed,
            Progress::Ready | Progress::Removed => ExportState::Removed,
        };
        copies.push(Copy {
            asked_at: row.created_at,
            state,
        });
    }
    Ok(copies)
}

/// A signed link to an archive, for a few minutes: whoever has it needs no session.
///
/// # Errors
/// `NotFound` where there is none any more, or it is somebody else's.
pub async fn download(backend: &Backend, actor: &Actor, id: ExportId) -> Result<String> {
    let account = actor.user()?.account;
    let now = backend.now();
    let row = find(backend, id)
        .await?
        .filter(|row| row.account_id == account && row.state == Progress::Ready)
        .ok_or_else(|| Error::not_found("copy"))?;
    let left = row.delete_after.map_or(Duration::ZERO, |until| until.since(now));
    if left.is_zero() {
        return Err(Error::not_found("copy"));
    }
    let name = format!("mixlens-{}.zip", row.created_at.day());
    let key = Key::export(account, id);
    Ok(backend
        .storage
        .presign_get(&key, &name, ARCHIVE, left.min(LINK), backend.clock.of_machine())
        .await?)
}

/// Builds an export and stores its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildExport {
    /// The export, in state `building`.
    export: ExportId,
}

impl Job for BuildExport {
    const POLICY: Policy = Policy {
        kind: "build_export",
        queue: Queue::Storage,
        max_attempts: 4,
        // A few milliseconds for each analysis, and as long again to send it.
        timeout: Duration::from_secs(2 * 60 * 60),
    };
}

impl RunJob<Backend> for BuildExport {
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        Ok(build(backend, self.export, lease).await?)
    }

    async fn on_dead(self, backend: &Backend) -> Result<()> {
        const UPDATE: &str = "UPDATE export SET state = 'failed' WHERE id = $1 AND state = 'building'";
        backend.db.execute(sql(UPDATE).bind(self.export)).await?;
        Ok(())
    }
}

async fn build(backend: &Backend, export: ExportId, lease: &Lease) -> Result<()> {
    let Some(row) = find(backend, export)
        .await?
        .filter(|row| row.state == Progress::Building)
    else {
        return Ok(());
    };
    let account = row.account_id;
    let Some(archive) = archive_of(backend, account).await? else {
        return Ok(());
    };
    let size = archive.metadata().map_err(unwritable)?.len();
    backend
        .storage
        .put_file(&Key::export(account, export), archive, ARCHIVE)
        .await?;
    let now = backend.now();
    let mut tx = backend.db.begin().await?;
    if set_ready(&mut tx, export, now, size).await? {
        mail::enqueue(&mut tx, backend, account, Notification::ExportReady { export }).await?;
    }
    lease.finish_in(&mut tx, now).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(())
}

/// Removes the archive of an export from the store. It is not tied to the account, because it has to outlive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemoveExport {
    /// Whose it is.
    account: AccountId,
    /// The export.
    export: ExportId,
}

impl Job for RemoveExport {
    const POLICY: Policy = Policy {
        kind: "remove_export",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<Backend> for RemoveExport {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let archive = Key::export(self.account, self.export);
        backend.storage.delete(&archive).await.map_err(JobError::wait)
    }
}

/// Whether an export is there, for the email that says so.
pub(crate) async fn can_be_fetched(backend: &Backend, export: ExportId) -> Result<bool> {
    Ok(find(backend, export)
        .await?
        .is_some_and(|row| row.state == Progress::Ready))
}

row! {
    /// Names an archive that is to be removed.
    struct ExpiredRow {
        id: ExportId,
        account_id: AccountId,
    }
}

/// Whether an archive has a row that keeps it in the storage.
pub(crate) async fn keeps_archive(db: &Db, account: AccountId, export: ExportId) -> Result<bool, DbError> {
    const SELECT: &str =
        "SELECT id FROM export WHERE id = $1 AND account_id = $2 AND state IN ('building', 'ready')";
    let found: Option<ExportId> = db.scalar(sql(SELECT).bind(export).bind(account)).await?;
    Ok(found.is_some())
}

/// Archives whose day is over, at $1.
macro_rules! ended {
    () => {
        "state = 'ready' AND delete_after <= $1"
    };
}

/// What [`purge`] would mark now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    const COUNT: &str = concat!("SELECT COUNT(*) FROM export WHERE ", ended!());
    let count = sql(COUNT).bind(backend.now());
    Ok(vec![
        retention::count(&backend.db, "archives of copies", count).await?,
    ])
}

/// How many archives should have been removed up to `before`.
pub(crate) async fn overdue(db: &Db, before: Timestamp) -> Result<i64, DbError> {
    const COUNT: &str = concat!("SELECT COUNT(*) FROM export WHERE ", ended!());
    Ok(db.one::<(i64,)>(sql(COUNT).bind(before)).await?.0)
}

/// Marks archives whose day is over as removed and queues the removal of their objects. How many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    const UPDATE: &str = concat!(
        "UPDATE export SET state = 'removed' WHERE id IN (SELECT id FROM export WHERE ",
        ended!(),
        " ORDER BY delete_after LIMIT $2) AND state = 'ready' RETURNING id, account_id"
    );
    let mut total = 0;
    loop {
        let due = transaction!(backend.db, |tx| {
            let due: Vec<ExpiredRow> = tx.all(sql(UPDATE).bind(backend.now()).bind(PURGE_BATCH)).await?;
            for row in &due {
                let removal = RemoveExport {
                    account: row.account_id,
                    export: row.id,
                };
                jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
            }
            Ok(due)
        })?;
        backend.wake.wake();
        if due.is_empty() {
            return Ok(total);
        }
        total += due.len() as u64;
    }
}

/// The archive of an account, for a request that came by email; `None` where there is no such account.
///
/// # Errors
/// The database does not answer, or the temporary folder cannot be written.
pub async fn archive_for_request(backend: &Backend, email: &str) -> Result<Option<File>> {
    let Some(subject) = DataSubject::of_address(backend, email).await? else {
        return Ok(None);
    };
    let archive = archive_of(backend, subject.account).await?;
    match archive {
        Some(mut file) => blocking(move || file.rewind().map(|()| Some(file))).await,
        None => Ok(None),
    }
}

/// The last few of an account, newest first.
const NEWEST: &str = "
    SELECT id, account_id, state, created_at, delete_after, size_bytes
    FROM export WHERE account_id = $1 ORDER BY id DESC LIMIT 5";

async fn find(backend: &Backend, export: ExportId) -> Result<Option<ExportRow>, DbError> {
    const SELECT: &str =
        "SELECT id, account_id, state, created_at, delete_after, size_bytes FROM export WHERE id = $1";
    backend.db.optional(sql(SELECT).bind(export)).await
}

async fn insert(tx: &mut Tx, export: ExportId, account: AccountId, now: Timestamp) -> Result<u64, DbError> {
    const INSERT: &str =
        "INSERT INTO export (id, account_id, state, created_at) VALUES ($1, $2, 'building', $3)";
    tx.execute(sql(INSERT).bind(export).bind(account).bind(now)).await
}

/// building → ready; `false` where it was not building any more, or its account is gone.
async fn set_ready(tx: &mut Tx, export: ExportId, now: Timestamp, size: u64) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE export SET state = 'ready', ready_at = $2, delete_after = $3, size_bytes = $4
        WHERE id = $1 AND state = 'building'";
    let update = sql(UPDATE).bind(export).bind(now).bind(now.plus(KEPT)).bind(size);
    Ok(tx.execute(update).await? == 1)
}

/// Walks through the manifest; `None` where the account is gone.
async fn archive_of(backend: &Backend, account: AccountId) -> Result<Option<File>> {
    let Some(subject) = DataSubject::of(backend, account).await? else {
        return Ok(None);
    };
    let mut archive = Archive::new().await?;
    archive = archive
        .with("README.txt", read_me(backend.now()).into_bytes())
        .await?;
    let mut contents = Contents {
        archive,
        file_names: HashMap::new(),
        history: History::new()?,
    };
    for table in manifest::tables() {
        let Export::Rows { .. } = table.export else {
            continue;
        };
        contents.archive.begin(&format!("{}.json", table.name))?;
        let mut written = 0;
        // One walk through the table, so that the last rows cost no more than the first.
        let mut rows = pin!(all_records(&backend.db, table, &subject).chunks(BATCH));
        while let Some(batch) = rows.next().await {
            let batch: Vec<Record> = batch.into_iter().collect::<Result<_, _>>()?;
            let count = batch.len();
            contents = contents.write(table, batch, written).await?;
            written += count;
        }
        let end = if written == 0 { "[]\n" } else { "\n]\n" };
        contents.archive = contents.archive.write(end.as_bytes().to_vec()).await?;
    }
    let history = contents.history.finish()?;
    let archive = contents.archive.with("analyses.csv", history).await?;
    Ok(Some(archive.finish().await?))
}

/// The archive while it is made.
struct Contents {
    archive: Archive,
    /// The names of uploads, for the history.
    file_names: HashMap<String, String>,
    history: History,
}

impl Contents {
    /// Writes rows of a table behind the `written` ones before. Reports are large, so it is off the runtime's threads.
    async fn write(mut self, table: &'static Table, batch: Vec<Record>, written: usize) -> Result<Self> {
        let Export::Rows { columns, .. } = table.export else {
            return Ok(self);
        };
        blocking(move || {
            let mut text = String::new();
            for (at, record) in batch.into_iter().enumerate() {
                let row = exported(columns, record);
                match table.name {
                    "upload" => {
                        self.file_names
                            .insert(text_of(&row, "id"), text_of(&row, "file_name"));
                    }
                    "analysis" => self.history.add(columns, &row, &self.file_names)?,
                    _ => {}
                }
                text.push_str(if written + at == 0 { "[\n" } else { ",\n" });
                text.push_str(&serde_json::to_string(&row)?);
            }
            self.archive.0.write_all(text.as_bytes())?;
            Ok(self)
        })
        .await
    }
}

fn text_of(row: &Value, field: &str) -> String {
    row.get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// A zip in a file without a name. Deflating takes time, so every step is off the runtime's threads.
struct Archive(ZipWriter<File>);

impl Archive {
    async fn new() -> Result<Self> {
        blocking(|| Ok(Self(ZipWriter::new(tempfile::tempfile()?)))).await
    }

    fn begin(&mut self, name: &str) -> Result<()> {
        // ZIP64: a file within, and the archive, may be larger than 4 GiB.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(FASTEST))
            .large_file(true);
        self.0.start_file(name, options).map_err(Error::internal)
    }

    async fn write(mut self, bytes: Vec<u8>) -> Result<Self> {
        blocking(move || {
            self.0.write_all(&bytes)?;
            Ok(self)
        })
        .await
    }

    async fn with(mut self, name: &str, bytes: Vec<u8>) -> Result<Self> {
        self.begin(name)?;
        self.write(bytes).await
    }

    async fn finish(self) -> Result<File> {
        blocking(move || self.0.finish().map_err(std::io::Error::other)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    done.map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the temporary folder",
        source: error.into(),
    }
}

/// The analysis history as a table that a spreadsheet opens.
struct History(csv::Writer<Vec<u8>>);

impl History {
    fn new() -> Result<Self> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let heads = [
            "analysis",
            "title",
            "file_name",
            "state",
            "begun",
            "finished",
            "length_s",
            "integrated_lufs",
            "engine",
            "failure",
        ];
        writer.write_record(heads).map_err(Error::internal)?;
        Ok(Self(writer))
    }

    fn add(
        &mut self,
        columns: &'static [Column],
        row: &Value,
        file_names: &HashMap<String, String>,
    ) -> std::io::Result<()> {
        let cell = |name: &str| match row.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => {
                let typed = columns
                    .iter()
                    .any(|column| column.name == name && column.kind == ColumnKind::Text);
                if typed { defused(text) } else { text.clone() }
            }
            Some(value) => value.to_string(),
        };
        let file_name = file_names
            .get(&text_of(row, "upload_id"))
            .map(|name| defused(name))
            .unwrap_or_default();
        let failure = row
            .get("failure")
            .and_then(|failure| failure.get("code"))
            .and_then(Value::as_str);
        let cells = [
            cell("id"),
            cell("title"),
            file_name,
            cell("state"),
            cell("created_at"),
            cell("finished_at"),
            cell("duration_s"),
            cell("integrated_lufs"),
            cell("engine"),
            failure.unwrap_or_default().to_owned(),
        ];
        self.0.write_record(cells).map_err(std::io::Error::other)
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(Error::internal)
    }
}

fn read_me(now: Timestamp) -> String {
    let mut text = format!(
        "Everything that MixLens holds about you, as of {}.\n\n\
         Each .json file is one table: a list of rows, moments in UTC (RFC 3339).\n\
         analyses.csv is the history of your analyses for a spreadsheet; a text that would be a formula has an apostrophe in front.\n\
         The audio itself is not in here: a report plays it for as long as it is kept.\n",
        now.rfc3339()
    );
    for table in manifest::tables() {
        let Export::Rows {
            columns, withheld, ..
        } = table.export
        else {
            continue;
        };
        text.push_str(&format!(
            "\n{}.json: {}\n  {} Kept: {}\n",
            table.name, table.title, table.about, table.kept
        ));
        for column in columns {
            text.push_str(&format!("  {:<16} {}\n", column.name, column.label));
        }
        for (name, why) in withheld.iter().filter(|(name, _)| *name != "account_id") {
            text.push_str(&format!("  not in here: {name}, because it {why}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, SeekFrom};

    use zip::ZipArchive;

    use super::*;

    const GIB: u64 = 1 << 30;

    /// What is beyond 4 GiB takes ZIP64: a file of that size within, and where a file begins.
    #[tokio::test]
    async fn p15_an_archive_of_more_than_4_gib_is_whole() {
        // Blocks that nobody writes take no room on the disk: the archive begins behind them.
        let mut file = tempfile::tempfile().unwrap();
        file.seek(SeekFrom::Start(5 * GIB)).unwrap();
        let mut archive = Archive(ZipWriter::new(file));
        archive.begin("large.json").unwrap();
        let piece = vec![b' '; 16 << 20];
        for _ in 0..(4 * GIB / piece.len() as u64) + 1 {
            archive = archive.write(piece.clone()).await.unwrap();
        }
        let archive = archive.with("last.json", b"[]".to_vec()).await.unwrap();

        let mut archive = ZipArchive::new(archive.finish().await.unwrap()).unwrap();
        assert!(archive.by_name("large.json").unwrap().size() > 4 * GIB);
        let mut last = archive.by_name("last.json").unwrap();
        assert!(last.header_start() > 4 * GIB);
        let mut text = String::new();
        last.read_to_string(&mut text).unwrap();
        assert_eq!(text, "[]");
    }
}
