# SPDX-License-Identifier: MIT
"""Names on the command line of a benchmark: a list with commas, so that it is one word and other
words can follow. A name that is not known is an error."""


def names(text):
    return [name.strip() for name in text.split(",")]


def check_names(parser, given, known):
    for name in given or []:
        if name not in known:
            parser.error(f"--only: no such name: {name} (there are {', '.join(sorted(known))})")
