"""Counts claims about what the client saw and says which failed."""
import sys
import traceback

from twisted.internet.defer import inlineCallbacks


class Failed(Exception):
    """A claim whose section can't go on without it."""


class Checks:
    def __init__(self):
        self.section = ''
        self.passed = 0
        self.failed = []

    @inlineCallbacks
    def run(self, name, section):
        """Runs one section, a generator of deferreds; its failure ends that section only."""
        self.section = name
        try:
            yield inlineCallbacks(section)()
        except Failed:
            pass
        except Exception:
            self._fail('raised ' + traceback.format_exc().strip().replace('\n', ' | '))

    def that(self, ok, claim):
        if ok:
            self.passed += 1
        else:
            self._fail(claim)
        return ok

    def same(self, got, want, claim):
        return self.that(got == want, '%s: expected %.200r, got %.200r' % (claim, want, got))

    def must(self, got, want, claim):
        if not self.same(got, want, claim):
            raise Failed()

    def exit_code(self):
        if self.failed:
            print('failed %d of %d checks' % (len(self.failed), len(self.failed) + self.passed))
            return 1
        print('ok %d checks' % self.passed)
        return 0

    def _fail(self, claim):
        self.failed.append(claim)
        print('FAILED %s: %s' % (self.section, claim))
        sys.stdout.flush()
