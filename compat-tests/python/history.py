"""Works on a few rows until standard input says stop, and prints every operation with its time and outcome, a JSON object a line.

The fields are those of check.recorded in go/check/history.go. The client sends each request once and has no atomic operations.
"""
import json
import random
import sys
import threading
import time

from twisted.internet import defer, task
from twisted.internet.defer import inlineCallbacks

OP_TIMEOUT_MS = 1000
PAUSE_SECONDS = 0.03
DOUBTS_MAX = 1
OK = 0
NOT_FOUND = 23
INVALID_STATE = 30
# Answers that promise that a write has no effect.
NEVER_EXECUTED = {'ERR_INVALID_STATE', 'ERR_OBJECT_NOT_FOUND', 'ERR_NOT_ENOUGH_MEMBER', 'ERR_CAPACITY_EXCEEDED', 'ERR_BUSY'}


class History:
    def __init__(self, reactor, client, callers, registers, epoch_ms, seed):
        self.reactor, self.client = reactor, client
        self.callers, self.registers, self.epoch_ms, self.seed = callers, registers, epoch_ms, seed
        self.stopping = False

    def await_stop(self):
        for line in sys.stdin:
            if line.strip() == 'stop':
                break
        self.stopping = True

    def key(self, slot):
        shift = slot * self.epoch_ms // (self.registers + 1)
        return 'register-%d-%d' % (slot, (time.monotonic_ns() // 1000000 + shift) // self.epoch_ms)

    @inlineCallbacks
    def work(self, caller):
        rng = random.Random(self.seed + caller)
        doubts = {}
        n = 0
        while not self.stopping:
            n += 1
            op = rng.choice(['get', 'get', 'get', 'set', 'set', 'set', 'set', 'del'])
            key = self.key(1 + rng.randrange(self.registers))
            if op == 'del' and doubts.get(key, 0) >= DOUBTS_MAX:
                op = 'get'
            value = 'python-%d-%d' % (caller, n) if op == 'set' else ''
            start = time.monotonic_ns()
            outcome, output = yield self.execute(op, key, value)
            end = time.monotonic_ns()
            if op == 'del' and outcome == 'unknown':
                doubts[key] = doubts.get(key, 0) + 1
            print(json.dumps({'c': 'python', 'w': caller, 'op': op, 'k': key, 'v': value, 't0': start, 't1': end,
                              'r': outcome, 'o': output}))
            sys.stdout.flush()
            yield task.deferLater(self.reactor, rng.random() * PAUSE_SECONDS, lambda: None)

    @inlineCallbacks
    def execute(self, op, key, value):
        """The outcome and what was read. A result is a tuple, an error of the frame a bare code."""
        try:
            if op == 'get':
                answer = yield self.client.get(key, 's', timeout=OP_TIMEOUT_MS)
            elif op == 'set':
                answer = yield self.client.set(key, 's', value, timeout=OP_TIMEOUT_MS)
            else:
                answer = yield self.client.remove(key, 's', timeout=OP_TIMEOUT_MS)
        except Exception:
            answer = None
        if isinstance(answer, tuple):
            if answer[0] == OK:
                return 'ok', answer[1].decode() if op == 'get' else ''
            if op == 'get' and answer[0] == NOT_FOUND:
                return 'ok', ''
            if op != 'get' and answer[0] == INVALID_STATE:  # no connection to send it on
                return 'refused', ''
        if op == 'get':
            return 'failed', ''
        return ('refused' if getattr(answer, 'name', '') in NEVER_EXECUTED else 'unknown'), ''


@inlineCallbacks
def run_history(reactor, client, options):
    history = History(reactor, client, *(int(o) for o in options.split(',')))
    threading.Thread(target=history.await_stop, daemon=True).start()
    yield defer.gatherResults([history.work(i) for i in range(history.callers)])
    return 0
