//! Who may ask how often: by the address of the network, and by account. In memory, for about an hour, never written down: all
//! processes together in Redis, by keyed hashes, or where it does not answer each by itself, and allows its share. What has to hold
//! whatever process is asked (wrong passwords and codes, e-mails to one address, quotas of plans) is counted in the database, by the
//! use cases.
//!
//! Trap: `X-Forwarded-For` is written by whoever sends it; only what our own proxies added at its right end is believed, and
//! how many they are is a setting.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use backend::{
    Error,
    config::RateLimits,
    redis::{Redis, SharedRate},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use model::{AccountId, Problem, ProblemCode, Timestamp, routes::RateLimit};
use tokio_util::sync::CancellationToken;

use super::{is_write, route_of, session::Session};
use crate::{api::ApiLimiter, problems, router::AppState};

/// How much more than one network the /48 around it may do: a customer with a /48 has 65,536 networks, an office some.
const AROUND: u32 = 5;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// How often those are forgotten who have not come for long.
const TIDY_EVERY: Duration = Duration::from_secs(10 * 60);

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Client {
    Account(AccountId),
    /// An address; IPv6 by its /64, because one customer has all of it.
    Network(IpAddr),
    /// No address is known: all of them together.
    Anybody,
}

impl Client {
    /// The /48 around a network of IPv6.
    fn around(&self) -> Option<Self> {
        match self {
            Self::Network(IpAddr::V6(address)) => Some(Self::Network(around(*address))),
            _ => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Network(address) => write!(f, "network {address}"),
            Self::Anybody => f.write_str("anybody"),
        }
    }
}

/// Where all processes count, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) redis: &'a Redis,
    pub(crate) now: Timestamp,
}

impl<'a> Shared<'a> {
    pub(crate) fn of(site: &'a AppState) -> Self {
        Self {
            redis: &site.backend.redis,
            now: site.backend.now(),
        }
    }
}

/// How often, within which time.
#[derive(Debug, Clone, Copy)]
struct Rate {
    count: NonZeroU32,
    window: Duration,
}

impl Rate {
    /// As one of several processes allows it, where each counts by itself: rounded up, so that a small figure is never none.
    fn share_of_one(self, processes: u32) -> Option<Quota> {
        let share = NonZeroU32::new(self.count.get().div_ceil(processes.max(1)))?;
        Some(Quota::with_period(self.window / share.get())?.allow_burst(share))
    }

    fn times(self, factor: u32) -> Self {
        Self {
            count: NonZeroU32::new(self.count.get().saturating_mul(factor)).unwrap_or(self.count),
            ..self
        }
    }
}

/// How often each client may do one thing.
#[derive(Debug)]
struct Limiter {
    /// What it is.
    what: &'static str,
    rate: Rate,
    own: DefaultKeyedRateLimiter<Client>,
    /// The same for the /48 around a network of IPv6.
    around: DefaultKeyedRateLimiter<Client>,
}

impl Limiter {
    fn new(what: &'static str, count: u32, window: Duration, processes: u32) -> Self {
        let rate = Rate {
            count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            window,
        };
        let here = |rate: Rate| {
            let least = Quota::per_minute(NonZeroU32::MIN);
            RateLimiter::keyed(rate.share_of_one(processes).unwrap_or(least))
        };
        Self {
            what,
            rate,
            own: here(rate),
            around: here(rate.times(AROUND)),
        }
    }

    /// Counts a request; how long to wait where it was one too many.
    async fn count(&self, shared: Shared<'_>, client: &Client) -> Option<Duration> {
        let (own, around) = (
            client.to_string(),
            client.around().map(|around| around.to_string()),
        );
        let rate = |client, rate: Rate| SharedRate {
            what: self.what,
            client,
            count: rate.count,
            window: rate.window,
        };
        let mut rates = vec![rate(&own, self.rate)];
        rates.extend(
            around
                .as_deref()
                .map(|around| rate(around, self.rate.times(AROUND))),
        );
        match shared.redis.count(shared.now, &rates).await {
            Some(counted) => counted.wait,
            None => self.count_here(client),
        }
    }

    /// The same in the memory of this process.
    fn count_here(&self, client: &Client) -> Option<Duration> {
        let own = self.own.check_key(client);
        let around = match client.around() {
            Some(around) => self.around.check_key(&around),
            None => Ok(()),
        };
        let refused = own.err().or(around.err())?;
        Some(refused.wait_time_from(DefaultClock::default().now()))
    }

