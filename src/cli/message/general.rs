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
    arguments(why) Usage
        "{why}",
        "Run it with `--help`.",
        "with `--json`: arguments that the command does not have";
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
    no_such_page(name) Usage
        "there is no man page `{name}`",
        "`ringback man` prints the overview, which lists the pages.",
        "`man` with a name that is none of its pages; if one is similar, the hint asks whether that was meant";
    page_unwritable(path, error) Internal
        "the man page {path} can't be written: {error}",
        "Name a folder that you can write to.",
        "`man --dir` names a folder of somebody else, or the disk is full";
}
