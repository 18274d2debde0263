"""Writes and reads without a pause until the word "stop" arrives; then every acknowledged write must be there.

Prints one line "tick acked=A failed=F" a second and at the end "verified N acknowledged writes" or each "VIOLATION".
"""
import sys
import threading
import time

from twisted.internet import defer, task
from twisted.internet.defer import inlineCallbacks

WORKERS = 4
OP_TIMEOUT_MS = 1000
PAUSE_AT_FAIL = 0.05
VERIFY_SECONDS = 20


class Load:
    def __init__(self, reactor, client):
        self.reactor, self.client = reactor, client
        self.run_id = str(time.time())
        self.acked = self.failed = 0
        self.stopping = False
        self.violations = []
        self.rows = {}

    def await_stop(self):
        for line in sys.stdin:
            if line.strip() == 'stop':
                break
        self.stopping = True

    def tick(self):
        print('tick acked=%d failed=%d' % (self.acked, self.failed))
        sys.stdout.flush()
        self.acked = self.failed = 0

    @inlineCallbacks
    def call(self, method, *args):
        """The answer as (code, value); the client fails in several shapes when a server is gone."""
        try:
            answer = yield method(*args, timeout=OP_TIMEOUT_MS)
        except Exception as e:
            answer = (repr(e), None)
        if not isinstance(answer, tuple):
            answer = (answer, None)
        if answer[0] == 0:
            self.acked += 1
        else:
            self.failed += 1
            yield task.deferLater(self.reactor, PAUSE_AT_FAIL, lambda: None)
        return answer

    @inlineCallbacks
    def work(self, worker):
        n = 0
        while not self.stopping:
            key = '%s-%d-%d' % (self.run_id, worker, n)
            code, _ = yield self.call(self.client.set, key, 's', str(n))
            if code == 0:
                self.rows[key] = (str(n), time.strftime('%H:%M:%S'))
                code, value = yield self.call(self.client.get, key, 's')
                if code == 0 and value != str(n).encode():
                    self.violation('row %s: acknowledged %d, read %r' % (key, n, value))
            n += 1

    @inlineCallbacks
    def verify(self, key, want, at):
        end = time.time() + VERIFY_SECONDS
        while time.time() < end:
            code, value = yield self.call(self.client.get, key, 's')
            if code == 0:
                if value != want.encode():
                    self.violation('row %s: acknowledged at %s, at the end %r' % (key, at, value))
                return
            if code == 23:  # ERR_OBJECT_NOT_FOUND: the row is absent, or its partition moved and the next try tells
                yield task.deferLater(self.reactor, 0.5, lambda: None)
        self.violation('row %s: acknowledged at %s, at the end %r' % (key, at, code))

    def violation(self, text):
        self.violations.append(text)
        print('VIOLATION', text)


@inlineCallbacks
def run_load(reactor, client):
    load = Load(reactor, client)
    threading.Thread(target=load.await_stop, daemon=True).start()
    ticker = task.LoopingCall(load.tick)
    ticker.start(1, now=False)
    yield defer.gatherResults([load.work(i) for i in range(WORKERS)])
    ticker.stop()
    for key, (want, at) in load.rows.items():
        if len(load.violations) > 20:
            break
        yield load.verify(key, want, at)
    if load.violations:
        return 1
    print('verified %d acknowledged writes' % len(load.rows))
    return 0
