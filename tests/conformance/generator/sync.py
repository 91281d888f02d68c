# SPDX-License-Identifier: MIT
"""Statements on locks, semaphores, events, conditions, barriers, futures and queues."""
from .text import S, q


class SyncStatements:
    def s_lock(self, depth):
        x = self.rng.randrange(5)
        if x < 2:
            return self.guard(["with", "_", S("lk"), *self.block(1, depth - 1), self.pause()])
        if x == 2:
            return self.guard(["with", "_", ["timeout", self.delay()],
                               ["with", "_", S("lk"), self.pause()]])
        if x == 3:
            return self.guard(["do", self.log(self.bounded(["acquire", S("lk")])),
                               ["try", *self.block(1, depth - 1),
                                ["finally", ["release", S("lk")]]]])
        return ["do", self.log(["locked", S("lk")]),
                *([self.caught(["release", S("lk")], "RuntimeError")] if self.chance(.3) else [])]

    def semaphore(self, s, depth):
        x = self.rng.randrange(5)
        if x < 2:
            return self.guard(["with", "_", s, *self.block(1, depth - 1), self.pause()])
        if x == 2:
            return self.guard(["with", "_", ["timeout", self.delay()],
                               ["with", "_", s, self.pause()]])
        if x == 3:
            return self.guard(["do", self.log(self.bounded(["acquire", s])),
                               ["try", self.pause(), ["finally", ["release", s]]]])
        return ["do", self.log(["locked", s]), self.pause(),
                *([self.caught(["release", s], "ValueError")] if self.chance(.5) else [])]

    def s_sem(self, depth):
        return self.semaphore(S("sm"), depth)

    def s_bsem(self, depth):
        return self.semaphore(S("bs"), depth)

    def s_event(self, depth):
        x = self.rng.randrange(5)
        if x < 2:
            return self.guard(self.log(self.bounded(["wait-on", S("ev")])))
        if x == 2:
            return ["event-set", S("ev")]
        if x == 3:
            return ["do", ["event-set", S("ev")], ["event-clear", S("ev")]]
        return ["do", self.log(["is-set", S("ev")]), ["event-clear", S("ev")]]

    def s_cond(self, depth):
        x = self.rng.randrange(7)
        cv = S("cv")
        if x < 2:
            return self.guard(["with", "_", cv,
                               self.log(self.bounded(["wait-on", cv]), ["locked", cv])])
        if x == 2:
            return self.guard(["with", "_", cv, ["setg", "flag", ["+", S("flag"), 1]],
                               ["notify", cv, 1 + self.rng.randrange(2)]])
        if x == 3:
            return self.guard(["with", "_", cv, ["setg", "flag", ["+", S("flag"), 1]],
                               ["notify-all", cv], self.pause(),
                               *([self.pause()] if self.chance(.5) else [])])
        if x == 4:
            return self.guard(["with", "_", cv, self.log(self.bounded(
                ["wait-until", cv, ["fn", [], [">=", S("flag"), 1 + self.rng.randrange(3)]]]))])
        if x == 5:
            return self.caught([self.rng.choice(["notify", "notify-all"]), cv], "RuntimeError")
        return self.guard(["await", ["wait-for", ["wait-on", cv], self.delay()]], True)

    def s_barrier(self, depth):
        x = self.rng.randrange(9)
        b = S("br")
        if x < 5:
            return self.guard(self.log(self.bounded(["wait-on", b])))
        if x == 5:
            return self.guard(["with", "ix", b, self.log(S("ix"), ["n-waiting", b])])
        if x == 6:
            return self.guard(["await", ["barrier-reset", b]])
        if x == 7 and self.chance(.4):
            return self.guard(["await", ["barrier-abort", b]])
        return self.log(["n-waiting", b], ["broken", b], ["parties", b])

    def s_future(self, depth):
        f = self.fut()
        x = self.rng.randrange(8)
        if x < 2:
            return self.guard(self.log(self.bounded(f)))
        if x == 2:
            return self.guard(["set-result", f, self.rng.randrange(9)], True)
        if x == 3:
            return self.guard(["set-exception", f, self.exc()], True)
        if x == 4:
            return self.log(["cancel", f, *self.msg()], f)
        if x == 5:
            return ["setg", f, ["future", q(f"fu{self.rng.randrange(4)}")]]
        if x == 6:
            return ["add-callback", f, ["fn", ["f"], self.log(S("f")), self.fn_body()]]
        return self.caught(self.log(["result", f], ["exception", f]),
                           ["CancelledError", "Exception"])

    def s_queue(self, depth):
        k = self.queue()
        x = self.rng.randrange(13)
        if x < 3:
            return self.guard(self.log(self.bounded(["get", k])))
        if x < 6:
            return self.guard(self.bounded(["put", k, self.rng.randrange(9)]))
        if x == 6:
            return self.guard(["put-nowait", k, self.rng.randrange(9)], True)
        if x == 7:
            return self.guard(self.log(["get-nowait", k]), True)
        if x == 8:
            return self.guard(["task-done", k], True)
        if x == 9:
            return self.guard(self.bounded(["join", k]))
        if x == 10 and self.chance(.5):
            return ["shutdown", k, *([S("true")] if self.chance(.4) else [])]
        if x == 11 and self.chance(.5):
            return self.guard(["gather", ["put", k, 1], ["put", k, 2], ["put", k, 3],
                               S(":return-exceptions"), S("true")])
        if x == 11:
            return self.guard(["repeat", 3, ["put-nowait", k, ["time"]]], True)
        return self.log(["qsize", k], ["empty", k], ["full", k])

    def race_kinds(self):
        """(how a task waits, what wakes it, what main has to acquire first)"""
        r = self.rng
        kinds = []
        if "lock" in self.use:
            kinds.append((["acquire", S("lk")], ["release", S("lk")], ["acquire", S("lk")]))
        for u, n in (("sem", "sm"), ("bsem", "bs")):
            if u in self.use:
                kinds.append((["acquire", S(n)], ["release", S(n)], None))
        if "event" in self.use:
            kinds.append((["wait-on", S("ev")], ["event-set", S("ev")], None))
        if "barrier" in self.use:
            kinds.append((["wait-on", S("br")], ["task", ["wait-on", S("br")]], None))
        if "cond" in self.use:
            kinds.append((["wait-until", S("cv"), ["fn", [], [">", S("flag"), r.randrange(6)]]],
                          ["setg", "flag", ["+", S("flag"), 1]], ["acquire", S("cv")]))
            kinds.append((["wait-on", S("cv")], ["notify", S("cv")], ["acquire", S("cv")]))
        if self.has_queue():
            k = self.queue()
            kinds.append((["get", k], ["put-nowait", k, r.randrange(9)], None))
            kinds.append((["put", k, r.randrange(9)], ["get-nowait", k], None))
        kinds.append((S("fr"), ["set-result", S("fr"), 1], None))
        return kinds

    def s_race(self, depth):
        """Tasks wait in line; then, in one turn, wake-ups and cancellations in random order."""
        r = self.rng
        wait, wake, first = r.choice(self.race_kinds())
        body = []
        if first:
            body.append(self.caught(["await", ["wait-for", first, self.delay()]],
                                    ["TimeoutError", "RuntimeError"]))
        if wait == S("fr"):
            body.append(["set", "fr", ["future", q("fr")]])
            wait = r.choice([["wait-for", S("fr"), self.delay()], ["wait", ["list", S("fr")]],
                             ["gather", S("fr")], ["shield", S("fr")], ["sleep", self.delay()]])
            if wait[0] in ("gather", "shield"):
                wait = ["wait-for", wait, S("none")]
        n = 2 + r.randrange(3)
        body.append(["set", "rs", ["list", *[["task", wait] for _ in range(n)]]])
        body.append(["await", ["sleep", r.choice([0, 0, 10])]])
        ops = []
        for _ in range(1 + r.randrange(3)):
            ops.append(self.caught(wake))
        for _ in range(r.randrange(3)):
            ops.append(["cancel", ["nth", S("rs"), r.randrange(n)], *self.msg()])
        if wait[0] in ("wait-on", "wait-until") and first and self.chance(.7):
            ops.append(self.caught(["notify", S("cv"), r.randrange(3)], "RuntimeError"))
        r.shuffle(ops)
        body += ops
        if first and wake[0] != "release":
            body.append(self.caught(["release", first[1]], "RuntimeError"))
        body.append(self.pause())
        body.append(self.log(S("rs")))
        if self.chance(.7):
            body.append(["for", "w", S("rs"), ["cancel", S("w")]])
            if self.chance(.5):
                body.append(self.log(["await", ["wait", S("rs"), S(":timeout"), self.delay()]]))
        return self.guard(["do", *body])
