//! A process and its roles: start, serve, drain, end.

use std::{future::IntoFuture as _, sync::Arc, time::Duration};

use backend::{
    Backend,
    clock::Clock,
    config::Config,
    demo,
    installation::{self, Part},
    ledger,
    privacy::erasure,
    work,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::TcpListener, signal::unix::SignalKind, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    health::Readiness,
    layers::plain_http,
    metrics::{self, Answers},
    progress::Streams,
    router::{self, AppState},
    serve::{self, Bounds, Connections},
    setup,
};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    web: bool,
    worker: bool,
    beat: bool,
}

impl Roles {
    pub(crate) const ALL: Self = Self {
        web: true,
        worker: true,
        beat: true,
    };
    pub(crate) const WEB: Self = Self {
        web: true,
        worker: false,
        beat: false,
    };
    pub(crate) const WORKER: Self = Self {
        web: false,
        worker: true,
        beat: false,
    };
    pub(crate) const BEAT: Self = Self {
        web: false,
        worker: false,
        beat: true,
    };
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long readiness is refused before the listener closes, so that a load balancer sees it. Shorter in development,
/// where nobody balances.
const UNREADY_FIRST: Duration = Duration::from_secs(2);

/// How often the ledger of deletions is asked for that could not be read at the start.
const ASK_LEDGER_EVERY: Duration = Duration::from_secs(2);

/// How often the database is asked for its time. Between two answers only the rate of this machine's oscillator counts.
const ASK_TIME_EVERY: Duration = Duration::from_secs(10);

/// How long statistics that wait may take to leave at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Runs the roles until SIGTERM or Ctrl-C, then drains: not ready at once, no new claims, what runs may finish.
pub(crate) async fn run(config: Config, roles: Roles) -> Result<(), Failure> {
    let parts = setup::parts(config).await?;
    let backend = parts.backend.clone();
    if let Some(key) = &parts.builtin_key {
        let part = if roles.web { Part::Serves } else { Part::Uses };
        installation::join(&backend, key, part).await??;
    }
    let caught_up = CancellationToken::new();
    if catch_up(&backend, roles).await? {
        caught_up.cancel();
    }
    if erasure::waits_for_replay(&backend.db).await? {
        return Err(NOT_REPLAYED.into());
    }
    let config = Arc::clone(&backend.config);
    let stop = CancellationToken::new();
    let readiness = Readiness::after(caught_up.clone());
    let connections = Connections::default();
    let mut figures = metrics::Sources {
        backend: backend.clone(),
        connections: connections.clone(),
        answers: Answers::default(),
        streams: Streams::default(),
    };
    let mut running = JoinSet::new();
    let mut working = JoinSet::new();

    // A worker beside the web role outlives the listener, because it reads objects through it.
    let close_listener = CancellationToken::new();
    if roles.web {
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            format!("cannot listen on {}: {error}. Is MixLens running already? MIXLENS_LISTEN=127.0.0.1:3001 chooses another port.", config.listen)
        })?;
        let site = AppState::new(parts, readiness.clone())?;
        (figures.answers, figures.streams) = (site.answers.clone(), site.streams.clone());
        let (limiters, stop) = (Arc::clone(&site.limiters), stop.clone());
        working.spawn(async move {
            limiters.tidy(&stop).await;
            Ok(())
        });
        // So that nobody waits for it; whoever comes earlier does.
        if config.demo_at_start {
            tokio::spawn(async {
                if let Err(error) = demo::get().await {
                    tracing::warn!(%error, "the demo could not be made");
                }
            });
        }
        raise_file_limit();
        let (router, bounds) = (router::build(site), Bounds::behind(config.trusted_hops));
        let serve = serve::serve(listener, router, connections, bounds, close_listener.clone());
        running.spawn(async move {
            serve.await;
            Ok(())
        });
        announce(&config);
    }
    if !config.metrics_listen.is_empty() {
        let listener = TcpListener::bind(&config.metrics_listen).await?;
        let serve = axum::serve(listener, metrics::routes(figures))
            .with_graceful_shutdown(close_listener.clone().cancelled_owned());
        running.spawn(async move { serve.into_future().await.map_err(Failure::from) });
    }
    {
        let (backend, stop) = (backend.clone(), stop.clone());
        working.spawn(async move {
            stop.run_until_cancelled(keep_time(&*backend.clock)).await;
            Ok(())
        });
    }
    {
        let (backend, stop) = (backend.clone(), stop.clone());
        working.spawn(async move {
            stop.run_until_cancelled(catch_up_later(&backend, roles, &caught_up))
                .await;
            if !caught_up.is_cancelled() {
                return Ok(());
            }
            work(&backend, roles, &stop).await
        });
    }

    let mut ended = Ok(());
    tokio::select! {
        result = signalled() => result?,
        Some(result) = running.join_next() => ended = result.map_err(Failure::from).and_then(|result| result),
        Some(result) = working.join_next() => ended = result.map_err(Failure::from).and_then(|result| result),
    }
    tracing::info!("draining");
    readiness.refuse();
    stop.cancel();
    let drain = async {
        if roles.web && !config.is_development() {
            tokio::time::sleep(UNREADY_FIRST).await;
        }
        while working.join_next().await.is_some() {}
        close_listener.cancel();
        while running.join_next().await.is_some() {}
    };
    // A little more than the jobs get, for the answers that are on their way.
    if tokio::time::timeout(config.drain() + Duration::from_secs(5), drain)
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end in time");
    }
    // Statistics are not worth a process that does not end.
    let _ = tokio::time::timeout(FLUSH, backend.statistics.flush()).await;
    backend.db.close().await;
    tracing::info!("ended");
    ended
}

