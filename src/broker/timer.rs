//! An optional timer: sleeps for a while, or forever.

use std::time::Duration;

pub(super) async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
