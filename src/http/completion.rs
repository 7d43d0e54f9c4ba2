//! Work that must not be cancelled half-way, when the caller disconnects.

use tracing::Instrument as _;

use super::reply::Reject;
use crate::error::Error;

/// Runs `work` to completion even if the caller disconnects, which drops the handler: for work that spends something
/// good for one use, such as a code.
pub(super) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Reject> {
    let gone = |_| Reject(Error::Internal { what: "a request did not finish".into() });
    tokio::spawn(work.in_current_span()).await.map_err(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_spends_something_goes_on_when_the_caller_leaves() {
        let second = std::time::Duration::from_secs(1);
        let (done, finished) = tokio::sync::oneshot::channel();
        let work = async move {
            tokio::time::sleep(second).await;
            done.send(()).unwrap();
        };
        assert!(tokio::time::timeout(second / 2, run_to_completion(work)).await.is_err());
        finished.await.unwrap();
    }
}
