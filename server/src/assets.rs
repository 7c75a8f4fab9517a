//! The built site: wasm, scripts and styles under names that carry their hash, compressed when they were built.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::http::{HeaderValue, Response, StatusCode, header};
use leptos::config::LeptosOptions;
use tower::util::MapResponse;
use tower_http::services::{ServeDir, ServeFile, fs::ServeFileSystemResponseBody};

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
    pub(crate) fn hashed(&self) -> Kept<ServeDir> {
        let folder = ServeDir::new(self.root.join("pkg"))
            .precompressed_br()
            .precompressed_gzip();
        MapResponse::new(folder, |response| {
            kept(response, "public, max-age=31536000, immutable")
        })
    }

    /// Answers with a picture that is known by its name.
    pub(crate) fn picture(&self, name: &'static str) -> Kept<ServeFile> {
        let picture = ServeFile::new(self.root.join(name));
        MapResponse::new(picture, |response| kept(response, "public, max-age=86400"))
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

type FileResponse = Response<ServeFileSystemResponseBody>;

/// A service of files with the headers of [`kept`].
pub(crate) type Kept<S> = MapResponse<S, fn(FileResponse) -> FileResponse>;

/// `response` with how long it is kept. Only a file is: a name that an older process does not know yet must not be missing for
/// a year. Caches tell the compressed file from the plain one.
fn kept(mut response: FileResponse, how: &'static str) -> FileResponse {
    let is_file = matches!(
        response.status(),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    );
    let how = if is_file { how } else { "no-store" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(how));
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}
