# SPDX-License-Identifier: MIT
"""The forms by name. A special form gets its parts unevaluated, a function its arguments."""
import typing

SPECIAL = {}   # name: coroutine function (interp, form, env)
FUNCTIONS = {}  # name: Function


class Function(typing.NamedTuple):
    least: int        # arguments
    most: int | None  # None: any number
    keywords: tuple
    call: typing.Callable  # (interp, *arguments, **keywords)


def special(name):
    def register(call):
        SPECIAL[name] = call
        return call
    return register


def function(name, least, most=-1, keywords=()):
    """most: least if it is not given."""
    def register(call):
        FUNCTIONS[name] = Function(least, least if most == -1 else most, keywords, call)
        return call
    return register
