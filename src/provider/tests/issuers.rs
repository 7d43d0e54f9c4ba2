use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use super::*;
use crate::clock::Boot;
use crate::provider::issuers::Slot;

const DAY: Duration = Duration::from_secs(86_400);

/// An issuer whose metadata puts the token endpoint on host number `host`; tests can change status and host.
struct Issuer {
    server: Server,
    told: Arc<Told>,
}

struct Told {
    issuer: std::sync::OnceLock<String>,
    status: AtomicU16,
    host: AtomicUsize,
}

impl Issuer {
    /// Serves metadata at `path` only.
    async fn start(path: &'static str) -> Self {
        let told = Arc::new(Told {
            issuer: std::sync::OnceLock::new(),
            status: AtomicU16::new(200),
            host: AtomicUsize::new(1),
        });
        let tell = Arc::clone(&told);
        let server = Server::start(move |request| {
            if request.split(' ').nth(1) != Some(path) {
                return (404, String::new());
            }
            let (issuer, host) = (tell.issuer.get().unwrap(), tell.host.load(Ordering::SeqCst));
            let json = format!(
                r#"{{"issuer":"{issuer}","authorization_endpoint":"https://id{host}.example/a","token_endpoint":"https://id{host}.example/t","other":1}}"#
            );
            (tell.status.load(Ordering::SeqCst), json)
        })
        .await;
        told.issuer.set(server.url("/tenant")).unwrap();
        Self { server, told }
    }

    fn dialect(&self) -> Arc<Dialect> {
        let issuer = self.told.issuer.get().cloned();
        Arc::new(Dialect { discover: true, issuer, endpoints: Endpoints::default(), ..dialect() })
    }

    fn asked(&self) -> usize {
        self.server.seen().len()
    }
}

const RFC_8414: &str = "/.well-known/oauth-authorization-server/tenant";
/// The same place, with the name of OpenID Connect.
const INSERTED: &str = "/.well-known/openid-configuration/tenant";
const OIDC: &str = "/tenant/.well-known/openid-configuration";

/// The token endpoint, or the error.
async fn token_url(provider: &HttpProvider, dialect: &Arc<Dialect>) -> String {
    match provider.resolve(dialect).await {
        Ok(resolved) => resolved.token_url().unwrap().to_string(),
        Err(error) => error.to_string(),
    }
}

fn at_host(host: usize) -> String {
    format!("https://id{host}.example/t")
}

#[tokio::test]
async fn without_discovery_no_metadata_is_requested() {
    let plain = Arc::new(dialect());
    assert!(Arc::ptr_eq(&provider().resolve(&plain).await.unwrap(), &plain));
    let accepted = provider().accept(&plain).await;
    assert_eq!(
        accepted,
        Err(AskError::Impossible("`p` does not use metadata (`discover`): there is nothing to accept".into()))
    );
}

#[tokio::test]
async fn metadata_is_found_at_each_url_and_requested_once_for_all_callers() {
    for (path, asked) in [(RFC_8414, 1), (INSERTED, 2), (OIDC, 3)] {
        let issuer = Issuer::start(path).await;
        let (provider, dialect) = (Arc::new(provider()), issuer.dialect());
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let (provider, dialect) = (Arc::clone(&provider), Arc::clone(&dialect));
                tokio::spawn(async move { token_url(&provider, &dialect).await })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), at_host(1));
        }
        assert_eq!(issuer.asked(), asked, "{path}");
    }
}

#[tokio::test]
async fn metadata_is_refreshed_daily_and_the_old_is_kept_on_failure() {
    let issuer = Issuer::start(RFC_8414).await;
    let clock = Clock::virtual_at(Wall(1_700_000_000_000));
    let (provider, dialect) = (HttpProvider::new(clock.clone()), issuer.dialect());
    assert_eq!(token_url(&provider, &dialect).await, at_host(1));
    clock.suspend(DAY.saturating_sub(Duration::from_secs(60)));
    assert_eq!((token_url(&provider, &dialect).await, issuer.asked()), (at_host(1), 1));
    issuer.told.status.store(503, Ordering::SeqCst);
    clock.suspend(Duration::from_secs(60));
    assert_eq!(
        (token_url(&provider, &dialect).await, issuer.asked()),
        (at_host(1), 4),
        "every well-known URL was requested"
    );
    assert_eq!((token_url(&provider, &dialect).await, issuer.asked()), (at_host(1), 4), "not requested again at once");
    issuer.told.status.store(200, Ordering::SeqCst);
    clock.suspend(Duration::from_secs(301));
    assert_eq!((token_url(&provider, &dialect).await, issuer.asked()), (at_host(1), 5));
    clock.jump_wall(-3_600_000);
    assert_eq!(
        (token_url(&provider, &dialect).await, issuer.asked()),
        (at_host(1), 6),
        "requested again after the clock was set back"
    );
}

