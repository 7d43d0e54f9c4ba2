//! How many requests were answered, by route and status, since the daemon started.
//!
//! Every request passes here, so counting one is a single relaxed addition in a fixed table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

use crate::routes::{METADATA_ROUTES, ROUTES, Route, RouteMatch};

/// The statuses that replies have. Any other is counted together with the rest.
const STATUSES: [u16; 19] =
    [200, 204, 303, 400, 401, 403, 404, 405, 408, 409, 410, 413, 423, 428, 431, 500, 502, 503, 504];
/// One place for each status, and one for the rest.
const PLACES: usize = STATUSES.len() + 1;
/// One row for each route, and one for requests that fit none: callbacks, too, whose paths the config chooses.
const ROWS: usize = ROUTES.len() + METADATA_ROUTES.len() + 1;

/// The table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestCounts(Arc<[[AtomicU64; PLACES]; ROWS]>);

/// The requests of one route that were answered with one status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// `None`: no route.
    pub(super) route: Option<&'static Route>,
    /// `None`: a status that no reply should have.
    pub(super) status: Option<u16>,
    /// How many; never 0.
    pub(super) count: u64,
}

impl Default for RequestCounts {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)))))
    }
}

impl RequestCounts {
    /// Counts a request that is being answered.
    pub(super) fn count(&self, found: RouteMatch, status: StatusCode) {
        let row = match found {
            RouteMatch::Row(route) => route.place,
            RouteMatch::OtherMethods(_) | RouteMatch::Nothing => ROWS - 1,
        };
        let status = status.as_u16();
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        if let Some(count) = self.0.get(row).and_then(|row| row.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted so far.
    pub(super) fn so_far(&self) -> Vec<Counted> {
        let rows = ROUTES.iter().chain(&METADATA_ROUTES).map(Some).chain([None]).zip(self.0.iter());
        let counted = rows.flat_map(|(route, row)| {
            let statuses = STATUSES.into_iter().map(Some).chain([None]).zip(row);
            statuses.map(move |(status, count)| Counted { route, status, count: count.load(Ordering::Relaxed) })
        });
        counted.filter(|counted| counted.count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ErrorCode;

    #[test]
    fn every_status_of_an_error_has_a_place() {
        // 0: such an error is no reply.
        for row in ErrorCode::TABLE.iter().filter(|row| row.status != 0) {
            assert!(STATUSES.contains(&row.status), "{} {}", row.name, row.status);
        }
    }

    #[test]
    fn requests_are_counted_by_route_and_status() {
        let counts = RequestCounts::default();
        let [first, second] = [&ROUTES[0], &ROUTES[1]];
        for (found, status) in [
            (RouteMatch::Row(first), 200),
            (RouteMatch::Row(first), 200),
            (RouteMatch::Row(first), 503),
            (RouteMatch::Row(second), 418),
            (RouteMatch::Nothing, 404),
            (RouteMatch::OtherMethods("GET"), 404),
        ] {
            counts.count(found, StatusCode::from_u16(status).unwrap());
        }
        let seen = counts.so_far();
        let seen: Vec<_> =
            seen.iter().map(|seen| (seen.route.map(|route| route.path), seen.status, seen.count)).collect();
        let expected = [
            (Some(first.path), Some(200), 2),
            (Some(first.path), Some(503), 1),
            (Some(second.path), None, 1),
            (None, Some(404), 2),
        ];
        assert_eq!(seen, expected);
    }
}
