//! Reports that a file in a folder was removed, or the folder itself (`inotify(7)`).

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

/// The polling interval if the system does not report removals.
const UNTOLD: Duration = Duration::from_secs(10);

/// Watches folders for removals.
pub(crate) struct FolderWatch {
    system: system::Watch,
    heard: watch::Receiver<()>,
}

impl FolderWatch {
    /// Watches nothing yet.
    pub(crate) fn new() -> Self {
        let (bell, heard) = watch::channel(());
        Self { system: system::Watch::new(bell), heard }
    }

    /// Watches these folders from now on, besides those that it watches already. For a folder that does not exist,
    /// nothing is reported.
    pub(crate) fn watch<'a>(&mut self, folders: impl Iterator<Item = &'a Path>) {
        self.heard.mark_unchanged();
        folders.for_each(|folder| self.system.add(folder));
    }

    /// Waits for a removal, or for some seconds if the system does not report them.
    pub(crate) async fn changed(&mut self) {
        if self.heard.changed().await.is_err() {
            tokio::time::sleep(UNTOLD).await;
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::Arc;

    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use tokio::sync::watch;

    pub(super) struct Watch {
        inotify: Option<Arc<OwnedFd>>,
    }

    impl Watch {
        /// Uses a thread and not a task: tokio's way to wait for a foreign file descriptor needs `unsafe`. The thread
        /// sleeps in the kernel.
        pub(super) fn new(bell: watch::Sender<()>) -> Self {
            let inotify = init(CreateFlags::CLOEXEC).ok().map(Arc::new);
            if let Some(inotify) = inotify.clone() {
                let hear = move || {
                    // The content of the event does not matter.
                    while rustix::io::read(&inotify, &mut [0_u8; 4096]).is_ok() {
                        bell.send_replace(());
                    }
                };
                // Without a thread, `bell` is dropped, which its receiver notices.
                _ = std::thread::Builder::new().name("announced".into()).stack_size(64 * 1024).spawn(hear);
            }
            Self { inotify }
        }

        pub(super) fn add(&self, folder: &Path) {
            let gone = WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
            if let Some(inotify) = &self.inotify {
                _ = add_watch(inotify, folder, gone | WatchFlags::ONLYDIR);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use tokio::sync::watch;

    pub(super) struct Watch;

    impl Watch {
        /// Drops the sender, which its receiver notices.
        pub(super) fn new(_: watch::Sender<()>) -> Self {
            Self
        }

        pub(super) fn add(&self, _: &Path) {}
    }
}