const NOT_REPLAYED: &str = "this database was restored from a backup, and what was deleted since is in it again. Run `mixlens admin replay --ledger FILE` with what `mixlens admin ledger` printed last (an empty file, if nothing was deleted since)";

/// Does jobs and enqueues periodic work, as the roles say, until `stop`.
async fn work(backend: &Backend, roles: Roles, stop: &CancellationToken) -> Result<(), Failure> {
    let jobs = async {
        if roles.worker {
            work::run(backend, stop.clone()).await?;
        }
        Ok::<_, Failure>(())
    };
    let beat = async {
        if roles.beat {
            work::beat(backend, stop).await;
        }
        Ok(())
    };
    tokio::try_join!(jobs, beat)?;
    // A process ends with the first of its parts that ends.
    stop.cancelled().await;
    Ok(())
}

/// Asks the database for its time again and again, so that this machine's own clock never decides for long.
async fn keep_time(clock: &dyn Clock) {
    loop {
        tokio::time::sleep(ASK_TIME_EVERY).await;
        // While it is away, time goes on as this machine counts it.
        let _ = clock.ask().await;
    }
}

/// Whether nothing is here that was deleted: deletes again what a restored backup brought back. `false` where the ledger cannot be
/// read, because nothing else says that the database is an old one; and in a process without the role web, as long as one that has
/// it did not delete.
async fn catch_up(backend: &Backend, roles: Roles) -> Result<bool, Failure> {
    let missing = match ledger::missing(backend).await {
        Ok(missing) => missing,
        Err(error) => {
            tracing::error!(%error, "the ledger of deletions cannot be read, so nobody is served and no job is done yet; it is asked for again");
            return Ok(false);
        }
    };
    if missing.is_empty() {
        return Ok(true);
    }
    if !roles.web {
        tracing::warn!(
            "this database does not know of deletions in the ledger; a process with the role web has to do them again first"
        );
        return Ok(false);
    }
    let replayed = erasure::replay(backend, &missing).await?;
    tracing::warn!(
        accounts = replayed.accounts,
        analyses = replayed.analyses,
        "this database did not know of deletions in the ledger, so they were done again"
    );
    Ok(true)
}

/// Does [`catch_up`] until `caught_up`.
async fn catch_up_later(backend: &Backend, roles: Roles, caught_up: &CancellationToken) {
    while !caught_up.is_cancelled() {
        tokio::time::sleep(ASK_LEDGER_EVERY).await;
        match catch_up(backend, roles).await {
            Ok(true) => caught_up.cancel(),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "deletions of the ledger could not be done again; tried again")
            }
        }
    }
}

/// Lets the process have as many sockets and files as the system allows it; services often begin with far fewer.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Resolves when the process is asked to end.
async fn signalled() -> Result<(), Failure> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn announce(config: &Config) {
    if plain_http::is_in_use(config) && !plain_http::is_on_this_machine(&config.base_url) {
        tracing::warn!(
            "base_url is plain http and not of this machine: everything, passwords too, goes over the network as it is, and some browsers may keep no cookie. Use https"
        );
    }
    tracing::info!(listen = %config.listen, "MixLens is ready: open {}", config.base_url);
}
