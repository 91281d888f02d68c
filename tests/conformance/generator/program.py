# SPDX-License-Identifier: MIT
"""Whole programs."""
from .base import EXCS, Base
from .combine import CombineStatements
from .sync import SyncStatements
from .tasks import TaskStatements
from .text import S, layout, q


class Program(Base, TaskStatements, CombineStatements, SyncStatements):
    def generator(self, k):
        self.calls, self.level = 1, self.ncoros
        body = []
        loop = ["for", "i", ["range", S("n")]]
        if self.chance(.6):
            loop.append(self.pause())
        y = ["yield", S("i")]
        loop.append(self.log(q("sent"), y) if self.chance(.5) else y)
        if self.chance(.3):
            loop = ["try", loop, ["except", self.rng.choice(EXCS), "e", self.log(S("e")),
                                  *([["yield", q("after")]] if self.chance(.5) else [])]]
        if self.chance(.6):
            loop = ["try", loop, ["finally", *([self.pause()] if self.chance(.4) else []),
                                  self.log(q("gen end"))]]
        body.append(loop)
        if self.chance(.15):
            body.append(["raise", self.exc()])
        return ["gen", f"g{k}", ["n"], *body]

    def coroutine(self, k):
        self.level, self.calls = k, 2
        body = [self.log(S("n"))] if self.chance(.6) else []
        body += self.block(1 + self.rng.randrange(1 + self.size), 1 + self.rng.randrange(2))
        if self.chance(.4):
            body = [["try", *body, *(self.swallow() if self.chance(.5) else
                                     [["finally", *self.final()]])]]
        body.append(["return", S("n") if self.chance(.5) else q(f"c{k}")])
        return ["coro", f"c{k}", ["n"], *body]

    def program(self):
        r = self.rng
        defs = [self.coroutine(k) for k in range(self.ncoros)]
        defs += [self.generator(k) for k in range(self.ngens)]
        self.level, self.calls = -1, 3 + self.size
        init = [["setg", t, S("none")] for t in self.tasks]
        if self.cancels_groups:
            init += [["setg", f"gr{k}", S("none")] for k in range(2)]
        for u, n, e in (("lock", "lk", ["lock"]), ("sem", "sm", ["semaphore", r.randrange(3)]),
                        ("bsem", "bs", ["bounded-semaphore", 1 + r.randrange(2)]),
                        ("event", "ev", ["event"]), ("cond", "cv", ["condition"]),
                        ("queue", "qu", ["queue", r.choice([0, 1, 1, 2])]),
                        ("lifo", "ql", ["lifo-queue", r.choice([0, 1, 1, 2])]),
                        ("prio", "qp", ["priority-queue", r.choice([0, 1, 1, 2])]),
                        ("barrier", "br", ["barrier", 2 + r.randrange(2)]),
                        ("future", "f0", ["future", q("f0")]),
                        ("future", "f1", ["future", q("f1")])):
            if u in self.use:
                init.append(["setg", n, e])
        if "cond" in self.use:
            init.append(["setg", "flag", 0])
        if self.eager:
            init.append(["eager-tasks", S("true")])
        init.append(["set", "n", r.randrange(4)])
        body = [self.s_task(0) for _ in range(1 + r.randrange(3))]
        for s in self.block(2 + r.randrange(3 + self.size), 2):
            body.append(s)
            if self.chance(.4):
                body.append(self.pause())
        if self.chance(.5):
            body.append(["await", ["sleep", 200]])
        if self.chance(.25):
            tasks = ["list", *[["or", S(t), ["sleep", 0]] for t in self.tasks]]
            body.append(["await", ["gather", tasks, S(":return-exceptions"), S("true")]])
        body.append(self.log(*[S(t) for t in self.tasks]))
        main = ["main", *init,
                ["try", ["with", "_", ["timeout", 2000], *body],
                 ["except", "Exception", "e", self.log(q("main"), S("e"))]],
                ["return", q("end")]]
        if "ctx" in self.use:
            defs.insert(0, ["ctxvar", "cx", 0])
        return defs + [main]


def scenario(seed, index, size=None, cancels_groups=False):
    g = Program(seed, index, size, cancels_groups)
    title = f'(scenario "random {seed}/{index} size {g.size}")'
    if cancels_groups:
        title = f"; CPython 3.15.0rc1\n{title}"
    return "\n".join([title] + [layout(d) for d in g.program()]) + "\n"
