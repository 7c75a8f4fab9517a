//! Lays the site out as `leptos::hydration::HydrationScripts` and `leptos_meta::HashedStylesheet` ask for it:
//!
//! ```text
//! site/…                       a copy of the assets folder
//! site/pkg/mixlens.HASH.js     and .wasm and .css; in a release, text and wasm have .br and .gz beside them
//! site/hash.txt                the hashes of the three, for the server
//! debug/hash.txt               and release/hash.txt: the same beside the binary, where cargo-leptos writes it
//! ```
//!
//! A file is written only when its content changes, and what no longer belongs there is removed.

use crate::workspace::Workspace;
use crate::{Mode, Result, css, js, wasm};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the wasm module of the pages may weigh on the wire: 200 kB after brotli.
const WASM_LIMIT_BYTES: usize = 200_000;

/// Folders of the server's binary below the target folder.
const BINARY_FOLDERS: [&str; 2] = ["debug", "release"];

const COMPRESSED: [&str; 7] = ["css", "js", "json", "svg", "txt", "wasm", "webmanifest"];

/// Builds everything and prints what it weighs.
pub(crate) fn build(mode: Mode) -> Result<()> {
    let workspace = Workspace::read()?;
    let bound = wasm::build(&workspace, mode)?;
    let name = &workspace.name;
    let module = read(&bound.join(format!("{name}_bg.wasm")))?;
    let script = String::from_utf8_lossy(&read(&bound.join(format!("{name}.js")))?).into_owned();
    let script = js::without_comments(&script).into_bytes();
    let style = css::bundle(&workspace.style)?.into_bytes();

    let mut site = Site {
        root: workspace.site.clone(),
        mode,
        kept: BTreeSet::new(),
        total: Sizes::default(),
    };
    let package = PathBuf::from(&workspace.package_folder);
    let hashes = Hashes {
        js: content_hash(&script),
        wasm: content_hash(&module),
        css: content_hash(&style),
    };
    let wasm_size = site.put(&package.join(format!("{name}.{}.wasm", hashes.wasm)), &module)?;
    site.put(&package.join(format!("{name}.{}.js", hashes.js)), &script)?;
    site.put(&package.join(format!("{name}.{}.css", hashes.css)), &style)?;
    // The script imports these by name, and each folder's name holds a hash of the crate that they come from.
    site.put_folder(&package.join("snippets"), &bound.join("snippets"))?;
    site.put_folder(Path::new(""), &workspace.assets)?;
    site.put(Path::new("hash.txt"), hashes.text().as_bytes())?;
    site.prune()?;
    for folder in BINARY_FOLDERS {
        write(
            &workspace.target.join(folder).join("hash.txt"),
            hashes.text().as_bytes(),
        )?;
    }

    println!("site: {} in {}", site.total, site.root.display());
    check_wasm_size(mode, wasm_size.brotli)
}

fn check_wasm_size(mode: Mode, brotli: usize) -> Result<()> {
    let (size, limit) = (kilobytes(brotli), kilobytes(WASM_LIMIT_BYTES));
    match mode {
        Mode::Dev => println!("wasm: {size} brotli, not optimised (--dev)"),
        Mode::Release => println!("wasm: {size} brotli of {limit} allowed"),
    }
    if mode == Mode::Release && brotli > WASM_LIMIT_BYTES {
        return Err(format!(
            "the wasm of the pages is {size} after brotli, more than the {limit} allowed"
        ));
    }
    Ok(())
}

struct Hashes {
    js: String,
    wasm: String,
    css: String,
}

impl Hashes {
    /// As cargo-leptos writes it and leptos reads it: `kind: hash` lines.
    fn text(&self) -> String {
        format!("js: {}\nwasm: {}\ncss: {}\n", self.js, self.wasm, self.css)
    }
}

/// 64 bits of SHA-256: enough to tell versions of one file apart.
fn content_hash(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content)[..8])
}

#[derive(Clone, Copy, Default)]
struct Sizes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { raw, gzip, brotli } = *self;
        write!(
            f,
            "{:>9} {:>9} gzip {:>9} brotli",
            kilobytes(raw),
            kilobytes(gzip),
            kilobytes(brotli)
        )
    }
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
}

struct Site {
    root: PathBuf,
    mode: Mode,
    /// Everything that belongs there, relative to `root`.
    kept: BTreeSet<PathBuf>,
    total: Sizes,
}

impl Site {
    /// Writes a file and, for a release, its compressed forms; says what they weigh.
    fn put(&mut self, path: &Path, content: &[u8]) -> Result<Sizes> {
        let changed = fs::read(self.root.join(path)).ok().as_deref() != Some(content);
        let mut sizes = Sizes {
            raw: content.len(),
            gzip: content.len(),
            brotli: content.len(),
        };
        // The compressed forms come first: a file that is there as it should be vouches for them, even after a crash.
        if self.mode == Mode::Release && is_compressed(path) {
            sizes.gzip = self.put_packed(path, "gz", changed, || gzip(content))?;
            sizes.brotli = self.put_packed(path, "br", changed, || brotli(content))?;
        }
        if changed {
            write(&self.root.join(path), content)?;
        }
        self.kept.insert(path.to_owned());
        println!("{sizes}  {}", path.display());
        self.total.raw += sizes.raw;
        self.total.gzip += sizes.gzip;
        self.total.brotli += sizes.brotli;
        Ok(sizes)
    }

