//! Messages of `sandbox` and `demo`.

use super::table::messages;

messages! {
    sandbox_port(port, error) Usage
        "the sandbox can't start on port {port}: {error}",
        "Choose another `--port`; 0 picks a free one.",
        "another program listens there";
    sandbox_stopped(error) Internal
        "the sandbox stopped: {error}",
        "Start it again.",
        "its socket failed";
    demo_unprepared(what, error) Internal
        "{what}: {error}",
        "Check that the temporary folder (`TMPDIR`) has space and that loopback works.",
        "`demo`: no space, or no loopback";
    demo_failed(what) Internal
        "{what}",
        "Check the logs above.",
        "`demo`: the sandbox or the daemon failed";
    demo_surprised(what) Internal
        "{what}",
        "Report this, with the logs above.",
        "`demo`: a mistake in ringback";
}
