#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same server as peer_asyncio.py, on uvloop (Debian's package, for Debian's Python)."""
import asyncio

import uvloop

from peer_asyncio import main

uvloop.install()
asyncio.run(main())
