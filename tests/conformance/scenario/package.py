# SPDX-License-Identifier: MIT
"""Which asyncio: to be called before anything else here is imported."""
import sys


def choose(pure=False, folder=None):
    """pure: Task and Future in Python instead of C. folder: has another package `asyncio`."""
    if pure or folder:
        for name in list(sys.modules):
            if name in ("asyncio", "_asyncio") or name.startswith("asyncio."):
                del sys.modules[name]
    if pure:
        sys.modules["_asyncio"] = None  # an import of it fails, and asyncio does without
    if folder:
        sys.path.insert(0, folder)
