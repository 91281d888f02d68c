# SPDX-License-Identifier: MIT
"""Statements on tasks, time and callbacks."""
from .text import S, q


class TaskStatements:
    def s_sleep(self, depth):
        if self.chance(.3):
            return self.log(["await", ["sleep", self.delay(), q("r")]])
        return self.pause()

    def s_log(self, depth):
        return self.log(S("n"), ["time"]) if self.chance(.5) else self.log(["all-tasks"])

    def s_raise(self, depth):
        if self.chance(.1):
            return ["if", ["=", S("n"), 1], ["raise", S("CancelledError"), *self.msg()]]
        if self.chance(.06):
            return ["if", ["=", S("n"), 3], ["raise", S(self.rng.choice(
                ["KeyboardInterrupt", "SystemExit"])), q("kb")]]
        if self.chance(.1):
            return ["if", ["=", S("n"), 2],
                    ["raise", ["exc-group", q("eg"), ["list", self.exc(), self.exc()]]]]
        return ["if", ["=", S("n"), self.rng.randrange(4)], ["raise", self.exc()]]

    def s_task(self, depth):
        t = self.task()
        return ["setg", t, self.new_task(t)]

    def cancelling(self):
        t = self.task()
        x = self.rng.randrange(12)
        if x == 0:
            return ["cancel", ["current-task"], *self.msg()]
        if x == 1:
            return ["if", t, ["do", ["cancel", t, q("one")], ["cancel", t, q("two")]]]
        if x == 2:
            return ["if", t, ["do", ["cancel", t, *self.msg()], self.log(["uncancel", t])]]
        if x == 3:
            return ["call-soon", ["fn", [], ["if", t, ["cancel", t, *self.msg()]]]]
        if x == 4:
            return ["call-later", self.delay(), ["fn", [], ["if", t, ["cancel", t, *self.msg()]]]]
        if x == 5:
            return ["do", ["cancel", ["current-task"], *self.msg()], ["uncancel", ["current-task"]]]
        return ["if", t, self.log(["cancel", t, *self.msg()])]

    def s_cancel(self, depth):
        return self.cancelling()

    def s_state(self, depth):
        t = self.task()
        x = self.rng.randrange(7)
        if x == 0:
            return ["if", t, self.log(t, ["cancelling", t], ["done", t], ["cancelled", t])]
        if x == 1:
            return ["if", t, self.guard(self.log(["result", t]), True)]
        if x == 2:
            return ["if", t, self.caught(self.log(["exception", t]),
                                         ["CancelledError", "InvalidStateError"])]
        if x == 3:
            return ["if", t, ["do", ["set-name", t, q(f"z{self.rng.randrange(3)}")],
                              self.log(["name", t])]]
        if x == 4:
            form = self.rng.choice(["set-result", "set-exception"])
            return ["if", t, self.caught([form, t, self.exc()], "RuntimeError")]
        if x == 5:
            return self.log(["current-task"], ["all-tasks"])
        return ["if", t, self.log(t, ["cancelling", ["current-task"]])]

    def s_await_task(self, depth):
        t = self.awaitable_task()
        if t is None:
            return self.s_sleep(depth)
        return ["if", ["and", t, ["!=", t, ["current-task"]]],
                self.guard(self.log(self.bounded(t) if self.chance(.7) else ["await", t]))]

    def fn_body(self):
        x = self.rng.randrange(9)
        t = self.task()
        if x == 0:
            return ["if", t, ["cancel", t, *self.msg()]]
        if x == 1 and "event" in self.use:
            return ["event-set", S("ev")]
        if x == 2 and "future" in self.use:
            f = self.fut()
            return ["if", ["not", ["done", f]], ["set-result", f, self.rng.randrange(9)]]
        if x == 3:
            return ["raise", self.exc()]
        if x == 4:
            return ["call-soon", ["fn", [], self.log(q("nested"))]]
        if x == 5:
            return ["setg", t, self.new_task(t)]
        if x == 6 and self.has_queue():
            return self.caught(["put-nowait", self.queue(), self.rng.randrange(9)],
                               ["QueueFull", "QueueShutDown"])
        return self.log(q("fn"), ["time"])

    def s_callback(self, depth):
        t = self.task()
        x = self.rng.randrange(4)
        if x == 0:
            s = ["do", ["set", "cb", ["fn", ["f"], self.log(q("cb"), S("f"))]],
                 ["add-callback", t, S("cb")], ["add-callback", t, S("cb")]]
            if self.chance(.5):
                s.append(self.log(["remove-callback", t, S("cb")]))
            return ["if", t, s]
        return ["if", t, ["add-callback", t,
                          ["fn", ["f"], self.log(q("cb"), S("f")),
                           *([self.fn_body()] if self.chance(.5) else [])]]]

    def s_timer(self, depth):
        x = self.rng.randrange(5)
        f = ["fn", [], self.log(q("tick")), self.fn_body()]
        if x == 0:
            return ["call-soon", f]
        if x == 1:
            return ["call-at", ["+", ["time"], self.delay()], f]
        if x == 2:
            return ["do", ["set", "h", ["call-later", self.delay(), f]],
                    self.pause(), ["handle-cancel", S("h")],
                    self.log(["handle-cancelled", S("h")])]
        return ["call-later", self.delay(), f]
