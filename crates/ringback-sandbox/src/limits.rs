//! Phone.com's documented rate limits, over a sliding window.
//!
//! Pure: the time is an argument. How the limits count unauthenticated token requests is not documented; the caller
//! decides what stands for the account.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::options::RateLimit;

/// What a request counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge<'a> {
    /// The route's pattern, not the path: ids do not make a new endpoint.
    pub(crate) endpoint: &'a str,
    /// Unknown for requests without credentials.
    pub(crate) account: Option<&'a str>,
    /// Always loopback here, so all programs of the machine share it.
    pub(crate) ip: IpAddr,
}

/// A request that came too soon: the members of `@rateLimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Requests allowed in the window.
    pub(crate) limit: usize,
    /// Unix seconds at which the next request is allowed.
    pub(crate) reset: u64,
    /// The same as seconds from now.
    pub(crate) retry_after: u64,
}

/// The recent requests of all callers.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: HashMap<String, VecDeque<u64>>,
}

/// Requests allowed, and in how many milliseconds (apidocs.phone.com/docs/rate-limits).
const ACCOUNT_ENDPOINT: (usize, u64) = (30, 30_000);
const IP_ENDPOINT: (usize, u64) = (360, 30_000);
const ACCOUNT_ANY: (usize, u64) = (120, 60_000);
const IP_ANY: (usize, u64) = (1440, 60_000);

/// Above this many windows, empty ones are evicted.
const WINDOWS_KEPT: usize = 1024;

impl Limits {
    /// Counts a request, or says what it exceeds. A refused request does not count.
    pub(crate) fn charge(&mut self, limit: RateLimit, charge: Charge<'_>, now: u64) -> Result<(), Exceeded> {
        let RateLimit::Divided(divisor) = limit else {
            return Ok(());
        };
        let divisor = usize::try_from(divisor.get()).unwrap_or(usize::MAX);
        let windows = windows_of(charge);
        for (key, (requests, span)) in &windows {
            let allowed = (requests / divisor).max(1);
            self.check(key, allowed, *span, now)?;
        }
        for (key, _) in windows {
            self.windows.entry(key).or_default().push_back(now);
        }
        self.tidy(now);
        Ok(())
    }

    fn check(&mut self, key: &str, allowed: usize, span: u64, now: u64) -> Result<(), Exceeded> {
        let Some(seen) = self.windows.get_mut(key) else {
            return Ok(());
        };
        while seen.front().is_some_and(|time| time + span <= now) {
            seen.pop_front();
        }
        match seen.front() {
            Some(oldest) if seen.len() >= allowed => {
                let free = oldest + span;
                Err(Exceeded {
                    limit: allowed,
                    reset: free.div_ceil(1000),
                    retry_after: free.saturating_sub(now).div_ceil(1000).max(1),
                })
            }
            _ => Ok(()),
        }
    }

    fn tidy(&mut self, now: u64) {
        if self.windows.len() > WINDOWS_KEPT {
            self.windows.retain(|_, seen| seen.back().is_some_and(|time| time + ACCOUNT_ANY.1 > now));
        }
    }
}

fn windows_of(charge: Charge<'_>) -> Vec<(String, (usize, u64))> {
    let Charge { endpoint, account, ip } = charge;
    let mut windows = Vec::with_capacity(4);
    if let Some(account) = account {
        windows.push((format!("account {account} {endpoint}"), ACCOUNT_ENDPOINT));
        windows.push((format!("account {account}"), ACCOUNT_ANY));
    }
    windows.push((format!("ip {ip} {endpoint}"), IP_ENDPOINT));
    windows.push((format!("ip {ip}"), IP_ANY));
    windows
}
