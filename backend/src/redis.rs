//! What processes say to each other and count together, through Redis where there is one.
//!
//! It is never the truth. What is said is a **hint** to look at the database sooner than at the next turn, and one that is lost
//! costs that turn; what is counted keeps floods away, and each process counts by itself while Redis is away. Nothing of a person
//! is in it but keyed hashes, which expire within the hour and are others the next day.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::StreamExt as _;
use model::{Timestamp, analysis::Work};
use redis::{AsyncConnectionConfig, Client, RedisError, Script, aio::MultiplexedConnection};
use secrecy::ExposeSecret as _;
use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::Config,
    entropy::{Entropy, new_secret},
    signing::{Purpose, Signer},
};

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(2);
/// How long to wait before connecting again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often a connection on which nothing comes is asked whether it is one.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Hints that wait to be sent, and hints that a listener has not taken yet; those beyond are lost.
const WAITING: usize = 1024;
/// How long the hash of a client is the same.
const HASHES_CHANGE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Counts as `governor` does (GCRA): of each key, the moment at which everything may be asked again. All keys or none. By the clock
/// of Redis, in microseconds. Answers how long to wait (0: it was counted), and how long until the first key is as if nothing was.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local wait, full_at = 0, {}
        for i, key in ipairs(KEYS) do
            local each, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
            full_at[i] = math.max(tonumber(redis.call('GET', key) or now), now) + each
            wait = math.max(wait, full_at[i] - now - window)
        end
        if wait > 0 then
            return { math.ceil(wait), math.ceil(full_at[1] - tonumber(ARGV[1]) - now) }
        end
        for i, key in ipairs(KEYS) do
            local milliseconds = math.max(1, math.ceil((full_at[i] - now) / 1000))
            redis.call('SET', key, string.format('%.0f', full_at[i]), 'PX', milliseconds)
        end
        return { 0, math.ceil(full_at[1] - now) }
        ",
    )
});

/// Something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Jobs were enqueued.
    Jobs,
    /// Some work has come further.
    Progress(Work),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jobs => f.write_str("jobs"),
            Self::Progress(Work::Analysis(id)) => write!(f, "analysis {id}"),
            Self::Progress(Work::Render(id)) => write!(f, "render {id}"),
        }
    }
}

impl Hint {
    /// Reads what [`fmt::Display`] writes; `None` for a text that is no hint of this version: another one may know it.
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "jobs" => Some(Self::Jobs),
            Some(("analysis", id)) => Some(Self::Progress(Work::Analysis(id.parse().ok()?))),
            Some(("render", id)) => Some(Self::Progress(Work::Render(id.parse().ok()?))),
            _ => None,
        }
    }
}

/// How often somebody may do something, whichever process they ask.
#[derive(Debug, Clone, Copy)]
pub struct SharedRate<'a> {
    /// What is done.
    pub what: &'a str,
    /// By whom; only a keyed hash of it leaves the process.
    pub client: &'a str,
    /// How often.
    pub count: NonZeroU32,
    /// Within which time; at most an hour.
    pub window: Duration,
}

/// What came of counting once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedCount {
    /// How often it may be done now, at once.
    pub left: u32,
    /// Until it may be done as often as at the beginning.
    pub full_after: Duration,
    /// How long to wait, where it was once too often; it was not counted then.
    pub wait: Option<Duration>,
}

/// The connection, where there is one, and the hints of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Redis {
    hints: broadcast::Sender<Hint>,
    link: Option<Arc<Link>>,
}

