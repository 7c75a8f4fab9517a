//! From the `frontend` crate to a module and its JavaScript: cargo, wasm-bindgen (as a library, so that it is always the
//! version in `Cargo.lock`), wasm-opt.
//!
//! cargo skips its own work; the two later steps are skipped when the module that cargo left has the same hash as before.

use crate::workspace::{Workspace, cargo};
use crate::{Mode, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What rustc's wasm target emits today; wasm-opt refuses a module that uses a feature which it was not told of.
const WASM_OPT_FLAGS: [&str; 6] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-reference-types",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
];

/// The folder below `end2end` into which `scripts/setup` installs wasm-opt (npm package `binaryen`).
const BINARYEN: &str = "end2end/node_modules/binaryen";

/// A folder with `<name>.js`, `<name>_bg.wasm` and perhaps `snippets/`.
pub(crate) fn build(workspace: &Workspace, mode: Mode) -> Result<PathBuf> {
    let module = compile(workspace, mode)?;
    let optimizer = match mode {
        Mode::Dev => None,
        Mode::Release => Some(Optimizer::find(&workspace.root)?),
    };
    let cache = workspace.target.join("xtask");
    let folder = cache.join(cache_key(&module, optimizer.as_ref())?);
    if folder.is_dir() {
        return Ok(folder);
    }

    // Built beside its final name and renamed when complete, so that a half-made folder is never taken for a result.
    let partial = cache.join(format!("partial-{}", std::process::id()));
    remove_folder(&cache)?;
    bind(&module, &workspace.name, &partial)?;
    if let Some(optimizer) = optimizer {
        optimizer.run(&partial.join(format!("{}_bg.wasm", workspace.name)))?;
    }
    fs::rename(&partial, &folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    Ok(folder)
}

fn compile(workspace: &Workspace, mode: Mode) -> Result<PathBuf> {
    let (profile, folder) = match mode {
        Mode::Dev => ("dev", "debug"),
        Mode::Release => (
            workspace.release_profile.as_str(),
            workspace.release_profile.as_str(),
        ),
    };
    let status = cargo()
        .current_dir(&workspace.root)
        .args([
            "build",
            "--package",
            &workspace.library,
            "--target",
            TARGET,
            "--profile",
            profile,
        ])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!(
            "{} does not build for {TARGET}; if the target is missing, run scripts/setup build",
            workspace.library
        ));
    }
    let file = format!("{}.wasm", workspace.library.replace('-', "_"));
    Ok(workspace.target.join(TARGET).join(folder).join(file))
}

fn cache_key(module: &Path, optimizer: Option<&Optimizer>) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(fs::read(module).map_err(|error| format!("cannot read {}: {error}", module.display()))?);
    if let Some(optimizer) = optimizer {
        hash.update(&optimizer.package);
        WASM_OPT_FLAGS.iter().for_each(|flag| hash.update(flag));
    }
    Ok(hex::encode(&hash.finalize()[..16]))
}

fn bind(module: &Path, name: &str, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(folder)
        })
        .map_err(|error| format!("wasm-bindgen: {error:#}"))
}

struct Optimizer {
    program: PathBuf,
    /// Its `package.json`, which names the version.
    package: Vec<u8>,
}

impl Optimizer {
    fn find(root: &Path) -> Result<Self> {
        let folder = root.join(BINARYEN);
        let package = fs::read(folder.join("package.json")).map_err(|_| {
            "wasm-opt is not installed: run scripts/setup build (or build with --dev)".to_owned()
        })?;
        Ok(Self {
            program: folder.join("bin/wasm-opt"),
            package,
        })
    }

    /// In place. Run through `node`, because npm's package ships the program as a script.
    fn run(&self, module: &Path) -> Result<()> {
        let status = Command::new("node")
            .arg(&self.program)
            .args(WASM_OPT_FLAGS)
            .arg(module)
            .arg("-o")
            .arg(module)
            .status()
            .map_err(|error| format!("cannot run wasm-opt with node: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("wasm-opt failed ({status})"))
        }
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}
