//! Putting the parts together: data folder, object store, backend.

use std::{io, path::PathBuf};

use backend::{
    Backend, Sandbox,
    config::Config,
    db::Db,
    entropy::{Entropy as _, SystemEntropy},
    storage::{Storage, StorageSettings},
};
use builtin_storage::DiskStore;

/// What a process needs before it takes on a role.
#[derive(Debug, Clone)]
pub struct Services {
    /// The services.
    pub backend: Backend,
    /// The object store of our own, where none other is configured.
    pub builtin: Option<builtin_storage::Service>,
    /// The id of its key.
    pub builtin_key: Option<String>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Connects everything that `config` names and brings the schema up to date.
///
/// # Errors
/// The data folder, the database or the object store cannot be used; the text says which.
pub async fn parts(config: Config) -> Result<Services, Failure> {
    make_data_dir(&config)?;
    let sandbox = Sandbox::new(std::env::current_exe()?);
    let (storage, builtin, builtin_key) = storage(&config).await?;
    let backend = Backend::connect(config, storage, sandbox).await?;
    backend.db.migrate().await?;
    Ok(Services {
        backend,
        builtin,
        builtin_key,
    })
}

/// Whether there is an installation where `config` looks for one, for whoever must not make another by a typing error.
///
/// # Errors
/// There is none; the text says where. The database cannot be reached.
pub async fn check_installed(config: &Config) -> Result<(), Failure> {
    use secrecy::ExposeSecret as _;
    if Db::is_installed(config.database_url.expose_secret()).await? {
        return Ok(());
    }
    Err(format!(
        "there is no installation here: data_dir is {}, and its database is not there or empty. Give the settings of the server, e.g. --set data_dir=…; `mixlens config` prints those in force",
        config.data_dir.display()
    )
    .into())
}

/// Makes the data folder, or closes one that is there, so that nobody but its owner enters it.
///
/// # Errors
/// It cannot be made or closed, or it is one that everybody shares.
pub fn make_data_dir(config: &Config) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("data_dir {}: {error}", config.data_dir.display()),
        )
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(named)?;
    let mode = std::fs::metadata(&config.data_dir)
        .map_err(named)?
        .permissions()
        .mode();
    // Such as /tmp, which others need.
    if mode & 0o1002 == 0o1002 {
        return Err(named(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "everybody may write there. Give a folder of its own",
        )));
    }
    if mode & 0o077 != 0 {
        std::fs::set_permissions(&config.data_dir, std::fs::Permissions::from_mode(0o700)).map_err(
            |error| {
                named(io::Error::new(
                    error.kind(),
                    format!("others can enter it, and it cannot be closed: {error}"),
                ))
            },
        )?;
    }
    Ok(())
}

type Stored = (Storage, Option<builtin_storage::Service>, Option<String>);

async fn storage(config: &Config) -> Result<Stored, Failure> {
    let settings = &config.storage;
    if !config.uses_builtin_storage() {
        let client = Storage::new(&StorageSettings {
            endpoint: settings.endpoint.clone(),
            public_endpoint: settings.public_endpoint.clone(),
            bucket: settings.bucket.clone(),
            access_key: secrecy::ExposeSecret::expose_secret(&settings.access_key).to_owned(),
            secret_key: settings.secret_key.clone(),
            region: settings.region.clone(),
        });
        return Ok((client, None, None));
    }
    let credentials = builtin_storage::load_or_create(&config.data_dir, |bytes| SystemEntropy.fill(bytes))?;
    let client = Storage::new(&StorageSettings {
        // The process reaches its own service by the address that it listens on.
        endpoint: format!("http://{}", reachable(config.listen)),
        public_endpoint: settings.public_endpoint.clone(),
        bucket: settings.bucket.clone(),
        access_key: credentials.access_key.clone(),
        secret_key: credentials.secret_key.clone(),
        region: settings.region.clone(),
    });
    let key = credentials.access_key.clone();
    let store = DiskStore::open(config.data_dir.join("objects")).await?;
    let service = builtin_storage::service(
        store,
        builtin_storage::ServiceSettings {
            bucket: settings.bucket.clone(),
            region: settings.region.clone(),
            credentials,
        },
    );
    Ok((client, Some(service), Some(key)))
}

/// The address under which a listener on `listen` is reached from the same machine.
fn reachable(listen: std::net::SocketAddr) -> std::net::SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    std::net::SocketAddr::new(ip, listen.port())
}

/// Where the built site is: as configured, `site` beside the program, or `target/site` of a checkout.
#[must_use]
pub fn site_dir(config: &Config) -> PathBuf {
    if !config.site_dir.is_empty() {
        return PathBuf::from(&config.site_dir);
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("site")));
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| PathBuf::from("target/site"))
}