#[tokio::test]
async fn cached_metadata_is_enough_to_start_offline() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("issuers");
    let issuer = Issuer::start(RFC_8414).await;
    let start = |seconds| {
        let begin = Wall(1_700_000_000_000).plus(Duration::from_secs(seconds));
        HttpProvider::new(Clock::virtual_at(begin)).with_cache(folder.clone())
    };
    assert_eq!(token_url(&start(0), &issuer.dialect()).await, at_host(1));
    assert_eq!((token_url(&start(60), &issuer.dialect()).await, issuer.asked()), (at_host(1), 1), "a second start");

    let late = Clock::virtual_at(Wall(1_700_000_000_000).plus(2 * DAY));
    let dialect = issuer.dialect();
    drop(issuer);
    assert_eq!(token_url(&HttpProvider::new(late.clone()).with_cache(folder.clone()), &dialect).await, at_host(1));
    let without = token_url(&HttpProvider::new(late), &dialect).await;
    assert!(without.starts_with("no connection"), "{without}");

    let mut files = std::fs::read_dir(&folder).unwrap();
    let file = files.next().unwrap().unwrap();
    assert!(files.next().is_none());
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_moved_token_endpoint_must_be_accepted_by_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("issuers");
    let issuer = Issuer::start(RFC_8414).await;
    let (clock, dialect) = (Clock::virtual_at(Wall(1_700_000_000_000)), issuer.dialect());
    let provider = HttpProvider::new(clock.clone()).with_cache(folder.clone());
    assert_eq!(token_url(&provider, &dialect).await, at_host(1));
    issuer.told.host.store(2, Ordering::SeqCst);
    clock.suspend(DAY);
    let name = issuer.told.issuer.get().unwrap();
    let moved = format!(
        "the token endpoint of {name} moved from https://id1.example to https://id2.example; if that is right, \
         run `ringback provider accept p`"
    );
    assert_eq!(token_url(&provider, &dialect).await, moved);
    let restarted = HttpProvider::new(clock.clone()).with_cache(folder.clone());
    assert_eq!(token_url(&restarted, &dialect).await, moved, "the restart keeps the accepted host");

    let mut written = (*dialect).clone();
    written.endpoints.token = Some(Url::parse("https://mine.example/t").unwrap());
    assert_eq!(
        token_url(&provider, &Arc::new(written)).await,
        "https://mine.example/t",
        "a configured endpoint needs no metadata"
    );

    assert_eq!(provider.accept(&dialect).await, Ok("https://id2.example".into()));
    assert_eq!(token_url(&provider, &dialect).await, at_host(2));
    let restarted = HttpProvider::new(clock).with_cache(folder);
    assert_eq!(token_url(&restarted, &dialect).await, at_host(2));
}

#[tokio::test]
async fn missing_metadata_is_explained_for_every_url() {
    let issuer = Issuer::start("/elsewhere").await;
    let (name, dialect) = (issuer.told.issuer.get().unwrap(), issuer.dialect());
    let missing = [RFC_8414, INSERTED, OIDC].map(|path| format!("{path}: there is none (404)")).join("; ");
    let expected = format!("no metadata of {name} ({missing})");
    assert_eq!(token_url(&provider(), &dialect).await, expected);
    let bad = Arc::new(Dialect { issuer: Some("http://id.example".into()), ..(*dialect).clone() });
    let expected = "the issuer http://id.example is not an https address, so its metadata can't be read";
    assert_eq!(token_url(&provider(), &bad).await, expected);
}

#[tokio::test]
async fn a_failed_metadata_request_backs_off_until_a_forced_retry_or_reload() {
    let issuer = Issuer::start(OIDC).await;
    issuer.told.status.store(503, Ordering::SeqCst);
    let (provider, dialect) = (Arc::new(provider()), issuer.dialect());
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (provider, dialect) = (Arc::clone(&provider), Arc::clone(&dialect));
            tokio::spawn(async move { provider.resolve(&dialect).await.unwrap_err() })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap().to_string().contains("503"));
    }
    // On a machine that stalls for longer than the first backoff there may be a second request.
    assert!(issuer.asked() < 10, "{}", issuer.asked());
    issuer.told.status.store(200, Ordering::SeqCst);
    provider.try_again(&dialect);
    assert_eq!(token_url(&provider, &dialect).await, at_host(1));
}

#[test]
fn the_metadata_backoff_grows_and_respects_retry_after() {
    let (slot, error) = (Slot::default(), |seconds: Option<u64>| AskError::Unreachable {
        why: "x".into(),
        retry_after: seconds.map(Duration::from_secs),
    });
    let mut now = Boot(Duration::from_secs(100));
    for (asked, pause) in [(None, 1), (None, 2), (Some(20), 20), (None, 8), (None, 16), (None, 30), (Some(900), 30)] {
        slot.note_failure(&error(asked), now);
        let after = |millis| Boot(now.0 + Duration::from_millis(millis));
        assert!(slot.standing_failure(after(pause * 1000 - 1)).is_err(), "{pause}");
        assert!(slot.standing_failure(after(pause * 1000)).is_ok(), "{pause}");
        now = after(pause * 1000);
    }
}
