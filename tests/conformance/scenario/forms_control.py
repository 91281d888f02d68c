# SPDX-License-Identifier: MIT
"""The special forms: names, branches, loops, calls, await, yield, with, try."""
import asyncio

from .reader import Form, ScenarioError, Sym
from .tables import special
from .values import (AS_COMPLETED, CONTROL, GENERATOR, TYPES, Break, Continue, Fn, Return, Signal,
                     truth, want, want_awaitable)

BLOCKS = (asyncio.Lock, asyncio.Condition, asyncio.Semaphore, asyncio.Barrier, asyncio.Timeout,
          asyncio.TaskGroup)


@special("do")
async def form_do(it, x, env):
    return await it.block(x[1:], env)


# ---- names ----

@special("set")
async def form_set(it, x, env):
    value = await it.eval(x[2], env)
    frame = env
    while frame is not None:
        if x[1] in frame.vars:
            frame.vars[x[1]] = value
            return value
        frame = frame.parent
    env.vars[x[1]] = value
    return value


@special("let")
async def form_let(it, x, env):
    value = env.vars[x[1]] = await it.eval(x[2], env)
    return value


@special("setg")
async def form_setg(it, x, env):
    value = it.globals[x[1]] = await it.eval(x[2], env)
    return value


# ---- branches and loops ----

@special("if")
async def form_if(it, x, env):
    if truth(await it.eval(x[1], env)):
        return await it.eval(x[2], env)
    return await it.eval(x[3], env) if len(x) > 3 else None


@special("and")
async def form_and(it, x, env):
    value = True
    for part in x[1:]:
        value = await it.eval(part, env)
        if not truth(value):
            break
    return value


@special("or")
async def form_or(it, x, env):
    value = False
    for part in x[1:]:
        value = await it.eval(part, env)
        if truth(value):
            break
    return value


async def leaves_loop(it, body, env):
    """Runs the body once; whether it broke."""
    try:
        await it.block(body, env)
    except Continue:
        pass
    except Break:
        return True
    return False


@special("while")
async def form_while(it, x, env):
    while truth(await it.eval(x[1], env)):
        if await leaves_loop(it, x[2:], env):
            break


@special("repeat")
async def form_repeat(it, x, env):
    for _ in range(await it.eval(x[1], env)):
        if await leaves_loop(it, x[2:], env):
            break


@special("for")
async def form_for(it, x, env):
    items = want(await it.eval(x[2], env), list, AS_COMPLETED)
    for value in list(items) if type(items) is list else items:
        env.vars[x[1]] = value
        if await leaves_loop(it, x[3:], env):
            break


@special("afor")
async def form_afor(it, x, env):
    items = want(await it.eval(x[2], env), GENERATOR, AS_COMPLETED)
    it.kept.append(items)
    async for value in items:
        if asyncio.isfuture(value):
            it.loop.register(value)
        env.vars[x[1]] = value
        if await leaves_loop(it, x[3:], env):
            break


@special("break")
async def form_break(it, x, env):
    raise Break


@special("continue")
async def form_continue(it, x, env):
    raise Continue


@special("return")
async def form_return(it, x, env):
    raise Return(await it.eval(x[1], env) if len(x) > 1 else None)


# ---- calls ----

@special("fn")
async def form_fn(it, x, env):
    return Fn(it, x[1], x[2:], env)


@special("call")
async def form_call(it, x, env):
    args = [await it.eval(part, env) for part in x[2:]]
    if x[1] in it.coros:
        return it.frame(it.coros[x[1]], args)
    generator = it.generator(it.generators[x[1]], args)
    it.kept.append(generator)
    return generator


@special("await")
async def form_await(it, x, env):
    return await want_awaitable(await it.eval(x[1], env))


@special("yield")
async def form_yield(it, x, env):
    return await it.give(await it.eval(x[1], env) if len(x) > 1 else None)


@special("with")
async def form_with(it, x, env):
    block = want(await it.eval(x[2], env), *BLOCKS)
    signal = value = None
    async with block as entered:
        env.vars[x[1]] = entered
        try:
            value = await it.block(x[3:], env)
        except Signal as s:
            signal = s
    if signal is not None:
        raise signal
    return value


# ---- try ----

class TryParts:
    def __init__(self, x):
        self.body, self.clauses, self.otherwise, self.final = [], [], None, None
        for part in x[1:]:
            head = part[0] if type(part) is Form and part and type(part[0]) is Sym else None
            if head in ("except", "except*"):
                self.clauses.append(part)
            elif head == "else":
                self.otherwise = part[1:]
            elif head == "finally":
                self.final = part[1:]
            else:
                self.body.append(part)


def clause_names(clause):
    return clause[1] if type(clause[1]) is Form else [clause[1]]


def clause_types(clause):
    return tuple(TYPES[name] for name in clause_names(clause))


async def run_handler(it, clause, e, env):
    saved = env.handling
    env.handling = e
    env.vars[clause[2]] = e
    try:
        return await it.block(clause[3:], env)
    finally:
        env.handling = saved


async def try_star(it, clauses, e, env):
    naked = not isinstance(e, BaseExceptionGroup)
    rest = BaseExceptionGroup("", [e]) if naked else e
    raised, value = [], None
    for clause in clauses:
        if rest is None:
            break
        match, rest = rest.split(clause_types(clause))
        if match is None:
            continue
        try:
            value = await run_handler(it, clause, match, env)
        except CONTROL:
            raise
        except BaseException as other:
            raised.append(other)
    if not raised:
        if rest is None:
            return value
        raise e if naked else rest
    if naked and len(raised) == 1:
        raise raised[0]
    if rest is not None:
        raised.append(rest)
    raise BaseExceptionGroup("", raised)


async def try_body(it, parts, env):
    if not parts.clauses:
        return await it.block(parts.body, env)
    try:
        value = await it.block(parts.body, env)
    except CONTROL:
        raise
    except BaseException as e:
        if parts.clauses[0][0] == "except*":
            return await try_star(it, parts.clauses, e, env)
        for clause in parts.clauses:
            if isinstance(e, clause_types(clause)):
                return await run_handler(it, clause, e, env)
        raise
    if parts.otherwise is not None:
        return await it.block(parts.otherwise, env)
    return value


@special("try")
async def form_try(it, x, env):
    parts = TryParts(x)
    if parts.final is None:
        return await try_body(it, parts, env)
    try:
        return await try_body(it, parts, env)
    finally:
        if not it.dead:
            await it.block(parts.final, env)


@special("reraise")
async def form_reraise(it, x, env):
    if env.handling is None:
        raise ScenarioError("reraise outside except")
    raise env.handling
