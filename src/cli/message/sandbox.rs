//! Messages of `sandbox` and `demo`.

use super::table::messages;

messages! {
    sandbox_port(port, error) Usage
        "the sandbox can't start on port {port}: {error}",
        "Choose another `--port`; 0 takes any free one.",
        "another program listens there";
    sandbox_stopped(error) Internal
        "the sandbox stopped: {error}",
        "Start it again.",
        "the system took its socket away";
    demo_unprepared(what, error) Internal
        "{what}: {error}",
        "Check that the temporary folder (`TMPDIR`) has room and that loopback can be used.",
        "`demo`: no room, or no loopback";
    demo_failed(what) Internal
        "{what}",
        "Look at the logs above.",
        "`demo`: the sandbox or the daemon did not do what it should";
    demo_surprised(what) Internal
        "{what}",
        "Report this, with the logs above.",
        "`demo`: a mistake in ringback";
}
