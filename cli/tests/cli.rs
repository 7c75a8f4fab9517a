//! The program as a person or a script runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "signals of tests may differ in the last bit between platforms"
)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use analysis::testkit::{Encoding, broken, music, tones, wav};
use analysis::{AnalysisOptions, measure};
use serde_json::Value;
use tempfile::TempDir;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixlens-cli"));
    command.env_remove("NO_COLOR");
    command
}

fn analyze(arguments: &[&str], folder: &Path) -> Output {
    program()
        .arg("analyze")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn mix() -> Vec<u8> {
    wav(44_100, &music(44_100, 4.0, 1), Encoding::Int16)
}

/// Six seconds with a gain, cut off at full scale.
fn master(gain: f64) -> Vec<u8> {
    let mut planes = music(44_100, 6.0, 1);
    for sample in planes.iter_mut().flatten() {
        *sample = (*sample * gain).clamp(-1.0, 1.0);
    }
    wav(44_100, &planes, Encoding::Int16)
}

fn folder_with(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn a_file_becomes_a_table_without_colours_or_progress_where_nobody_watches() {
    let folder = folder_with(&[("my mix.wav", mix())]);
    let output = analyze(&["my mix.wav"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    for row in [
        "my mix.wav\n",
        "Integrated loudness",
        "LUFS",
        "True peak",
        "dBTP",
        "Sub",
        "Correlation",
    ] {
        assert!(table.contains(row), "{row}: {table}");
    }
    assert!(!table.contains('\x1b'), "{table}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn json_is_one_document_per_file_and_line_also_for_what_fails() {
    let folder = folder_with(&[("mix.wav", mix()), ("lyrics.wav", broken::text())]);
    let output = analyze(&["--json", "mix.wav", "lyrics.wav", "gone.wav"], folder.path());
    assert_eq!(output.status.code(), Some(3));
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [measured, refused, gone] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(measured["file"], "mix.wav");
    let report: model::Report = serde_json::from_value(measured["report"].clone()).unwrap();
    let direct = measure(Cursor::new(mix()), &AnalysisOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(report.file, direct.file);
    let integrated = |report: &model::Report| report.loudness.integrated_lufs.value().unwrap();
    assert!((integrated(&report) - integrated(&direct)).abs() < 1e-9);
    assert_eq!(refused["failure"]["code"], "unsupported");
    assert_eq!(refused["advice"], "Export the mix as WAV or FLAC.");
    assert_eq!(gone["message"], "There is no such file.");
}

#[test]
fn the_exit_code_says_how_it_went() {
    let short = wav(44_100, &tones(44_100, &[(-20.0, 61.0)]), Encoding::Int16);
    let folder = folder_with(&[
        ("mix.wav", mix()),
        ("silent.wav", broken::silent()),
        ("long.wav", short),
    ]);
    fs::create_dir(folder.path().join("folder")).unwrap();
    #[rustfmt::skip]
    let table: &[(&[&str], i32, &str)] = &[
        (&["mix.wav", "mix.wav"], 0, "Integrated"),
        (&["silent.wav"], 1, "Check that no track is muted"),
        (&["--max-minutes", "1", "long.wav"], 1, "Raise --max-minutes"),
        (&["--max-minutes", "2", "long.wav"], 0, "Integrated"),
        (&["silent.wav", "mix.wav"], 1, "Integrated"),
        (&["gone.wav", "silent.wav", "mix.wav"], 3, "There is no such file."),
        (&["folder"], 3, "This is a folder."),
        (&[], 2, ""),
        (&["--max-minutes", "0", "mix.wav"], 2, ""),
        (&["--colour", "mix.wav"], 2, ""),
    ];
    ends_as_the_table_says(folder.path(), table);
}

/// Each row: arguments, the exit code, and what standard output holds.
fn ends_as_the_table_says(folder: &Path, table: &[(&[&str], i32, &str)]) {
    for (arguments, code, sentence) in table {
        let output = analyze(arguments, folder);
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {output:?}");
        assert!(
            text(&output.stdout).contains(sentence),
            "{arguments:?}: {output:?}"
        );
        // Wrong arguments are explained where no pipe swallows it.
        assert_eq!(output.stderr.is_empty(), *code != 2, "{arguments:?}: {output:?}");
    }
}

#[test]
fn files_are_held_to_a_budget_and_to_the_gravest_finding_that_is_let_pass() {
    let toml = |text: &str| text.as_bytes().to_vec();
    let folder = folder_with(&[
        ("mix.wav", mix()),
        ("clipped.wav", master(8.0)),
        (
            "wide.toml",
            toml("score = 1\n[figures]\n\"loudness.integrated_lufs\" = { min = -60, max = 0 }\n"),
        ),
        (
            "loud.toml",
            toml("[figures]\n\"loudness.integrated_lufs\" = { min = -2 }\n"),
        ),
        (
            "misspelt.toml",
            toml("[figures]\n\"loudness.integrated\" = { max = 0 }\n"),
        ),
        ("rule.toml", toml("[rules]\n\"peaks.clipped\" = 0\n")),
        ("unknown.toml", toml("[rules]\n\"peaks.nonsense\" = 0\n")),
        (
            "empty.toml",
            toml("[figures]\n\"loudness.integrated_lufs\" = {}\n"),
        ),
        ("wrong.toml", toml("loudness = -14\n")),
    ]);
    #[rustfmt::skip]
    let table: &[(&[&str], i32, &str)] = &[
        (&["--budget", "wide.toml", "mix.wav"], 0, "Within the budget."),
        (&["--budget", "loud.toml", "mix.wav"], 4, "allowed: at least -2"),
        (&["--budget", "misspelt.toml", "mix.wav"], 4, "not measured"),
        (&["--budget", "rule.toml", "mix.wav"], 0, "Within the budget."),
        (&["--budget", "rule.toml", "clipped.wav"], 4, "peaks.clipped"),
        (&["--fail-on", "problem", "clipped.wav"], 4, "no finding like"),
        (&["--fail-on", "problem", "gone.wav"], 3, "There is no such file."),
        (&["--budget", "unknown.toml", "mix.wav"], 2, ""),
        (&["--budget", "empty.toml", "mix.wav"], 2, ""),
        (&["--budget", "wrong.toml", "mix.wav"], 2, ""),
        (&["--budget", "gone.toml", "mix.wav"], 2, ""),
    ];
    ends_as_the_table_says(folder.path(), table);
    let output = analyze(&["--json", "--budget", "loud.toml", "mix.wav"], folder.path());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [excess] = &document["exceeded"].as_array().unwrap()[..] else {
        panic!("{}", document["exceeded"]);
    };
    assert_eq!(excess["what"], "loudness.integrated_lufs");
    assert_eq!(
        excess["value"],
        document["report"]["loudness"]["integrated_lufs"]["value"]
    );
}

/// The page "Check a catalogue" works as it is printed, on masters within its budget and on one that is clipped.
#[cfg(unix)]
#[test]
fn the_guide_to_a_catalogue_works_as_it_is_printed() {
    const GUIDE: &str = include_str!("../../docs/guide/catalogue.md");
    let snippets = |fence: &str| -> Vec<&str> {
        let parts = GUIDE.split(fence).skip(1);
        parts.map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let budget = snippets("```toml release.toml\n")[0].as_bytes().to_vec();
    let folder = folder_with(&[("release.toml", budget), ("one.wav", master(0.9))]);
    let run = |snippet: &str| {
        let programs = Path::new(env!("CARGO_BIN_EXE_mixlens-cli")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let script = format!("set -o pipefail\n{snippet}");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("PATH", path)
            .current_dir(folder.path())
            .output();
        output.unwrap()
    };
    let [check, as_json] = snippets("```sh\n")[..] else {
        panic!("two snippets")
    };
    let good = run(check);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));
    fs::write(folder.path().join("two.wav"), master(40.0)).unwrap();
    let bad = run(check);
    assert_eq!(bad.status.code(), Some(4), "{}", text(&bad.stdout));
    let rows = text(&run(as_json).stdout);
    let counts: Vec<&str> = rows.lines().map(|row| row.rsplit('\t').next().unwrap()).collect();
    assert!(counts[0] == "0" && counts[1] != "0", "{rows}");
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let mut child = program()
        .args(["analyze", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&mix()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["file"], "-");
    assert_eq!(document["report"]["file"]["frames"], 4 * 44_100);
}

#[test]
fn a_reader_that_leaves_early_is_no_crash() {
    let folder = folder_with(&[("mix.wav", mix())]);
    let mut child = program()
        .args(["analyze", "mix.wav", "mix.wav"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn help_documents_formats_exit_codes_and_examples() {
    for arguments in [&["--help"][..], &["analyze", "--help"]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        for part in [
            "What is measured:",
            "What is read:",
            "Exit codes:",
            "NO_COLOR",
            "Examples:",
        ] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }
}

/// Runs the program on a terminal of its own, by `script` of Debian's essential package bsdutils.
#[cfg(target_os = "linux")]
fn on_a_terminal(file: &Path, environment: &[(&str, &str)]) -> String {
    let line = format!(
        "'{}' analyze '{}'",
        env!("CARGO_BIN_EXE_mixlens-cli"),
        file.display()
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("this test needs `script` (apt-get install bsdutils): {error}"));
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_and_progress_and_no_color_turns_the_colours_off() {
    /// Bold.
    const TITLE: &str = "\x1b[1m";
    let folder = folder_with(&[("mix.wav", wav(44_100, &music(44_100, 30.0, 1), Encoding::Int16))]);
    let file: PathBuf = folder.path().join("mix.wav");
    let colored = on_a_terminal(&file, &[]);
    assert!(colored.contains(TITLE), "{colored:?}");
    assert!(colored.contains(" %  mix.wav"), "{colored:?}");
    let plain = on_a_terminal(&file, &[("NO_COLOR", "1")]);
    assert!(
        !plain.contains(TITLE) && plain.contains("Integrated"),
        "{plain:?}"
    );
    assert!(on_a_terminal(&file, &[("NO_COLOR", "")]).contains(TITLE));
    assert!(!on_a_terminal(&file, &[("TERM", "dumb")]).contains(TITLE));
}

#[test]
fn a_mix_is_compared_with_references_as_text_and_as_json() {
    let quiet: Vec<Vec<f64>> = music(44_100, 4.0, 1)
        .into_iter()
        .map(|plane| plane.into_iter().map(|x| x * 0.5).collect())
        .collect();
    let folder = folder_with(&[
        ("mix.wav", mix()),
        ("hero.wav", wav(44_100, &quiet, Encoding::Int24)),
        ("notes.wav", broken::text()),
    ]);
    let run = |arguments: &[&str]| {
        program()
            .arg("compare")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let table = text(&run(&["mix.wav", "hero.wav"]).stdout);
    assert!(table.contains("beside hero.wav (turned by 6.0"), "{table}");
    assert!(
        table.contains("nothing stands out from your reference"),
        "{table}"
    );
    let json: Value = serde_json::from_slice(&run(&["--json", "mix.wav", "hero.wav"]).stdout).unwrap();
    assert_eq!(json["references"], serde_json::json!(["hero.wav"]));
    assert!((json["comparison"]["references"][0]["gain_db"].as_f64().unwrap() - 6.02).abs() < 0.05);
    let refused = run(&["mix.wav", "notes.wav"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(text(&refused.stderr).contains("notes.wav: "));
    assert_eq!(
        run(&["mix.wav"]).status.code(),
        Some(2),
        "there is nothing to compare with"
    );
}

/// `document` is as the program says that `command --json` prints it.
fn fits_its_schema(command: &str, document: &Value) {
    let output = program().args(["schema", command]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{command}: {}", errors.join("\n"));
    let odd = serde_json::json!({ "odd": true });
    assert!(!validator.is_valid(&odd), "{command} refuses something");
}

#[test]
fn what_is_printed_as_json_is_as_its_schema_says() {
    let folder = folder_with(&[("mix.wav", mix()), ("text.wav", b"no audio at all".to_vec())]);
    let files = [
        "--json",
        "--fail-on",
        "note",
        "mix.wav",
        "text.wav",
        "missing.wav",
    ];
    let printed = text(&analyze(&files, folder.path()).stdout);
    let documents: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 3);
    assert!(documents[0]["exceeded"].is_array());
    assert!(documents[1]["failure"].is_object());
    assert!(documents[2]["io_error"].is_string());
    for document in &documents {
        fits_its_schema("analyze", document);
    }
    for (command, arguments) in [
        ("compare", &["compare", "--json", "mix.wav", "mix.wav"][..]),
        ("recipe", &["plan", "--as", "recipe", "mix.wav"]),
    ] {
        let output = program()
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        fits_its_schema(command, &serde_json::from_slice(&output.stdout).unwrap());
    }
}

#[test]
fn without_an_account_an_upload_says_what_to_do() {
    let folder = folder_with(&[("mix.wav", mix())]);
    let said = |arguments: &[&str], settings: &[(&str, &str)]| {
        let output = program()
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("MIXLENS_URL")
            .env_remove("MIXLENS_TOKEN")
            .env("XDG_CONFIG_HOME", folder.path())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    let nobody = said(&["upload", "mix.wav"], &[]);
    assert!(nobody.contains("mixlens-cli login"), "{nobody}");
    let half = said(
        &["upload", "mix.wav"],
        &[("MIXLENS_URL", "https://mixlens.example")],
    );
    assert!(half.contains("MIXLENS_TOKEN is not"), "{half}");
    let open = said(&["login", "http://mixlens.example"], &[]);
    assert!(open.contains("must begin with https://"), "{open}");
    let empty = said(&["login", "http://127.0.0.1:9"], &[]);
    assert!(empty.contains("/account/tokens"), "{empty}");
    fs::create_dir(folder.path().join("mixlens")).unwrap();
    fs::write(folder.path().join("mixlens/login.toml"), "token = ").unwrap();
    let damaged = said(&["upload", "mix.wav"], &[]);
    assert!(damaged.contains("Sign in again"), "{damaged}");
}

/// The page "Command line", as far as it takes no account.
#[cfg(unix)]
#[test]
fn the_guide_to_the_command_line_works_as_it_is_printed() {
    const GUIDE: &str = include_str!("../../docs/guide/cli.md");
    let folder = folder_with(&[("mix.wav", mix())]);
    let snippets = GUIDE.split("```sh\n").skip(1);
    let snippets: Vec<&str> = snippets.map(|rest| rest.split("```").next().unwrap()).collect();
    let without_account: String = snippets
        .into_iter()
        .filter(|snippet| !snippet.contains("login"))
        .collect();
    let programs = Path::new(env!("CARGO_BIN_EXE_mixlens-cli")).parent().unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &without_account])
        .env(
            "PATH",
            format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()),
        )
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let lufs: f64 = said.lines().last().unwrap().parse().unwrap();
    assert!((-40.0..0.0).contains(&lufs), "{said}");
}
