"""Somebody on the other side of a port who means no good; a process of its own.

python -m tests.agent.wire.stranger silent PORT NUMBER SECONDS
python -m tests.agent.wire.stranger endless PORT SERVER PUBLIC SECRET PARTS
"""

import resource
import selectors
import socket
import sys
import time

import zmq

PART = bytes(100_000)


def silent(port: int, number: int, seconds: float) -> None:
    """Hold so many connections open without a word; a closed one is made again."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    until_s = time.monotonic() + seconds
    selector = selectors.DefaultSelector()
    held = 0
    while time.monotonic() < until_s:
        while held < number:
            one = socket.socket()
            one.setblocking(False)
            try:
                one.connect(("127.0.0.1", port))
            except BlockingIOError:
                pass
            except OSError:
                one.close()
                break
            selector.register(one, selectors.EVENT_READ)
            held += 1
        for key, _ in selector.select(0.02):
            one = key.fileobj  # type: ignore[assignment] # a socket, as it was registered
            try:
                said = one.recv(100)
            except OSError:
                said = b""
            if not said:
                selector.unregister(one)
                one.close()
                held -= 1


def endless(port: int, server: str, public: str, secret: str, parts: int) -> None:
    """Send one message of so many parts that a reader never sees the last, then wait."""
    context = zmq.Context()
    line = context.socket(zmq.DEALER)
    line.linger = 0
    line.sndhwm = 1000
    line.curve_serverkey = server.encode()
    line.curve_publickey, line.curve_secretkey = public.encode(), secret.encode()
    line.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(parts):
        line.send(PART, zmq.SNDMORE, copy=False)
    line.send(b"end")  # libzmq begins with a message when it has all of it
    sys.stdin.read()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["silent", port, number, seconds]:
            silent(int(port), int(number), float(seconds))
        case ["endless", port, server, public, secret, parts]:
            endless(int(port), server, public, secret, int(parts))
