#!/usr/bin/env python3
"""Completions in real shells, `status` at a terminal, and man pages in man and groff. Prints "ok - ..." or "not ok - ..." for each.

    RINGBACK_BIN=target/debug/ringback tests/peers/shells.py

A shell or a program that is not installed is a failure. The Tab key is pressed at a terminal: a program called
`ringback`, which stands before the real one, completes with it and otherwise prints the arguments that it got.
"""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = str(Path(os.environ.get("RINGBACK_BIN", "target/debug/ringback")).resolve())
HERE = Path(__file__).resolve().parent
# A limit for a machine that is busy, not an expectation.
PATIENCE = 60

CONFIG = """
[listen]
tcp = []
[accounts.work]
provider = "gitlab"
client_id = "i"
grant = "device_code"
scope = ["read"]
[accounts.home]
provider = "gitlab"
client_id = "i"
grant = "device_code"
scope = ["read"]
[providers.gitlab]
client_auth = "none"
"""

# What is typed, with the Tab key for each `\t`, and the arguments that come of it.
TYPED = [
    ("app rem\t", "[app][remove]"),
    ("status --verb\t", "[status][--verbose]"),
    ("completions nus\t", "[completions][nushell]"),
    ("config check --config ./fil\t", "[config][check][--config][./file.toml]"),
    ("provider show goog\t", "[provider][show][google]"),
    ("status wo\t", "[status][work]"),
    ("audit --account ho\t", "[audit][--account][home]"),
]
# The same with a daemon, which alone knows the apps.
WITH_DAEMON = [
    ("app rotate edi\t", "[app][rotate][editor]"),
    ("token ho\t", "[token][home]"),
]


class World:
    """Folders of its own, and the program that stands before the real one."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for name in ["bin", "config/ringback", "config/fish", "run", "state", "cache", "home", "work", "data"]:
            (self.folder / name).mkdir(parents=True, mode=0o700)
        config = self.folder / "config/ringback/config.toml"
        config.write_text(CONFIG)
        config.chmod(0o600)
        (self.folder / "work/file.toml").write_text("")
        program = self.folder / "bin/ringback"
        program.write_text(
            "#!/bin/sh\n"
            f'case $1 in __complete) exec "{BIN}" "$@" ;; esac\n'
            "printf 'GOT:'; printf '[%s]' \"$@\"; echo ';'\n"
        )
        program.chmod(0o755)
        self.env = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin",
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
        }

    def run(self, *arguments):
        return subprocess.run([BIN, *arguments], env=self.env, capture_output=True, text=True, timeout=PATIENCE)

    def script(self, shell):
        printed = self.run("completions", shell)
        assert printed.returncode == 0 and not printed.stderr, printed.stderr
        file = self.folder / f"completions.{shell}"
        file.write_text(printed.stdout)
        return file


def bash(world):
    rc = world.folder / "bashrc"
    rc.write_text(f"PS1='READY> '\nsource {world.script('bash')}\n")
    return [need("bash"), "--noprofile", "--rcfile", str(rc), "-i"]


def zsh(world):
    rc = world.folder / "home/.zshrc"
    rc.write_text(
        "autoload -Uz compinit && compinit -u -D\nPS1='READY> '\nunsetopt prompt_sp\n"
        f"source {world.script('zsh')}\n"
    )
    return [need("zsh"), "-d", "-i"]


def fish(world):
    rc = world.folder / "config/fish/config.fish"
    rc.write_text(
        "function fish_prompt; echo 'READY> '; end\nset -g fish_greeting\n"
        "set -g fish_autosuggestion_enabled 0\n" + f"source {world.script('fish')}\n"
    )
    return [need("fish"), "-i"]


def nushell(world):
    rc = world.folder / "config.nu"
    rc.write_text(
        "$env.config.show_banner = false\n$env.PROMPT_COMMAND = {|| 'READY' }\n$env.PROMPT_COMMAND_RIGHT = ''\n"
    )
    autoload = world.folder / "config/nushell/autoload"
    autoload.mkdir(parents=True)
    world.script("nushell").rename(autoload / "ringback.nu")
    env = world.folder / "env.nu"
    env.write_text("")
    return [nu(), "--config", str(rc), "--env-config", str(env)]


def nu():
    """Of npm's `nushell`, or installed."""
    for path in HERE.glob("node_modules/@nushell/*/bin/nu"):
        return str(path)
    return need("nu")


def need(program):
    path = shutil.which(program)
    assert path, f"{program} is not installed"
    return path


