"""A temporary folder for a run, and the programs that run in it."""

import os
import pathlib
import subprocess
import sys
import time

# Seconds that a program may take until it listens.
READY = 20


class World:
    """A temporary folder, an environment without the user's own files, and the programs that run in it."""

    def __init__(self, folder, ringback, tools):
        self.folder, self.ringback, self.tools = folder, ringback, tools
        self.children = []
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "BROWSER": "/bin/false", "NO_COLOR": "1", "TMPDIR": str(folder)}
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "OIDC_CONFIG_DIR"]:
            self.env[name] = str(folder / name.lower())
            os.mkdir(self.env[name], 0o700)
        self.socket = pathlib.Path(self.env["XDG_RUNTIME_DIR"]) / "ringback/ringback.sock"
        self.log = folder / "log"

    def log_end(self):
        return self.log.read_text(errors="replace")[-800:]

    def tool(self, name):
        return str(self.tools / name)

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def start(self, command, line=False, env=None):
        """Starts a program that stays. With `line`, waits for its first line, which is returned too."""
        with open(self.log, "ab") as log:
            output = subprocess.PIPE if line else log
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, env=self.env | (env or {}))
        self.children.append(child)
        return (child, child.stdout.readline().decode().strip()) if line else child

    def wait_for(self, path, child):
        """Waits until a program that was started has made its socket."""
        deadline = time.monotonic() + READY
        while not os.path.exists(path):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{child.args[0]} is not ready: {self.log_end()}")
            time.sleep(0.02)

    def run(self, command, limit=60, env=None, text=""):
        """Runs a program to its end, and returns what it printed."""
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=limit, env=self.env | (env or {}))
        if done.returncode != 0:
            sys.exit(f"{' '.join(command[:3])}: exit code {done.returncode}: {done.stderr[-800:]}")
        return done.stdout

    def stop(self, child):
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout:
            child.stdout.close()
        self.children.remove(child)

    def close(self):
        for child in list(self.children):
            self.stop(child)


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
