//! The built site: wasm, scripts and styles under names that carry their hash, compressed when they were built.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::http::{HeaderValue, header};
use leptos::config::LeptosOptions;
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeader,
};

/// Where the built site is.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    root: PathBuf,
    /// The names of wasm, script and style. Leptos reads it at the first page and panics where there is none.
    hashes: PathBuf,
    /// The style sheet, for reports that carry it inside.
    style: Arc<str>,
}

impl Assets {
    /// The site in `root`, with its hashes there (`xtask site`) or beside the program (cargo-leptos).
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        let program = std::env::current_exe().unwrap_or_default();
        let hashes = [root.join("hash.txt"), program.with_file_name("hash.txt")];
        match hashes.into_iter().find(|file| file.is_file()) {
            // Absolute, because leptos would look beside the program otherwise.
            Some(hashes) if root.join("pkg").is_dir() => Ok(Self {
                hashes: hashes.canonicalize()?,
                style: style_in(&root.join("pkg"))?.into(),
                root,
            }),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "there is no built site in {}: run `make site`, or set MIXLENS_SITE_DIR",
                    root.display()
                ),
            )),
        }
    }

    /// The style sheet of all pages.
    pub(crate) fn style(&self) -> &str {
        &self.style
    }

    /// Answers with the built files: their names carry their hash, so that they are kept for ever.
    pub(crate) fn hashed(&self) -> SetHeader<ServeDir> {
        let folder = ServeDir::new(self.root.join("pkg"))
            .precompressed_br()
            .precompressed_gzip();
        kept("public, max-age=31536000, immutable", folder)
    }

    /// Answers with the icon.
    pub(crate) fn favicon(&self) -> SetHeader<ServeFile> {
        kept(
            "public, max-age=86400",
            ServeFile::new(self.root.join("favicon.svg")),
        )
    }

    /// As leptos wants to know it; the names are those of `[[workspace.metadata.leptos]]`.
    pub(crate) fn leptos_options(&self) -> LeptosOptions {
        LeptosOptions::builder()
            .output_name("mixlens")
            .site_root(self.root.to_string_lossy().into_owned())
            .site_pkg_dir("pkg")
            .hash_files(true)
            .hash_file(self.hashes.to_string_lossy().as_ref().into())
            .build()
    }
}

/// The text of the one style sheet in `pkg`; empty where there is none.
fn style_in(pkg: &Path) -> io::Result<String> {
    for entry in std::fs::read_dir(pkg)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "css") {
            return std::fs::read_to_string(file);
        }
    }
    Ok(String::new())
}

type SetHeader<S> = SetResponseHeader<S, HeaderValue>;

fn kept<S>(how: &'static str, service: S) -> SetHeader<S> {
    SetResponseHeader::overriding(service, header::CACHE_CONTROL, HeaderValue::from_static(how))
}