/// To one Redis.
struct Link {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Hint>,
    signer: Signer,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// What the tasks of a link share with it.
struct Shared {
    client: Client,
    /// Time for an answer, which a request of somebody's may be waiting for: beyond it, the process goes by itself.
    patience: Duration,
    /// Of this installation alone: others may use the same Redis.
    prefix: String,
    /// This process, which needs not hear its own hints.
    process: String,
    hints: broadcast::Sender<Hint>,
    /// `None` while Redis is away.
    connection: watch::Sender<Option<MultiplexedConnection>>,
    /// Somebody found the connection broken.
    broken: Notify,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("is_up", &self.shared.is_up())
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// None: hints reach this process, and nothing is counted.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            hints: broadcast::Sender::new(WAITING),
            link: None,
        }
    }

    /// The Redis of the settings, or none where they name none. It is connected to as soon as it answers, and again whenever it was away;
    /// nobody waits for that.
    ///
    /// # Errors
    /// The URL is none of Redis.
    pub(crate) fn at(config: &Config, signer: &Signer, entropy: &dyn Entropy) -> Result<Self, RedisError> {
        let absent = Self::absent();
        let url = &config.redis_url;
        if url.expose_secret().is_empty() {
            return Ok(absent);
        }
        // Connections with TLS need one; whoever was first has chosen the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let shared = Arc::new(Shared {
            client: Client::open(url.expose_secret())?,
            patience: Duration::from_millis(config.redis_milliseconds.into()),
            prefix: signer.sign(Purpose::RedisNames, &[])[..16].to_owned(),
            process: new_secret(entropy)[..16].to_owned(),
            hints: absent.hints.clone(),
            connection: watch::Sender::new(None),
            broken: Notify::new(),
        });
        let (outgoing, waiting) = mpsc::channel(WAITING);
        let tasks = [
            tokio::spawn(keep(Arc::clone(&shared))),
            tokio::spawn(send(Arc::clone(&shared), waiting)),
        ];
        let link = Link {
            shared,
            outgoing,
            signer: signer.clone(),
            _tasks: tasks.map(AbortOnDropHandle::new),
        };
        Ok(Self {
            link: Some(Arc::new(link)),
            ..absent
        })
    }

    /// Whether hints reach other processes now; `None` where there is no Redis.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        Some(self.link.as_ref()?.shared.is_up())
    }

    /// Tells everybody who hears, in this process and in others.
    pub fn hint(&self, hint: Hint) {
        // An error is that nobody hears.
        let _ = self.hints.send(hint);
        self.hint_others(hint);
    }

    /// Tells the other processes.
    pub(crate) fn hint_others(&self, hint: Hint) {
        if let Some(link) = &self.link {
            // One too many is lost.
            let _ = link.outgoing.try_send(hint);
        }
    }

    /// Hears what is said from now on, in this process and in others.
    #[must_use]
    pub fn hear(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }

    /// Counts once more for each of `rates`, or for none of them where one was reached. What is left is that of the first. `None`
    /// where Redis does not answer at once: the caller counts by itself then.
    pub async fn count(&self, now: Timestamp, rates: &[SharedRate<'_>]) -> Option<SharedCount> {
        let link = self.link.as_ref()?;
        let first = rates.first()?;
        let mut connection = link.shared.connection.borrow().clone()?;
        let mut script = COUNT.prepare_invoke();
        for rate in rates {
            script.key(link.name_of(rate, now));
            script.arg(each_us(rate)).arg(micros(rate.window));
        }
        let counted: Result<(u64, u64), RedisError> = script.invoke_async(&mut connection).await;
        match counted {
            Ok((wait, full_after)) => Some(SharedCount {
                left: left(first, full_after),
                full_after: Duration::from_micros(full_after),
                wait: (wait > 0).then(|| Duration::from_micros(wait)),
            }),
            Err(error) => {
                link.shared.give_up(&error);
                None
            }
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self::absent()
    }
}

impl Link {
    fn name_of(&self, rate: &SharedRate<'_>, now: Timestamp) -> String {
        let day = now
            .0
            .div_euclid(i64::try_from(HASHES_CHANGE_EVERY.as_millis()).unwrap_or(i64::MAX));
        let parts = [rate.what, rate.client, &day.to_string()];
        let hash = self.signer.sign(Purpose::SharedRate, &parts);
        format!("{}:rate:{hash}", self.shared.prefix)
    }
}

impl Shared {
    fn is_up(&self) -> bool {
        self.connection.borrow().is_some()
    }

    fn channel(&self) -> String {
        format!("{}:hints", self.prefix)
    }

    /// Goes without the connection until another one stands.
    fn give_up(&self, error: &RedisError) {
        if self.connection.send_replace(None).is_some() {
            tracing::warn!(
                cause = error.category(),
                "Redis does not answer: each process goes by itself"
            );
        }
        self.broken.notify_one();
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, redis::aio::PubSub), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(self.patience));
        let mut hearing = self.client.get_async_pubsub().await?;
        hearing.subscribe(self.channel()).await?;
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let () = redis::cmd("PING").query_async(&mut connection).await?;
        Ok((connection, hearing))
    }

    /// Takes what others say until the connection breaks.
    async fn hear(&self, mut connection: MultiplexedConnection, hearing: redis::aio::PubSub) {
        let mut messages = hearing.into_on_message();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.take(&message.get_payload::<String>().unwrap_or_default()),
                    None => return,
                },
                () = self.broken.notified() => return,
                () = tokio::time::sleep(ASK_EVERY) => {
                    let answer: Result<(), RedisError> = redis::cmd("PING").query_async(&mut connection).await;
                    if answer.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// A hint of another process: `<process> <hint>`.
    fn take(&self, message: &str) {
        if let Some((process, hint)) = message.split_once(' ')
            && process != self.process
            && let Some(hint) = Hint::parse(hint)
        {
            let _ = self.hints.send(hint);
        }
    }
}

