# SPDX-License-Identifier: MIT
"""Runs a program and writes its trace: LANGUAGE.md, sections 4 and 6."""
import asyncio
import gc
import sys
import types
import warnings

from .checker import Checker
from .loop import Deadlock, OrderedSet, StepLimit, VirtualLoop
from .reader import Form, Kw, ScenarioError, Sym, parse
from .tables import FUNCTIONS, SPECIAL
from .values import CONTROL, TYPES, Env, Return, Shower
from . import forms_control, forms_sync, forms_task, forms_value  # they fill the tables

MAX_EVALS = 5_000_000
REPORTED_AT_THE_END = "exception was never retrieved"
CLOSING_GENERATOR = "an error occurred during closing of asynchronous generator"

warnings.simplefilter("ignore")
sys.unraisablehook = lambda *_: None


class YieldMark:
    """What a generator's body gives to its driver, where others are futures for the loop."""
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


@types.coroutine
def raw_yield(x):
    return (yield x)


class Interp:
    def __init__(self, text):
        self.out = []
        self.dead = False       # the trace has ended; what still runs is only taken down
        self.evals = 0
        self.globals = {}
        self.coros = {}         # name: (parameters, body)
        self.generators = {}
        self.main = None
        self.show = Shower()
        self.kept = []          # generators: the garbage collector would close them
        self.aclosed = set()
        self.loop = None
        Checker(self).program(parse(text))

    # ---- the trace ----

    def emit(self, line):
        if not self.dead:
            self.out.append(line)

    def on_loop_error(self, loop, context):
        message = context["message"]
        if message.endswith(REPORTED_AT_THE_END) or message.startswith("Task was destroyed"):
            return  # from __del__, at any time: report_left() does that
        for text in ("Exception in callback", CLOSING_GENERATOR):
            if message.startswith(text):
                message = text
        exception = context.get("exception")
        self.emit(f"! {message} | {self.show(exception)}")

    # ---- the run ----

    def run(self):
        loop = self.loop = VirtualLoop()
        loop.set_exception_handler(self.on_loop_error)
        try:
            self.run_main(loop)
            self.shutdown(loop)
        except Deadlock:
            self.emit("! deadlock")
        except StepLimit:
            self.emit("! step limit")
        finally:
            self.dead = True
            asyncio.events._set_running_loop(None)
            loop.set_exception_handler(lambda *_: None)
            for f in filter(None, loop.registry):
                f._log_destroy_pending = False
                f._log_traceback = False
            loop.close()
        return "\n".join(self.out) + "\n"

    def run_main(self, loop):
        task = loop.create_task(self.frame(self.main, []), name="main")
        try:
            value = loop.run_until_complete(task)
        except CONTROL:
            raise
        except BaseException as e:
            self.emit(f"= raised {self.show(e)}")
        else:
            self.emit(f"= {self.show(value)}")
        if task.done() and not task.cancelled():
            task.exception()  # its outcome has been reported
        for handle in loop._ready:
            if handle._callback is asyncio.base_events._run_until_complete_cb:
                handle.cancel()  # it would stop the next run

    def shutdown(self, loop):
        """As asyncio.run() does it."""
        try:
            self.cancel_left(loop)
            self.close_generators(loop)
        except CONTROL:
            raise
        except BaseException as e:
            self.emit(f"! interrupted shutdown | {self.show(e)}")
        self.report_left(loop)

    def cancel_left(self, loop):
        left = [t for t in loop.registry if isinstance(t, asyncio.Task) and not t.done()]
        if not left:
            return
        for t in left:
            t.cancel()
        loop.run_until_complete(loop.register(asyncio.gather(*left, return_exceptions=True)))
        for t in left:
            if not t.cancelled() and t.exception() is not None:
                loop.call_exception_handler({
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": t.exception(), "task": t})

    def close_generators(self, loop):
        left = [g for g in loop._asyncgens if g.ag_frame is not None and g not in self.aclosed]
        loop._asyncgens = OrderedSet(left)
        if left:
            loop.run_until_complete(loop.shutdown_asyncgens())

    def report_left(self, loop):
        for f in filter(None, loop.registry):
            if not f.done():
                if isinstance(f, asyncio.Task) and f._log_destroy_pending:
                    self.emit(f"! Task was destroyed but it is pending! | {self.show(f)}")
            elif f._log_traceback:
                self.emit(f"! {type(f).__name__} {REPORTED_AT_THE_END} | "
                          f"{self.show(f._exception)}")

    # ---- frames ----

    async def frame(self, definition, args):
        params, body = definition
        env = Env()
        env.vars.update(zip(params, args))
        try:
            return await self.block(body, env)
        except Return as r:
            return r.value

    async def generator(self, definition, args):
        """Drives a frame whose yield forms give a YieldMark."""
        body = self.frame(definition, args)
        send, value = body.send, None
        try:
            while True:
                try:
                    given = send(value)
                except StopIteration:
                    return
                send = body.send
                try:
                    if type(given) is YieldMark:
                        try:
                            value = False, (yield given.value)
                        except BaseException as e:
                            value = True, e  # raised by the yield form itself
                    else:
                        value = await raw_yield(given)
                except BaseException as e:
                    send, value = body.throw, e
        finally:
            body = send = value = None

    async def give(self, value):
        """The yield form."""
        thrown, value = await raw_yield(YieldMark(value))
        if thrown:
            raise value
        return value

    # ---- evaluation ----

    async def block(self, body, env):
        value = None
        for x in body:
            value = await self.eval(x, env)
        return value

    async def eval(self, x, env):
        if type(x) is Sym:
            return self.look_up(x, env)
        if type(x) is not Form:
            return x
        self.evals += 1
        if self.evals > MAX_EVALS or self.dead:
            raise StepLimit
        form = SPECIAL.get(x[0])
        if form is not None:
            return await form(self, x, env)
        args, keywords = [], {}
        parts = iter(x[1:])
        for part in parts:
            if type(part) is Kw:
                keywords[part.replace("-", "_")] = await self.eval(next(parts), env)
            else:
                args.append(await self.eval(part, env))
        return FUNCTIONS[x[0]].call(self, *args, **keywords)

    def look_up(self, name, env):
        while env is not None:
            if name in env.vars:
                return env.vars[name]
            env = env.parent
        if name in self.globals:
            return self.globals[name]
        if name in TYPES:
            return TYPES[name]
        raise ScenarioError(f"unbound name {name}")


def run_text(text):
    """The trace of a scenario."""
    try:
        asyncio.events._set_running_loop(None)
        return Interp(text).run()
    finally:
        gc.collect()
