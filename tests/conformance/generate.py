#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random scenarios: N files gSEED-NNNN.scn in FOLDER.

The same SEED, size and options give the same files; each depends on SEED and its own number only.
Sizes go from 1 (small) to 5 (large); without --size they take turns."""
import argparse
import pathlib
import sys

from generator.program import scenario


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", metavar="SEED")
    parser.add_argument("n", metavar="N", type=int)
    parser.add_argument("folder", metavar="FOLDER", type=pathlib.Path)
    parser.add_argument("--size", type=int)
    parser.add_argument("--cancel-groups", action="store_true", help="for CPython 3.15")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for i in range(arguments.n):
        path = arguments.folder / f"g{arguments.seed}-{i:04d}.scn"
        text = scenario(arguments.seed, i, arguments.size, arguments.cancel_groups)
        path.write_text(text, encoding="utf-8")
    return 0


sys.exit(main())
