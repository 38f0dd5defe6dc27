#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Peers that are slow, rude, silent or dead, and interrupts."""

import json
import os
import signal
import socket
import struct
import time

from rwtest import (PORT, check, client, client_program, in_guest, main, resources, server)

SMALL = ("-s", "16K", "-t", 4, "-n", 40, "--verify")
LONG = ("-s", "16K", "-t", "4", "-D", "60", "--path", "direct")
MAGIC = b"rwperf\r\n"


def strings(options):
    return [str(option) for option in options]


def serves(host, after):
    result = client(*SMALL)
    check(f"the server serves on after {after}", host.alive() and result.rc == 0, result)


def rude_clients():
    host = server("--keep_serving")
    frame = struct.pack(">I", 20) + b'{"type": "set'
    for name, data in (("an HTTP request", b"GET / HTTP/1.0\r\n\r\n"),
                       ("perftest's handshake", b"0000:000021:0017bb:ffff:1\0" * 4),
                       ("random bytes", os.urandom(4096)),
                       ("another protocol version", MAGIC + struct.pack(">HH", 9, 5) + b"9.9.9"),
                       ("half a frame", MAGIC + struct.pack(">HH", 1, 5) + b"0.1.0" + frame),
                       ("a frame of 4 GiB", MAGIC + struct.pack(">HH", 1, 5) + b"0.1.0" +
                        b"\xff\xff\xff\xff")):
        with socket.create_connection(("127.0.0.1", int(PORT)), 5) as peer:
            peer.sendall(data)
        serves(host, name)

    peer = socket.create_connection(("127.0.0.1", int(PORT)), 5)
    start = time.monotonic()
    waiting = client_program(*strings(SMALL), "--json", "-")
    result = waiting.wait(30)
    check("while a client says nothing, the next one waits or is told within 15 s",
          (result.rc == 0 or (result.rc == 3 and result.one_line("busy"))) and
          time.monotonic() - start < 15, result)
    peer.close()
    serves(host, "a client that said nothing")
    result = host.stop()
    lines = result.err.splitlines()
    check("the server told each of them in one line", result.rc == 0 and 6 <= len(lines) <= 8 and
          any("version" in line and "0.1.0" in line for line in lines), result)


def killed_client():
    host = server("--keep_serving")
    serves(host, "its start")
    before = resources()
    victim = client_program(*LONG)
    time.sleep(1)
    check("QPs and MRs are there during a run", resources() > before)
    victim.signal(signal.SIGKILL)
    victim.wait(5)
    serves(host, "a client was killed")
    check("nothing of the killed session is left", resources() == before,
          f"{resources()} resources instead of {before}")
    first = client_program(*LONG)
    time.sleep(0.5)
    second = client_program(*strings(SMALL), "--json", "-")
    time.sleep(0.5)
    first.signal(signal.SIGINT)
    results = first.wait(20), second.wait(20)
    check("two clients at once: one after the other", all(r.rc == 0 for r in results), *results)
    host.stop()


def bad_servers():
    result = client(*SMALL)
    check("no server: refused, told what to start", result.rc == 3 and
          result.one_line("127.0.0.1", "ib_rw_bw") and result.seconds < 5, result)
    result = client(*SMALL, host="no.such.host.invalid")
    check("unknown host", result.rc == 3 and result.one_line("no.such.host.invalid"), result)
    result = client(*SMALL, host="203.0.113.1")
    check("no route", result.rc == 3 and result.one_line("203.0.113.1") and
          result.seconds < 15, result)
    for name, answer, words in (("silent", b"", ("10",)),
                                ("HTTP", b"HTTP/1.0 400 Bad Request\r\n\r\n", ("rwperf",)),
                                ("newer", MAGIC + struct.pack(">HH", 9, 5) + b"9.9.9",
                                 ("9.9.9", "0.1.0"))):
        with socket.create_server(("127.0.0.1", int(PORT))) as listener:
            listener.settimeout(10)
            victim = client_program(*strings(SMALL))
            peer, _ = listener.accept()
            peer.sendall(answer)
            result = victim.wait(20)
            peer.close()
        check(f"a server that is {name}", result.rc == 3 and result.one_line(*words) and
              result.seconds < 15, result)


def lost_servers():
    host = server()
    victim = client_program(*LONG, "--json", "/tmp/lost.json")
    time.sleep(1)
    host.signal(signal.SIGKILL)
    killed = time.monotonic()
    result = victim.wait(30)
    check("server killed in a run: the client ends with 3 within 10 s",
          result.rc == 3 and result.one_line("closed the connection") and time.monotonic() - killed < 10, result)
    with open("/tmp/lost.json") as file:
        report = json.load(file)
    check("... and the report says so", report["error"]["exit_code"] == 3 and
          report["results"] == [], report)
    host.wait(5)

    host = server()
    victim = client_program("-s", "16K", "-t", "4", "-D", "2", "--path", "direct")
    time.sleep(1)
    host.signal(signal.SIGSTOP)
    result = victim.wait(60)
    check("a frozen server: the client ends with 3 within 45 s",
          result.rc == 3 and result.one_line("127.0.0.1") and result.seconds < 45, result)
    host.stop()

    host = server()
    victim = client_program(*LONG)
    time.sleep(1)
    host.signal(signal.SIGINT)
    result, other = victim.wait(20), host.wait(10)
    check("SIGINT to the server: the client hears it", result.rc != 0 and
          result.one_line("the peer reports", "interrupted"), result, other)


def interrupts():
    host = server()
    victim = client_program(*LONG, "--json", "/tmp/int.json")
    time.sleep(2)
    victim.signal(signal.SIGINT)
    result = victim.wait(20)
    with open("/tmp/int.json") as file:
        report = json.load(file)
    row = report["results"][0]
    check("SIGINT: what was measured is reported, exit 0",
          result.rc == 0 and not result.err and row["interrupted"] and
          row["n_iterations"] > 0 and row["BW_average"] > 0 and "interrupted" in result.out,
          result, report["results"])
    other = host.wait(10)
    check("... and the server ended well", other.rc == 0 and not other.err, other)

    host = server()
    victim = client_program("-s", "1M", "-t", "64", "-D", "30", "--path", "direct", "--json", "-")
    time.sleep(0.3)
    victim.signal(signal.SIGINT)
    result = victim.wait(20)
    host.stop()
    check("SIGINT before the measured phase: no row, exit 1",
          result.rc == 1 and result.rows == [] and result.one_line("interrupted"), result)

    host = server("--keep_serving")
    host.signal(signal.SIGTERM)
    result = host.wait(5)
    check("SIGTERM ends a waiting server with 0", result.rc == 0, result)
    check("nothing is left behind", resources() == AT_START and
          not [f for f in os.listdir("/tmp") if f.endswith(".tmp")], os.listdir("/tmp"))


AT_START = resources() if in_guest() else 0

main([rude_clients, killed_client, bad_servers, lost_servers, interrupts])
