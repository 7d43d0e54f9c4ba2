//! Messages that any command can have.

use super::table::messages;

messages! {
    no_async_runtime(error) Internal
        "the async runtime can't be started: {error}",
        "Close other programs, or raise the limit of processes (`ulimit -u`), and try again.",
        "the system has no threads or memory left";
    no_signals(error) Internal
        "signals can't be caught: {error}",
        "Raise the limit of open files (`ulimit -n`), and try again.",
        "the system has no descriptors left";
    log_filter(why) Usage
        "{why}",
        "Give a level such as `--log debug`, or a filter such as `--log info,ringback::http=debug`.",
        "`--log` or `RINGBACK_LOG` is not a valid filter";
    output_unwritable(error) Internal
        "standard output can't be written: {error}",
        "Check where it is redirected: the disk may be full, or the pipe closed.",
        "a full disk";
    no_child_of_process_1(error) Internal
        "the daemon can't be started as a child of process 1: {error}",
        "Raise the container's limits of processes and open files, or use another process 1 (`docker run --init`).",
        "`ringback serve` in a container that has no processes or descriptors left";
    unserializable(error) Internal
        "{error}",
        "Report this, with the command that you ran.",
        "a mistake in ringback";
    homeless(error) Usage
        "{error}",
        "Set HOME or XDG_STATE_HOME.",
        "an environment without HOME: there is no place for the state folder";
}
