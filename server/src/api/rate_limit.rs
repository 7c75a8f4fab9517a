//! How often the programs of an account may ask: counted as all rates are (`layers::limits`), and told with every answer
//! (`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers), so that none has to guess.

use std::{num::NonZeroU32, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use backend::{
    Error,
    redis::SharedRate,
    tokens::{KnownToken, ShownToken},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use model::AccountId;

use super::error::ApiError;
use crate::{
    layers::{
        limits::{self, Shared},
        route_of,
    },
    router::AppState,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The window of the policy, in seconds.
const WINDOW_S: u64 = 60;

/// Counts requests by account.
#[derive(Debug)]
pub(crate) struct ApiLimiter {
    limiter: RateLimiter<AccountId, DashMapStateStore<AccountId>, DefaultClock, StateInformationMiddleware>,
    /// In all.
    per_minute: NonZeroU32,
    /// In this process, where it counts by itself.
    share: NonZeroU32,
}

/// What is left after a request, or how long to wait where it was one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    /// How much there is in all.
    of: NonZeroU32,
    left: u32,
    /// Until everything may be asked again, in seconds.
    full_after_s: u64,
    wait: Option<Duration>,
}

impl ApiLimiter {
    pub(crate) fn new(per_minute: u32, processes: u32) -> Self {
        let least = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        // Rounded up, so that a small figure is never none.
        let share = least(per_minute.div_ceil(processes.max(1)));
        Self {
            limiter: RateLimiter::dashmap_with_clock(Quota::per_minute(share), DefaultClock::default())
                .with_middleware(),
            per_minute: least(per_minute),
            share,
        }
    }

    async fn count(&self, shared: Shared<'_>, account: AccountId) -> Counted {
        let client = account.to_string();
        let rate = SharedRate {
            what: "api",
            client: &client,
            count: self.per_minute,
            window: Duration::from_secs(WINDOW_S),
        };
        match shared.redis.count(shared.now, &[rate]).await {
            Some(counted) => Counted {
                of: self.per_minute,
                left: counted.left,
                full_after_s: counted
                    .full_after
                    .as_millis()
                    .div_ceil(1000)
                    .try_into()
                    .unwrap_or(WINDOW_S),
                wait: counted.wait,
            },
            None => self.count_here(account),
        }
    }

    /// The same in the memory of this process.
    fn count_here(&self, account: AccountId) -> Counted {
        match self.limiter.check_key(&account) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let used = u64::from(self.share.get() - left.min(self.share.get()));
                Counted {
                    of: self.share,
                    left,
                    full_after_s: (used * WINDOW_S).div_ceil(u64::from(self.share.get())),
                    wait: None,
                }
            }
            Err(refused) => Counted {
                of: self.share,
                left: 0,
                full_after_s: WINDOW_S,
                wait: Some(refused.wait_time_from(DefaultClock::default().now())),
            },
        }
    }

    /// Forgets accounts that have not asked for long.
    pub(crate) fn tidy(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Refuses what comes too fast, and says with every answer what is left. Stands behind the token.
pub(super) async fn check(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let account = match (extensions.get::<ShownToken>(), extensions.get::<KnownToken>()) {
        (Some(shown), _) => Some(shown.token.owner.account),
        (None, known) => known.map(KnownToken::account),
    };
    let Some(account) = account else {
        return ApiError::from(Error::internal("a program without a token")).into_response();
    };
    let limiter = &site.limiters.api;
    let shared = Shared::of(&site);
    let counted = limiter.count(shared, account).await;
    let own = match route_of(&request) {
        Some(route) => site.limiters.wait_of_route(shared, route.limit, account).await,
        None => None,
    };
    let mut response = match counted.wait.or(own) {
        Some(wait) => ApiError::from(limits::too_many(wait)).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let policy = format!("\"requests\";q={};w={WINDOW_S}", counted.of);
    let left = format!("\"requests\";r={};t={}", counted.left, counted.full_after_s);
    for (name, value) in [(POLICY, policy), (LEFT, left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_falls_by_one_and_nothing_is_left_at_the_end() {
        let limiter = ApiLimiter::new(3, 1);
        let account = |number| AccountId(uuid::Uuid::from_u128(number));
        let seen: Vec<_> = (0..4).map(|_| limiter.count_here(account(1))).collect();
        assert_eq!(
            seen.iter().map(|counted| counted.left).collect::<Vec<_>>(),
            [2, 1, 0, 0]
        );
        assert_eq!(seen[0].full_after_s, 20);
        assert!(seen[2].wait.is_none());
        let wait = seen[3].wait.unwrap();
        assert!(
            wait <= Duration::from_secs(20) && wait > Duration::from_secs(15),
            "{wait:?}"
        );
        assert_eq!(
            limiter.count_here(account(2)).left,
            2,
            "another account has its own"
        );
    }
}
