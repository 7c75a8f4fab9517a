//! `mixlens backup FILE` and `mixlens restore FILE`: an installation on one machine as one archive.
//!
//! The database is copied by SQLite itself, so that it is whole while the server writes; a copy of its file is not. Objects are
//! copied after it: what is missing then is what was deleted meanwhile, and what is left over the sweep finds.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Component, Path, PathBuf},
};

use backend::{
    clock::{Clock as _, SystemClock},
    config::Config,
    db::Db,
    privacy::erasure,
};
use secrecy::ExposeSecret as _;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::setup;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The name of the database in the archive.
const DATABASE: &str = "mixlens.sqlite";

/// Where the built-in store keeps its objects; audio is not deflated.
const OBJECTS: &str = "objects/objects";

/// What is not part of an installation, or made by itself: other copies of the database, locks, what is on its way, and the ledger of
/// deletions, which must not go back in time.
const LEFT_OUT: [&str; 6] = [
    "mixlens.sqlite",
    "deletions.txt",
    "deletions.draft",
    "objects/incoming",
    "objects/lock",
    "mail",
];

/// Writes the installation into `file`, which must not exist.
pub(crate) async fn backup(config: &Config, file: &Path) -> Result<String, Failure> {
    setup::check_installed(config).await?;
    let database = sqlite_of(config)?;
    refuse_inside(&config.data_dir, file)?;
    let scratch = tempfile::tempdir_in(&config.data_dir)?;
    let copy = scratch.path().join(DATABASE);
    let db = Db::connect(&database, 1).await?;
    db.copy_into(&copy).await?;
    db.close().await;
    let (data, target) = (config.data_dir.clone(), file.to_owned());
    let live = path_of(&database).to_owned();
    let bytes =
        tokio::task::spawn_blocking(move || write(&data, scratch.path(), &live, &copy, &target)).await??;
    let objects = if config.uses_builtin_storage() {
        "with its objects"
    } else {
        "without its objects, which are in the bucket"
    };
    Ok(format!(
        "{bytes} bytes in {}: the database and the keys, {objects}. It holds secrets and everybody's data: keep it closed",
        file.display()
    ))
}

/// Puts the installation of `file` into the data folder, where there is none.
pub(crate) async fn restore(config: &Config, file: &Path) -> Result<String, Failure> {
    let database = sqlite_of(config)?;
    if Db::is_installed(&database).await? {
        return Err(format!(
            "there is an installation in {} already; move it away first",
            config.data_dir.display()
        )
        .into());
    }
    setup::make_data_dir(config)?;
    let (data, archive) = (config.data_dir.clone(), file.to_owned());
    let place = PathBuf::from(path_of(&database));
    tokio::task::spawn_blocking(move || read(&data, &place, &archive)).await??;
    let db = Db::connect(&database, 1).await?;
    db.migrate().await?;
    erasure::note_restoration(&db, SystemClock.now()).await?;
    db.close().await;
    Ok("restored. What was deleted since the backup has to be deleted again before anybody is served: start the server where deletions.txt is still in the data folder, or run `mixlens admin replay --ledger FILE` with what `mixlens admin ledger` printed last".to_owned())
}

fn sqlite_of(config: &Config) -> Result<String, Failure> {
    let url = config.database_url.expose_secret();
    if url.starts_with("sqlite:") {
        return Ok(url.to_owned());
    }
    Err("this installation uses PostgreSQL: back it up with pg_dump --format=custom and restore it with pg_restore. Keep secret_key and the bucket beside it".into())
}

/// Where the database of a URL is.
fn path_of(url: &str) -> &str {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// A backup that lies among the files which it holds would hold itself.
fn refuse_inside(data: &Path, target: &Path) -> Result<(), Failure> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (folder, data) = (folder.canonicalize()?, data.canonicalize()?);
    if folder.starts_with(&data) {
        return Err(format!(
            "{} lies in the data folder, which the backup is made from: write it elsewhere",
            target.display()
        )
        .into());
    }
    Ok(())
}

/// `live` is the database as it is used, which lies among the files and is not copied: `database` is a copy at rest.
fn write(data: &Path, scratch: &Path, live: &str, database: &Path, target: &Path) -> Result<u64, Failure> {
    if target.exists() {
        return Err(format!("{} is there already", target.display()).into());
    }
    let draft = target.with_extension("part");
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let mut archive = ZipWriter::new(file);
    add(&mut archive, DATABASE, database, CompressionMethod::Deflated)?;
    for path in files_below(data, Path::new(""))? {
        let name = path.to_string_lossy().into_owned();
        let is_left_out = LEFT_OUT.iter().any(|left_out| name.starts_with(left_out));
        // With its journal and its shared memory, whose names begin alike.
        let is_live = data.join(&path).to_string_lossy().starts_with(live);
        if is_left_out || is_live || data.join(&path).starts_with(scratch) {
            continue;
        }
        let method = if name.starts_with(OBJECTS) {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        add(&mut archive, &name, &data.join(&path), method)?;
    }
    let file = archive.finish()?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::rename(draft, target)?;
    Ok(bytes)
}

/// Adds a file under a name; one that is gone by now is left out.
fn add(
    archive: &mut ZipWriter<File>,
    name: &str,
    path: &Path,
    method: CompressionMethod,
) -> Result<(), Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .large_file(true);
    archive.start_file(name, options)?;
    io::copy(&mut file, archive)?;
    Ok(())
}

/// Every file below `folder`, which is below `data`, by its path from `data`.
fn files_below(data: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(data.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            found.extend(files_below(data, &path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(data: &Path, database: &Path, archive: &Path) -> Result<(), Failure> {
    let mut archive = ZipArchive::new(File::open(archive)?)?;
    if archive.by_name(DATABASE).is_err() {
        return Err("this is no backup of MixLens: there is no database in it".into());
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let name = PathBuf::from(entry.name()?.into_owned());
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || entry.is_dir() {
            return Err(format!(
                "the archive names {}, which is no file of an installation",
                name.display()
            )
            .into());
        }
        let path = if name == Path::new(DATABASE) {
            database.to_owned()
        } else {
            data.join(name)
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        io::copy(&mut entry, &mut file)?;
        file.flush()?;
        file.sync_all()?;
    }
    Ok(())
}
