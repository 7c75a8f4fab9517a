//! Where things are, as cargo and `[[workspace.metadata.leptos]]` say, so that cargo-leptos and `xtask` can never disagree.

use crate::Result;
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Absolute paths and names of everything that the site build reads and writes.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// Common part of the names of the files in `pkg`: `mixlens`.
    pub(crate) name: String,
    /// The crate that becomes the wasm module: `frontend`.
    pub(crate) library: String,
    /// Cargo profile of that crate in a release: `wasm-release`.
    pub(crate) release_profile: String,
    pub(crate) site: PathBuf,
    /// Folder below `site` for the files named by their hash: `pkg`.
    pub(crate) package_folder: String,
    pub(crate) style: PathBuf,
    pub(crate) assets: PathBuf,
}

#[derive(Deserialize)]
struct CargoMetadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    metadata: WorkspaceMetadata,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    leptos: Vec<LeptosProject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LeptosProject {
    name: String,
    lib_package: String,
    lib_profile_release: String,
    site_root: PathBuf,
    site_pkg_dir: String,
    style_file: PathBuf,
    assets_dir: PathBuf,
}

impl Workspace {
    pub(crate) fn read() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
        if !output.status.success() {
            return Err("cargo metadata failed".into());
        }
        let cargo: CargoMetadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cannot read cargo metadata: {error}"))?;
        let [project] = <[LeptosProject; 1]>::try_from(cargo.metadata.leptos)
            .map_err(|_| "expected one project in [[workspace.metadata.leptos]]".to_owned())?;
        let root = cargo.workspace_root;
        Ok(Self {
            site: inside_target(&project.site_root, &root, &cargo.target_directory),
            style: root.join(project.style_file),
            assets: root.join(project.assets_dir),
            target: cargo.target_directory,
            name: project.name,
            library: project.lib_package,
            release_profile: project.lib_profile_release,
            package_folder: project.site_pkg_dir,
            root,
        })
    }
}

/// `target/site` follows `CARGO_TARGET_DIR`; any other place is relative to the workspace.
fn inside_target(path: &Path, root: &Path, target: &Path) -> PathBuf {
    match path.strip_prefix("target") {
        Ok(rest) => target.join(rest),
        Err(_) => root.join(path),
    }
}

/// The cargo that started this program, so that one toolchain makes everything.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::files_below;
    use std::fs;

    /// Libraries have `doctest = false`: to look for examples, rustdoc reads each of them once more.
    #[test]
    fn no_documentation_has_an_example_that_nobody_runs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let crates = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let sources = crates.map(|path| path.join("src")).filter(|path| path.is_dir());
        let mut read = 0;
        for folder in sources {
            for file in files_below(&folder).unwrap() {
                let text = fs::read_to_string(folder.join(&file)).unwrap_or_default();
                let documentation = text.lines().map(str::trim_start);
                let documentation =
                    documentation.filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
                let fences = documentation.filter_map(|line| line.trim_start().strip_prefix("```"));
                for language in fences.step_by(2) {
                    assert!(
                        ["ignore", "text"].contains(&language),
                        "{} in {}",
                        file.display(),
                        folder.display()
                    );
                }
                read += 1;
            }
        }
        assert!(read > 100, "{read} files");
    }

    /// Where `test = false` stands, a test would never run.
    #[test]
    fn what_has_no_program_of_tests_has_no_test() {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let targets = metadata["packages"].as_array().unwrap().iter();
        let targets = targets.flat_map(|package| package["targets"].as_array().unwrap());
        let mut read = 0;
        for target in targets.filter(|target| target["test"] == false) {
            let main = Path::new(target["src_path"].as_str().unwrap());
            let folder = main.parent().unwrap();
            let files: Vec<_> = match target["kind"][0].as_str().unwrap() {
                "lib" => files_below(folder)
                    .unwrap()
                    .iter()
                    .map(|file| folder.join(file))
                    .collect(),
                "bin" => vec![main.to_owned()],
                _ => continue,
            };
            for file in files {
                let text = fs::read_to_string(&file).unwrap();
                let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                assert!(
                    !text.lines().map(str::trim_start).any(is_test),
                    "{}",
                    file.display()
                );
                read += 1;
            }
        }
        assert!(read > 3, "{read} files");
    }

    #[test]
    fn the_site_follows_the_target_folder() {
        let place = |path: &str| inside_target(Path::new(path), Path::new("/w"), Path::new("/t"));
        assert_eq!(place("target/site"), Path::new("/t/site"));
        assert_eq!(place("dist"), Path::new("/w/dist"));
    }
}
