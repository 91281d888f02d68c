#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's asyncio, the slow reference: the same rows with the same names, a fraction of the
repetitions."""
import argparse
import asyncio
import itertools
import time

SLOWER = 40  # repetitions are divided by this: it is that much slower, and more
scale = argparse.Namespace(divide=1, most=1000000, rounds=3)


def times(full):
    return max(full // SLOWER // scale.divide, 1)


def population(full):
    return min(full, scale.most)


def report(row, value, unit="ns"):
    print(f"{row} {value:.3f} {unit}", flush=True)


def each(start, count):
    return (time.process_time_ns() - start) / count


def status(key):
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


async def noop(value):
    return value


async def run_yield(n):
    n = population(n)
    count = max(times(4000000) // n, 2)

    async def spin(first):
        for turn in range(scale.rounds + 1):
            start = time.process_time_ns()
            for _ in range(count):
                await asyncio.sleep(0)
            if first and turn > 0:
                report(f"yield.{n}", each(start, count * n))

    tasks = [asyncio.create_task(spin(i == 0)) for i in range(n)]
    for task in tasks:
        await task


async def run_await(full):
    count = times(full)
    for turn in range(scale.rounds + 1):
        start = time.process_time_ns()
        for i in range(count):
            await noop(i)
        if turn > 0:
            report("await.noop", each(start, count))


async def run_create(full):
    count = times(full)
    for turn in range(scale.rounds + 1):
        start = time.process_time_ns()
        for i in range(count):
            await asyncio.create_task(noop(i))
        if turn > 0:
            report("create.lazy", each(start, count))


async def run_spread(n):
    n = population(n)
    for turn in range(scale.rounds + 1):
        start = time.process_time_ns()
        tasks = [asyncio.create_task(noop(i)) for i in range(n)]
        for task in tasks:
            await task
        report("create.all.warm" if turn else "create.all.cold", each(start, n))


async def run_wake(full):
    count = times(full)
    loop = asyncio.get_running_loop()

    async def wait_in_turn(futures):
        for future in futures:
            await future

    for turn in range(scale.rounds + 1):
        futures = [loop.create_future() for _ in range(count)]
        waiter = asyncio.create_task(wait_in_turn(futures))
        await asyncio.sleep(0)
        start = time.process_time_ns()
        for future in futures:
            future.set_result(None)
            await asyncio.sleep(0)
        if turn > 0:
            report("wake", each(start, count))
        await waiter


def do_nothing():
    pass


def far_delays():
    return itertools.cycle(1000 + (i * 7919 % 4001) for i in range(4001))


async def run_timer(n):
    n, count = population(n), times(1000000)
    loop, delays = asyncio.get_running_loop(), far_delays()
    armed = [loop.call_later(next(delays), do_nothing) for _ in range(n)]
    for turn in range(scale.rounds + 1):
        start = time.process_time_ns()
        for _ in range(count):
            loop.call_later(next(delays), do_nothing).cancel()
        if turn > 0:
            report(f"timer.{len(armed)}", each(start, count))


async def run_cancel(n):
    n = population(n)
    loop = asyncio.get_running_loop()

    async def wait_for_it(future):
        await future

    for turn in range(scale.rounds + 1):
        futures = [loop.create_future() for _ in range(n)]
        start = time.process_time_ns()
        tasks = [asyncio.create_task(wait_for_it(future)) for future in futures]
        await asyncio.sleep(0)
        report("park.warm" if turn else "park.cold", each(start, n))
        start = time.process_time_ns()
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                pass
        if turn > 0:
            report("cancel", each(start, n))


async def measure_memory(row, n, make):
    resident, tables = status("VmRSS"), status("VmPTE")
    alive = [asyncio.create_task(make()) for _ in range(n)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    report(f"{row}.{len(alive)}", (status("VmRSS") - resident) / n, "B")
    report(f"{row}.tables.{len(alive)}", (status("VmPTE") - tables) / n, "B")
    for task in alive:
        task.cancel()
    await asyncio.gather(*alive, return_exceptions=True)


async def run_memory_future(n):
    future = asyncio.get_running_loop().create_future()

    async def wait_for_it():
        await future

    await measure_memory("memory.future", population(n), wait_for_it)


async def run_memory_sleep(n):
    await measure_memory("memory.sleep", population(n), lambda: asyncio.sleep(1000))


async def run_callback(full):
    count = times(full)
    loop = asyncio.get_running_loop()
    for turn in range(scale.rounds + 1):
        start = time.process_time_ns()
        for _ in range(max(count // 1000, 1)):
            for _ in range(1000):
                loop.call_soon(do_nothing)
            await asyncio.sleep(0)
        if turn > 0:
            report("callback", each(start, max(count // 1000, 1) * 1000))


GROUPS = {
    "yield.2": (run_yield, 2),
    "yield.10": (run_yield, 10),
    "yield.1000": (run_yield, 1000),
    "yield.10000": (run_yield, 10000),
    "await": (run_await, 10000000),
    "create.lazy": (run_create, 2000000),
    "spread": (run_spread, 100000),
    "wake": (run_wake, 2000000),
    "timer.0": (run_timer, 0),
    "timer.1000": (run_timer, 1000),
    "timer.100000": (run_timer, 100000),
    "cancel": (run_cancel, 100000),
    "memory.future.100000": (run_memory_future, 100000),
    "memory.sleep.100000": (run_memory_sleep, 100000),
    "callback": (run_callback, 2000000),
}


def main(groups=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--scale", choices=("full", "quick", "smoke"), default="full")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("group", nargs="*")
    args = parser.parse_args()
    groups = groups or GROUPS
    if args.list:
        print("\n".join(groups))
        return
    scale.divide = {"full": 1, "quick": 10, "smoke": 10000}[args.scale]
    if args.scale == "smoke":
        scale.most, scale.rounds = 100, 1
    if args.rounds is not None:
        scale.rounds = args.rounds
    for group in args.group or groups:
        run, arg = groups[group]
        asyncio.run(run(arg))


if __name__ == "__main__":
    main()