    fn put_packed(
        &mut self,
        path: &Path,
        extension: &str,
        changed: bool,
        pack: impl FnOnce() -> std::io::Result<Vec<u8>>,
    ) -> Result<usize> {
        let path = path.with_added_extension(extension);
        let file = self.root.join(&path);
        if changed || !file.is_file() {
            let packed = pack().map_err(|error| format!("cannot compress {}: {error}", path.display()))?;
            write(&file, &packed)?;
        }
        self.kept.insert(path);
        let length = fs::metadata(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?
            .len();
        usize::try_from(length).map_err(|error| error.to_string())
    }

    fn put_folder(&mut self, path: &Path, from: &Path) -> Result<()> {
        for file in files_below(from)? {
            self.put(&path.join(&file), &read(&from.join(&file))?)?;
        }
        Ok(())
    }

    /// Removes what earlier builds left.
    fn prune(&self) -> Result<()> {
        for path in files_below(&self.root)? {
            if !self.kept.contains(&path) {
                let file = self.root.join(path);
                fs::remove_file(&file)
                    .map_err(|error| format!("cannot remove {}: {error}", file.display()))?;
            }
        }
        Ok(())
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| COMPRESSED.iter().any(|known| extension == *known))
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn brotli(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &content[..], &mut packed, &parameters)?;
    Ok(packed)
}

/// Paths of all files below a folder, relative to it, sorted; none when the folder is not there.
pub(crate) fn files_below(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let path = folder.join(&below);
        if !path.is_dir() {
            continue;
        }
        let entries =
            fs::read_dir(&path).map_err(|error| format!("cannot list {}: {error}", path.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot list {}: {error}", path.display()))?;
            let name = below.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(name);
            } else {
                files.insert(name);
            }
        }
    }
    Ok(files)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, content))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(root: &Path, mode: Mode) -> Site {
        Site {
            root: root.to_owned(),
            mode,
            kept: BTreeSet::new(),
            total: Sizes::default(),
        }
    }

    fn names(root: &Path) -> Vec<String> {
        files_below(root)
            .unwrap()
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn text_is_compressed_for_a_release_and_pictures_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut site = site(folder.path(), Mode::Release);
        let text = "a { color: red }\n".repeat(100);
        let sizes = site.put(Path::new("pkg/a.css"), text.as_bytes()).unwrap();
        site.put(Path::new("b.png"), b"png").unwrap();
        assert_eq!(
            names(folder.path()),
            ["b.png", "pkg/a.css", "pkg/a.css.br", "pkg/a.css.gz"]
        );
        assert!(sizes.brotli < sizes.raw / 10 && sizes.gzip < sizes.raw / 10);

        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(
            &mut &read(&folder.path().join("pkg/a.css.br")).unwrap()[..],
            &mut unpacked,
        )
        .unwrap();
        assert_eq!(unpacked, text.as_bytes());
    }

    #[test]
    fn a_changed_file_gets_new_compressed_forms_and_what_is_gone_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = site(folder.path(), Mode::Release);
        first.put(Path::new("a.svg"), b"<svg/>").unwrap();
        first.put(Path::new("pkg/old.js"), b"old").unwrap();
        let before = read(&folder.path().join("a.svg.br")).unwrap();

        let mut second = site(folder.path(), Mode::Release);
        second.put(Path::new("a.svg"), b"<svg id='new'/>").unwrap();
        second.prune().unwrap();
        assert_eq!(names(folder.path()), ["a.svg", "a.svg.br", "a.svg.gz"]);
        assert_ne!(read(&folder.path().join("a.svg.br")).unwrap(), before);
    }

    #[test]
    fn a_dev_build_leaves_no_compressed_forms_behind() {
        let folder = tempfile::tempdir().unwrap();
        site(folder.path(), Mode::Release)
            .put(Path::new("a.js"), b"one")
            .unwrap();
        let mut dev = site(folder.path(), Mode::Dev);
        dev.put(Path::new("a.js"), b"one").unwrap();
        dev.prune().unwrap();
        assert_eq!(names(folder.path()), ["a.js"]);
    }

    #[test]
    fn a_module_over_the_limit_fails_a_release_only() {
        assert!(check_wasm_size(Mode::Release, WASM_LIMIT_BYTES).is_ok());
        assert!(check_wasm_size(Mode::Release, WASM_LIMIT_BYTES + 1).is_err());
        assert!(check_wasm_size(Mode::Dev, WASM_LIMIT_BYTES + 1).is_ok());
    }

    #[test]
    fn the_hash_file_reads_as_leptos_reads_it() {
        let hashes = Hashes {
            js: "1".into(),
            wasm: "2".into(),
            css: "3".into(),
        };
        let text = hashes.text();
        let pairs: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(k, v)| (k, v.trim()))
            .collect();
        assert_eq!(pairs, [("js", "1"), ("wasm", "2"), ("css", "3")]);
    }
}
