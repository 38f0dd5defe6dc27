# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the counts of a row come to: a small model of the closed loop.

A LIFO pool, a send queue, and contexts that go round. The device is the emulated
one without its background thread (RW_EMU_TICK=0) in normal mode: a poll finds
everything complete that was posted before it.
"""
from collections import deque
from dataclasses import dataclass, field

from rwjudge import COUNTS

POLL_BATCH = 32  # completions that one poll takes


@dataclass
class Slot:
    q: "Queue"
    mrs: list = field(default_factory=list)
    wqes: int = 0
    planned: bool = False
    signaled: bool = False
    waits: bool = False
    stalls: bool = False


@dataclass
class Queue:
    pool: list
    room: int
    in_flight: deque = field(default_factory=deque)
    posted: deque = field(default_factory=deque)  # of these, not executed
    blocked: deque = field(default_factory=deque)
    unsignaled: int = 0
    gathered: deque = field(default_factory=deque)


class Loop:
    """Runs the warm-up and the measured phase of @load; counts are of the latter."""

    def __init__(self, load):
        self.load = load
        pools = [self.new_pool() for _ in range(load.nr_pools)]
        self.queues = [Queue(pools[i % load.nr_pools], load.send_queue) for i in range(load.qps)]
        self.ready = deque(Slot(self.queues[i % load.qps])
                           for i in range(load.qps * load.contexts))
        self.dropped, self.cq = deque(), deque()
        self.open, self.open_operations, self.dying = None, 0, None
        self.limit = 0
        for limit in 2 * len(self.ready), load.iters * load.qps:
            self.count = dict.fromkeys(COUNTS, 0)
            self.low_water = min(len(q.pool) for q in self.queues)
            self.phase(limit)

    @classmethod
    def of_all(cls, load):
        """The loops of all threads, which know nothing of each other: each, and the sum."""
        each = [cls(share) for share in load.shares]
        all_ = each[0]
        if load.threads > 1:
            all_ = cls.__new__(cls)
            all_.count = {name: sum(loop.count[name] for loop in each) for name in COUNTS}
            all_.low_water = min(loop.low_water for loop in each)
        all_.each = each
        return all_

    def new_pool(self):
        """MRs are told apart by whether their key is live."""
        return [[False] for _ in range(self.load.pool)]

    def phase(self, limit):
        self.limit = limit
        while True:
            while self.ready and self.may_begin():
                self.start(self.ready.popleft())
            self.ring()
            if self.dying:
                self.tear_down()
            over = self.count["issued"] >= limit
            if over:
                self.flush_unsignaled()
            if over and not any(q.in_flight or q.blocked for q in self.queues):
                for q in self.queues:
                    self.ready += q.gathered
                    q.gathered.clear()
                return
            # After a teardown it is the ready ones that go on.
            assert self.poll() or self.ready, "the loop hangs"

    # ---- one operation

    def may_begin(self):
        return self.count["issued"] < self.limit and not self.dying

    def start(self, slot):
        """Contexts of a QP wait until they are enough for a doorbell."""
        gathered = slot.q.gathered
        gathered.append(slot)
        if len(gathered) < self.load.gather:
            return
        while gathered:
            slot = gathered.popleft()
            if self.may_begin():
                self.begin(slot)
            else:
                self.ready.append(slot)

    def begin(self, slot):
        self.count["issued"] += 1
        self.count["mr_wanted"] += self.load.wants_mr
        if not self.try_slot(slot):
            slot.q.blocked.append(slot)

    def plan(self, slot):
        load, pool = self.load, slot.q.pool
        if not load.wants_mr:
            slot.wqes = load.direct_wrs
        elif len(pool) >= load.mrs_per_op:
            slot.mrs = [pool.pop() for _ in range(load.mrs_per_op)]
            self.low_water = min(self.low_water, len(pool))
            slot.wqes = load.mr_wrs + sum(mr[0] for mr in slot.mrs)
            slot.waits = False
            self.count["mr_operations"] += 1
        else:
            self.low_water = 0
            if not self.exhausted(slot):
                return False
        slot.planned = True
        return True

    def exhausted(self, slot):
        """Returns whether it is planned all the same."""
        self.count["exhaustions"] += not slot.waits
        if self.load.on_exhaustion == "fallback":
            self.count["fallbacks"] += 1
            slot.wqes = self.load.direct_wrs
            return True
        if self.load.on_exhaustion == "fail":
            self.count["failed"] += 1
            self.dropped.append(slot)
            if self.load.teardown:
                self.dying = slot.q
        else:
            self.count["waits"] += not slot.waits
            slot.waits = True
        return False

    def try_slot(self, slot):
        """Returns whether it is out of the way: posted, or dropped."""
        if not slot.planned and not self.plan(slot):
            return not slot.waits
        if slot.wqes > slot.q.room:
            self.count["sq_stalls"] += not slot.stalls
            slot.stalls = True
            return False
        slot.stalls = False
        self.post(slot)
        return True

    def post(self, slot):
        q = slot.q
        for mr in slot.mrs:
            mr[0] = self.load.invalidates and self.load.invalidate == "lazy"
        if self.open is not q:
            self.ring()
            self.open = q
        q.unsignaled += 1
        slot.signaled = q.unsignaled >= self.load.signal_every
        if slot.signaled:
            q.unsignaled = 0
        q.room -= slot.wqes
        q.in_flight.append(slot)
        q.posted.append((slot, slot.signaled))
        self.count["wrs"] += slot.wqes
        self.open_operations += 1
        if self.open_operations >= self.load.post_list:
            self.ring()

    def ring(self):
        self.count["doorbells"] += self.open is not None
        self.open, self.open_operations = None, 0

    def release(self, slot):
        slot.q.room += slot.wqes
        slot.q.pool += slot.mrs
        slot.mrs, slot.planned = [], False

    # ---- completions

    def flush_unsignaled(self):
        for q in self.queues:
            if q.unsignaled and not q.blocked:
                q.unsignaled = 0
                q.posted.append((q.in_flight[-1], True))

    def poll(self):
        for q in self.queues:
            self.cq.extend(slot for slot, signaled in q.posted if signaled)
            q.posted.clear()
        n = min(len(self.cq), POLL_BATCH)
        for _ in range(n):
            self.complete(self.cq.popleft())
        if n:
            self.ready += self.dropped
            self.dropped.clear()
        self.ring()
        return n

    def complete(self, last):
        q, slot = last.q, None
        while slot is not last:
            slot = q.in_flight.popleft()
            self.release(slot)
            self.count["operations"] += 1
            self.serve(q)
            if self.load.pool_scope == "thread":
                for other in self.queues:
                    self.serve(other)
            self.start(slot)

    def serve(self, q):
        while q.blocked and not self.dying and self.try_slot(q.blocked[0]):
            q.blocked.popleft()

    def tear_down(self):
        """Of the only QP: what was posted comes back flushed, pool and send queue are new."""
        q, self.dying = self.dying, None
        assert len(self.queues) == 1 and not self.cq
        self.ready += self.dropped
        self.dropped.clear()
        q.posted.clear()
        self.count["torn"] += len(q.in_flight)
        self.ready += q.in_flight
        for slot in q.in_flight:
            self.release(slot)
        q.in_flight.clear()
        for slot in q.blocked:
            # It is planned anew, as if it never had been.
            self.count["mr_operations"] -= slot.planned and bool(slot.mrs)
            self.release(slot)
        q.pool[:] = self.new_pool()
        q.room, q.unsignaled = self.load.send_queue, 0
        self.count["teardowns"] += 1
        self.serve(q)
        self.ring()