    fn tidy(&self) {
        for limiter in [&self.own, &self.around] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// All limits of this process.
#[derive(Debug)]
pub(crate) struct Limiters {
    requests: Limiter,
    sign_ups: Limiter,
    sign_ins: Limiter,
    writes: Limiter,
    uploads: Limiter,
    pub(crate) api: ApiLimiter,
}

impl Limiters {
    pub(crate) fn new(limits: &RateLimits) -> Self {
        let limiter = |what, count, window| Limiter::new(what, count, window, limits.web_processes);
        Self {
            requests: limiter("requests", limits.requests_per_minute, MINUTE),
            sign_ups: limiter("sign-ups", limits.sign_ups_per_hour, HOUR),
            sign_ins: limiter("sign-ins", limits.sign_ins_per_minute, MINUTE),
            writes: limiter("writes", limits.writes_per_minute, MINUTE),
            uploads: limiter("uploads", limits.uploads_per_hour, HOUR),
            api: ApiLimiter::new(limits.api_requests_per_minute, limits.web_processes),
        }
    }

    /// How long to wait; nothing where it may go on.
    async fn wait(
        &self,
        shared: Shared<'_>,
        limit: RateLimit,
        account: Option<AccountId>,
        network: &Client,
    ) -> Option<Duration> {
        let account = account.map_or_else(|| network.clone(), Client::Account);
        let own = match limit {
            RateLimit::SignUps => Some((&self.sign_ups, network)),
            RateLimit::SignIns => Some((&self.sign_ins, network)),
            RateLimit::Uploads => Some((&self.uploads, &account)),
            RateLimit::Common => None,
        };
        for (limiter, client) in own.into_iter().chain([(&self.writes, &account)]) {
            let wait = limiter.count(shared, client).await;
            if wait.is_some() {
                return wait;
            }
        }
        None
    }

    /// How long a program of `account` has to wait for what the route itself allows; what it may ask in all, [`Self::api`] counts.
    pub(crate) async fn wait_of_route(
        &self,
        shared: Shared<'_>,
        limit: RateLimit,
        account: AccountId,
    ) -> Option<Duration> {
        match limit {
            RateLimit::Uploads => self.uploads.count(shared, &Client::Account(account)).await,
            RateLimit::SignUps | RateLimit::SignIns | RateLimit::Common => None,
        }
    }

    /// Forgets everybody whose last request counts no more, again and again until `stop`.
    pub(crate) async fn tidy(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
            for limiter in [
                &self.requests,
                &self.sign_ups,
                &self.sign_ins,
                &self.writes,
                &self.uploads,
            ] {
                limiter.tidy();
            }
            self.api.tidy();
        }
    }
}

/// Refuses whoever asks far more often than a person can, for whatever it is: reads, and writes that will be refused.
pub(crate) async fn check_requests(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let client = client_of(&site, &request);
    match site.limiters.requests.count(Shared::of(&site), &client).await {
        None => next.run(request).await,
        Some(wait) => problems::respond(&site, request.into_parts().0, &too_many(wait)).await,
    }
}

/// Refuses writes that come too fast.
pub(crate) async fn check(State(site): State<AppState>, request: Request, next: Next) -> Response {
    if !is_write(request.method()) {
        return next.run(request).await;
    }
    let account = request
        .extensions()
        .get::<Session>()
        .and_then(|session| session.user.as_ref())
        .map(|user| user.account);
    let network = client_of(&site, &request);
    let limit = route_of(&request).map_or(RateLimit::Common, |route| route.limit);
    let shared = Shared::of(&site);
    match site.limiters.wait(shared, limit, account, &network).await {
        None => next.run(request).await,
        Some(wait) => problems::respond(&site, request.into_parts().0, &too_many(wait)).await,
    }
}

fn client_of(site: &AppState, request: &Request) -> Client {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    client_address(request.headers(), peer, site.backend.config.trusted_hops)
        .map_or(Client::Anybody, Client::Network)
}

pub(crate) fn too_many(wait: Duration) -> Error {
    let seconds = wait.as_secs() + 1;
    let again = if seconds < 120 {
        format!("{seconds} s")
    } else {
        format!("{} minutes", seconds.div_ceil(60))
    };
    Error::Problem(Problem {
        retry_after: Some(seconds),
        ..Problem::new(
            ProblemCode::RateLimited,
            format!("That was often in a short time. Nothing was changed; try again in {again}."),
        )
    })
}

/// The address of the browser. With `hops` proxies of ours in front it is the one that the outermost of them wrote: the
/// `hops`-th from the right. Whatever stands further left was sent by the browser and may be anything.
fn client_address(headers: &HeaderMap, peer: Option<IpAddr>, hops: usize) -> Option<IpAddr> {
    let Some(from_right) = hops.checked_sub(1) else {
        return peer.map(network);
    };
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    // Fewer entries than proxies: somebody came past them.
    let entry = forwarded
        .iter()
        .rev()
        .nth(from_right)
        .and_then(|entry| address(entry));
    entry.or(peer).map(network)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// The /48 of an address.
fn around(address: Ipv6Addr) -> IpAddr {
    let [a, b, c, ..] = address.segments();
    IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
}

/// What one customer of a provider has: an IPv4 address, or a /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn forwarded(lines: &[&'static str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| ("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(line)))
            .collect()
    }

