//! Locked memory: kept out of swap if the system lets this user lock it (`mlock(2)`, `RLIMIT_MEMLOCK`), and wiped when
//! dropped.

use std::sync::Once;

use zeroize::Zeroize as _;

/// In bytes: a whole number of pages on every system that ringback is built for (4 KiB, and 16 on a Mac).
pub(crate) const PAGE: usize = 16 * 1024;

/// `N` bytes at one address for their whole lifetime.
pub(crate) struct LockedBytes<const N: usize> {
    /// The first field, since fields are dropped in this order: the page has to exist while it is unlocked.
    _locked: Option<region::LockGuard>,
    page: Box<LockedPage>,
}

/// A page with nothing else on it: memory is locked by the page, and one unlock undoes the locks of all others on it.
#[repr(align(16384))]
struct LockedPage([u8; PAGE]);

impl<const N: usize> LockedBytes<N> {
    /// Zeros. If they can't be locked, that is logged once, and they are used nevertheless.
    pub(crate) fn new() -> Self {
        const { assert!(N <= PAGE) };
        let page = Box::new(LockedPage([0; PAGE]));
        let locked = region::lock(&raw const *page, PAGE);
        if let Err(error) = &locked {
            static TOLD: Once = Once::new();
            TOLD.call_once(|| tracing::info!(%error, "the store's key can't be kept out of swap: see RLIMIT_MEMLOCK"));
        }
        Self { _locked: locked.ok(), page }
    }

    pub(crate) fn get(&self) -> &[u8; N] {
        let LockedPage(bytes) = &*self.page;
        let Some((bytes, _)) = bytes.split_first_chunk() else { unreachable!("it fits a page") };
        bytes
    }

    pub(crate) fn get_mut(&mut self) -> &mut [u8; N] {
        let LockedPage(bytes) = &mut *self.page;
        let Some((bytes, _)) = bytes.split_first_chunk_mut() else { unreachable!("it fits a page") };
        bytes
    }
}

impl<const N: usize> Drop for LockedBytes<N> {
    fn drop(&mut self) {
        self.get_mut().zeroize();
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Kilobytes of this process that can't be swapped out.
    fn locked() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// In a process of its own: other tests in this one lock memory, too.
    #[test]
    fn bytes_lie_in_locked_memory_until_their_last_holder_is_gone() {
        const CHILD: &str = "RINGBACK_TEST_LOCKED";
        if std::env::var_os(CHILD).is_none() {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args([
                "--exact",
                "os::locked_memory::tests::bytes_lie_in_locked_memory_until_their_last_holder_is_gone",
            ]);
            let output = child.env(CHILD, "1").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
        let page = if allowed.is_none_or(|bytes| bytes >= 2 * PAGE as u64) { PAGE as u64 / 1024 } else { 0 };
        let filled = |with| {
            let mut bytes = LockedBytes::<32>::new();
            bytes.get_mut().fill(with);
            Arc::new(bytes)
        };
        assert_eq!(locked(), 0);
        let one = filled(1);
        let clone = one.clone();
        assert_eq!((locked(), std::ptr::eq(one.get(), clone.get())), (page, true));
        let two = filled(7);
        drop(one);
        assert_eq!(locked(), 2 * page);
        drop(clone);
        assert_eq!(locked(), page, "the end of one does not unlock another's page");
        drop(two);
        assert_eq!(locked(), 0);
        // If nothing may be locked, the bytes can be used nevertheless.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Memlock, none).unwrap();
        assert_eq!(filled(7).get(), &[7; 32]);
    }
}
