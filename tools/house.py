# SPDX-License-Identifier: MIT
"""What the checks share: the project's files, C text without comments, public names."""
import pathlib
import re
import sys

LAYERS = ["base", "context", "loop", "future", "task", "combine", "sync", "thread",
          "io", "io/stream", "io/net", "io/process", "inspect", "io/tls"]

# What public headers belong to; each may include those of its own part and of the ones before.
PARTS = ["core", "io", "tls"]

# The headers in include/asyncio/, each with the lowest layer that knows what is in it. What lies on
# a coroutine's stack is known to the base layer: the strand carries it.
PUBLIC = {
    "base": "base block context coro error errorgroup value",
    "loop": "deadlock loop testing watchdog",
    "future": "future",
    "task": "dump generator keywords mutex run task",
    "combine": "cancelscope gather staggered taskgroup timeout wait",
    "sync": "barrier condition event lock queue semaphore",
    "thread": "channel concurrent executor many threadsafe to_thread",
    "io": "fd file signal",
    "io/stream": "pipe starttls streams",
    "io/net": "datagram dns server sock",
    "io/process": "process",
    "inspect": "graph",
    "io/tls": "ssl",
}


class Check:
    """Collects findings; finish() prints them and gives the exit status."""

    def __init__(self, name):
        self.name = name
        self.findings = 0
        arguments = sys.argv[1:]
        self.root = pathlib.Path(__file__).resolve().parent.parent
        if arguments[:1] == ["--root"]:  # another tree than this one: for the checks' own tests
            self.root = pathlib.Path(arguments[1])
            arguments = arguments[2:]
        self.arguments = arguments

    def files(self, *patterns):
        return sorted(path for pattern in patterns for path in self.root.glob(pattern))

    def find(self, path, line, text):
        place = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        print(f"{place}:{line}: {text}" if line else f"{place}: {text}")
        self.findings += 1

    def finish(self):
        if self.findings:
            print(f"{self.name}: {self.findings} to mend")
        return 1 if self.findings else 0


def without_comments(text):
    """The text with comments and preprocessor lines blanked; line numbers stay."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


def part_of(path):
    """The part that a public header says it is of; None: it does not."""
    opening = path.read_text(encoding="utf-8").split("*/")[0]
    match = re.search(r"^ \* Part: (\w+)\.$", opening, re.MULTILINE)
    return match.group(1) if match and match.group(1) in PARTS else None


def public_declarations(path):
    """(line, name, is_function) for every ASYNCIO_API declaration of a header."""
    text = without_comments(path.read_text(encoding="utf-8"))
    for match in re.finditer(r"\bASYNCIO_API\b([^;{]*)", text):
        line = text.count("\n", 0, match.start()) + 1
        function = re.search(r"\b(\w+)\s*\(", match.group(1))
        if function:
            yield line, function.group(1), True
        else:
            yield line, re.findall(r"\w+", match.group(1).split("[")[0])[-1], False
