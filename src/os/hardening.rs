//! What the rest of the machine may see of this process: no core dump, no debugger, and nothing that its
//! children need not know ([`children`]).
//!
//! `no_new_privs` is not set here: a password manager or a browser that it starts may need a setuid helper.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Closes the daemon's memory: no core dump, and nobody but root attaches to it or reads `/proc/PID/mem`
/// and `environ`. To be called before anything secret is read. What the system refuses is logged, and the
/// daemon goes on: it keeps its secrets as any other program does.
///
/// For the daemon, and for commands that read the store without one. It looks up who asks by `/proc/PID/exe`, which a closed process would not show.
pub(crate) fn close_memory() {
    // Both limits, so that nothing raises it again. A core handler that is a pipe ignores this limit and
    // minds the next.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be disabled");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the memory could not be protected from other programs of this user");
    }
}
