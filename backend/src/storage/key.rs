//! The names of objects. They are made of ids only, never of what a person typed, and by nothing but these functions.

use std::fmt;

use model::{AccountId, ExportId, RenderId, UploadId};

/// What the names of all objects begin with, before the account.
pub(super) const ACCOUNTS: &str = "a/";

/// What the names of what steps took away, and of renders without a step, begin with, before the step.
const STEP: &str = "step-";
const BYPASS: &str = "bypass-";

/// The name of one object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The audio that a person uploaded: `a/<account>/<upload>/source`.
    #[must_use]
    pub fn source(account: AccountId, upload: UploadId) -> Self {
        Self(format!("{}source", Self::upload_prefix(account, upload).0))
    }

    /// A copy of the audio that browsers play: `a/<account>/<upload>/play`. It goes with its source.
    #[must_use]
    pub fn preview(account: AccountId, upload: UploadId) -> Self {
        Self(format!("{}play", Self::upload_prefix(account, upload).0))
    }

    /// A render of an upload: `a/<account>/<upload>/<render>/file`. It goes with its source.
    #[must_use]
    pub fn render(account: AccountId, upload: UploadId, render: RenderId) -> Self {
        Self(format!("{}file", Self::render_prefix(account, upload, render).0))
    }

    /// A copy of a render that browsers play: `a/<account>/<upload>/<render>/play`.
    #[must_use]
    pub fn render_preview(account: AccountId, upload: UploadId, render: RenderId) -> Self {
        Self(format!("{}play", Self::render_prefix(account, upload, render).0))
    }

    /// What a step of a render took away: `a/<account>/<upload>/<render>/step-<index>`.
    #[must_use]
    pub fn step_null(account: AccountId, upload: UploadId, render: RenderId, step: u32) -> Self {
        let prefix = Self::render_prefix(account, upload, render);
        Self(format!("{}{STEP}{step}", prefix.0))
    }

    /// A render without one of its steps: `a/<account>/<upload>/<render>/bypass-<index>`.
    #[must_use]
    pub fn step_bypass(account: AccountId, upload: UploadId, render: RenderId, step: u32) -> Self {
        let prefix = Self::render_prefix(account, upload, render);
        Self(format!("{}{BYPASS}{step}", prefix.0))
    }

    /// An archive of everything held about a person: `a/<account>/exports/<export>.zip`.
    #[must_use]
    pub fn export(account: AccountId, export: ExportId) -> Self {
        Self(format!("{}exports/{export}.zip", Self::account_prefix(account).0))
    }

    /// The ledger of deletions, which is no account's: `ledger/deletions.txt`.
    #[must_use]
    pub fn ledger() -> Self {
        Self("ledger/deletions.txt".to_owned())
    }

    /// Everything of one account: `a/<account>/`.
    #[must_use]
    pub fn account_prefix(account: AccountId) -> Prefix {
        Prefix(format!("{ACCOUNTS}{account}/"))
    }

    /// Everything of one upload, its preview and renders included: `a/<account>/<upload>/`.
    #[must_use]
    pub fn upload_prefix(account: AccountId, upload: UploadId) -> Prefix {
        Prefix(format!("a/{account}/{upload}/"))
    }

    /// Everything of one render: `a/<account>/<upload>/<render>/`.
    #[must_use]
    pub fn render_prefix(account: AccountId, upload: UploadId, render: RenderId) -> Prefix {
        Prefix(format!("{}{render}/", Self::upload_prefix(account, upload).0))
    }

    /// Reads a name that the bucket lists, and what it belongs to; `None` for a name that none of these functions makes.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, KeyOwner)> {
        let mut parts = name.strip_prefix(ACCOUNTS)?.split('/');
        let account = parts.next()?.parse().ok()?;
        let owner = match (parts.next()?, parts.next()?) {
            ("exports", file) => KeyOwner::Export {
                account,
                export: file.strip_suffix(".zip")?.parse().ok()?,
            },
            (upload, "source" | "play") => KeyOwner::Upload {
                account,
                upload: upload.parse().ok()?,
            },
            (upload, render) => {
                let part = parts.next()?;
                let is_step = |step: &str| step.parse().is_ok_and(|index: u32| index.to_string() == step);
                let of_step = part.strip_prefix(STEP).or_else(|| part.strip_prefix(BYPASS));
                if !matches!(part, "file" | "play") && !of_step.is_some_and(is_step) {
                    return None;
                }
                KeyOwner::Render {
                    account,
                    upload: upload.parse().ok()?,
                    render: render.parse().ok()?,
                }
            }
        };
        parts.next().is_none().then(|| (Self(name.to_owned()), owner))
    }

    /// As the bucket knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an object belongs to: the row that it must not outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// The audio of an upload, or what was made from it.
    Upload {
        /// Whose it is.
        account: AccountId,
        /// The upload.
        upload: UploadId,
    },
    /// A render, or what was made from it.
    Render {
        /// Whose it is.
        account: AccountId,
        /// The upload that it was made of.
        upload: UploadId,
        /// The render.
        render: RenderId,
    },
    /// The archive of an export.
    Export {
        /// Whose it is.
        account: AccountId,
        /// The export.
        export: ExportId,
    },
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of the names of objects that belong together. It is never empty and ends with `/`, so that it can
/// mean neither the whole bucket nor an account whose id merely begins alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// As the bucket knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_is_made_of_ids_and_stays_short() {
        let (account, upload) = (AccountId(Uuid::from_u128(1)), UploadId(Uuid::from_u128(2)));
        let source = Key::source(account, upload);
        assert_eq!(
            source.as_str(),
            "a/00000000000000000000000000000001/00000000000000000000000000000002/source"
        );
        let play = Key::preview(account, upload);
        assert!(
            play.as_str()
                .starts_with(Key::upload_prefix(account, upload).as_str())
        );
        assert!(source.as_str().starts_with(Key::account_prefix(account).as_str()));
        let id = RenderId(Uuid::from_u128(3));
        for render in [
            Key::render(account, upload, id),
            Key::render_preview(account, upload, id),
            Key::step_null(account, upload, id, 12),
            Key::step_bypass(account, upload, id, 12),
        ] {
            let prefix = Key::render_prefix(account, upload, id);
            assert!(render.as_str().starts_with(prefix.as_str()));
            assert!(render.as_str().len() <= 120);
            let owner = KeyOwner::Render {
                account,
                upload,
                render: id,
            };
            assert_eq!(Key::parse(render.as_str()), Some((render, owner)));
        }
        let export = Key::export(account, ExportId(Uuid::from_u128(4)));
        assert!(export.as_str().starts_with(Key::account_prefix(account).as_str()));
        assert!(play.as_str().len() <= 120);
        let of_upload = KeyOwner::Upload { account, upload };
        assert_eq!(Key::parse(source.as_str()), Some((source.clone(), of_upload)));
        assert_eq!(Key::parse(play.as_str()), Some((play.clone(), of_upload)));
        assert!(matches!(
            Key::parse(export.as_str()),
            Some((_, KeyOwner::Export { .. }))
        ));
        for foreign in [
            "",
            "a/",
            "a/1/2/source",
            &format!("{source}/x"),
            &format!("{}step-012", Key::render_prefix(account, upload, id)),
            &format!("b{source}"),
        ] {
            assert_eq!(Key::parse(foreign), None, "{foreign}");
        }
    }
}
