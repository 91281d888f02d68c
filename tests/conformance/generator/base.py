# SPDX-License-Identifier: MIT
"""What every statement is made of, and how one is chosen."""
import random

from .text import S, q

DELAYS = [0, 0, 10, 10, 20, 20, 30, 30, 40, 50, 60, 100]
MSGS = ["m1", "m2", "stop"]
EXCS = ["ValueError", "KeyError", "RuntimeError", "OSError", "ZeroDivisionError",
        "TypeError", "TimeoutError"]


class Base:
    """Methods named s_ give a statement; depth says how deep others may stand in it."""

    def __init__(self, seed, index, size=None, cancels_groups=False):
        self.rng = random.Random(f"{seed}/{index}")
        self.size = size or 1 + index % 5
        self.cancels_groups = cancels_groups
        self.labels = 0
        self.calls = 0
        r = self.rng
        self.ncoros = 2 + r.randrange(2 + self.size)
        self.ngens = r.randrange(3) if self.size > 1 else 0
        self.tasks = [f"t{i}" for i in range(2 + r.randrange(2 + self.size))]
        self.use = set(r.sample(
            ["lock", "sem", "bsem", "event", "cond", "queue", "lifo", "prio",
             "barrier", "future", "ctx"], 2 + r.randrange(2 + self.size)))
        self.eager = r.random() < 0.25
        # One kind of statement is more frequent in each scenario.
        self.focus = r.choice(["s_timeout", "s_group", "s_gather", "s_shield", "s_cancel", "s_try",
                               "s_wait", "s_wait_for", "s_as_completed", "s_gen", "s_await_task"]
                              + 2 * ["s_" + {"lifo": "queue", "prio": "queue"}.get(u, u)
                                     for u in sorted(self.use)])
        self.level = 0  # the coroutine being written: it calls later ones only

    def chance(self, x):
        return self.rng.random() < x

    def delay(self):
        return self.rng.choice(DELAYS)

    def tag(self):
        self.labels += 1
        return q(f"L{self.labels}")

    def log(self, *xs):
        return ["log", self.tag(), *xs]

    def pause(self):
        return ["await", ["sleep", self.delay()]]

    def caught(self, s, types="Exception"):
        return ["try", s, ["except", types, "e", self.log(S("e"))]]

    def task(self):
        return S(self.rng.choice(self.tasks))

    def exc(self):
        t = self.rng.choice(EXCS)
        return ["exc", t, q(f"x{self.rng.randrange(9)}")] if self.chance(.8) else ["exc", t]

    def msg(self):
        return [q(self.rng.choice(MSGS))] if self.chance(.4) else []

    def call(self):
        """A coroutine expression."""
        later = range(self.level + 1, self.ncoros)
        if later and self.calls > 0 and self.chance(.85):
            self.calls -= 1
            k = self.rng.choice(later)
            return ["call", f"c{k}", self.rng.randrange(4)]
        x = self.rng.randrange(8)
        if x == 0 and self.has_queue():
            k = self.queue()
            return ["get", k] if self.chance(.4) else ["put", k, self.rng.randrange(9)]
        if x == 1 and "event" in self.use:
            return ["wait-on", S("ev")]
        if x == 2 and "lock" in self.use:
            return ["wait-for", ["acquire", S("lk")], self.delay()]
        if x == 3:
            return ["wait-for", ["sleep", self.delay(), q("wf")], self.delay()]
        return ["sleep", self.delay(), self.rng.randrange(100)]

    def task_options(self):
        o = []
        if self.chance(.4):
            o += [S(":name"), q(f"n{self.rng.randrange(6)}")]
        if self.chance(.15):
            o += [S(":eager"), S(self.rng.choice(["true", "true", "false"]))]
        if "ctx" in self.use and self.chance(.2):
            o += [S(":context"), ["copy-context"]]
        return o

    def new_task(self, var=None):
        # A task kept in variable tI only runs coroutines later than level(tI), and coroutine
        # k awaits tI only where k <= level(tI): no task ever waits for itself in a circle.
        level = self.level
        if var is not None:
            self.level = max(level, self.level_of(var))
        t = ["task", self.call(), *self.task_options()]
        self.level = level
        return t

    def level_of(self, var):
        return int(var[1:]) % self.ncoros - 1

    def awaitable_task(self):
        ok = [t for t in self.tasks if self.level <= self.level_of(t)]
        return S(self.rng.choice(ok)) if ok else None

    def awaitable(self):
        """Something that can be awaited."""
        x = self.rng.randrange(10)
        if x < 4:
            return self.call()
        if x < 7:
            return self.new_task()
        if x == 7 and "future" in self.use:
            return self.fut()
        if x == 8:
            return ["shield", self.new_task() if self.chance(.7) else self.call()]
        if x == 9:
            return ["gather", *self.children(self.rng.randrange(4)), *self.return_exceptions()]
        return ["sleep", self.delay(), self.rng.randrange(100)]

    def child(self):
        return self.rng.choice([self.call, self.new_task, self.call])() if self.chance(.8) \
            else ["sleep", self.delay(), q("s")]

    def children(self, n):
        return [self.child() for _ in range(n)]

    def return_exceptions(self):
        return [S(":return-exceptions"), S("true")] if self.chance(.5) else []

    def fut(self):
        return S(self.rng.choice(["f0", "f1"]))

    def queue(self):
        c = [n for n, u in (("qu", "queue"), ("ql", "lifo"), ("qp", "prio")) if u in self.use]
        return S(self.rng.choice(c or ["qu"]))

    def has_queue(self):
        return self.use & {"queue", "lifo", "prio"}

    def guard(self, s, always=False):
        """Let what s raises be seen in the trace, mostly."""
        x = self.rng.random()
        if not always and x < .25:
            return s
        if x < .65 or always and x < .8:
            return self.caught(s)
        if x < .8:
            return ["try", s, ["except", ["CancelledError", "TimeoutError"], "e",
                               self.log(S("e")), ["reraise"]]]
        if x < .88:
            return ["try", s, *self.swallow()]
        if x < .94:
            return ["try", s, ["except", "Exception", "e", self.log(S("e"))],
                    ["finally", self.log(q("fin"))]]
        return ["try", s, ["except*", self.rng.choice(["ValueError", "OSError", "Exception"]), "e",
                           self.log(q("star"), S("e"))]]

    def swallow(self):
        """A CancelledError is swallowed, with or without uncancel."""
        body = [self.log(S("e"), ["cancelling", ["current-task"]])]
        x = self.rng.randrange(5)
        if x == 0:
            body.append(self.log(["uncancel", ["current-task"]]))
        elif x == 1:
            body.append(self.pause())
        elif x == 2:
            body.append(["reraise"])
        elif x == 3:
            body.append(["raise", self.exc()])
        c = ["except", "CancelledError", "e", *body]
        out = [c]
        if self.chance(.3):
            out.append(["else", self.log(q("else"))])
        if self.chance(.4):
            out.append(["finally", *self.final()])
        return out

    def final(self):
        x = self.rng.randrange(6)
        if x == 0:
            return [self.pause(), self.log(q("fin"))]
        if x == 1:
            return [self.log(q("fin")), self.cancelling()]
        if x == 2:
            return [["await", ["shield", self.call()]], self.log(q("fin"))]
        return [self.log(q("fin"))]

    def block(self, n, depth):
        return [self.statement(depth) for _ in range(max(1, n))]

    def bounded(self, aw):
        """Await aw, mostly with a limit so that it cannot hang."""
        x = self.rng.random()
        if x < .5:
            return ["await", ["wait-for", aw, self.delay()]]
        if x < .9:
            return ["with", "_", ["timeout", self.delay()], ["await", aw]]
        return ["await", aw]

    def statement(self, depth):
        r = self.rng
        kinds = [(6, self.s_sleep), (3, self.s_log), (2, self.s_raise), (4, self.s_task),
                 (5, self.s_cancel), (3, self.s_state), (3, self.s_await_task),
                 (2, self.s_callback), (2, self.s_timer)]
        if depth > 0:
            kinds += [(5, self.s_timeout), (5, self.s_group), (4, self.s_gather),
                      (3, self.s_wait), (4, self.s_wait_for), (4, self.s_shield),
                      (3, self.s_as_completed), (4, self.s_try), (2, self.s_repeat),
                      (2, self.s_call), (1, self.s_gather_var), (1, self.s_misuse)]
            for u, f in (("lock", self.s_lock), ("sem", self.s_sem), ("bsem", self.s_bsem),
                         ("event", self.s_event), ("cond", self.s_cond),
                         ("barrier", self.s_barrier), ("future", self.s_future),
                         ("ctx", self.s_ctx)):
                if u in self.use:
                    kinds.append((6, f))
            if self.has_queue():
                kinds.append((9, self.s_queue))
            if self.ngens:
                kinds.append((4, self.s_gen))
            kinds.append((5, self.s_race))
        kinds = [(w * 5 if f.__name__ == self.focus else w, f) for w, f in kinds]
        if self.cancels_groups:
            kinds += [(9, self.s_cancel_group), (12 if depth > 0 else 0, self.s_group)]
        total = sum(w for w, _ in kinds)
        x = r.randrange(total)
        for w, f in kinds:
            x -= w
            if x < 0:
                return f(depth)
