# SPDX-License-Identifier: MIT
"""Checks a program before it runs, and fills the interpreter's tables of definitions."""
import contextvars
import typing

from .forms_control import TryParts, clause_names
from .reader import Form, Kw, ScenarioError, Sym
from .tables import FUNCTIONS, SPECIAL
from .values import TYPES

WAITING = {"await", "yield", "with", "afor"}
LEAVING = ("return", "break", "continue")
# How many parts a special form has behind its name: least, most.
PARTS = {"break": (0, 0), "continue": (0, 0), "reraise": (0, 0), "return": (0, 1), "yield": (0, 1),
         "await": (1, 1), "if": (2, 3), "set": (2, 2), "let": (2, 2), "setg": (2, 2)}


class Place(typing.NamedTuple):
    """Where an expression stands."""
    fn: bool = False         # in a plain function
    generator: bool = False
    loop: bool = False
    handler: bool = False


def fail(form, message):
    raise ScenarioError(f"line {getattr(form, 'line', '?')}: {message}")


def check_names(form, *names):
    for name in names:
        if type(name) is not Sym or name in TYPES:
            fail(form, f"{name!r} cannot be a name")


def leaves(body):
    """Whether a return, break or continue stands in it."""
    return any(type(x) is Form and x and (x[0] in LEAVING or (x[0] != "fn" and leaves(x)))
               for x in body)


class Checker:
    def __init__(self, interp):
        self.interp = interp

    # ---- definitions ----

    def program(self, top):
        bodies = []
        for x in top:
            define = getattr(self, f"define_{x[0] if x else None}", None)
            if define is None:
                fail(x, f"unknown definition {x[0] if x else ''}")
            bodies += define(x)
        if self.interp.main is None:
            raise ScenarioError("no main")
        for body, place in bodies:
            self.body(body, place)

    def define_scenario(self, x):
        if len(x) != 2 or type(x[1]) is not str:
            fail(x, "scenario needs a title")
        return []

    def define_ctxvar(self, x):
        check_names(x, x[1])
        default = {"default": x[2]} if len(x) > 2 else {}
        self.interp.globals[x[1]] = contextvars.ContextVar(str(x[1]), **default)
        return []

    def define_main(self, x):
        if self.interp.main is not None:
            fail(x, "two mains")
        self.interp.main = ([], x[1:])
        return [(x[1:], Place())]

    def define_coro(self, x):
        return self.define_callable(x, self.interp.coros, Place())

    def define_gen(self, x):
        return self.define_callable(x, self.interp.generators, Place(generator=True))

    def define_callable(self, x, table, place):
        if len(x) < 4 or type(x[2]) is not Form:
            fail(x, f"{x[0]} NAME (PARAM...) BODY...")
        check_names(x, x[1], *x[2])
        if x[1] in self.interp.coros or x[1] in self.interp.generators:
            fail(x, f"{x[1]} defined twice")
        table[x[1]] = (x[2], x[3:])
        return [(x[3:], place)]

    # ---- expressions ----

    def body(self, body, place):
        for x in body:
            self.expression(x, place)

    def expression(self, x, place):
        if type(x) is Kw:
            raise ScenarioError(f"keyword :{x} out of place")
        if type(x) is not Form:
            return
        if not x or type(x[0]) is not Sym:
            fail(x, "a form starts with a symbol")
        self.check_place(x, place)
        method = {"for": self.loop, "afor": self.loop, "while": self.loop, "repeat": self.loop,
                  "with": self.block, "fn": self.function, "call": self.call, "try": self.attempt,
                  "set": self.binding, "let": self.binding, "setg": self.binding}
        if x[0] in SPECIAL:
            least, most = PARTS.get(x[0], (0, None))
            if len(x) - 1 < least or (most is not None and len(x) - 1 > most):
                fail(x, f"wrong number of arguments to {x[0]}")
            method.get(x[0], self.parts)(x, place)
        elif x[0] in FUNCTIONS:
            self.arguments(x, place)
        else:
            fail(x, f"unknown form {x[0]}")

    def check_place(self, x, place):
        if x[0] in WAITING and place.fn:
            fail(x, f"{x[0]} inside fn")
        if x[0] in ("break", "continue") and not place.loop:
            fail(x, f"{x[0]} outside a loop")
        if x[0] == "yield" and not place.generator:
            fail(x, "yield outside gen")
        if x[0] == "reraise" and not place.handler:
            fail(x, "reraise outside except")

    def parts(self, x, place):
        self.body(x[1:], place)

    def binding(self, x, place):
        check_names(x, x[1])
        self.expression(x[2], place)

    def loop(self, x, place):
        head = 1
        if x[0] in ("for", "afor"):
            check_names(x, x[1])
            head = 2
        self.expression(x[head], place)
        self.body(x[head + 1:], place._replace(loop=True))

    def block(self, x, place):
        if len(x) < 4:
            fail(x, "with NAME E BODY...")
        check_names(x, x[1])
        self.body(x[2:], place)

    def function(self, x, place):
        check_names(x, *x[1])
        self.body(x[2:], Place(fn=True))

    def call(self, x, place):
        definition = self.interp.coros.get(x[1]) or self.interp.generators.get(x[1])
        if definition is None:
            fail(x, f"no coro or gen {x[1]}")
        if len(x) - 2 != len(definition[0]):
            fail(x, f"{x[1]} takes {len(definition[0])} arguments")
        self.body(x[2:], place)

    def attempt(self, x, place):
        parts = TryParts(x)
        if not parts.clauses and parts.final is None:
            fail(x, "try without except or finally")
        if parts.otherwise is not None and not parts.clauses:
            fail(x, "else without except")
        kinds = {clause[0] for clause in parts.clauses}
        if len(kinds) > 1:
            fail(x, "except mixed with except*")
        self.body(parts.body, place)
        for clause in parts.clauses:
            self.clause(clause, place)
        self.body(parts.otherwise or [], place)
        self.body(parts.final or [], place)

    def clause(self, x, place):
        star = x[0] == "except*"
        if len(x) < 4:
            fail(x, "except TYPE NAME BODY...")
        for name in clause_names(x):
            if name not in TYPES:
                fail(x, f"no exception type {name}")
        check_names(x, x[2])
        if star and leaves(x[3:]):
            fail(x, "return, break or continue inside except*")
        self.body(x[3:], place._replace(loop=place.loop and not star, handler=True))

    def arguments(self, x, place):
        form = FUNCTIONS[x[0]]
        count = 0
        parts = iter(x[1:])
        for part in parts:
            if type(part) is Kw:
                name, part = part, next(parts, parts)
                if name not in form.keywords or part is parts:  # no value behind it
                    fail(x, f"{x[0]} does not take :{name}")
            else:
                count += 1
            self.expression(part, place)
        if count < form.least or (form.most is not None and count > form.most):
            fail(x, f"wrong number of arguments to {x[0]}")