class Terminal:
    """A program at a terminal."""

    def __init__(self, command, world):
        self.screen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(world.folder / "work")
            os.execve(command[0], command, world.env)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self):
        """What has come meanwhile; False at the end. Answers what a terminal is asked."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        text = data.decode(errors="replace")
        for _ in range(text.count("\x1b[6n")):
            self.type("\x1b[1;1R")
        for _ in range(text.count("\x1b[c")):
            self.type("\x1b[?62c")
        self.screen += text
        return bool(data)

    def until(self, text):
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen:
            assert self.read() and time.monotonic() < deadline, f"no {text!r} in {self.screen!r}"
        seen, self.screen = self.screen.split(text, 1)
        return seen

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def complete(world, shell, typed):
    terminal = Terminal(shell(world), world)
    try:
        terminal.until("READY")
        for keys, arguments in typed:
            terminal.type(f"ringback {keys}")
            # The whole line is shown once it is complete; only then is Enter not taken for a part of the menu.
            last = arguments.rsplit("[", 1)[1].rstrip("]")
            begun = keys.rstrip("\t").rsplit(" ", 1)[1]
            terminal.until(last[len(begun):])
            terminal.type("\r")
            terminal.until("GOT:")
            got = terminal.until(";")
            assert got == arguments, f"{keys!r} gave {got}, not {arguments}"
    finally:
        terminal.close()


def own_folder():
    """Removed at the end, but for what a program that the shell left behind, such as fish's reader of man pages, still writes."""
    return tempfile.TemporaryDirectory(prefix="rb-shells-", ignore_cleanup_errors=True)


def without_daemon(shell):
    with own_folder() as folder:
        complete(World(folder), shell, TYPED)


class Daemon:
    """A daemon for a `with` block."""

    def __init__(self, world):
        self.world = world

    def __enter__(self):
        self.log = open(self.world.folder / "log", "w+")
        self.process = subprocess.Popen([BIN, "serve"], env=self.world.env, stderr=self.log)
        deadline = time.monotonic() + PATIENCE
        while self.world.run("app", "list").returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, Path(self.log.name).read_text()[-500:]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def with_daemon():
    with own_folder() as folder:
        world = World(folder)
        with Daemon(world):
            added = world.run("app", "add", "editor", "--all-accounts")
            assert added.returncode == 0, added.stderr
            complete(world, bash, WITH_DAEMON)


def colours():
    with own_folder() as folder:
        world = World(folder)
        with Daemon(world):
            for no_color, state in [("", "\x1b[1;31msigned out\x1b[0m"), ("1", "home  signed out  run")]:
                world.env["NO_COLOR"] = no_color
                terminal = Terminal([BIN, "status"], world)
                terminal.until(state)
                terminal.until("2 need you")
                terminal.close()
            world.env["NO_COLOR"] = ""
            assert "\x1b" not in world.run("status").stdout


def watch():
    with own_folder() as folder:
        world = World(folder)
        terminal = None
        try:
            with Daemon(world):
                terminal = Terminal([BIN, "status", "--watch"], world)
                terminal.until("2 need you")
                locked = world.run("lock")
                assert locked.returncode == 0, locked.stderr
                terminal.until("2 wait for the token store")
            terminal.until("The state has been unknown for ")
            terminal.until("Waiting for the daemon.")
            with Daemon(world):
                terminal.until("2 need you")
        finally:
            if terminal:
                terminal.close()


def man_pages():
    with own_folder() as folder:
        world = World(folder)
        written = world.run("man", "--dir", f"{folder}/man")
        assert written.returncode == 0, written.stderr
        pages = sorted(Path(folder, "man").glob("man*/*"))
        names = [page.name for page in pages]
        assert {"ringback.1", "ringback-app-add.1", "ringback.toml.5"} <= set(names) and len(pages) > 40, names
        for page in pages:
            for command in [
                [need("man"), "--warnings", "--local-file", str(page)],
                [need("groff"), "-man", "-ww", "-Kutf8", "-Tutf8", "-z", str(page)],
            ]:
                env = {**world.env, "MANWIDTH": "80"}
                shown = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
                assert shown.returncode == 0 and not shown.stderr, f"{page.name}: {shown.stderr}"
                if command[0].endswith("man"):
                    assert "NAME" in shown.stdout and "SEE ALSO" in shown.stdout, f"{page.name}: {shown.stdout}"


def main():
    tests = [(f"completions: {shell.__name__} completes commands, options, files and accounts", without_daemon, [shell])
             for shell in [bash, zsh, fish, nushell]]
    tests += [
        ("completions: with a daemon, its accounts and apps", with_daemon, []),
        ("status: it has colours at a terminal, unless NO_COLOR is set", colours, []),
        ("status: --watch shows changes, and says when the daemon is gone", watch, []),
        ("man: every page is without warnings in man and in groff", man_pages, []),
    ]
    wanted = sys.argv[1:]
    failed = False
    for name, test, arguments in tests:
        if wanted and not any(word in name for word in wanted):
            continue
        try:
            test(*arguments)
            print(f"ok - {name}", flush=True)
        except Exception as error:
            failed = True
            print(f"not ok - {name}: {error}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
