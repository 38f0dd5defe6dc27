# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A go-between on the control connection, for tests of what happens around rdma_cm."""

import contextlib
import ctypes
import json
import socket
import struct
import threading

HELLO_BYTES = 12  # magic, protocol, length of the version


@contextlib.contextmanager
def network(name):
    """What is done inside happens in the network namespace @name (None: where we are)."""
    if not name:
        yield
        return
    setns = ctypes.CDLL(None, use_errno=True).setns
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{name}") as other:
        if setns(other.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            setns(own.fileno(), 0)


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class Between:
    """
    Listens on @port for one client and takes it to @server, (host, port). What the
    server says passes through @change(message), which may wait, or change it; before the
    client's "connect" is passed on, @connecting() is called. said counts the bytes that
    the client has said.
    """

    def __init__(self, port, server, change, netns=None, connecting=None):
        self.change = change
        self.connecting = connecting
        with network(netns):
            self.listener = socket.create_server(("127.0.0.1", port))
        self.port = port
        self.netns = netns
        self.server = server
        self.said = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError, EOFError):
            self.listener.settimeout(30)
            client, _ = self.listener.accept()
            with network(self.netns):
                server = socket.create_connection(self.server, 10)
            server.settimeout(None)
            back = threading.Thread(target=self._forward, args=(client, server), daemon=True)
            back.start()
            with contextlib.suppress(OSError, EOFError):
                self._answers(server, client)
            for sock in client, server:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            back.join(10)
            client.close()
            server.close()

    def _forward(self, source, sink):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if self.connecting and b'"connect"' in data:
                    self.connecting()
                sink.sendall(data)
                self.said += len(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _answers(self, server, client):
        hello = read_exactly(server, HELLO_BYTES)
        client.sendall(hello + read_exactly(server, struct.unpack(">H", hello[10:])[0]))
        while True:
            size = struct.unpack(">I", read_exactly(server, 4))[0]
            message = json.loads(read_exactly(server, size))
            text = json.dumps(self.change(message) or message).encode()
            client.sendall(struct.pack(">I", len(text)) + text)

    def close(self):
        self.listener.close()
        self.thread.join(40)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()
