//! Event hooks: runs the program that an account's config names, one event at a time and in order, without blocking
//! the account. What it gets stands in its environment, and is no secret.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use crate::contract::AccountEvent;
use crate::credentials::{self, CredentialEnv};
use crate::printable::is_unprintable;

/// Events of one account that may wait while its program runs. More are dropped, with a warning. In docs/accounts.md, too.
const QUEUE: usize = 16;
/// Hooks of all accounts that run at the same time (a concurrency limit). In docs/accounts.md, too.
const AT_ONCE: usize = 4;

/// The slots that running hooks take.
pub(super) type HookSlots = Arc<Semaphore>;

pub(super) fn slots() -> HookSlots {
    Arc::new(Semaphore::new(AT_ONCE))
}

/// A variable in a hook's environment: its name, what it has, for docs/accounts.md, and how it is made.
struct Variable(
    &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the docs are made of it"))] &'static str,
    fn(&AccountEvent) -> String,
);

/// What a hook gets.
const VARIABLES: [Variable; 5] = [
    Variable("RINGBACK_EVENT", "what happened, by the names of the [events](api.md#events)", |event| {
        <&str>::from(event.event).to_owned()
    }),
    Variable("RINGBACK_EVENT_ID", "the event's id, the same as on the event stream", |event| {
        event.id.clone().unwrap_or_default()
    }),
    Variable("RINGBACK_ACCOUNT", "the account's name", |event| event.account.clone()),
    Variable("RINGBACK_REASON", "why, in one sentence; empty if there is nothing to say", |event| {
        // A provider may have written a part of it.
        event.reason.iter().flat_map(|reason| reason.chars()).filter(|c| !is_unprintable(*c)).collect()
    }),
    Variable("RINGBACK_TIME", "when, in Unix seconds", |event| event.at.to_string()),
];

/// A program with its arguments, and the event to run it for.
type HookEvent = (Vec<String>, AccountEvent);

/// Runs an account's hook. Queue and task are created for the first event: most accounts have no hook.
#[derive(Default)]
pub(super) struct Hooks(Option<mpsc::Sender<HookEvent>>);

impl Hooks {
    /// Never waits. `argv`: the account's hook, if it has one.
    pub(super) fn run(
        &mut self,
        argv: Option<&[String]>,
        event: AccountEvent,
        env: &Arc<CredentialEnv>,
        slots: &HookSlots,
    ) {
        let Some(argv) = argv else { return };
        let queue = self.0.get_or_insert_with(|| spawn(Arc::clone(env), Arc::clone(slots)));
        if let Err(full) = queue.try_send((argv.to_vec(), event)) {
            let (_, event) = full.into_inner();
            let kind = <&str>::from(event.event);
            tracing::warn!(account = %event.account, event = kind, "the hook is too slow: an event was skipped");
        }
    }
}

fn spawn(env: Arc<CredentialEnv>, slots: HookSlots) -> mpsc::Sender<HookEvent> {
    let (inbox, mut events) = mpsc::channel::<HookEvent>(QUEUE);
    tokio::spawn(async move {
        while let Some((argv, event)) = events.recv().await {
            // Never closed.
            let Ok(_slot) = slots.acquire().await else { return };
            let facts = VARIABLES.map(|Variable(name, _, value)| (name, value(&event)));
            let (account, kind) = (&event.account, <&str>::from(event.event));
            match credentials::run_hook(&argv, &env, facts).await {
                Ok(()) => tracing::info!(account, event = kind, "the hook ended (exit status: 0)"),
                Err(error) => tracing::warn!(account, event = kind, "the hook failed: {error}"),
            }
        }
    });
    inbox
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::{EventKind, VERSION};
    use crate::docs_test::{keep_current_in, table};

    const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/accounts.md");

    fn event(reason: Option<&str>) -> AccountEvent {
        let (id, account, reason) = (Some("0a-7".into()), "work".into(), reason.map(str::to_owned));
        AccountEvent { version: VERSION, id, event: EventKind::LoginNeeded, account, at: 70, reason }
    }

    #[test]
    fn the_docs_have_every_variable_and_the_limits() {
        let rows = VARIABLES.map(|Variable(name, text, _)| [format!("`{name}`"), text.to_owned()]);
        keep_current_in(DOCS, "hooks::VARIABLES", &table(["variable", "content"], rows));
        let docs = std::fs::read_to_string(DOCS).unwrap();
        let seconds = credentials::HOOK_TIME.as_secs();
        for limit in [format!("{AT_ONCE} hooks"), format!("{QUEUE} events"), format!("{seconds} seconds")] {
            assert!(docs.contains(&limit), "docs/accounts.md does not say {limit:?}");
        }
    }

    #[test]
    fn a_hook_gets_what_happened_and_nothing_that_breaks_its_environment() {
        let values = |reason| VARIABLES.map(|Variable(_, _, value)| value(&event(reason)));
        assert_eq!(values(None), ["login_needed", "0a-7", "work", "", "70"]);
        assert_eq!(values(Some("a\0b\n\u{202e}c"))[3], "abc");
    }

    #[tokio::test]
    async fn no_more_hooks_run_at_once_than_there_are_slots() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let script = format!(
            "echo >>{}; until [ -e {} ]; do sleep 0.02; done; echo >>{}",
            path("begun"),
            path("go"),
            path("done")
        );
        let argv = ["/bin/sh", "-c", &script].map(str::to_owned);
        let lines = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default().lines().count();
        let (slots, env) = (slots(), Arc::new(CredentialEnv::from_process()));
        let mut all: Vec<Hooks> = (0..AT_ONCE + 2).map(|_| Hooks::default()).collect();
        for hooks in &mut all {
            hooks.run(Some(&argv), event(None), &env, &slots);
        }
        let until = async |name: &str, count| {
            while lines(name) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        until("begun", AT_ONCE).await;
        assert_eq!((lines("begun"), slots.available_permits()), (AT_ONCE, 0));
        std::fs::File::create(path("go")).unwrap();
        until("done", AT_ONCE + 2).await;
    }
}
