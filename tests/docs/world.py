"""Where the blocks of one page are run: an empty home, the program on PATH, and stand-ins for browser and person."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time
from pathlib import Path

from blocks import ROOT, Mistake, Setup

HERE = Path(__file__).resolve().parent
BASH = ["bash", "-e", "-u", "-o", "pipefail", "-c"]
# A limit for a busy machine, not the expected time.
PATIENCE = 90
# A setup ends with this where something that the page needs does not exist.
SKIP = 77


class Skipped(Exception):
    """The page needs something that does not exist here."""


class World:
    def __init__(self, program):
        self.folder = Path(tempfile.mkdtemp(prefix="rb-docs-"))
        self.home = self.folder / "home"
        self.running = []
        self.configs = 0
        tools = self.home / ".cargo/bin"
        tools.mkdir(parents=True)
        shutil.copy(program, tools / "ringback")
        # Otherwise a reply with an error would be a success of curl's.
        (self.home / ".curlrc").write_text("fail\n")
        (self.folder / "run").mkdir(mode=0o700)
        # BROWSER says that there is a browser, without a desktop and its clipboard. What is run is bin/xdg-open.
        self.env = {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "PATH": f"{tools}:{HERE}/bin:/usr/local/bin:/usr/bin:/bin",
            "BROWSER": "xdg-open",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "REPOSITORY": str(ROOT),
        }

    def run(self, step):
        """Runs a step of the page, or raises a Mistake that says what happened instead of what the page says."""
        if isinstance(step, Setup):
            return self.set_up(step)
        if step.until:
            return self.keep_running(step)
        {"sh": self.script, "console": self.console, "python": self.python, "toml": self.config}[step.language](step)

    def set_up(self, step):
        code, output = self.call([*BASH, f". {HERE}/setup.sh\n{step.text}"])
        if code == SKIP:
            raise Skipped(f"line {step.line}")
        expect(code, output)

    def script(self, block):
        person = Person(block.person, self.env) if block.person else None
        expect(*self.call([*BASH, block.text], person), wanted=block.exit)

    def console(self, block):
        commands = block.commands()
        for number, (command, printed) in enumerate(commands):
            person = Person(block.person, self.env) if block.person else None
            code, output = self.call([*BASH, command], person)
            expect(code, output, wanted=block.exit if number + 1 == len(commands) else 0)
            if not matches(printed, output):
                raise Mistake(f"`{command}` does not print what the page says, but:\n{output}")

    def python(self, block):
        expect(*self.call(["python3", "-c", block.text]))

    def config(self, block):
        """Checks a config. The files with secrets that it names are there, as on a machine that uses it."""
        self.configs += 1
        folder = self.home / f".config/ringback-{self.configs}"
        folder.mkdir(parents=True)
        for name in re.findall(r'_file = "([^"]+)"', block.text):
            secret = folder / name.replace("~", str(self.home), 1)
            secret.parent.mkdir(parents=True, exist_ok=True)
            secret.write_text("practice-secret\n")
            secret.chmod(0o600)
        file = folder / "config.toml"
        file.write_text(block.text)
        file.chmod(0o600)
        expect(*self.call(["ringback", "config", "check", "--config", str(file)]))

    def keep_running(self, block):
        log = self.folder / f"line-{block.line}"
        with log.open("wb") as output:
            process = self.start([*BASH, block.text], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.running.append((block.line, process, log))
        wait_for(lambda: block.until in log.read_text() or process.poll() is not None)
        if block.until not in log.read_text():
            raise Mistake(f"it did not print `{block.until}`, but:\n{log.read_text()}")

    def end(self):
        """Ends what runs still, as Ctrl-C does. What ended by itself must have ended well."""
        wrong = []
        for line, process, log in reversed(self.running):
            early = process.poll()
            if early is None:
                os.killpg(process.pid, signal.SIGINT)
                wait_for(lambda: process.poll() is not None)
            if process.poll() is None or early not in (None, 0):
                wrong.append(f"line {line}: it did not run to the end of the page, or does not end:\n{log.read_text()}")
        return wrong

    # --- processes -----------------------------------------------------------------------------------------------

    def start(self, command, **options):
        return subprocess.Popen(command, env=self.env, cwd=self.home, start_new_session=True, **options)

    def call(self, command, person=None):
        """Exit code and output. The output goes to a file, since a pipe may be held open by what the command left behind."""
        if person:
            return person.watch(self, command)
        with tempfile.TemporaryFile() as output:
            process = self.start(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            wait_for(lambda: process.poll() is not None, process)
            output.seek(0)
            text = output.read().decode(errors="replace")
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            raise Mistake(f"it does not end; it printed:\n{text}")
        return process.returncode, text


class Person:
    """Somebody at a terminal. For each pair, waits until the text is shown, and then types a line, or
    `{open}`      opens the last URL on the screen in a browser of this machine, and logs in there
    `{address}`   does so on another machine, and types the address where that browser ended up"""

    def __init__(self, pairs, env):
        self.pairs, self.env, self.screen, self.read = list(pairs), env, "", 0

    def watch(self, world, command):
        ours, theirs = pty.openpty()
        process = world.start(
            command, stdin=theirs, stdout=theirs, stderr=theirs,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # makes /dev/tty this terminal, too
        )
        os.close(theirs)
        deadline = time.monotonic() + PATIENCE
        while self.see(ours):
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
            if self.pairs and self.pairs[0][0] in self.screen[self.read:]:
                shown, typed = self.pairs.pop(0)
                self.read = self.screen.index(shown, self.read) + len(shown)
                os.write(ours, self.act(typed))
        code = process.wait()
        os.close(ours)
        if self.pairs:
            raise Mistake(f"`{self.pairs[0][0]}` was not shown, but:\n{self.screen}")
        return code, self.screen

    def see(self, terminal):
        """Reads what has come meanwhile; False once every process has closed the terminal."""
        if not select.select([terminal], [], [], 0.05)[0]:
            return True
        try:
            came = os.read(terminal, 65536)
        except OSError:
            return False
        self.screen += came.decode(errors="replace").replace("\r\n", "\n")
        return bool(came)

    def act(self, typed):
        if typed not in ("{open}", "{address}"):
            return f"{typed}\n".encode()
        url = re.findall(r"https?://\S+", self.screen)[-1]
        options = ["--address"] if typed == "{address}" else []
        went = subprocess.run(["xdg-open", *options, url], env=self.env, capture_output=True, timeout=PATIENCE)
        if went.returncode != 0:
            raise Mistake(f"the browser failed: {went.stderr.decode()}")
        return went.stdout


def wait_for(condition, process=None):
    """Waits until the condition holds, but not for ever."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        if process is None:
            time.sleep(0.05)
            continue
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            pass


def expect(code, output, wanted=0):
    if code != wanted:
        raise Mistake(f"exit code {code} instead of {wanted}:\n{output}")


def matches(printed, output):
    """Whether a command printed what the page shows, up to numbers, `...` and the width of columns."""
    lines = []
    for line in printed:
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
            continue
        parts = re.split(r"(\.\.\.|\d+| +)", line.strip())
        wild = {"...": ".*?", " ": " +", "0": r"\d+"}
        kinds = [part if part == "..." else " " if part.isspace() else "0" if part.isdigit() else None for part in parts]
        lines.append(" *" + "".join(wild.get(kind) or re.escape(part) for kind, part in zip(kinds, parts)) + " *\n")
    text = output if not output or output.endswith("\n") else output + "\n"
    return re.fullmatch("".join(lines), text) is not None
