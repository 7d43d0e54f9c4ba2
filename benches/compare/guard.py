"""A guard against decay: fails if ringback costs over a tenth more than `guard.json` says. `guard` calls this.

Counted are instructions, which do not depend on how busy the machine is: of one cached `GET /token` over TCP with a key,
and of `ringback token`, start and exit included. And two sizes: the binary, and the memory of an idle daemon.
The record holds for one compiler. With another one the numbers are printed and nothing fails.
"""

import argparse
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import provider
from compared import configure, key_line, log_in, serve
from world import World

RECORD = pathlib.Path(__file__).resolve().parent / "guard.json"
# How much more than the record is a failure.
MARGIN = 1.10
# Requests that are counted, and those before, so that everything that is set up once is there.
COUNTED, BEFORE = 2000, 200
# After this many seconds a daemon has done what it does after its start.
SETTLED = 2


def callgrind(out):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]


def collected(out):
    """The instructions that callgrind counted; it writes them when the program ends."""
    return int(re.search(r"^(?:summary|totals): (\d+)", pathlib.Path(out).read_text(), re.M)[1])


def fetch(address, key, times):
    """The same connection each time."""
    name, value = key.split(": ")
    connection = http.client.HTTPConnection(address, timeout=60)
    for _ in range(times):
        connection.request("GET", "/token", headers={name: value})
        reply = connection.getresponse()
        if reply.status != 200 or provider.TOKEN.encode() not in reply.read():
            sys.exit(f"GET /token: {reply.status}")
    connection.close()


def served(world, address, times):
    """The instructions of a daemon that answers so many requests."""
    out = world.folder / "callgrind.serve"
    daemon = serve(world, under=callgrind(out))
    fetch(address, key_line(world), times)
    world.stop(daemon)
    return collected(out)


def memory(daemon):
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def measure(ringback):
    with tempfile.TemporaryDirectory() as folder:
        world = World(pathlib.Path(folder), ringback, None)
        try:
            issuer, _, address = configure(world)
            daemon = serve(world)
            log_in(world)
            world.stop(issuer)
            out = world.folder / "callgrind.token"
            world.run([*callgrind(out), ringback, "token"])
            command = collected(out)
            world.stop(daemon)
            daemon = serve(world)
            fetch(address, key_line(world), 1)
            time.sleep(SETTLED)
            idle = memory(daemon)
            world.stop(daemon)
            less, more = (served(world, address, times) for times in [BEFORE, BEFORE + COUNTED])
        finally:
            world.close()
    return {
        "instructions of a cached GET /token": (more - less) // COUNTED,
        "instructions of ringback token": command,
        "bytes of the binary": pathlib.Path(ringback).stat().st_size,
        "KiB of memory when idle": idle,
    }


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--ringback", required=True)
    options.add_argument("--write", action="store_true", help="make these numbers the record")
    args = options.parse_args()
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found = measure(args.ringback)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"compiler": None, "record": {}}
    if args.write:
        RECORD.write_text(json.dumps({"compiler": compiler, "record": found}, indent=2) + "\n")
    failed = False
    for what, number in found.items():
        allowed = record["record"].get(what)
        worse = allowed is not None and number > allowed * MARGIN
        failed |= worse
        print(f"{'not ok' if worse else 'ok'} - {what}: {number}, the record is {allowed}")
    if record["compiler"] != compiler:
        print(f"The record was made with {record['compiler']} and not with {compiler}: nothing fails.")
    elif failed and not args.write:
        sys.exit("If this is meant, make a new record in the same commit: benches/compare/guard --write")


if __name__ == "__main__":
    main()
