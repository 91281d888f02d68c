#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many lines of asyncio scenarios reach.

The scenarios run with the Task and Future that are written in Python. Counted are the lines of those
functions that a scenario can reach: OUT and UNREACHABLE list what it cannot (representations,
threads, debug mode, misuse that the language has no words for)."""
import argparse
import ast
import importlib
import inspect
import sys
import types

from scenario import package

MODULES = [f"asyncio.{name}" for name in ("tasks", "futures", "taskgroups", "timeouts", "locks",
                                          "queues")]

OUT = {"__repr__", "__str__", "_format", "__del__", "__class_getitem__", "get_stack",
       "print_stack", "run_coroutine_threadsafe", "callback", "wrap_future", "_chain_future",
       "_set_state", "_call_check_cancel", "_call_set_state", "_copy_future_state",
       "_convert_future_exc", "_set_concurrent_future_state", "_get_loop", "get_context",
       "get_coro", "get_loop", "_wrap_awaitable", "maxsize", "_future_repr", "_register_task",
       "_unregister_task", "_unregister_eager_task", "_register_eager_task", "_set_task_name",
       "_log_traceback", "_source_traceback", "_swap_current_task", "_log_destroy_pending",
       "future_add_to_awaited_by", "future_discard_from_awaited_by", "__iter__",
       "__init_subclass__", "_get_context"}

# Statements, and the bodies of conditions, in which one of these stands.
UNREACHABLE = ["_source_traceback", "attached to a different loop", "yield was used",
               "Task got bad yield", "a coroutine was expected", "_task_name_counter",
               "already done: {self", "expect a list of futures", "Invalid delay",
               "different loop than", "inspect.isawaitable", "an awaitable", "Cannot enter into",
               "does not match", "await wasn't used with future",
               "should be used inside a task", "cannot determine the parent",
               "has errored out but its parent", "StopIteration interacts",
               "except RuntimeError", "except StopIteration", "coro_or_future.close()",
               "events.get_event_loop()", "cur_task = None", "iterable of awaitables",
               "current_task.get(loop)", "awaited_by is None", "frozenset(", "should_close",
               "new_exc = RuntimeError", "new_exc.__", "exception = new_exc",
               "self.__step, new_exc", "_AsCompleted__never", "isinstance(exception, StopIteration)"]
UNREACHABLE_CONDITIONS = ["isgenerator", "_source_traceback", "is not self._loop",
                          "should_close", "parent_task.done()", "StopIteration", "isawaitable"]
REACHABLE = "Task cannot await on itself"


def lines_of(code):
    """Lines of the functions in it; class bodies and the module itself do not count."""
    found = set()
    if code.co_flags & 1:  # a function
        found = {line for _, _, line in code.co_lines()
                 if line is not None and line != code.co_firstlineno}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and constant.co_name not in OUT:
            found |= lines_of(constant)
    return found


def unreachable(node, source):
    """The statements of a node that no scenario comes to."""
    text = lambda part: ast.get_source_segment(source, part)
    if isinstance(node, ast.If):
        return node.body if any(k in text(node.test) for k in UNREACHABLE_CONDITIONS) else []
    if isinstance(node, ast.ExceptHandler):
        return [node] if getattr(node.type, "id", "") == "RuntimeError" else []
    if isinstance(node, ast.FunctionDef) and node.name == "__init__":
        return [node] if "self._todo_left = len" in text(node) else []  # scenario.loop has its own
    if isinstance(node, ast.stmt) and not hasattr(node, "body"):
        wrong = any(k in text(node) for k in UNREACHABLE) and REACHABLE not in text(node)
        return [node] if wrong else []
    return []


def unreachable_lines(source):
    return {line for node in ast.walk(ast.parse(source)) for part in unreachable(node, source)
            for line in range(part.lineno, part.end_lineno + 1)}


def run(paths, places):
    """Runs the scenarios; {file: lines that were reached}."""
    from scenario import files, interp
    hits = {place: set() for place in places}

    def on_line(code, line):
        if code.co_filename in hits:
            hits[code.co_filename].add(line)
        return sys.monitoring.DISABLE

    tool = sys.monitoring.COVERAGE_ID
    sys.monitoring.use_tool_id(tool, "cover")
    sys.monitoring.register_callback(tool, sys.monitoring.events.LINE, on_line)
    sys.monitoring.set_events(tool, sys.monitoring.events.LINE)
    for path in files.expand(paths):
        interp.run_text(path.read_text(encoding="utf-8"))
    sys.monitoring.set_events(tool, 0)
    return hits


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asyncio", metavar="FOLDER")
    parser.add_argument("--missing", action="store_true", help="print the lines not reached")
    parser.add_argument("paths", metavar="PATH", nargs="+")
    arguments = parser.parse_args()
    package.choose(True, arguments.asyncio)
    modules = {m.__file__: m for m in map(importlib.import_module, MODULES)}
    for place, hits in run(arguments.paths, modules).items():
        source = inspect.getsource(modules[place])
        wanted = lines_of(compile(source, place, "exec")) - (unreachable_lines(source) - hits)
        reached = wanted & hits
        print(f"{modules[place].__name__:20} {len(reached):4}/{len(wanted):4} "
              f"{100 * len(reached) / len(wanted):5.1f} %")
        for line in sorted(wanted - reached) if arguments.missing else []:
            print(f"    {line}: {source.splitlines()[line - 1]}")


main()
