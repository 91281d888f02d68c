# SPDX-License-Identifier: MIT
"""Inputs for an HTTP server that a proxy in front of it could understand differently, so that the
two would not agree on where a request ends or for whom it is. examples/http/rules.c has the
sections of RFC 9112. What is behind an input must not be answered: the tests send a request there."""

GET = b"GET / HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
EMPTY = b"0\r\n\r\n"  # the last chunk
CODING = b"Transfer-Encoding: "
LENGTH = b"Content-Length: "
END = b"\r\n"

CODINGS = [
    b"xchunked", b"identity", b"chunked, identity", b"gzip, chunked", b"chunked, chunked",
    b'"chunked"', b"\x0bchunked", b"chunked\x00", b"chunked;q=1", b"", b"chunked,",
    b"\r\n chunked", b"ch\xfcnked", b"chunked\nX: y", b"chunked\rX: y",
    b"chunked\r\n" + CODING + b"identity", b"identity\r\n" + CODING + b"chunked",
    b"chunked\r\n" + CODING + b"chunked", b"chunked\r\n" + LENGTH + b"5",
]
CODING_NAMES = [
    b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer Encoding",
    b"Transfer-Encoding\x00", b"Transfer-Encoding\x0b", b"Transfer\xadEncoding",
    b"\x01Transfer-Encoding", b"X:\nTransfer-Encoding",
]
LENGTHS = [
    b"5\r\n" + LENGTH + b"5", b"5\r\n" + LENGTH + b"6", b"5\r\n" + CODING + b"chunked",
    b"5, 5", b"5,6", b"+5", b"-1", b"-0", b"0x5", b"5 0", b"5\x00", b"", b" ", b"5.0", b"5e0",
    b"five", b"5\r\n 0", b"18446744073709551621", b"9" * 30,
]
LENGTH_NAMES = [b"Content-Length ", b"\tContent-Length", b"Content-Length\x7f", b"Content\rLength"]
CHUNKS = [
    b"0x5\r\n01234\r\n", b"+5\r\n01234\r\n", b"-5\r\n01234\r\n", b" 5\r\n01234\r\n",
    b"5 \r\n01234\r\n", b"\r\n01234\r\n", b"5\r01234\r\n", b"5\n01234\n", b"g\r\n01234\r\n",
    b"5:\r\n01234\r\n", b"5;x\n01234\r\n", b"5;x\r01234\r\n", b"5;\x00\r\n01234\r\n",
    b"5;x=\x01\r\n01234\r\n", b"5\r\n01234XX", b"5\r\n01234\n\n", b"5\r\n01234\r\r\n",
    b"5\r\n01234", b"5\r\n012345\r\n", b"5\r\n01234\r\n0\n\n", b"5\r\n01234\r\n0\r\nX: y\n\n",
    b"f" * 16 + b"\r\n01234\r\n", b"f" * 17 + b"5\r\n01234\r\n", b"8" + b"0" * 15 + b"\r\n01234\r\n",
    b"7" + b"f" * 15 + b"\r\n01234\r\n", b"1" + b"0" * 15 + b"5\r\n01234\r\n",
    b"0\r\n" + LENGTH + b"5\r\n\r\n", b"0\r\n" + CODING + b"identity\r\n\r\n", b"0\r\nHost: y\r\n\r\n",
    b"0\r\nX: y\r\n folded\r\n\r\n", b"0\r\n: y\r\n\r\n",
]
HEADERS = [
    b"", b"X: y\r\n", HOST + HOST, HOST + b"Host: y\r\n", HOST + b"hOST:\r\n", b"Host: a b\r\n",
    b"Host: a/b\r\n", b"Host: a@b\r\n", b"Host: a,b\r\n Host: b\r\n", b"Host: a:b\r\n",
    b"Host: a:1:2\r\n", b"Host: [::1\r\n", b"Host: [x]\r\n", b"Host: \xe4\r\n", b"Host: a<b>\r\n",
    b"Host: :80\r\n", b"Host : x\r\n", b" Host: x\r\n", b"Host\r\n", HOST + b"X: a\r\n b\r\n",
    HOST + b"X: a\r\n\tb\r\n", HOST + b"X: a\x00b\r\n", HOST + b"X: a\x0bb\r\n",
    HOST + b"X: a\x7fb\r\n", HOST + b"X: a\rY: b\r\n", HOST + b"X: a\nY: b\r\n",
    HOST + b"X: a\r\n\r", HOST + b": v\r\n", HOST + b"X\r\n", HOST + b"X Y: z\r\n",
    HOST + b"X(: z\r\n", HOST + b"X\xff: z\r\n",
]
FIRST_LINES = [
    b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r", b"GET /\tHTTP/1.1\r\n", b" GET / HTTP/1.1\r\n",
    b"GET  / HTTP/1.1\r\n", b"GET / HTTP/1.1 \r\n", b"GET / HTTP/1.1x\r\n", b"GET / HTTP/1.10\r\n",
    b"GET / http/1.1\r\n", b"GET /\x00 HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n",
    b"GET /#x HTTP/1.1\r\n", b"GET x HTTP/1.1\r\n", b"GET http:// HTTP/1.1\r\n",
    b"GET http://a@b/ HTTP/1.1\r\n", b"GET http://a:x/ HTTP/1.1\r\n", b"GET ftp://x/ HTTP/1.1\r\n",
    b"G\x00ET / HTTP/1.1\r\n", b"\nGET / HTTP/1.1\r\n", b"get / HTTP/1.1\r\n",
]


def refused():
    """(name, bytes): each has to be answered with 400, and the connection to be closed."""
    for coding in CODINGS:
        yield CODING + coding, POST + CODING + coding + END + END + EMPTY
    for name in CODING_NAMES:
        yield name, POST + name + b": chunked\r\n\r\n" + EMPTY
    for length in LENGTHS:
        yield LENGTH + length, POST + LENGTH + length + END + END + b"01234"
    for name in LENGTH_NAMES:
        yield name, POST + name + b": 5\r\n\r\n01234"
    for chunk in CHUNKS:
        yield b"chunk " + chunk, POST + CODING + b"chunked\r\n\r\n" + chunk + EMPTY
    for headers in HEADERS:
        yield b"headers " + headers, GET + headers + END
    for line in FIRST_LINES:
        yield line, line + HOST + END
    yield b"HTTP/1.0", b"POST /echo HTTP/1.0\r\n" + CODING + b"chunked\r\n\r\n" + EMPTY


def accepted():
    """What looks odd and is right: answered with 200, and the connection goes on."""
    yield GET + HOST + b"X: \xfc\xff\r\n" + END
    yield GET + HOST + b"X:y\r\nEmpty:\r\n" + END
    yield b"\r\n\r\n" + GET + HOST + END
    yield GET + b"Host:\r\n" + END
    yield GET + b"Host: [::1]:80\r\n" + END
    yield b"GET http://elsewhere/ HTTP/1.1\r\n" + HOST + END
    yield b"GET http://elsewhere HTTP/1.1\r\n" + HOST + END
    yield b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n" + END
    yield GET + HOST + LENGTH + b"5\r\n\r\n01234"
    yield GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + END
    yield POST + b"Content-Length:\t005 \r\n\r\n01234"
    yield POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + LENGTH + b"5\r\n\r\n01234"
    yield POST + b"Transfer-Encoding:\tChunked \r\n\r\n5\r\n01234\r\n" + EMPTY
    yield POST + CODING + b'chunked\r\n\r\n5;x="y z";w\r\n01234\r\n00\r\nX: y\r\n\r\n'