/// Keeps the connection: connects, hears, and connects again.
async fn keep(shared: Arc<Shared>) {
    let mut is_known_to_be_away = false;
    loop {
        // That somebody found an earlier connection broken says nothing of the next one.
        let _ = timeout(Duration::ZERO, shared.broken.notified()).await;
        match timeout(CONNECT, shared.connect()).await {
            Ok(Ok((connection, hearing))) => {
                tracing::info!("Redis answers");
                is_known_to_be_away = false;
                shared.connection.send_replace(Some(connection.clone()));
                // What was said meanwhile was missed.
                let _ = shared.hints.send(Hint::Jobs);
                shared.hear(connection, hearing).await;
                if shared.connection.send_replace(None).is_some() {
                    tracing::warn!("Redis is away: each process goes by itself until it is back");
                }
            }
            failed if !is_known_to_be_away => {
                is_known_to_be_away = true;
                let cause = match &failed {
                    Ok(Err(error)) => error.category(),
                    _ => "no answer in time",
                };
                tracing::warn!(
                    cause,
                    "Redis cannot be reached: each process goes by itself until it can"
                );
            }
            _ => {}
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Says the hints of this process to the others; those that come while Redis is away are lost.
async fn send(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Hint>) {
    while let Some(hint) = waiting.recv().await {
        let connection = shared.connection.borrow().clone();
        let Some(mut connection) = connection else {
            continue;
        };
        let message = format!("{} {hint}", shared.process);
        let said: Result<(), RedisError> = redis::cmd("PUBLISH")
            .arg(shared.channel())
            .arg(message)
            .query_async(&mut connection)
            .await;
        if let Err(error) = said {
            shared.give_up(&error);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// After so many microseconds it may be done once more.
fn each_us(rate: &SharedRate<'_>) -> u64 {
    (micros(rate.window) / u64::from(rate.count.get())).max(1)
}

/// How often it may be done at once, where it is full after so many microseconds.
fn left(rate: &SharedRate<'_>, full_after: u64) -> u32 {
    let free = micros(rate.window).saturating_sub(full_after);
    u32::try_from(free / each_us(rate))
        .unwrap_or(u32::MAX)
        .min(rate.count.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_heard_as_it_was_said_and_what_is_none_is_not() {
        let id = "01900000000070008000000000000009";
        for hint in [
            Hint::Jobs,
            Hint::Progress(Work::Analysis(id.parse().unwrap())),
            Hint::Progress(Work::Render(id.parse().unwrap())),
        ] {
            assert_eq!(Hint::parse(&hint.to_string()), Some(hint));
        }
        for text in [
            "",
            "job",
            "analysis",
            "analysis x",
            "song 01900000000070008000000000000009",
        ] {
            assert_eq!(Hint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_follows_from_when_everything_is() {
        let rate = |count| SharedRate {
            what: "requests",
            client: "192.0.2.1",
            count: NonZeroU32::new(count).unwrap(),
            window: Duration::from_secs(60),
        };
        assert_eq!(left(&rate(3), 0), 3);
        assert_eq!(left(&rate(3), 20_000_000), 2);
        assert_eq!(left(&rate(3), 20_000_001), 1);
        assert_eq!(left(&rate(3), 60_000_000), 0);
        assert_eq!(each_us(&rate(u32::MAX)), 1, "never nothing");
    }

    #[tokio::test]
    async fn without_redis_hints_reach_the_process_itself_and_nothing_is_counted() {
        let redis = Redis::absent();
        let mut hears = redis.hear();
        redis.hint(Hint::Jobs);
        assert_eq!(hears.recv().await, Ok(Hint::Jobs));
        assert_eq!(redis.is_up(), None);
        assert_eq!(redis.count(Timestamp(0), &[]).await, None);
    }
}
