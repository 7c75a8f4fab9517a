//! What the operator does from the command line, each a line or two over a use case. Answers go to standard output.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use backend::{
    Backend,
    accounts::{self, second_factor},
    analyses, cleanup,
    config::Config,
    installation,
    mail::Newsletter,
    newsletter, plans,
    privacy::{
        erasure::{self, Origin},
        export,
        policy::{self, Change},
        requests::{self, RequestKind},
    },
    sweep, work,
};
use clap::{Subcommand, ValueEnum};
use model::{Timestamp, plan::Plan};

use crate::setup;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the operator can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum AdminTask {
    /// Lists requests about personal data and deletions under way, with the days that are left of the 30.
    Requests,
    /// Notes a request that came by e-mail, on the day it arrived.
    NoteRequest {
        /// The address of the account.
        #[arg(long)]
        email: String,
        /// What was asked for.
        #[arg(long, value_enum)]
        kind: Asked,
        /// The day it arrived, as 2026-11-25; today when left out.
        #[arg(long)]
        received: Option<String>,
    },
    /// Writes everything that is held about a person into a zip, to answer a request.
    Export {
        /// The address of the account.
        #[arg(long)]
        email: String,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Deletes an account and everything in it, as its button does. Without --yes it only says whom.
    Erase {
        /// The address of the account.
        #[arg(long)]
        email: String,
        /// The account is that of somebody under 13.
        #[arg(long)]
        child: bool,
        /// Really delete it. It cannot be undone.
        #[arg(long)]
        yes: bool,
    },
    /// Takes the object store in the data folder for the installation's, where the one before it is lost for good.
    AdoptStorage,
    /// Tries dead work again, with all of its attempts: e-mails that were never sent, or files that could not be measured because
    /// of a failure on our side.
    Retry {
        /// What to try again.
        #[arg(long, value_enum)]
        what: Retried,
    },
    /// Prints the hashes of all deleted accounts and analyses. Keep them beside the backups: a backup does not know of later
    /// deletions.
    Ledger,
    /// After a backup was restored, deletes every account and analysis in it that the ledger names.
    Replay {
        /// The file with what `ledger` printed, one a line.
        #[arg(long)]
        ledger: PathBuf,
    },
    /// Gives an account a plan, whatever it pays for. It has the better one of both.
    SetPlan {
        /// The address of the account.
        #[arg(long)]
        email: String,
        /// free, pro or studio.
        #[arg(long, value_parser = plan)]
        plan: Plan,
    },
    /// Switches off the second factor of somebody who lost the app and the recovery codes, and ends all of their sessions.
    /// Make sure first, by other means than e-mail alone, that it is the person who asks; they are told by e-mail.
    TurnOffSecondFactor {
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
    /// Signs a person out in every browser. They read it in their security log.
    EndSessions {
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
    /// Sends news to every account that asked for them, once each.
    Newsletter {
        /// A text file: the subject in the first line, an empty line, then paragraphs with empty lines between them. A
        /// paragraph like [words](address) is a link to a page of this installation.
        #[arg(long)]
        file: PathBuf,
        /// Only says what it reads and how many would get it.
        #[arg(long)]
        dry_run: bool,
    },
    /// Publishes a version of the policies; a material one is mailed to every account.
    PublishPolicy {
        /// The day it holds from, as 2026-12-01.
        #[arg(long)]
        version: String,
        /// What changed, in a sentence; everybody reads it.
        #[arg(long)]
        summary: String,
        /// It matters to people: something new is kept, or kept longer, or somebody new gets it.
        #[arg(long)]
        material: bool,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asked {
    /// A copy of everything.
    Copy,
    /// The deletion of the account.
    Deletion,
    /// The deletion of a child's account.
    Child,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Retried {
    /// E-mails to people with an account, and to those who signed up.
    Emails,
    /// What goes to everybody: a new version of the policies, newsletters. Nobody gets it twice.
    Announcements,
    /// Files whose audio is still kept.
    Analyses,
    /// Copies of files for browsers that do not play them.
    Previews,
}

pub(crate) async fn run(config: Config, task: AdminTask) -> Result<(), Failure> {
    setup::check_installed(&config).await?;
    let backend = setup::parts(config).await?.backend;
    let answer = perform(&backend, task).await?;
    writeln!(io::stdout(), "{answer}")?;
    backend.db.close().await;
    Ok(())
}

/// Says what [`reap`] would remove.
pub(crate) async fn count_expired(config: Config) -> Result<(), Failure> {
    setup::check_installed(&config).await?;
    let backend = setup::parts(config).await?.backend;
    for (what, count) in cleanup::expired(&backend).await? {
        writeln!(io::stdout(), "{count:>6} {what}")?;
    }
    let without_row = sweep::last(&backend.db)
        .await?
        .map_or(0, |last| last.seen.without_row);
    writeln!(
        io::stdout(),
        "{without_row:>6} objects that no row knew when they were last looked at"
    )?;
    backend.db.close().await;
    Ok(())
}

/// Removes what has expired. Objects are removed by jobs: a worker goes on from here.
pub(crate) async fn reap(config: Config) -> Result<(), Failure> {
    setup::check_installed(&config).await?;
    let backend = setup::parts(config).await?.backend;
    writeln!(io::stdout(), "{:?}", cleanup::purge(&backend).await?)?;
    writeln!(io::stdout(), "{:?}", sweep::run(&backend).await?)?;
    backend.db.close().await;
    Ok(())
}

async fn perform(backend: &Backend, task: AdminTask) -> Result<String, Failure> {
    match task {
        AdminTask::Requests => list(backend).await,
        AdminTask::NoteRequest {
            email,
            kind,
            received,
        } => note_request(backend, &email, kind, received).await,
        AdminTask::Export { email, out } => export(backend, &email, &out).await,
        AdminTask::Erase {
            email,
            yes: false,
            child: _,
        } => whom(backend, &email).await,
        AdminTask::Erase {
            email,
            child,
            yes: true,
        } => {
            let origin = if child { Origin::Child } else { Origin::Email };
            erase(backend, &email, origin).await
        }
        AdminTask::AdoptStorage => {
            installation::adopt_storage(backend).await?;
            Ok(
                "the next web process brings the store; uploads that only the old one had are gone"
                    .to_owned(),
            )
        }
        AdminTask::Retry { what } => retry(backend, what).await,
        AdminTask::Ledger => Ok(erasure::ledger(&backend.db).await?.join("\n")),
        AdminTask::Replay { ledger } => replay(backend, &ledger).await,
        AdminTask::SetPlan { email, plan } => set_plan(backend, &email, plan).await,
        AdminTask::TurnOffSecondFactor { email } => turn_off_second_factor(backend, &email).await,
        AdminTask::EndSessions { email } => end_sessions(backend, &email).await,
        AdminTask::Newsletter { file, dry_run } => {
            let news = read_newsletter(backend, &file)?;
            if dry_run {
                preview_newsletter(backend, &news).await
            } else {
                send_newsletter(backend, &news).await
            }
        }
        AdminTask::PublishPolicy {
            version,
            summary,
            material,
        } => {
            let change = if material {
                Change::Material
            } else {
                Change::Wording
            };
            publish_policy(backend, &version, &summary, change).await
        }
    }
}

fn no_account() -> Failure {
    "there is no account with this address".into()
}

async fn note_request(
    backend: &Backend,
    email: &str,
    kind: Asked,
    received: Option<String>,
) -> Result<String, Failure> {
    let received = match received {
        Some(day) => moment_of(&day)?,
        None => backend.now(),
    };
    let kind = match kind {
        Asked::Copy => RequestKind::Export,
        Asked::Deletion => RequestKind::Deletion,
        Asked::Child => RequestKind::Child,
    };
    let due = requests::note(backend, email, kind, received)
        .await?
        .ok_or_else(no_account)?;
    Ok(format!("noted; to be answered before {}", due.day()))
}

async fn export(backend: &Backend, email: &str, out: &PathBuf) -> Result<String, Failure> {
    let mut archive = export::archive_for_request(backend, email)
        .await?
        .ok_or_else(no_account)?;
    let bytes = write_private(out, &mut archive)?;
    let answered = requests::answer_copies(backend, email).await?;
    Ok(format!(
        "{bytes} bytes in {}; requests answered: {answered}",
        out.display()
    ))
}

async fn whom(backend: &Backend, email: &str) -> Result<String, Failure> {
    let overview = erasure::whom(backend, email).await?.ok_or_else(no_account)?;
    Ok(format!(
        "this would delete {} ({}), signed up on {}, with {} analyses and references.\nNothing was deleted. Add --yes to delete it; it cannot be undone.",
        overview.email,
        overview.display_name,
        overview.created_at.day(),
        overview.analyses
    ))
}

async fn retry(backend: &Backend, what: Retried) -> Result<String, Failure> {
    let count = match what {
        Retried::Emails => work::retry_emails(backend).await?,
        Retried::Announcements => work::retry_announcements(backend).await?,
        Retried::Previews => work::retry_previews(backend).await?,
        Retried::Analyses => analyses::measure_all_again(backend).await?,
    };
    Ok(format!("tried again by a worker: {count}"))
}

async fn erase(backend: &Backend, email: &str, origin: Origin) -> Result<String, Failure> {
    let erasure = erasure::begin_by_address(backend, email, origin)
        .await?
        .ok_or_else(no_account)?;
    Ok(format!(
        "deleted; a worker empties the storage and tells the person. Follow it with `mixlens admin requests`: {erasure}"
    ))
}

async fn replay(backend: &Backend, ledger: &PathBuf) -> Result<String, Failure> {
    let hashes = std::fs::read_to_string(ledger)?
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    let replayed = erasure::replay(backend, &hashes).await?;
    Ok(format!(
        "accounts deleted again: {}; analyses of others deleted again: {}. The database may serve people now",
        replayed.accounts, replayed.analyses
    ))
}

async fn set_plan(backend: &Backend, email: &str, plan: Plan) -> Result<String, Failure> {
    let now = plans::change_by_address(backend, email, plan)
        .await?
        .ok_or_else(no_account)?;
    let paid = if now > plan {
        ", because it is paid for"
    } else {
        ""
    };
    Ok(format!("the plan is {} now{paid}", now.name()))
}

async fn turn_off_second_factor(backend: &Backend, email: &str) -> Result<String, Failure> {
    match second_factor::turn_off_by_address(backend, email).await? {
        None => Err(no_account()),
        Some(false) => Err("this account has no second factor; nothing was changed".into()),
        Some(true) => Ok(
            "the second factor is off, every session has ended, and the person is told by e-mail".to_owned(),
        ),
    }
}

async fn end_sessions(backend: &Backend, email: &str) -> Result<String, Failure> {
    let ended = accounts::end_sessions_by_address(backend, email)
        .await?
        .ok_or_else(no_account)?;
    Ok(format!("sessions that were ended: {ended}"))
}

fn read_newsletter(backend: &Backend, file: &PathBuf) -> Result<Newsletter, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Newsletter::parse(&text, &backend.config.base_url)?)
}

async fn preview_newsletter(backend: &Backend, news: &Newsletter) -> Result<String, Failure> {
    let audience = newsletter::audience(&backend.db).await?;
    Ok(format!(
        "{}\n\n{}\n\naccounts that would get it now: {audience}",
        news.subject, news.body
    ))
}

async fn send_newsletter(backend: &Backend, news: &Newsletter) -> Result<String, Failure> {
    let audience = newsletter::audience(&backend.db).await?;
    Ok(if newsletter::send(backend, news).await? {
        format!("a worker writes to every account that asked for news; now: {audience}")
    } else {
        "this text was sent before; nobody is written to".to_owned()
    })
}

async fn publish_policy(
    backend: &Backend,
    version: &str,
    summary: &str,
    change: Change,
) -> Result<String, Failure> {
    let is_new = policy::publish(backend, version, change, summary).await?;
    Ok(match (is_new, change) {
        (false, _) => format!("{version} was published before; nothing was changed"),
        (true, Change::Material) => format!("{version} is published; a worker writes to every account"),
        (true, Change::Wording) => format!("{version} is published; nobody is written to"),
    })
}

async fn list(backend: &Backend) -> Result<String, Failure> {
    let now = backend.now();
    let left = |due: Timestamp| {
        if due <= now {
            format!("OVERDUE since {}", due.day())
        } else {
            let days = due.since(now).as_secs() / 86_400;
            format!("{days} days left, until {}", due.day())
        }
    };
    let mut lines = Vec::new();
    for request in requests::open(&backend.db).await? {
        let account = request
            .account_id
            .map_or_else(|| "gone".to_owned(), |account| account.to_string());
        lines.push(format!(
            "request {} {:<8} account {account}: {}",
            request.id,
            request.kind.as_str(),
            left(request.due_at)
        ));
    }
    for erasure in erasure::open(&backend.db).await? {
        let step = erasure.last_step.map_or("nothing", erasure::Step::as_str);
        lines.push(format!(
            "deletion {} by {:<6} waits for {step}: {}",
            erasure.id,
            erasure.origin.as_str(),
            left(erasure.due_at)
        ));
    }
    if lines.is_empty() {
        lines.push("nothing is open".to_owned());
    }
    Ok(lines.join("\n"))
}

/// A file that only the operator may read.
fn write_private(path: &PathBuf, bytes: &mut impl io::Read) -> io::Result<u64> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = io::copy(bytes, &mut file)?;
    file.sync_all()?;
    Ok(written)
}

/// The beginning of a day in UTC, from 1970 to 2106.
fn moment_of(day: &str) -> Result<Timestamp, Failure> {
    const LAST: Timestamp = Timestamp(50_000 * 86_400_000);
    Timestamp::of_day(day)
        .filter(|at| (Timestamp(0)..LAST).contains(at))
        .ok_or_else(|| format!("{day} is no day; write it as 2026-11-25").into())
}

fn plan(text: &str) -> Result<Plan, String> {
    text.parse().map_err(|_| "free, pro or studio".to_owned())
}
