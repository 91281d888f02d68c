# SPDX-License-Identifier: MIT
"""Text to forms: LANGUAGE.md, section 1.

A form is a Form (a list that knows its line), a name a Sym, a keyword a Kw; strings, integers and
constants are Python's own. The first comments may say from which CPython on the trace holds.
"""
import re

CONSTANTS = {"none": None, "true": True, "false": False}
ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
TOKEN = re.compile(r"""(?P<blank>[ \t\r\n]+|;[^\n]*)
                     | (?P<open>\() | (?P<close>\))
                     | "(?P<string>(?:[^"\\\n]|\\[n"\\])*)"
                     | (?P<word>[^ \t\r\n();"]+)""", re.VERBOSE)
SINCE = re.compile(r"^; CPython (\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?\b", re.MULTILINE)
LEVELS = {"a": "alpha", "b": "beta", "rc": "candidate", None: "final"}


class Sym(str):
    __slots__ = ()


class Kw(str):
    __slots__ = ()


class Form(list):
    __slots__ = ("line",)

    def __init__(self, line):
        super().__init__()
        self.line = line


class ScenarioError(Exception):
    """The scenario itself is wrong (not an outcome of what it describes)."""


def atom(match):
    if match.lastgroup == "string":
        return re.sub(r"\\(.)", lambda escape: ESCAPES[escape.group(1)], match.group("string"))
    word = match.group()
    if re.fullmatch("-?[0-9]+", word):
        return int(word)
    if word[0] == ":":
        return Kw(word[1:])
    return CONSTANTS[word] if word in CONSTANTS else Sym(word)


def parse(text):
    """The definitions of a program."""
    top, stack, position, line = [], [], 0, 1
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ScenarioError(f"line {line}: a string that does not end, or a wrong escape")
        kind = match.lastgroup
        if kind == "open":
            stack.append(Form(line))
        elif kind == "close":
            if not stack:
                raise ScenarioError(f"line {line}: stray )")
            form = stack.pop()
            (stack[-1] if stack else top).append(form)
        elif kind != "blank":
            if not stack:
                raise ScenarioError(f"line {line}: atom at top level")
            stack[-1].append(atom(match))
        line += match.group().count("\n")
        position = match.end()
    if stack:
        raise ScenarioError(f"line {stack[-1].line}: unclosed (")
    return top


def since(text):
    """From which version of CPython on the trace holds, as in sys.version_info; () from all."""
    match = SINCE.search(text)
    if not match:
        return ()
    major, minor, micro, level, serial = match.groups()
    return (int(major), int(minor), int(micro), LEVELS[level], int(serial or 0))
