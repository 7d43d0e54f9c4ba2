"""Prints the functions of a ringback with symbols that a start, a login and requests call, in the order of their first call.

The linker places them side by side (.ci/dist), so that a daemon and `ringback token` touch fewer pages of the program.
"""

import argparse
import pathlib
import tempfile

from compared import configure, key_line, log_in, serve
from guard import callgrind, fetch
from world import World

REQUESTS = 100


def traced(out):
    """Names as the linker has them, each in full."""
    return [*callgrind(out), "--demangle=no", "--compress-strings=no"]


def functions(out, program):
    """The program's own functions in callgrind's file."""
    own = False
    for line in pathlib.Path(out).read_text().splitlines():
        if line.startswith("ob="):
            own = line == f"ob={program}"
        elif own and line.startswith("fn=_"):
            # callgrind numbers the levels of a recursion: NAME'2.
            yield line.removeprefix("fn=").partition("'")[0]


def trace(world):
    """The files that callgrind wrote: first what is called most often."""
    command, restored, first = (world.folder / f"callgrind.{name}" for name in ["token", "restored", "first"])
    _, _, address = configure(world)
    daemon = serve(world, under=traced(first))
    log_in(world)
    fetch(address, key_line(world), REQUESTS)
    for what in ["refresh", "status"]:
        world.run([world.ringback, what])
    world.stop(daemon)
    daemon = serve(world, under=traced(restored))
    fetch(address, key_line(world), REQUESTS)
    world.run([*traced(command), world.ringback, "token"])
    world.stop(daemon)
    return [command, restored, first]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--ringback", required=True)
    program = options.parse_args().ringback
    with tempfile.TemporaryDirectory() as folder:
        world = World(pathlib.Path(folder), program, None)
        try:
            found = [name for out in trace(world) for name in functions(out, program)]
        finally:
            world.close()
    print(*dict.fromkeys(found), sep="\n")


if __name__ == "__main__":
    main()
