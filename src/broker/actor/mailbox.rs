//! Mailbox of an account's task (actor model): a bounded queue of commands, and the account's newest config. tokio's
//! channels allocate room for 32 commands at once, which would be most of what an idle account takes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Commands that may wait for the task. When the mailbox is full, somebody has asked already.
const CAPACITY: usize = 64;

/// The mailbox of one account: the end that sends to it, and the end of its task.
pub(super) fn mailbox<Command, Config>() -> (MailboxSender<Command, Config>, MailboxReceiver<Command, Config>) {
    let shared = Arc::new(Mailbox { content: Mutex::default(), arrived: Notify::new(), taken: Notify::new() });
    (MailboxSender(Arc::clone(&shared)), MailboxReceiver(shared))
}

struct Mailbox<Command, Config> {
    content: Mutex<Content<Command, Config>>,
    /// For the task: something arrived, or the sender is gone.
    arrived: Notify,
    /// For those who send: there is room again, or the task has ended.
    taken: Notify,
}

struct Content<Command, Config> {
    commands: VecDeque<Command>,
    config: Option<Config>,
    is_abandoned: bool,
    is_closed: bool,
}

impl<Command, Config> Default for Content<Command, Config> {
    fn default() -> Self {
        Self { commands: VecDeque::new(), config: None, is_abandoned: false, is_closed: false }
    }
}

/// What the task receives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received<Command, Config> {
    Command(Command),
    /// A new config, before any command that is older or newer.
    Config(Config),
    /// There will be no more.
    Abandoned,
}

/// Why a command was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::broker) enum Undelivered {
    Full,
    /// The task has ended.
    Closed,
}

/// Sends to an account's task. The task ends when it is dropped.
pub(in crate::broker) struct MailboxSender<Command, Config>(Arc<Mailbox<Command, Config>>);

impl<Command, Config> MailboxSender<Command, Config> {
    /// Waits for room. The error: the task has ended.
    pub(in crate::broker) async fn send(&self, command: Command) -> Result<(), Undelivered> {
        let mut command = command;
        loop {
            // Before the look: it receives what is notified from here on.
            let taken = self.0.taken.notified();
            match self.0.push(command) {
                Ok(()) => return Ok(()),
                Err((Undelivered::Closed, _)) => return Err(Undelivered::Closed),
                Err((Undelivered::Full, back)) => command = back,
            }
            taken.await;
        }
    }

    /// Does not wait for room.
    pub(in crate::broker) fn try_send(&self, command: Command) -> Result<(), Undelivered> {
        self.0.push(command).map_err(|(why, _)| why)
    }

    /// Replaces the config. Never waits.
    pub(in crate::broker) fn configure(&self, config: Config) {
        self.0.content().config = Some(config);
        self.0.arrived.notify_one();
    }

    /// Whether the task has ended.
    pub(in crate::broker) fn is_closed(&self) -> bool {
        self.0.content().is_closed
    }

    /// Waits until the task has ended.
    pub(in crate::broker) async fn closed(&self) {
        loop {
            let taken = self.0.taken.notified();
            if self.is_closed() {
                return;
            }
            taken.await;
        }
    }
}

impl<Command, Config> Drop for MailboxSender<Command, Config> {
    fn drop(&mut self) {
        self.0.content().is_abandoned = true;
        self.0.arrived.notify_one();
    }
}

/// The task's end. Senders are refused once it is dropped.
pub(super) struct MailboxReceiver<Command, Config>(Arc<Mailbox<Command, Config>>);

impl<Command, Config> MailboxReceiver<Command, Config> {
    /// What arrived next. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Received<Command, Config> {
        loop {
            if let Some(received) = self.0.take() {
                return received;
            }
            self.0.arrived.notified().await;
        }
    }
}

impl<Command, Config> Drop for MailboxReceiver<Command, Config> {
    fn drop(&mut self) {
        let unread = {
            let mut content = self.0.content();
            content.is_closed = true;
            std::mem::take(&mut content.commands)
        };
        // Whoever waits for an answer to one of them learns that there is none.
        drop(unread);
        self.0.taken.notify_waiters();
    }
}

impl<Command, Config> Mailbox<Command, Config> {
    fn content(&self) -> MutexGuard<'_, Content<Command, Config>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, command: Command) -> Result<(), (Undelivered, Command)> {
        let mut content = self.content();
        if content.is_closed {
            return Err((Undelivered::Closed, command));
        }
        if content.commands.len() >= CAPACITY {
            return Err((Undelivered::Full, command));
        }
        content.commands.push_back(command);
        drop(content);
        self.arrived.notify_one();
        Ok(())
    }

    fn take(&self) -> Option<Received<Command, Config>> {
        let mut content = self.content();
        if let Some(config) = content.config.take() {
            return Some(Received::Config(config));
        }
        let was_full = content.commands.len() >= CAPACITY;
        let Some(command) = content.commands.pop_front() else {
            return content.is_abandoned.then_some(Received::Abandoned);
        };
        if content.commands.is_empty() {
            // Most accounts are idle most of the time.
            content.commands = VecDeque::new();
        }
        drop(content);
        if was_full {
            self.taken.notify_waiters();
        }
        Some(Received::Command(command))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn commands_arrive_in_order_and_the_newest_config_before_them() {
        let (sender, mut receiver) = mailbox();
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        sender.configure("old");
        sender.configure("new");
        assert_eq!(receiver.recv().await, Received::Config("new"));
        assert_eq!(receiver.recv().await, Received::Command(1));
        drop(sender);
        assert_eq!(receiver.recv().await, Received::Command(2));
        assert_eq!(receiver.recv().await, Received::Abandoned);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_mailbox_is_waited_for_and_a_closed_one_is_not() {
        let (sender, mut receiver) = mailbox::<usize, ()>();
        for n in 0..CAPACITY {
            sender.try_send(n).unwrap();
        }
        assert_eq!(sender.try_send(CAPACITY), Err(Undelivered::Full));
        let reader = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            receiver.recv().await
        };
        let (sent, first) = tokio::join!(sender.send(CAPACITY), reader);
        assert_eq!((sent, first), (Ok(()), Received::Command(0)));
        let end = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(receiver);
        };
        let (sent, (), ()) = tokio::join!(sender.send(0), sender.closed(), end);
        assert_eq!(sent, Err(Undelivered::Closed));
        assert!(sender.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_read_is_dropped_with_the_task() {
        let (sender, receiver) = mailbox::<_, ()>();
        let (done, answer) = tokio::sync::oneshot::channel::<()>();
        sender.try_send(done).unwrap();
        drop(receiver);
        assert!(answer.await.is_err());
    }
}
