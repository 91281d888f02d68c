# SPDX-License-Identifier: MIT
"""Statements on timeouts, groups, combinations, contexts and generators."""
from .text import S, q


class CombineStatements:
    def s_timeout(self, depth):
        body = self.block(self.rng.randrange(3), depth - 1)
        if self.chance(.25):
            body.insert(self.rng.randrange(len(body) + 1),
                        ["reschedule", S("tm"),
                         ["+", ["time"], self.delay()] if self.chance(.8) else S("none")])
        d = self.delay()
        cm = ["timeout", d] if self.chance(.8) else ["timeout-at", ["+", ["time"], d]]
        if self.chance(.06):
            cm = ["timeout", S("none")]
        s = ["with", "tm", cm, *body, *([self.pause()] if self.chance(.6) else [])]
        x = self.rng.random()
        if x < .2:
            return s
        if x < .5:
            return ["try", s, ["except", "TimeoutError", "e",
                               self.log(S("e"), ["expired", S("tm")])]]
        if x < .8:
            return self.guard(s)
        return ["try", s, ["except", ["TimeoutError", "CancelledError"], "e",
                           self.log(S("e"), ["cancelling", ["current-task"]]),
                           *([["reraise"]] if self.chance(.5) else [])]]

    def s_group(self, depth):
        body = []
        for _ in range(1 + self.rng.randrange(3)):
            if self.chance(.4):
                t = self.task()
                body.append(["setg", t, ["spawn", S("tg"), *self.new_task(t)[1:]]])
            else:
                body.append(["spawn", S("tg"), self.call(), *self.task_options()])
            if self.chance(.15):
                body.append(self.statement(depth - 1))
        if self.chance(.4):
            body += self.block(1, depth - 1)
        if self.chance(.3):
            body.append(self.pause())
        if self.chance(.12):
            body.append(["raise", self.exc()])
        if self.chance(.1):
            late = ["call-later", self.delay(), ["fn", []]]
            late[2].append(self.caught(["spawn", S("tg"), self.call()], "RuntimeError"))
            body.append(late)
        s = ["with", "tg", ["group"], *body]
        if self.cancels_groups:
            s = self.known_group(s)
        x = self.rng.random()
        if x < .15:
            return s
        if x < .45:
            kind = self.rng.choice(["ValueError", "Exception", "OSError"])
            return ["try", s,
                    ["except*", kind, "e", self.log(S("e"), ["len", ["exceptions", S("e")]])],
                    *([["except*", "Exception", "e", self.log(S("e"))]] if self.chance(.5) else [])]
        if x < .8:
            return ["try", s, ["except", "Exception", "e", self.log(S("e"), ["type-of", S("e")])]]
        return ["try", s, *self.swallow()]

    def known_group(self, s):
        """Others know the group and may cancel it; sometimes it is cancelled before its block."""
        s[3:3] = [["setg", f"gr{self.rng.randrange(2)}", S("tg")]]
        if self.chance(.25):
            s.insert(self.rng.randrange(4, len(s) + 1), ["group-cancel", S("tg")])
        if self.chance(.1):
            s[2] = S("tq")
            s = ["do", ["set", "tq", ["group"]], ["group-cancel", S("tq")], s]
        return s

    def s_cancel_group(self, depth):
        g = S(f"gr{self.rng.randrange(2)}")
        cancel = ["if", g, ["group-cancel", g]]
        x = self.rng.randrange(6)
        if x == 0:
            return ["call-soon", ["fn", [], cancel]]
        if x == 1:
            return ["call-later", self.delay(), ["fn", [], self.log(q("end")), cancel]]
        if x == 2:
            return ["do", cancel, self.log(["cancelling", ["current-task"]])]
        if x == 3:
            return ["do", cancel, self.cancelling()]
        if x == 4:
            return ["do", self.cancelling(), cancel]
        return cancel

    def s_gather(self, depth):
        g = ["gather", *self.children(1 + self.rng.randrange(3)), *self.return_exceptions()]
        if self.chance(.15):
            g = ["gather", S("tt"), S("tt"), ["sleep", self.delay()], *self.return_exceptions()]
            return ["do", ["set", "tt", self.new_task()], self.guard(self.log(["await", g]))]
        aw = ["await", g]
        if self.chance(.3):
            aw = self.bounded(g)
        return self.guard(self.log(aw))

    def s_gather_var(self, depth):
        return ["do", ["set", "g", ["gather", *self.children(2), *self.return_exceptions()]],
                *([self.pause()] if self.chance(.5) else []),
                self.log(["cancel", S("g"), *self.msg()], S("g")),
                ["try", self.log(["await", S("g")]),
                 ["except", ["CancelledError", "Exception"], "e", self.log(S("e"), S("g"))]]]

    def s_wait(self, depth):
        n = 1 + self.rng.randrange(3)
        ts = ["list", *[self.new_task() for _ in range(n)]]
        if "future" in self.use and self.chance(.3):
            ts.append(self.fut())
        w = ["wait", S("ws")]
        if self.chance(.6):
            w += [S(":timeout"), self.delay()]
        if self.chance(.7):
            w += [S(":when"), q(self.rng.choice(["all", "first", "exception"]))]
        out = ["do", ["set", "ws", ts], ["set", "dp", ["await", w]], self.log(S("dp"))]
        if self.chance(.6):
            out.append(["for", "w", ["nth", S("dp"), 1], ["cancel", S("w"), *self.msg()]])
        if self.chance(.4):
            out.append(self.guard(self.log(["await", ["gather", S("ws"),
                                            S(":return-exceptions"), S("true")]])))
        return self.guard(out)

    def s_wait_for(self, depth):
        d = self.delay() if self.chance(.95) else S("none")
        return self.guard(self.log(["await", ["wait-for", self.awaitable(), d]]))

    def s_shield(self, depth):
        t = self.task()
        x = self.rng.randrange(4)
        if x == 0:
            return ["do", ["setg", t, self.new_task(t)],
                    self.guard(self.log(["await", ["wait-for", ["shield", t], self.delay()]]))]
        if x == 1:
            return ["do", ["set", "sh", ["shield", self.new_task()]],
                    ["call-later", self.delay(), ["fn", [], ["cancel", S("sh"), *self.msg()]]],
                    self.guard(self.log(["await", S("sh")]))]
        if x == 2:
            wait = ["wait-for", ["shield", t], self.delay()]
            return ["if", t, self.guard(self.log(["await", wait]))]
        return ["try", self.log(["await", ["shield", self.call()]]), *self.swallow()]

    def s_as_completed(self, depth):
        items = ["list", *self.children(self.rng.randrange(4))]
        if self.chance(.2):
            items.append(S("tt"))
        ac = ["as-completed", items]
        if self.chance(.4):
            ac += [S(":timeout"), self.delay()]
        if self.chance(.5):
            s = ["for", "c", ac, self.guard(self.log(["await", S("c")])),
                 *([["break"]] if self.chance(.15) else [])]
        else:
            s = ["afor", "c", ac, self.guard(self.log(S("c"), ["await", S("c")])),
                 *([["break"]] if self.chance(.15) else [])]
        return ["do", ["set", "tt", self.new_task()], self.guard(s)]

    def s_try(self, depth):
        return ["try", *self.block(1 + self.rng.randrange(2), depth - 1),
                *(self.swallow() if self.chance(.6) else
                  [["except", self.rng.choice(["Exception", "ValueError", "BaseException"]), "e",
                    self.log(S("e")), *([["reraise"]] if self.chance(.3) else [])],
                   *([["finally", *self.final()]] if self.chance(.4) else [])])]

    def s_misuse(self, depth):
        x = self.rng.randrange(10)
        if x <= 1:
            s = ["await", ["wait", ["list"]]]
        elif x == 2:
            s = ["await", ["wait", ["list", ["sleep", 0]]]]
        elif x == 3:
            s = ["do", ["set", "tg", ["group"]],
                 self.caught(["spawn", S("tg"), ["sleep", 0]], "RuntimeError"),
                 ["with", "_", S("tg"), *self.block(1, depth - 1)],
                 ["with", "_", S("tg"), self.log(q("no"))]]
        elif x == 4:
            s = ["do", ["set", "tm", ["timeout", self.delay()]],
                 self.caught(["reschedule", S("tm"), 5], "RuntimeError"),
                 ["with", "_", S("tm"), self.log(["when", S("tm")], ["expired", S("tm")]),
                  *self.block(1, depth - 1)],
                 self.caught(["reschedule", S("tm"), 5], "RuntimeError"),
                 ["with", "_", S("tm"), self.log(q("no"))]]
        elif x == 5:
            s = ["log", [self.rng.choice(["semaphore", "bounded-semaphore", "barrier"]), -1]]
        elif x == 6:
            s = ["await", ["wait", ["list", self.new_task()], S(":when"), q("never")]]
        elif x == 7:
            s = ["do", ["set", "co", self.call()], ["await", S("co")], ["await", S("co")]]
        elif x == 8:
            s = ["do", ["set", "ff", ["future"]], ["set-exception", S("ff"), S("ValueError")],
                 ["set-result", S("ff"), 1]]
        else:
            s = ["with", "tg", ["group"], ["spawn", S("tg"), self.call()],
                 ["if", ["=", S("n"), 1], ["raise", S("KeyboardInterrupt"), q("g")]]]
        return self.guard(s, True)

    def s_repeat(self, depth):
        calls, self.calls = self.calls, 0
        s = ["repeat", 2, *self.block(1, depth - 1)]
        self.calls = calls
        return s

    def s_call(self, depth):
        return self.guard(self.log(["await", self.call()]))

    def s_ctx(self, depth):
        x = self.rng.randrange(6)
        if x == 0:
            return ["ctx-set", S("cx"), self.rng.randrange(9)]
        if x == 1:
            return ["do", ["set", "tok", ["ctx-set", S("cx"), S("n")]],
                    self.statement(depth - 1), ["ctx-reset", S("cx"), S("tok")],
                    self.log_context()]
        if x == 2:
            t = self.task()
            return ["do", ["set", "cc", ["copy-context"]],
                    ["ctx-run", S("cc"), ["fn", [], ["ctx-set", S("cx"), 77], self.log_context()]],
                    self.log_context(),
                    ["setg", t, [*self.new_task(t)[:2], S(":context"), S("cc")]],
                    ["call-soon", ["fn", [], self.log_context()], S(":context"), S("cc")]]
        if x == 3:
            return ["call-soon", ["fn", [], self.log_context()]]
        return self.log_context()

    def log_context(self):
        return self.log(["ctx-get", S("cx")])

    def s_gen(self, depth):
        g = f"g{self.rng.randrange(self.ngens)}"
        mk = ["call", g, 1 + self.rng.randrange(3)]
        x = self.rng.randrange(7)
        if x < 3:
            return self.guard(["afor", "y", mk, self.log(S("y")),
                               *([["if", ["=", S("y"), 1], ["break"]]] if self.chance(.3) else []),
                               *([self.statement(0)] if self.chance(.4) else [])])
        ag = S("ag")
        out = ["do", ["set", "ag", mk], self.guard(self.log(["await", ["anext", ag]]))]
        end = ["except", ["StopAsyncIteration", "Exception"], "e", self.log(S("e"))]
        if x == 3:
            out.append(["try", self.log(["await", ["asend", ag, q("v")]]), end])
        elif x == 4:
            out.append(["try", self.log(["await", ["athrow", ag, self.exc()]]), end])
        elif x == 5:
            out.append(["try", self.log(["await", ["wait-for", ["anext", ag], self.delay()]]), end])
        if self.chance(.7):
            out.append(self.caught(["await", ["aclose", ag]], "RuntimeError"))
        return out
