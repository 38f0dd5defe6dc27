# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Lets sweeps of one plan begin each run together: what an incast is.

Each sweep has a socket to its keeper. It tells the number of the run that it wants to begin, and
waits for an answer. The keeper answers when all that are left want to begin one: those whose
number is the least, so that who leaves a run out waits for the others there.
"""
import fcntl
import selectors
import socket

from .errors import SuiteError


class Gate:
    """The sweep's side, of a descriptor that it inherited; None: no gate, nobody waits."""

    def __init__(self, descriptor=None):
        self._socket = None
        if descriptor is not None:
            self._socket = socket.socket(fileno=descriptor)
            self._socket.set_inheritable(False)

    def wait(self, number):
        if not self._socket:
            return
        try:
            self._socket.sendall(b"%d\n" % number)
            if self._socket.recv(1):
                return
        except OSError:
            pass
        raise SuiteError("rw_cluster is gone: the same command goes on")


class Keeper:
    """The other side. Open() for each sweep before run(), which returns when all are gone."""

    def __init__(self):
        self._wants = {}  # socket: number, or None while it is busy

    def open(self):
        """A socket for a sweep, to be closed here when it has inherited it."""
        mine, theirs = socket.socketpair()
        self._wants[mine] = None
        with theirs:  # the shell of runner.LEASH has 3 for itself
            return socket.socket(fileno=fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 10))

    def run(self):
        with selectors.DefaultSelector() as selector:
            for one in self._wants:
                selector.register(one, selectors.EVENT_READ, b"")
            while self._wants:
                for key, _ in selector.select():
                    self._hear(selector, key)
                self._let_go()

    def _hear(self, selector, key):
        try:
            heard = key.fileobj.recv(64)
        except OSError:
            heard = b""
        if not heard:
            selector.unregister(key.fileobj)
            del self._wants[key.fileobj]
            key.fileobj.close()
        elif heard.endswith(b"\n"):
            self._wants[key.fileobj] = int(key.data + heard)
            selector.modify(key.fileobj, selectors.EVENT_READ, b"")
        else:
            selector.modify(key.fileobj, selectors.EVENT_READ, key.data + heard)

    def _let_go(self):
        if None in self._wants.values() or not self._wants:
            return
        least = min(self._wants.values())
        for one, number in self._wants.items():
            if number == least:
                self._wants[one] = None
                try:
                    one.send(b"\n")
                except OSError:
                    pass  # it is gone: that is heard next
