# SPDX-License-Identifier: MIT
"""What a scenario computes with: LANGUAGE.md, sections 2 and 3."""
import asyncio
import contextvars
import types

from .loop import Deadlock, StepLimit
from .reader import ScenarioError

TYPES = {t.__name__: t for t in (
    BaseException, Exception, GeneratorExit, KeyboardInterrupt, SystemExit, ArithmeticError,
    ZeroDivisionError, AssertionError, LookupError, KeyError, IndexError, OSError,
    ConnectionError, TimeoutError, RuntimeError, NotImplementedError, TypeError, ValueError,
    BaseExceptionGroup, ExceptionGroup, StopAsyncIteration, asyncio.CancelledError,
    asyncio.InvalidStateError, asyncio.QueueEmpty, asyncio.QueueFull, asyncio.QueueShutDown,
    asyncio.BrokenBarrierError)}


class Signal(BaseException):
    """Leaves blocks without being an exception of the language."""


class Return(Signal):
    def __init__(self, value):
        super().__init__()
        self.value = value


class Break(Signal):
    pass


class Continue(Signal):
    pass


# What no except clause of a scenario sees.
CONTROL = (Signal, Deadlock, StepLimit, ScenarioError)


class Env:
    """A frame: its variables, the one around it, the exception that it handles."""
    __slots__ = ("vars", "parent", "handling")

    def __init__(self, parent=None):
        self.vars = {}
        self.parent = parent
        self.handling = parent.handling if parent else None


class Fn:
    def __init__(self, interp, params, body, env):
        self.interp, self.params, self.body, self.env = interp, params, body, env

    def __call__(self, *args):
        if len(args) != len(self.params):
            raise ScenarioError("fn called with a wrong number of arguments")
        env = Env(self.env)
        env.vars.update(zip(self.params, args))
        body = self.interp.block(self.body, env)
        try:
            body.send(None)
        except StopIteration as s:
            return s.value
        except Return as r:
            return r.value
        body.close()
        raise ScenarioError("await inside fn")


GENERATOR = types.AsyncGeneratorType
AS_COMPLETED = asyncio.tasks._AsCompletedIterator
KINDS = ((asyncio.Condition, "condition"), (asyncio.Lock, "lock"), (asyncio.Event, "event"),
         (asyncio.Semaphore, "semaphore"), (asyncio.Barrier, "barrier"), (asyncio.Queue, "queue"),
         (asyncio.Timeout, "timeout"), (asyncio.TaskGroup, "group"), (asyncio.Handle, "handle"),
         (contextvars.Context, "context"), (contextvars.Token, "token"),
         (contextvars.ContextVar, "ctxvar"), (Fn, "fn"), (GENERATOR, "generator"),
         (AS_COMPLETED, "iterator"), (types.CoroutineType, "coroutine"))


def truth(v):
    return not (v is None or v is False or (type(v) in (int, str, list) and not v))


def equal(a, b):
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is list:
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b if kind in (int, str, bool) else a is b


# ---- arguments ----

def want(v, *kinds):
    if not isinstance(v, kinds):
        raise ScenarioError(f"{v!r} is not one of {kinds}")
    return v


def want_int(v):
    if type(v) is not int:
        raise ScenarioError(f"{v!r} is not an int")
    return v


def want_time(v):
    return None if v is None else want_int(v)


def want_future(v):
    if not asyncio.isfuture(v):
        raise ScenarioError(f"{v!r} is not a future")
    return v


def want_coro(v):
    return want(v, types.CoroutineType)


def want_awaitable(v):
    return v if asyncio.isfuture(v) else want_coro(v)


# ---- as shown in a trace ----

def exception_argument(e):
    """What a scenario may see of its arguments: those that it gave itself."""
    if isinstance(e, BaseExceptionGroup):
        return e.message
    if e.args and (isinstance(e, asyncio.CancelledError) or hasattr(e, "made_by_scenario")):
        return e.args[0]
    return None


def future_state(f):
    if not f.done():
        return "pending"
    if f.cancelled():
        return "cancelled"
    return "finished" if f._exception is None else "failed"


class Shower:
    """Shows values; it knows the names of futures, which asyncio does not."""

    def __init__(self):
        self.names = {}

    def name(self, f):
        return f.get_name() if isinstance(f, asyncio.Task) else self.names.get(f, "future")

    def exception(self, e):
        name = type(e).__name__
        if TYPES.get(name) is not type(e):
            raise ScenarioError(f"outside the language: {e!r}")
        if isinstance(e, BaseExceptionGroup):
            return f"{name}('{e.message}', [{', '.join(map(self.exception, e.exceptions))}])"
        argument = exception_argument(e)
        if argument is None:
            return f"{name}()"
        return f"{name}('{argument}')" if type(argument) is str else f"{name}({self(argument)})"

    def __call__(self, v):
        if v is None or type(v) is bool:
            return {None: "none", True: "true", False: "false"}[v]
        if type(v) in (int, str):
            return str(v)
        if type(v) is list:
            return f"[{', '.join(map(self, v))}]"
        if isinstance(v, BaseException):
            return self.exception(v)
        if asyncio.isfuture(v):
            return f"<{self.name(v)} {future_state(v)}>"
        if isinstance(v, type):
            return v.__name__
        for kind, name in KINDS:
            if isinstance(v, kind):
                return f"<{name}>"
        raise ScenarioError(f"cannot show {v!r}")
