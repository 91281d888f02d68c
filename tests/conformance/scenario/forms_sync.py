# SPDX-License-Identifier: MIT
"""Functions on locks, events, conditions, semaphores, barriers and queues."""
import asyncio

from .tables import function
from .values import Fn, truth, want

HELD = (asyncio.Lock, asyncio.Condition, asyncio.Semaphore)
WAITED_ON = (asyncio.Event, asyncio.Condition, asyncio.Barrier)
EVENT, CONDITION, BARRIER, QUEUE = asyncio.Event, asyncio.Condition, asyncio.Barrier, asyncio.Queue


@function("wait-until", 2)
def form_wait_until(it, c, fn):
    async def wait_until():
        value = None

        def predicate():
            nonlocal value
            value = fn()
            return truth(value)

        await c.wait_for(predicate)
        return value

    want(c, CONDITION)
    want(fn, Fn)
    return wait_until()


function("lock", 0)(lambda it: asyncio.Lock())
function("event", 0)(lambda it: asyncio.Event())
function("condition", 0, 1)(lambda it, lock=None: asyncio.Condition(lock))
function("semaphore", 1)(lambda it, n: asyncio.Semaphore(n))
function("bounded-semaphore", 1)(lambda it, n: asyncio.BoundedSemaphore(n))
function("barrier", 1)(lambda it, n: asyncio.Barrier(n))
function("queue", 0, 1)(lambda it, n=0: asyncio.Queue(n))
function("lifo-queue", 0, 1)(lambda it, n=0: asyncio.LifoQueue(n))
function("priority-queue", 0, 1)(lambda it, n=0: asyncio.PriorityQueue(n))

function("acquire", 1)(lambda it, x: want(x, *HELD).acquire())
function("release", 1)(lambda it, x: want(x, *HELD).release())
function("locked", 1)(lambda it, x: want(x, *HELD).locked())
function("wait-on", 1)(lambda it, x: want(x, *WAITED_ON).wait())

function("event-set", 1)(lambda it, e: want(e, EVENT).set())
function("event-clear", 1)(lambda it, e: want(e, EVENT).clear())
function("is-set", 1)(lambda it, e: want(e, EVENT).is_set())

function("notify", 1, 2)(lambda it, c, n=1: want(c, CONDITION).notify(n))
function("notify-all", 1)(lambda it, c: want(c, CONDITION).notify_all())

function("barrier-reset", 1)(lambda it, b: want(b, BARRIER).reset())
function("barrier-abort", 1)(lambda it, b: want(b, BARRIER).abort())
function("parties", 1)(lambda it, b: want(b, BARRIER).parties)
function("n-waiting", 1)(lambda it, b: want(b, BARRIER).n_waiting)
function("broken", 1)(lambda it, b: want(b, BARRIER).broken)

function("put", 2)(lambda it, q, v: want(q, QUEUE).put(v))
function("get", 1)(lambda it, q: want(q, QUEUE).get())
function("put-nowait", 2)(lambda it, q, v: want(q, QUEUE).put_nowait(v))
function("get-nowait", 1)(lambda it, q: want(q, QUEUE).get_nowait())
function("task-done", 1)(lambda it, q: want(q, QUEUE).task_done())
function("join", 1)(lambda it, q: want(q, QUEUE).join())
function("shutdown", 1, 2)(lambda it, q, immediate=False: want(q, QUEUE).shutdown(
    truth(immediate)))
function("qsize", 1)(lambda it, q: want(q, QUEUE).qsize())
function("empty", 1)(lambda it, q: want(q, QUEUE).empty())
function("full", 1)(lambda it, q: want(q, QUEUE).full())
