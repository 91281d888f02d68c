# SPDX-License-Identifier: MIT
"""Functions on time, callbacks, tasks, futures, combinations, timeouts, groups, contexts and
asynchronous generators."""
import asyncio
import contextvars

from .loop import TimerHandle
from .reader import ScenarioError
from .tables import function
from .values import (GENERATOR, Fn, truth, want, want_awaitable, want_coro, want_future, want_int,
                     want_time)

CONTEXT = ("context",)
TASK = ("name", "context", "eager")


# ---- time, callbacks ----

@function("call-soon", 1, None, CONTEXT)
def form_call_soon(it, fn, *args, context=None):
    return it.loop.call_soon(want(fn, Fn), *args, context=context)


@function("call-later", 2, None, CONTEXT)
def form_call_later(it, delay, fn, *args, context=None):
    return it.loop.call_later(want_int(delay), want(fn, Fn), *args, context=context)


@function("call-at", 2, None, CONTEXT)
def form_call_at(it, when, fn, *args, context=None):
    return it.loop.call_at(want_int(when), want(fn, Fn), *args, context=context)


function("time", 0)(lambda it: it.loop.time())
function("sleep", 1, 2)(lambda it, d, v=None: asyncio.sleep(want_int(d), v))
function("handle-cancel", 1)(lambda it, h: want(h, asyncio.Handle).cancel())
function("handle-cancelled", 1)(lambda it, h: want(h, asyncio.Handle).cancelled())
function("handle-when", 1)(lambda it, h: want(h, TimerHandle).when())


# ---- tasks ----

def task_options(name, context, eager):
    given = {"name": name, "context": context, "eager_start": eager}
    return {option: value for option, value in given.items() if value is not None}


@function("task", 1, 1, TASK)
def form_task(it, coro, name=None, context=None, eager=None):
    return asyncio.create_task(want_coro(coro), **task_options(name, context, eager))


@function("eager-tasks", 1)
def form_eager_tasks(it, on):
    it.loop.set_task_factory(asyncio.eager_task_factory if on else None)


function("ensure-future", 1)(lambda it, a: asyncio.ensure_future(want_awaitable(a)))
function("uncancel", 1)(lambda it, t: want(t, asyncio.Task).uncancel())
function("cancelling", 1)(lambda it, t: want(t, asyncio.Task).cancelling())
function("set-name", 2)(lambda it, t, name: want(t, asyncio.Task).set_name(name))
function("current-task", 0)(lambda it: asyncio.current_task())
function("all-tasks", 0)(lambda it: sorted(t.get_name() for t in asyncio.all_tasks()))


# ---- futures ----

@function("future", 0, 1)
def form_future(it, name="future"):
    f = it.loop.create_future()
    it.show.names[f] = name
    return f


@function("set-exception", 2)
def form_set_exception(it, f, e):
    want_future(f).set_exception(want(e, type, BaseException))


@function("add-callback", 2, 2, CONTEXT)
def form_add_callback(it, f, fn, context=None):
    # The C Future takes an explicit context=None differently from no context.
    option = {} if context is None else {"context": context}
    want_future(f).add_done_callback(want(fn, Fn), **option)


function("set-result", 2)(lambda it, f, v: want_future(f).set_result(v))
function("cancel", 1, 2)(lambda it, f, *message: want_future(f).cancel(*message))
function("cancelled", 1)(lambda it, f: want_future(f).cancelled())
function("done", 1)(lambda it, f: want_future(f).done())
function("result", 1)(lambda it, f: want_future(f).result())
function("exception", 1)(lambda it, f: want_future(f).exception())
function("name", 1)(lambda it, f: it.show.name(want_future(f)))
function("remove-callback", 2)(
    lambda it, f, fn: want_future(f).remove_done_callback(want(fn, Fn)))


# ---- combinations ----

def spread(args):
    for a in args:
        if type(a) is list:
            yield from a
        else:
            yield a


