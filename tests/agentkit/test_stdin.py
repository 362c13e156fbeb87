import os

import pytest

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.stdin import MAX_LINE, LineReader


@pytest.fixture
def pipe():
    """A pipe whose writing end stays open, as execd leaves it."""
    ends = list(os.pipe())
    yield ends
    for fd in ends:
        os.close(fd)


def test_a_line_is_returned_while_the_writer_keeps_the_pipe_open(pipe):
    os.write(pipe[1], b'{"a":1}\n')

    assert LineReader(pipe[0]).read() == b'{"a":1}'


def test_a_line_that_comes_in_parts_is_joined(pipe):
    os.write(pipe[1], b'{"a"')
    reader = LineReader(pipe[0])
    os.write(pipe[1], b":1}\n")

    assert reader.read() == b'{"a":1}'


def test_what_follows_the_line_feed_is_the_next_line(pipe):
    os.write(pipe[1], b"one\ntwo\n")
    reader = LineReader(pipe[0])

    assert (reader.read(), reader.read()) == (b"one", b"two")


def test_a_line_without_end_is_given_up(pipe):
    os.write(pipe[1], b"no line feed")

    with pytest.raises(MessageError, match="no whole line within 0 seconds"):
        LineReader(pipe[0], seconds=0).read()


def test_a_stream_that_ends_ends_the_line():
    read_end, write_end = os.pipe()
    os.write(write_end, b"by hand")
    os.close(write_end)

    assert LineReader(read_end).read() == b"by hand"
    os.close(read_end)


@pytest.mark.parametrize("content", [b"\n", b"   \n"])
def test_an_empty_line_is_no_message(pipe, content):
    os.write(pipe[1], content)

    with pytest.raises(MessageError, match="no message"):
        LineReader(pipe[0]).read()


def test_a_line_over_the_limit_is_refused_without_reading_all_of_it(pipe):
    os.write(pipe[1], b"x" * 5000)

    with pytest.raises(MessageError, match="longer than 1000 bytes"):
        LineReader(pipe[0], limit=1000).read()


def test_the_limit_leaves_room_for_the_largest_message_of_execd():
    assert MAX_LINE > 65536 + 256
