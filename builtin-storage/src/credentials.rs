//! The one access key of the built-in service: made at random at the first start and kept in the data folder.

use std::{fs, io, io::Write as _, path::Path};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const FILE: &str = "storage-credentials.json";

/// An access key that only this installation knows.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The id, which signed URLs show.
    pub access_key: String,
    /// The secret, which they do not.
    pub secret_key: SecretString,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    access_key: String,
    secret_key: String,
}

/// The credentials kept in `dir`, or new ones from 48 random bytes, which `fill` provides. The file is readable to
/// its owner only, and made so again when it is found otherwise (a restored backup may lose the mode).
///
/// # Errors
/// When the folder cannot be written, or the file there is not ours.
pub fn load_or_create(dir: &Path, fill: impl FnOnce(&mut [u8])) -> io::Result<Credentials> {
    let path = dir.join(FILE);
    match load(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        loaded => return loaded,
    }
    let mut random = [0_u8; 48];
    fill(&mut random);
    let (id, secret) = random.split_at(16);
    let kept = Kept {
        access_key: format!("mixlens{}", hex::encode(id)),
        secret_key: hex::encode(secret),
    };
    fs::create_dir_all(dir)?;
    // A temporary file of `tempfile` has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&serde_json::to_vec(&kept)?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => fs::File::open(dir)?.sync_all()?,
        // Another process was faster: its credentials are the ones.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    load(&path)
}

fn load(path: &Path) -> io::Result<Credentials> {
    let text = fs::read(path)?;
    keep_private(path)?;
    let kept: Kept = serde_json::from_slice(&text)?;
    let credentials = Credentials {
        access_key: kept.access_key,
        secret_key: kept.secret_key.into(),
    };
    if credentials.access_key.is_empty() || credentials.secret_key.expose_secret().len() < 32 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the storage credentials are incomplete",
        ));
    }
    Ok(credentials)
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(dir: &Path, byte: u8) -> Credentials {
        load_or_create(dir, |bytes| bytes.fill(byte)).unwrap()
    }

    #[test]
    fn credentials_are_made_once_and_then_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = made(dir.path(), 7);
        let second = made(dir.path(), 9);
        assert_eq!(first.access_key, second.access_key);
        assert_eq!(
            first.secret_key.expose_secret(),
            second.secret_key.expose_secret()
        );
        assert_eq!(first.secret_key.expose_secret().len(), 64);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_them_even_after_a_careless_restore() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mode = || fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode() & 0o777;
        made(dir.path(), 7);
        assert_eq!(mode(), 0o600);
        fs::set_permissions(dir.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        made(dir.path(), 7);
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = made(dir.path(), 7);
        assert!(!format!("{credentials:?}").contains(credentials.secret_key.expose_secret()));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), b"{}").unwrap();
        assert!(load_or_create(dir.path(), |bytes| bytes.fill(1)).is_err());
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), b"{}");
    }
}
