"""Runs a program at a new terminal, types one line of our standard input for each of its questions, and prints the
result as JSON: {"code", "output", "echo": {"asked", "after"}}, where `echo` says whether the terminal shows typed text
at a question and afterwards. Ends after LIMIT seconds, whatever the program does.

    echo 'the line' | terminal.py PROGRAM ARGUMENT...
"""
import fcntl, json, os, pty, select, subprocess, sys, termios, time

LIMIT = 20
lines = sys.stdin.buffer.readlines()
ours, theirs = pty.openpty()
program = subprocess.Popen(
    sys.argv[1:], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # makes /dev/tty this terminal, too
)


def shows():
    return bool(termios.tcgetattr(theirs)[3] & termios.ECHO)


def there_is_more(wait):
    return bool(select.select([ours], [], [], wait)[0])


deadline, output, answered, echo = time.monotonic() + LIMIT, b"", 0, {}
while program.poll() is None:
    if time.monotonic() > deadline:
        program.kill()
    if there_is_more(0.05):
        output += os.read(ours, 4096)
    # A question is a line without a line end.
    if lines and output[answered:].rstrip(b" ").endswith(b":"):
        echo["asked"] = echo.get("asked", False) or shows()
        answered = len(output)
        os.write(ours, lines.pop(0))
while there_is_more(0.1):
    output += os.read(ours, 4096)
echo["after"] = shows()
print(json.dumps({"code": program.returncode, "output": output.decode(errors="replace"), "echo": echo}))
