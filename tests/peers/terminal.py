"""Runs a program at a terminal of its own, types one line from our standard input when it is asked for, and prints as
JSON how that went: {"code", "output", "echo": {"asked", "after"}}, where `echo` says whether the terminal shows what is
typed. Ends after LIMIT seconds, whatever the program does.

    echo 'the line' | terminal.py PROGRAM ARGUMENT...
"""
import fcntl, json, os, pty, select, subprocess, sys, termios, time

LIMIT = 20
line = sys.stdin.buffer.readline()
ours, theirs = pty.openpty()
program = subprocess.Popen(
    sys.argv[1:], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that /dev/tty is this terminal, too
)


def shows():
    return bool(termios.tcgetattr(theirs)[3] & termios.ECHO)


def there_is_more(wait):
    return bool(select.select([ours], [], [], wait)[0])


deadline, output, echo = time.monotonic() + LIMIT, b"", {}
while program.poll() is None:
    if time.monotonic() > deadline:
        program.kill()
    if there_is_more(0.05):
        output += os.read(ours, 4096)
    # A question is a line that doesn't end.
    if "asked" not in echo and output.rstrip(b" ").endswith(b":"):
        echo["asked"] = shows()
        os.write(ours, line)
while there_is_more(0.1):
    output += os.read(ours, 4096)
echo["after"] = shows()
print(json.dumps({"code": program.returncode, "output": output.decode(errors="replace"), "echo": echo}))
