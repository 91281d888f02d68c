#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's asyncio, the rows of thread.c with the same names, a fraction of the repetitions."""
import asyncio
import importlib.util
import threading
import time
from pathlib import Path

path = Path(__file__).resolve().parent.parent / "core" / "peer_asyncio.py"
spec = importlib.util.spec_from_file_location("core", path)
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)


def nothing():
    pass


async def run_jobs(full):
    n = core.times(full)
    for turn in range(core.scale.rounds + 1):
        start = time.process_time_ns()
        for _ in range(n):
            await asyncio.to_thread(nothing)
        if turn > 0:
            core.report("to_thread", core.each(start, n))


async def run_handover(full):
    n, loop = core.times(full), asyncio.get_running_loop()

    def client():
        for turn in range(core.scale.rounds + 1):
            start = time.process_time_ns()
            for _ in range(n):
                asyncio.run_coroutine_threadsafe(core.noop(0), loop).result()
            if turn > 0:
                core.report("handover", core.each(start, n))

    await asyncio.to_thread(client)


async def run_posts(threads):
    n, loop = core.times(1000000) // threads + 1, asyncio.get_running_loop()
    seen, done = 0, asyncio.Event()

    def count():
        nonlocal seen
        seen += 1
        if seen == n * threads:
            done.set()

    def client():
        for _ in range(n):
            loop.call_soon_threadsafe(count)

    for turn in range(core.scale.rounds + 1):
        seen = 0
        done.clear()
        start = time.process_time_ns()
        started = [threading.Thread(target=client) for _ in range(threads)]
        for thread in started:
            thread.start()
        await done.wait()
        for thread in started:
            thread.join()
        if turn > 0:
            core.report(f"post.{threads}", core.each(start, n * threads))


GROUPS = {
    "to_thread": (run_jobs, 100000),
    "handover": (run_handover, 100000),
    "post.1": (run_posts, 1),
    "post.4": (run_posts, 4),
}

if __name__ == "__main__":
    core.main(GROUPS)
