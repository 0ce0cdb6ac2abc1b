"""The line to a relay: which reply belongs to which command, whatever arrives and however it is cut up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.delivery import line
from mailflow.delivery.line import LOST, UNREADABLE, Answer, Line

Relay = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Line, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give a line and the relay's end of it."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    under_test = line.take_over(transport)
    try:
        yield under_test, reader, writer
    finally:
        under_test.close()
        writer.close()


def answers(*chunks: bytes, replies: int = 1, timeout: float = 5, pause: bool = True) -> list[Answer]:
    """Return what the line makes of chunks that arrive one by one after its commands."""

    async def talk() -> list[Answer]:
        async with connected() as (under_test, _, writer):
            asked = asyncio.create_task(under_test.ask(b"COMMAND\r\n", replies, timeout=timeout))
            await asyncio.sleep(0)
            for chunk in chunks:
                writer.write(chunk)
                if pause:
                    await asyncio.sleep(0.001)
            return list(await asked)

    return asyncio.run(asyncio.wait_for(talk(), 60))


def test_a_reply_is_read_whole() -> None:
    assert answers(b"250 2.0.0 queued as 4F1\r\n") == [Answer(250, "2.0.0 queued as 4F1")]


def test_a_bare_code_is_a_reply() -> None:
    assert answers(b"250\r\n") == [Answer(250, "")]


def test_a_line_feed_alone_ends_a_line() -> None:
    assert answers(b"250 ok\n") == [Answer(250, "ok")]


def test_a_reply_split_over_packets_is_one_reply() -> None:
    assert answers(*(bytes([byte]) for byte in b"250-first\r\n250 last\r\n")) == [Answer(250, "first last")]


def test_several_replies_in_one_packet_answer_in_order() -> None:
    got = answers(b"250 one\r\n550-5.1.1 two\r\n550 5.1.1 more\r\n354 three\r\n", replies=3)
    assert got == [Answer(250, "one"), Answer(550, "5.1.1 two 5.1.1 more"), Answer(354, "three")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=40), max_size=12))
def test_cuts_between_packets_change_nothing(cuts: list[int]) -> None:
    whole = b"250-a\r\n250 b\r\n451 4.3.0 c\r\n354 d\r\n"
    chunks, rest = [], whole
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    got = answers(*(chunk for chunk in [*chunks, rest] if chunk), replies=3, pause=False)
    assert got == [Answer(250, "a b"), Answer(451, "4.3.0 c"), Answer(354, "d")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xffnot a reply\r\n",
        b"\r\n",
        b"25\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b" 250 ok\r\n",
        b"-25 ok\r\n",
        b"000 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        "٢٥٠ ok\r\n".encode(),
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250-two codes\r\n550 in one reply\r\n",
        b"550-two codes\r\n250 in one reply\r\n",
    ],
)
def test_garbage_is_unreadable_and_ends_the_line(garbage: bytes) -> None:
    async def talk() -> None:
        async with connected() as (under_test, _, writer):
            writer.write(garbage + b"250 ok\r\n")
            first, second = await under_test.ask(b"ONE\r\nTWO\r\n", 2, timeout=60)
            assert first.code == UNREADABLE
            assert second.code == LOST
            assert not under_test.is_open

    asyncio.run(asyncio.wait_for(talk(), 60))


@pytest.mark.parametrize("flood", [b"2" * 33_000, b"250-\r\n" * 33_000, b"250-xxxx\r\n" * 8_000])
def test_a_reply_without_end_is_unreadable(flood: bytes) -> None:
    assert answers(flood)[0].code == UNREADABLE


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    for answer in answers(data + b"\r\n.\r\n", replies=2, pause=False):
        assert answer.code in (LOST, UNREADABLE) or 200 <= answer.code < 600
        assert answer.text.isprintable()


def test_controls_in_a_reply_do_not_reach_a_terminal() -> None:
    (answer,) = answers("550 5.1.1 \x1b[31mred\x1b[0m\x07 \u202eevil\u2028 \x9b1m\r\n".encode())
    assert answer.code == 550
    assert answer.text == "5.1.1 [31mred[0m evil 1m"


def test_silence_is_no_answer_and_ends_the_line() -> None:
    async def talk() -> None:
        async with connected() as (under_test, _, writer):
            writer.write(b"250 one\r\n250-half a reply\r\n")
            one, two, three = await under_test.ask(b"1\r\n2\r\n3\r\n", 3, timeout=0.1)
            assert one == Answer(250, "one")
            assert two == three == Answer(LOST, "no reply within 0.1 s")
            assert await under_test.ask(b"4\r\n", 1, timeout=60) == [two]

    asyncio.run(asyncio.wait_for(talk(), 60))


def test_a_relay_that_leaves_gives_no_answer() -> None:
    async def talk() -> None:
        async with connected() as (under_test, reader, writer):
            asked = asyncio.create_task(under_test.ask(b"1\r\n2\r\n", 2, timeout=60))
            await reader.readline()
            writer.write(b"250 one\r\n")
            writer.close()
            one, two = await asked
            assert one.code == 250
            assert two == Answer(LOST, "the connection was lost")
            assert not under_test.is_open

    asyncio.run(asyncio.wait_for(talk(), 60))


async def _hear(under_test: Line, writer: asyncio.StreamWriter, said: bytes) -> None:
    writer.write(said)
    deadline = asyncio.get_running_loop().time() + 60
    while under_test.is_open and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "said", [b"421 4.4.2 idle\r\n", b"250 what was that for\r\n", b"552 5.3.4 too big\r\n", b"hm\r\n"]
)
def test_a_reply_nobody_asked_for_ends_the_line_and_answers_nothing(said: bytes) -> None:
    async def talk() -> None:
        async with connected() as (under_test, _, writer):
            await _hear(under_test, writer, said)
            assert not under_test.is_open
            assert under_test.last_words.text
            (answer,) = await under_test.ask(b".\r\n", 1, timeout=60)
            assert answer.code == LOST

    asyncio.run(asyncio.wait_for(talk(), 60))


def test_a_reply_too_many_does_not_answer_the_next_command() -> None:
    async def talk() -> None:
        async with connected() as (under_test, _, writer):
            writer.write(b"354 go on\r\n250 taken already\r\n")
            assert await under_test.ask(b"DATA\r\n", 1, timeout=60) == [Answer(354, "go on")]
            (dot,) = await under_test.ask(b".\r\n", 1, timeout=60)
            assert dot.code == LOST

    asyncio.run(asyncio.wait_for(talk(), 60))


def test_a_421_answers_its_command_and_leaves_the_others_without() -> None:
    got = answers(b"250 one\r\n421 4.3.2 going down\r\n250 three\r\n", replies=3)
    assert got == [Answer(250, "one"), Answer(421, "4.3.2 going down"), Answer(LOST, "421 4.3.2 going down")]


def test_a_body_on_a_closed_line_goes_nowhere() -> None:
    async def talk() -> None:
        async with connected() as (under_test, reader, _):
            under_test.close()
            under_test.write(b"body\r\n")
            assert await reader.read() == b""

    asyncio.run(asyncio.wait_for(talk(), 60))
