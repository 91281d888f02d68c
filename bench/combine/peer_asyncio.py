#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's asyncio, the rows of combine.c with the same names, a fraction of the repetitions."""
import asyncio
import importlib.util
import time
from pathlib import Path

path = Path(__file__).resolve().parent.parent / "core" / "peer_asyncio.py"
spec = importlib.util.spec_from_file_location("core", path)
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)

lateness = []


async def measure(row, count, per, repeat):
    for turn in range(core.scale.rounds + 1):
        start = time.process_time_ns()
        await repeat(count)
        if turn > 0:
            core.report(row, core.each(start, count * per))


def times_of(n):
    return max(core.times(2000000) // n, 1)


async def run_gather(n):
    async def repeat(count):
        for _ in range(count):
            await asyncio.gather(*(core.noop(k) for k in range(n)))

    await measure(f"gather.{n}", times_of(n), n, repeat)


async def run_group(n):
    async def repeat(count):
        for _ in range(count):
            async with asyncio.TaskGroup() as group:
                for k in range(n):
                    group.create_task(core.noop(k))

    await measure(f"group.{n}", times_of(n), n, repeat)


async def run_limits(full):
    async def wait_for(count):
        for i in range(count):
            await asyncio.wait_for(core.noop(i), 10)

    async def timeout(count):
        for i in range(count):
            async with asyncio.timeout(10):
                await core.noop(i)

    await measure("wait_for", core.times(full), 1, wait_for)
    await measure("timeout", core.times(full), 1, timeout)


async def run_queue(full):
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def echo():
        while True:
            await back.put(await there.get())

    async def repeat(count):
        for i in range(count):
            await there.put(i)
            await back.get()

    task = asyncio.create_task(echo())
    await measure("queue", core.times(full), 2, repeat)
    task.cancel()


async def run_lock(full):
    lock = asyncio.Lock()

    async def repeat(count):
        for _ in range(count):
            await lock.acquire()
            lock.release()

    await measure("lock", core.times(full), 1, repeat)


async def run_handover(full):
    lock = asyncio.Lock()

    async def hand_over(tell):
        async def repeat(count):
            for _ in range(count):
                await lock.acquire()
                lock.release()

        async with lock:
            await asyncio.sleep(0)
        if tell:
            await measure("lock.handover", core.times(full), 2, repeat)
        else:
            for _ in range(core.scale.rounds + 1):
                await repeat(core.times(full))

    await asyncio.gather(hand_over(True), hand_over(False))


async def run_generator(full):
    async def count_up(n):
        for i in range(n):
            yield i

    async def repeat(count):
        async for _ in count_up(count):
            pass

    await measure("generator", core.times(full), 1, repeat)


async def sleep_once(delay):
    due = time.monotonic() + delay
    await asyncio.sleep(delay)
    lateness.append(time.monotonic() - due)


async def run_sleeps(n):
    n = core.population(n)
    lateness.clear()
    x, tasks, start = 123, [], time.process_time_ns()
    for _ in range(n):
        x = (x * 1664525 + 1013904223) & 0xffffffff
        tasks.append(asyncio.create_task(sleep_once((x >> 8) / (1 << 24))))
    for task in tasks:
        await task
    core.report(f"sleeps.cpu.{n}", (time.process_time_ns() - start) / 1e9, "s")
    core.report(f"sleeps.late.{n}", sum(lateness) / n * 1e3, "ms")
    core.report(f"sleeps.latest.{n}", max(lateness) * 1e3, "ms")


GROUPS = {
    "gather.1": (run_gather, 1),
    "gather.10": (run_gather, 10),
    "gather.1000": (run_gather, 1000),
    "group.10": (run_group, 10),
    "group.1000": (run_group, 1000),
    "limits": (run_limits, 2000000),
    "queue": (run_queue, 1000000),
    "lock.free": (run_lock, 10000000),
    "lock.handover": (run_handover, 2000000),
    "generator": (run_generator, 5000000),
    "sleeps.100000": (run_sleeps, 100000),
}

if __name__ == "__main__":
    core.main(GROUPS)
