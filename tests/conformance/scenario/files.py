# SPDX-License-Identifier: MIT
"""Files: FILE.scn and the FILE.trace beside it."""
import pathlib
import sys

from .interp import Interp, run_text
from .reader import ScenarioError, since


def expand(paths):
    """Files as they are; of a folder its scenarios, in order of their names."""
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(path.glob("*.scn"))
        else:
            yield path


def trace_of(path):
    return path.with_suffix(".trace")


def record(path, text):
    trace_of(path).write_text(run_text(text), encoding="utf-8", newline="\n")
    return True


def check(path, text):
    same = trace_of(path).read_bytes() == run_text(text).encode()
    if not same:
        print(f"differs: {path}", flush=True)
    return same


def show(path, text):
    sys.stdout.write(run_text(text))
    return True


def lint(path, text):
    Interp(text)
    return True


def for_each(action, paths, any_version):
    """Does it to each scenario. Returns the numbers of those that went well, that did not, and
    that were left out because their traces are those of a newer CPython than this one."""
    good = bad = left_out = 0
    for path in expand(paths):
        try:
            text = path.read_text(encoding="utf-8")
            if not any_version and action is not lint and since(text) > tuple(sys.version_info):
                left_out += 1
            elif action(path, text):
                good += 1
            else:
                bad += 1
        except (ScenarioError, OSError) as e:
            print(f"{path}: {e}", file=sys.stderr)
            bad += 1
    return good, bad, left_out
