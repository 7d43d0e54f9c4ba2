//! Process hardening: no core dump and no debugger. What children get to see is decided in `child_env`.
//!
//! `no_new_privs` is not set here: a password manager or a browser that it starts may need a setuid helper.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Protects the memory of the process: no core dump, and nobody but root can attach to it or read `/proc/PID/mem` and
/// `environ`. Call it before anything secret is read. If the system refuses, that is logged, and the process goes on
/// with the protection that any other program has.
///
/// For the daemon, and for commands that read the store without a daemon. Clients must not call it: the daemon
/// identifies its callers by `/proc/PID/exe`, which a protected process does not show.
pub(crate) fn close_memory() {
    // Both limits, so that nothing raises it again. A core handler that is a pipe ignores this limit, but not the next
    // setting.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be disabled");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the memory could not be protected from other programs of this user");
    }
}
