# SPDX-License-Identifier: MIT
"""Functions on plain values and exceptions, and log."""
import asyncio

from .reader import ScenarioError
from .tables import function
from .values import Fn, equal, exception_argument, truth, want, want_int


@function("log", 1, None)
def form_log(it, *values):
    now = it.loop.time()
    try:
        task = asyncio.current_task(it.loop)
    except RuntimeError:
        task = None
    name = task.get_name() if task else "-"
    it.emit(f"@{now // 1000}.{now % 1000:03d} {name} | " + " ".join(map(it.show, values)))


# ---- integers, logic ----

@function("+", 1, None)
def form_add(it, *numbers):
    return sum(map(want_int, numbers))


@function("-", 1, 2)
def form_subtract(it, a, b=None):
    return -want_int(a) if b is None else want_int(a) - want_int(b)


@function("*", 1, None)
def form_multiply(it, *numbers):
    product = 1
    for n in numbers:
        product *= want_int(n)
    return product


function("/", 2)(lambda it, a, b: want_int(a) // want_int(b))
function("%", 2)(lambda it, a, b: want_int(a) % want_int(b))
function("<", 2)(lambda it, a, b: want_int(a) < want_int(b))
function("<=", 2)(lambda it, a, b: want_int(a) <= want_int(b))
function(">", 2)(lambda it, a, b: want_int(a) > want_int(b))
function(">=", 2)(lambda it, a, b: want_int(a) >= want_int(b))
function("not", 1)(lambda it, a: not truth(a))
function("=", 2)(lambda it, a, b: equal(a, b))
function("!=", 2)(lambda it, a, b: not equal(a, b))


# ---- strings, lists, functions ----

@function("nth", 2)
def form_nth(it, items, i):
    if want_int(i) < 0:
        raise ScenarioError("negative index")
    return want(items, list)[i]


@function("append", 2)
def form_append(it, items, v):
    want(items, list).append(v)
    return items


function("str", 0, None)(lambda it, *values: "".join(map(it.show, values)))
function("list", 0, None)(lambda it, *values: list(values))
function("len", 1)(lambda it, v: len(want(v, list, str)))
function("range", 1)(lambda it, n: list(range(want_int(n))))
function("in", 2)(lambda it, v, items: any(equal(v, item) for item in want(items, list)))
function("pop", 1)(lambda it, items: want(items, list).pop(0))
function("apply", 1, None)(lambda it, fn, *args: want(fn, Fn)(*args))


# ---- exceptions ----

def make_exception(kind, args):
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        raise ScenarioError(f"{kind!r} is not an exception type")
    if issubclass(kind, BaseExceptionGroup):
        raise ScenarioError("use exc-group")
    e = kind(*args)
    e.made_by_scenario = True
    return e


@function("raise", 1, 2)
def form_raise(it, e, *args):
    raise e if isinstance(e, BaseException) else make_exception(e, args)


function("exc", 1, 2)(lambda it, kind, *args: make_exception(kind, args))
function("exc-group", 2)(lambda it, message, members: BaseExceptionGroup(message, members))
function("type-of", 1)(lambda it, e: type(want(e, BaseException)).__name__)
function("msg", 1)(lambda it, e: exception_argument(want(e, BaseException)))
function("exceptions", 1)(lambda it, e: list(want(e, BaseExceptionGroup).exceptions))
function("is-a", 2)(lambda it, e, kind: isinstance(e, want(kind, type)))
