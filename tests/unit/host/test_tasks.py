"""Tasks that do not want to end, and end."""

import asyncio

import pytest

from nansha.tasks import end


@pytest.mark.asyncio
@pytest.mark.parametrize("swallowed", [0, 1, 3])
async def test_a_task_that_swallows_cancellations_ends(swallowed):
    seen = 0

    async def stubborn():
        nonlocal seen
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen += 1
                if seen > swallowed:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task, again_s=0.01), 5)
    assert task.cancelled() and seen == swallowed + 1


@pytest.mark.asyncio
async def test_a_cancellation_in_the_moment_of_the_answer_ends_the_task():
    # The way a link publishes: wait_for of something that is done just as the task is cancelled.
    ready, answered = asyncio.Event(), asyncio.Event()

    async def sends():
        while True:
            ready.set()
            await asyncio.wait_for(answered.wait(), 5)
            answered.clear()

    task = asyncio.create_task(sends())
    await ready.wait()
    await asyncio.sleep(0)
    answered.set()
    await asyncio.sleep(0)  # the answer is there, and the task has not been told yet
    await asyncio.wait_for(end(task, again_s=0.01), 5)
    assert task.done()


@pytest.mark.asyncio
async def test_what_it_raised_is_not_complained_of():
    async def breaks():
        raise OSError("gone")

    async def well():
        return 1

    broken, done = asyncio.create_task(breaks()), asyncio.create_task(well())
    await asyncio.sleep(0)
    await end(broken, done)
    assert isinstance(broken.exception(), OSError) and done.result() == 1


@pytest.mark.asyncio
async def test_a_long_goodbye_is_waited_for():
    said = []

    async def polite():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            said.append("goodbye")

    task = asyncio.create_task(polite())
    await asyncio.sleep(0)
    await end(task, again_s=5)
    assert said == ["goodbye"]
