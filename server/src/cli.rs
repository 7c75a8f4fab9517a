//! The command line, and what each command does.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use backend::{
    config::{Config, Sources},
    db::Db,
};
use clap::{Parser, Subcommand};
use model::routes::ROUTES;
use secrecy::ExposeSecret as _;

use crate::{admin, backup, error_reports, logging, process, setup, traces};

/// Measures music mixes and says what is in them.
#[derive(Debug, Parser)]
#[command(name = "mixlens", version, max_term_width = 100)]
struct Cli {
    /// A TOML file with settings; config.default.toml documents all of them.
    #[arg(long, global = true, env = "MIXLENS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, e.g. `--set worker.analyses=1`; may be repeated.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum Command {
    /// Serves pages and the API, and nothing else.
    Web,
    /// Works on jobs, and nothing else.
    Worker,
    /// Starts periodic work, and nothing else.
    Beat,
    /// Brings the database's schema up to date and ends.
    Migrate,
    /// Removes everything whose time has come, as the hourly job does.
    Reap {
        /// Only says what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Writes the installation into one file while it runs: SQLite, keys, objects of the built-in store.
    Backup {
        /// The file to write.
        file: PathBuf,
    },
    /// Puts what `backup` wrote into an empty data folder.
    Restore {
        /// The file.
        file: PathBuf,
    },
    /// Work of the operator: requests about personal data, plans, policies.
    Admin {
        /// What to do.
        #[command(subcommand)]
        task: admin::AdminTask,
    },
    /// Prints the settings in force, secrets masked.
    Config,
    /// Prints every route as JSON, for tests that walk through all of them.
    #[command(hide = true)]
    Routes,
    /// Measures the file on standard input; the worker starts it.
    #[command(hide = true)]
    MeasureChild {
        /// What to measure, as JSON.
        task: String,
    },
    /// Renders the file on standard input to standard output; the worker starts it.
    #[command(hide = true)]
    RenderChild {
        /// How to render, as JSON.
        task: String,
    },
    /// Writes what a step takes away from the file on standard input to standard output; the worker starts it.
    #[command(hide = true)]
    DifferenceChild {
        /// Which step, as JSON.
        task: String,
    },
    /// Renders the file on standard input without one step to standard output; the worker starts it.
    #[command(hide = true)]
    BypassChild {
        /// Which step, as JSON.
        task: String,
    },
    /// Transcodes the file on standard input to standard output for browsers to play; the worker starts it.
    #[command(hide = true)]
    TranscodeChild {
        /// How to transcode, as JSON.
        task: String,
    },
}

/// Runs the command that the process was started with. Without one, every role in one process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // Before anything starts a thread: the child confines its whole process.
    if let Some(Command::MeasureChild { task }) = &cli.command {
        return match analysis::child::stdin_file() {
            Ok(file) => analysis::child::run_measure(task, file, io::stderr().lock()),
            Err(_) => ExitCode::FAILURE,
        };
    }
    if let Some(Command::TranscodeChild { task }) = &cli.command {
        return match (analysis::child::stdin_file(), analysis::child::stdout_file()) {
            (Ok(file), Ok(output)) => analysis::child::run_transcode(task, file, output, io::stderr().lock()),
            _ => ExitCode::FAILURE,
        };
    }
    if let Some(Command::DifferenceChild { task }) = &cli.command {
        return match (analysis::child::stdin_file(), analysis::child::stdout_file()) {
            (Ok(file), Ok(output)) => {
                analysis::child::run_difference(task, &file, &output, io::stderr().lock())
            }
            _ => ExitCode::FAILURE,
        };
    }
    if let Some(Command::BypassChild { task }) = &cli.command {
        return match (analysis::child::stdin_file(), analysis::child::stdout_file()) {
            (Ok(file), Ok(output)) => analysis::child::run_bypass(task, &file, &output, io::stderr().lock()),
            _ => ExitCode::FAILURE,
        };
    }
    if let Some(Command::RenderChild { task }) = &cli.command {
        return match (analysis::child::stdin_file(), analysis::child::stdout_file()) {
            (Ok(file), Ok(output)) => analysis::child::run_render(task, &file, &output, io::stderr().lock()),
            _ => ExitCode::FAILURE,
        };
    }
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log may not be there yet, and whoever started the program must see this.
            let _ = writeln!(io::stderr(), "mixlens: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn start(cli: Cli) -> Result<(), Failure> {
    // Whatever this process makes is its owner's alone: databases, keys, emails, archives.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    if cli.command == Some(Command::Routes) {
        return Ok(writeln!(io::stdout(), "{}", serde_json::to_string(ROUTES)?)?);
    }
    let config = Config::load(Sources {
        file: cli.config,
        variables: std::env::vars().collect(),
        flags: cli.set,
    })?;
    if cli.command == Some(Command::Config) {
        return Ok(write!(io::stdout(), "{config}")?);
    }
    // Before the log, which it listens to; at its end it sends what waits.
    logging::keep_panics_silent(&config);
    let _reports = error_reports::init(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Sent by the runtime, so it has to end before it.
    let traces = traces::start(&config, runtime.handle())?;
    logging::init(&config, traces.as_ref())?;
    runtime.block_on(async {
        match cli.command {
            Some(Command::Migrate) => migrate(&config).await,
            Some(Command::Reap { dry_run: true }) => admin::count_expired(config).await,
            Some(Command::Reap { dry_run: false }) => admin::reap(config).await,
            Some(Command::Backup { file }) => say(backup::backup(&config, &file).await?),
            Some(Command::Restore { file }) => say(backup::restore(&config, &file).await?),
            Some(Command::Admin { task }) => admin::run(config, task).await,
            Some(Command::Web) => process::run(config, process::Roles::WEB).await,
            Some(Command::Worker) => process::run(config, process::Roles::WORKER).await,
            Some(Command::Beat) => process::run(config, process::Roles::BEAT).await,
            None
            | Some(
                Command::Config
                | Command::Routes
                | Command::MeasureChild { .. }
                | Command::RenderChild { .. }
                | Command::DifferenceChild { .. }
                | Command::BypassChild { .. }
                | Command::TranscodeChild { .. },
            ) => process::run(config, process::Roles::ALL).await,
        }
    })
}

async fn migrate(config: &Config) -> Result<(), Failure> {
    setup::make_data_dir(config)?;
    let db = Db::connect(config.database_url.expose_secret(), 1).await?;
    db.migrate().await?;
    tracing::info!(database = db.kind(), "the schema is up to date");
    Ok(())
}

fn say(words: String) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{words}")?)
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
