//! An optional timer: sleeps for a while, or forever.

use std::time::Duration;

pub(super) async fn sleep(nap: Option<Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}
