# SPDX-License-Identifier: MIT
"""asyncio made exact: a loop on a virtual clock, and an order wherever asyncio walks a hash set.

What is replaced: the sets of wait() and TaskGroup (they keep the order of insertion), how
as_completed() begins (in the order of its list), timers with equal deadlines (they fire in the
order in which they were armed). Everything else is CPython's.
"""
import asyncio
import asyncio.base_events
import asyncio.events
import asyncio.taskgroups
import asyncio.tasks

MAX_ITERATIONS = 100_000


class Deadlock(BaseException):
    """Nothing is ready and no timer is armed."""


class StepLimit(BaseException):
    """More iterations or evaluations than a scenario may have."""


class OrderedSet:
    """Stands in for set where asyncio iterates over a set of futures."""

    def __init__(self, members=()):
        self._members = dict.fromkeys(members)

    def __iter__(self):
        return iter(list(self._members))

    def __len__(self):
        return len(self._members)

    def __contains__(self, x):
        return x in self._members

    def add(self, x):
        self._members[x] = None

    def discard(self, x):
        self._members.pop(x, None)

    def remove(self, x):
        del self._members[x]

    def clear(self):
        self._members.clear()


def as_completed_init(self, aws, timeout):
    members = OrderedSet(map(asyncio.ensure_future, OrderedSet(aws)))
    vars(self).update(_done=asyncio.Queue(), _timeout_handle=None,
                      _todo=members, _todo_left=len(members))
    for m in members:
        m.add_done_callback(self._handle_completion)
    if timeout is not None and len(members):
        self._timeout_handle = asyncio.get_running_loop().call_later(
            timeout, self._handle_timeout)


class TimerHandle(asyncio.events.TimerHandle):
    __slots__ = ["_number"]
    made = 0

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        TimerHandle.made += 1
        self._number = TimerHandle.made

    def __lt__(self, other):
        return (self._when, self._number) < (other._when, other._number)


asyncio.tasks.set = OrderedSet
asyncio.taskgroups.set = OrderedSet
asyncio.tasks._AsCompletedIterator.__init__ = as_completed_init
asyncio.events.TimerHandle = TimerHandle


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """Its clock shows whole milliseconds and moves when nothing is ready; it never waits."""

    def __init__(self):
        super().__init__()
        self._clock_resolution = 1
        self._now = 0
        self._selector = self
        self._iterations = 0
        self._task_counter = 0
        self._asyncgens = OrderedSet()
        self.registry = []  # all tasks and futures, in the order in which their making began
        self.places = {}    # of each of them in the registry
        self.set_debug(False)

    def time(self):
        return self._now

    def select(self, timeout):
        self._iterations += 1
        if self._iterations > MAX_ITERATIONS:
            raise StepLimit
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self._now = self._scheduled[0]._when
        return []

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def register(self, future):
        if future not in self.places:
            self.places[future] = len(self.registry)
            self.registry.append(future)
        return future

    def create_future(self):
        return self.register(super().create_future())

    def create_task(self, coro, **kw):
        if kw.get("name") is None:
            self._task_counter += 1
            kw["name"] = f"Task-{self._task_counter}"
        place = len(self.registry)
        self.registry.append(None)  # an eager task already runs while it is made
        task = super().create_task(coro, **kw)
        self.registry[place] = task
        self.places[task] = place
        return task
