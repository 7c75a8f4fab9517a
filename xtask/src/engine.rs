//! The engine as modules for node, with vectors of 128 bits and without.

use crate::Result;
use crate::wasm::TARGET;
use crate::workspace::{Workspace, cargo};
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

const PACKAGE: &str = "engine-wasm";

/// The name of a module below `target/engine`, and what rustc is told beyond the usual.
const VARIANTS: [(&str, &str); 2] = [("scalar", ""), ("simd128", "-Ctarget-feature=+simd128")];

/// Builds `target/engine/{scalar,simd128}/engine.js`.
pub(crate) fn build() -> Result<()> {
    let workspace = Workspace::read()?;
    for (name, flags) in VARIANTS {
        let module = compile(&workspace, name, flags)?;
        bind(&module, &workspace.target.join("engine").join(name))?;
    }
    Ok(())
}

fn compile(workspace: &Workspace, name: &str, flags: &str) -> Result<PathBuf> {
    // A folder for each, so that neither rebuilds what the other left.
    let target = workspace.target.join("engine").join("build").join(name);
    let status = cargo()
        .current_dir(&workspace.root)
        .env("RUSTFLAGS", flags)
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            PACKAGE,
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{PACKAGE} does not build for {TARGET}"));
    }
    Ok(target
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", PACKAGE.replace('-', "_"))))
}

fn bind(module: &Path, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name("engine")
        .nodejs(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .map_err(|error| format!("wasm-bindgen: {error:#}"))
}
