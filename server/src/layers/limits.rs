//! Who may ask how often: by the address of the network, and by account. In memory, for about an hour, never written down, so
//! each process counts by itself and allows its share. What has to hold whatever process is asked (wrong passwords and codes,
//! e-mails to one address, quotas of plans) is counted in the database, by the use cases.
//!
//! Trap: `X-Forwarded-For` is written by whoever sends it; only what our own proxies added at its right end is believed, and
//! how many they are is a setting.

use std::{
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
use backend::{Error, config::RateLimits};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use model::{AccountId, Problem, ProblemCode, routes::RateLimit};
use tokio_util::sync::CancellationToken;

use super::{is_write, route_of, session::Session};
use crate::{api::ApiLimiter, problems, router::AppState};

/// How much more than one network the /48 around it may do: a customer with a /48 has 65,536 networks, an office some.
const AROUND: u32 = 5;

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

/// How often each client may do one thing.
#[derive(Debug)]
struct Limiter {
    own: DefaultKeyedRateLimiter<Client>,
    /// The same for the /48 around a network of IPv6.
    around: DefaultKeyedRateLimiter<Client>,
}

impl Limiter {
    fn new(per: fn(NonZeroU32) -> Quota, count: NonZeroU32) -> Self {
        Self {
            own: RateLimiter::keyed(per(count)),
            around: RateLimiter::keyed(per(count.saturating_mul(NonZeroU32::new(AROUND).unwrap_or(count)))),
        }
    }

    /// Counts a request; how long to wait where it was one too many.
    fn count(&self, client: &Client) -> Option<Duration> {
        let own = self.own.check_key(client);
        let around = match client {
            Client::Network(IpAddr::V6(address)) => self.around.check_key(&Client::Network(around(*address))),
            _ => Ok(()),
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
        // Rounded up, so that a small figure is never none.
        let share = |count: u32| count.div_ceil(limits.web_processes.max(1));
        let count = |count| NonZeroU32::new(share(count)).unwrap_or(NonZeroU32::MIN);
        Self {
            requests: Limiter::new(Quota::per_minute, count(limits.requests_per_minute)),
            sign_ups: Limiter::new(Quota::per_hour, count(limits.sign_ups_per_hour)),
            sign_ins: Limiter::new(Quota::per_minute, count(limits.sign_ins_per_minute)),
            writes: Limiter::new(Quota::per_minute, count(limits.writes_per_minute)),
            uploads: Limiter::new(Quota::per_hour, count(limits.uploads_per_hour)),
            api: ApiLimiter::new(count(limits.api_requests_per_minute)),
        }
    }

    /// How long to wait; nothing where it may go on.
    fn wait(&self, limit: RateLimit, account: Option<AccountId>, network: &Client) -> Option<Duration> {
        let account = account.map_or_else(|| network.clone(), Client::Account);
        let own = match limit {
            RateLimit::SignUps => Some((&self.sign_ups, network)),
            RateLimit::SignIns => Some((&self.sign_ins, network)),
            RateLimit::Uploads => Some((&self.uploads, &account)),
            RateLimit::Common => None,
        };
        own.into_iter()
            .chain([(&self.writes, &account)])
            .find_map(|(limiter, client)| limiter.count(client))
    }

    /// How long a program of `account` has to wait for what the route itself allows; what it may ask in all, [`Self::api`] counts.
    pub(crate) fn wait_of_route(&self, limit: RateLimit, account: AccountId) -> Option<Duration> {
        match limit {
            RateLimit::Uploads => self.uploads.count(&Client::Account(account)),
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
    match site.limiters.requests.count(&client_of(&site, &request)) {
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
    match site.limiters.wait(limit, account, &network) {
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

    #[test]
    fn each_address_and_each_account_has_its_own_count() {
        let limiters = limiters();
        let (here, there) = (
            Client::Network("192.0.2.1".parse().unwrap()),
            Client::Network("192.0.2.2".parse().unwrap()),
        );
        for _ in 0..2 {
            assert_eq!(limiters.wait(RateLimit::SignUps, None, &here), None);
        }
        let wait = limiters.wait(RateLimit::SignUps, None, &here).unwrap();
        assert!(
            wait > Duration::from_secs(60) && wait <= Duration::from_secs(1800),
            "{wait:?}"
        );
        assert_eq!(limiters.wait(RateLimit::SignUps, None, &there), None);

        let (ann, bob) = (account(1), account(2));
        for _ in 0..4 {
            assert_eq!(limiters.wait(RateLimit::Uploads, Some(ann), &there), None);
        }
        assert!(limiters.wait(RateLimit::Uploads, Some(ann), &here).is_some());
        assert_eq!(limiters.wait(RateLimit::Uploads, Some(bob), &there), None);
    }

    #[test]
    fn whoever_has_many_networks_shares_the_count_of_the_48_around_them() {
        let limiters = limiters();
        let from = |network: u32| Client::Network(format!("2001:db8:1:{network:x}::").parse().unwrap());
        let signed_up = (0..20)
            .filter(|&network| limiters.wait(RateLimit::SignUps, None, &from(network)).is_none())
            .count();
        assert_eq!(signed_up, 10, "5 times what one network may");
        let elsewhere = Client::Network("2001:db8:2::".parse().unwrap());
        assert_eq!(limiters.wait(RateLimit::SignUps, None, &elsewhere), None);
    }
}
