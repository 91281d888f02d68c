# SPDX-License-Identifier: MIT
"""Expressions, as lists, and how they are laid out."""


class S(str):
    """A name, or anything else that is printed as it is."""


def q(text):
    """A string."""
    return S(f'"{text}"')


def flat(x):
    if isinstance(x, (list, tuple)):
        return "(" + " ".join(map(flat, x)) + ")"
    return str(x)


# How many parts of a form stay on its first line.
HEADS = {"coro": 3, "gen": 3, "with": 3, "except": 3, "except*": 3, "for": 3, "afor": 3, "fn": 2,
         "repeat": 2, "while": 2, "if": 2, "setg": 2, "set": 2, "call-later": 2}


def layout(x, indent=0):
    line = flat(x)
    if len(line) + indent <= 92 or not isinstance(x, (list, tuple)):
        return line
    head = HEADS.get(str(x[0]), 1)
    text = "(" + " ".join(map(flat, x[:head]))
    for part in x[head:]:
        text += "\n" + " " * (indent + 2) + layout(part, indent + 2)
    return text + ")"
