#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reference interpreter of the scenario language, on the asyncio of the CPython that runs it.

It prints the trace of each scenario, or does what the options say. A PATH is a scenario or a
folder of them. The language is in LANGUAGE.md."""
import argparse
import sys

from scenario import package


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="oracle.py", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true",
                        help="compare with the recorded traces; exit 1 on a difference")
    action.add_argument("--record", action="store_true", help="write the traces")
    action.add_argument("--lint", action="store_true", help="only parse and check the scenarios")
    action.add_argument("--version", action="store_true", help="say which CPython this is")
    parser.add_argument("--any-version", action="store_true",
                        help="also those whose traces are those of a newer CPython than this one")
    parser.add_argument("--pure", action="store_true",
                        help="Task and Future in Python, not in C")
    parser.add_argument("--asyncio", metavar="FOLDER",
                        help="take the package asyncio from that folder")
    parser.add_argument("paths", metavar="PATH", nargs="*")
    arguments = parser.parse_args(argv)
    if not arguments.paths and not arguments.version:
        parser.error("no PATH")
    return arguments


def main(argv):
    arguments = parse_arguments(argv)
    package.choose(arguments.pure, arguments.asyncio)
    from scenario import files  # only now: it imports asyncio
    import asyncio
    if arguments.version:
        print("CPython", sys.version.split(" ")[0], asyncio.Task)
        return 0
    action = (files.check if arguments.check else files.record if arguments.record else
              files.lint if arguments.lint else files.show)
    good, bad, left_out = files.for_each(action, arguments.paths, arguments.any_version)
    if action is not files.show:
        done = {files.check: "hold", files.record: "recorded", files.lint: "right"}[action]
        print(f"CPython {sys.version.split(' ')[0]}: {good} {done}, {bad} failed, "
              f"{left_out} left to a newer CPython")
    return 1 if bad or not (good or left_out) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