    #[test]
    fn the_address_is_counted_from_the_right_by_the_number_of_our_proxies() {
        let peer: Option<IpAddr> = "10.0.0.1".parse().ok();
        for (lines, hops, expected) in [
            (&["203.0.113.9"][..], 0, "10.0.0.1"),
            (&["203.0.113.9"], 1, "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9"], 1, "203.0.113.9"),
            (&["1.1.1.1", "203.0.113.9"], 1, "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9, 10.0.0.2"], 2, "203.0.113.9"),
            (&["203.0.113.9:4711"], 1, "203.0.113.9"),
            (&["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2::"),
            (&["::ffff:203.0.113.9"], 1, "203.0.113.9"),
            (&["nonsense"], 1, "10.0.0.1"),
            (&[], 1, "10.0.0.1"),
            (&["203.0.113.9"], 2, "10.0.0.1"),
        ] {
            let expected = expected.parse().ok();
            assert_eq!(
                client_address(&forwarded(lines), peer, hops),
                expected,
                "{lines:?} {hops}"
            );
        }
        assert_eq!(client_address(&HeaderMap::new(), None, 0), None);
    }

    fn account(number: u32) -> AccountId {
        format!("{number:032x}").parse().unwrap()
    }

    fn limiters() -> Limiters {
        Limiters::new(&RateLimits {
            requests_per_minute: 100,
            body_seconds: 1,
            sign_ups_per_hour: 2,
            sign_ins_per_minute: 3,
            writes_per_minute: 5,
            uploads_per_hour: 4,
            api_requests_per_minute: 6,
            web_processes: 1,
        })
    }

    /// No Redis: this process alone.
    async fn wait(
        limiters: &Limiters,
        limit: RateLimit,
        account: Option<AccountId>,
        client: &Client,
    ) -> Option<Duration> {
        let redis = Redis::absent();
        let shared = Shared {
            redis: &redis,
            now: Timestamp(0),
        };
        limiters.wait(shared, limit, account, client).await
    }

    #[tokio::test]
    async fn each_address_and_each_account_has_its_own_count() {
        let limiters = limiters();
        let (here, there) = (
            Client::Network("192.0.2.1".parse().unwrap()),
            Client::Network("192.0.2.2".parse().unwrap()),
        );
        for _ in 0..2 {
            assert_eq!(wait(&limiters, RateLimit::SignUps, None, &here).await, None);
        }
        let left = wait(&limiters, RateLimit::SignUps, None, &here).await.unwrap();
        assert!(
            left > Duration::from_secs(60) && left <= Duration::from_secs(1800),
            "{left:?}"
        );
        assert_eq!(wait(&limiters, RateLimit::SignUps, None, &there).await, None);

        let (ann, bob) = (account(1), account(2));
        for _ in 0..4 {
            assert_eq!(wait(&limiters, RateLimit::Uploads, Some(ann), &there).await, None);
        }
        assert!(
            wait(&limiters, RateLimit::Uploads, Some(ann), &here)
                .await
                .is_some()
        );
        assert_eq!(wait(&limiters, RateLimit::Uploads, Some(bob), &there).await, None);
    }

    #[tokio::test]
    async fn whoever_has_many_networks_shares_the_count_of_the_48_around_them() {
        let limiters = limiters();
        let from = |network: u32| Client::Network(format!("2001:db8:1:{network:x}::").parse().unwrap());
        let mut signed_up = 0;
        for network in 0..20 {
            let left = wait(&limiters, RateLimit::SignUps, None, &from(network)).await;
            signed_up += usize::from(left.is_none());
        }
        assert_eq!(signed_up, 10, "5 times what one network may");
        let elsewhere = Client::Network("2001:db8:2::".parse().unwrap());
        assert_eq!(wait(&limiters, RateLimit::SignUps, None, &elsewhere).await, None);
    }
}
