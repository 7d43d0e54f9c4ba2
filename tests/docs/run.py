#!/usr/bin/env python3
"""Runs the blocks of README.md and docs/*.md as somebody would who follows them, page by page and each page in order, in an
empty home and against the practice provider. blocks.py says how a page is marked.

    RINGBACK_BIN=target/debug/ringback tests/docs/run.py [PAGE...]

Each page has namespaces of its own: its ports are free, nothing beyond this machine can be reached, and all its processes
end with it. Stand-ins take the place of what can't be here: the browser and the person in front of it (bin/xdg-open), and
a password store (bin/pass). The rest is real, systemd included."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Lock

sys.dont_write_bytecode = True

import blocks
from blocks import ROOT, Block, Mistake
from world import Skipped, World

# Blocks that may be marked as not run, in all pages together.
MOST_NOT_RUN = 10
# Fewer that run mean that this test no longer finds them.
FEWEST_RUN = 65
README_LINES = 250
AT_A_TIME = 2
ONE_MANAGER = Lock()
# Seconds for a page: a limit, not the expected time.
LIMIT = 240


def shown(page):
    return str(page.relative_to(ROOT))


def check_texts(pages):
    """What is wrong with the pages without running anything."""
    wrong, run, not_run = [], 0, []
    for page in pages:
        try:
            found = [step for step in blocks.steps(page) if isinstance(step, Block)]
        except Mistake as mistake:
            wrong.append(f"{shown(page)}: {mistake}")
            continue
        run += sum(block.runs() for block in found)
        not_run += [f"{shown(page)}:{block.line}: {block.not_run}" for block in found if block.not_run]
        wrong += [f"{shown(page)}: the link {link} leads nowhere" for link in blocks.broken_links(page)]
    if len(not_run) > MOST_NOT_RUN:
        wrong.append(f"{len(not_run)} blocks are not run, at most {MOST_NOT_RUN}: {not_run}")
    if run < FEWEST_RUN:
        wrong.append(f"only {run} blocks are run, at least {FEWEST_RUN}")
    if len((ROOT / "README.md").read_text().splitlines()) > README_LINES:
        wrong.append(f"README.md has more than {README_LINES} lines")
    for line in not_run:
        print(f"# not run: {line}")
    return wrong


def run_page(page):
    """Runs a page in this process, which has namespaces of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    world, count = World(os.environ["RINGBACK_BIN"]), 0
    try:
        for step in blocks.steps(page):
            if isinstance(step, Block) and not step.runs():
                continue
            try:
                world.run(step)
            except Mistake as mistake:
                raise Mistake(f"{shown(page)}:{step.line}: {mistake}") from mistake
            count += isinstance(step, Block)
        if wrong := world.end():
            raise Mistake(f"{shown(page)}: {wrong[0]}")
        print(f"ok - docs: {shown(page)}: {count} blocks")
    except Skipped as needs:
        print(f"ok - docs: {shown(page)} # SKIP: what {needs} sets up is not possible here")
    except Mistake as mistake:
        first, *rest = str(mistake).splitlines()
        print("\n".join([f"not ok - docs: {first}", *(f"#   {line}" for line in rest[-40:])]))
        sys.exit(1)
    finally:
        shutil.rmtree(world.folder, ignore_errors=True)


def namespaces():
    """The command that gives what it runs namespaces of its own; None if that is not possible."""
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return command if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0 else None


def one_by_one(page):
    """Service managers use the same control group, where one would remove what another has just made."""
    return ONE_MANAGER if "\nuser_manager\n" in page.read_text() else nullcontext()


def in_namespaces(command, page):
    """Runs a page in a process of its own, and returns what it printed, and whether it went well."""
    inside = [*command, sys.executable, "-B", __file__, "--inside", str(page)]
    try:
        with one_by_one(page):
            ran = subprocess.run(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"not ok - docs: {shown(page)}: not done after {LIMIT} s\n", False
    if ran.returncode != 0 and "not ok - " not in ran.stdout:
        return f"not ok - docs: {shown(page)}: the test itself failed\n{ran.stdout}", False
    return ran.stdout, ran.returncode == 0


def main(names):
    os.environ["RINGBACK_BIN"] = str(Path(os.environ.get("RINGBACK_BIN", ROOT / "target/debug/ringback")).resolve())
    pages = blocks.pages()
    wrong = check_texts(pages)
    for line in wrong:
        print(f"not ok - docs: {line}")
    if not wrong:
        print("ok - docs: blocks, marks and links")
    command = namespaces()
    if command is None:
        print("ok - docs # SKIP: no namespaces can be made here")
        sys.exit(bool(wrong))
    wanted = [page for page in pages if not names or any(name in shown(page) for name in names)]
    wanted = [page for page in wanted if any(isinstance(step, Block) and step.runs() for step in blocks.steps(page))]
    fine = not wrong
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for text, went_well in pool.map(lambda page: in_namespaces(command, page), wanted):
            print(text, end="", flush=True)
            fine = fine and went_well
    sys.exit(not fine)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        run_page(Path(sys.argv[2]))
    else:
        main(sys.argv[1:])
