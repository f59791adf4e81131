"""Tasks that end when they are told to."""

from __future__ import annotations

import asyncio
from typing import Any


async def end(*tasks: asyncio.Task[Any], again_s: float = 0.2) -> None:
    """Cancel tasks until they have ended; what they raise is nobody's business any more.

    Once is not enough: `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes in the
    moment in which what it waits for is done (CPython issue 86296), and the task goes on. again_s:
    after so long it is cancelled again; longer than what a task may take for its goodbye.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains of it