@function("gather", 0, None, ("return-exceptions",))
def form_gather(it, *args, return_exceptions=False):
    f = it.loop.register(asyncio.gather(*map(want_awaitable, spread(args)),
                                        return_exceptions=truth(return_exceptions)))
    it.show.names[f] = "gather"
    return f


WHEN = {"all": asyncio.ALL_COMPLETED, "first": asyncio.FIRST_COMPLETED,
        "exception": asyncio.FIRST_EXCEPTION}


@function("wait", 1, 1, ("timeout", "when"))
def form_wait(it, items, timeout=None, when="all"):
    def ordered(futures):
        return sorted(futures, key=lambda f: (it.show.name(f), it.loop.places[f]))

    async def wait():
        done, pending = await asyncio.wait(items, timeout=timeout,
                                           return_when=WHEN.get(when, when))
        return [ordered(done), ordered(pending)]

    items = [want_awaitable(a) for a in want(items, list)]
    want_time(timeout)
    return wait()


@function("as-completed", 1, 1, ("timeout",))
def form_as_completed(it, items, timeout=None):
    return asyncio.as_completed([want_awaitable(a) for a in want(items, list)],
                                timeout=want_time(timeout))


@function("shield", 1)
def form_shield(it, a):
    f = asyncio.shield(want_awaitable(a))
    if f not in it.show.names and not isinstance(f, asyncio.Task):
        it.show.names[f] = "shield"
    return f


function("wait-for", 2)(lambda it, a, d: asyncio.wait_for(want_awaitable(a), want_time(d)))


# ---- timeouts, groups ----

@function("spawn", 2, 2, TASK)
def form_spawn(it, g, coro, name=None, context=None, eager=None):
    return want(g, asyncio.TaskGroup).create_task(want_coro(coro),
                                                  **task_options(name, context, eager))


@function("group-cancel", 1)
def form_group_cancel(it, g):
    if not hasattr(asyncio.TaskGroup, "cancel"):
        raise ScenarioError("group-cancel needs CPython 3.15")
    want(g, asyncio.TaskGroup).cancel()


function("timeout", 1)(lambda it, d: asyncio.timeout(want_time(d)))
function("timeout-at", 1)(lambda it, when: asyncio.timeout_at(want_time(when)))
function("reschedule", 2)(lambda it, t, when: want(t, asyncio.Timeout).reschedule(when))
function("when", 1)(lambda it, t: want(t, asyncio.Timeout).when())
function("expired", 1)(lambda it, t: want(t, asyncio.Timeout).expired())
function("group", 0)(lambda it: asyncio.TaskGroup())


# ---- context variables ----

VARIABLE, CONTEXT_OBJECT, TOKEN = contextvars.ContextVar, contextvars.Context, contextvars.Token
function("ctx-get", 1)(lambda it, v: want(v, VARIABLE).get())
function("ctx-set", 2)(lambda it, v, x: want(v, VARIABLE).set(x))
function("ctx-reset", 2)(lambda it, v, token: want(v, VARIABLE).reset(want(token, TOKEN)))
function("copy-context", 0)(lambda it: contextvars.copy_context())
function("ctx-run", 2, None)(
    lambda it, c, fn, *args: want(c, CONTEXT_OBJECT).run(want(fn, Fn), *args))


# ---- asynchronous generators ----

async def as_coro(awaitable):
    return await awaitable


@function("aclose", 1)
def form_aclose(it, g):
    async def aclose():
        it.aclosed.add(g)
        return await g.aclose()

    want(g, GENERATOR)
    return aclose()


function("anext", 1)(lambda it, g: as_coro(want(g, GENERATOR).__anext__()))
function("asend", 2)(lambda it, g, v: as_coro(want(g, GENERATOR).asend(v)))
function("athrow", 2)(lambda it, g, e: as_coro(want(g, GENERATOR).athrow(e)))
