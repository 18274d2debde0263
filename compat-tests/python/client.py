"""pypegasus3, driven through its whole public API against a cluster whose table is empty.

    client.py api|load METAS TABLE
    client.py history METAS TABLE CALLERS,REGISTERS,EPOCH_MS,SEED
"""
import sys
import warnings

warnings.filterwarnings('ignore')

from twisted.internet import defer, task  # noqa: E402
from twisted.internet.defer import inlineCallbacks  # noqa: E402

from pypegasus import pgclient  # noqa: E402
from pypegasus.pgclient import Pegasus  # noqa: E402
from pypegasus.base.ttypes import error_types  # noqa: E402
from pypegasus.rrdb.ttypes import filter_type  # noqa: E402
from pypegasus.utils.tools import MultiGetOptions, ScanOptions  # noqa: E402

from checks import Checks  # noqa: E402
from history import run_history  # noqa: E402
from load import run_load  # noqa: E402

OK = error_types.ERR_OK.value
NOT_FOUND = error_types.ERR_OBJECT_NOT_FOUND.value
PARTIAL = error_types.ERR_INCOMPLETE_DATA.value
INVALID_ARGUMENT = 4  # the storage status; the client passes it through


def sleep(seconds):
    return task.deferLater(pgclient.reactor, seconds, lambda: None)


class Suite:
    def __init__(self, client):
        self.c = client
        self.checks = Checks()
        self.same, self.that, self.must = self.checks.same, self.checks.that, self.checks.must

    @inlineCallbacks
    def run(self):
        for section in (self.scan_empty, self.point_ops, self.edges, self.ttl, self.multi_ops, self.multi_get_limits,
                        self.multi_get_ranges, self.multi_get_filters, self.sort_keys, self.ordered_scans,
                        self.unordered_scans, self.many_at_once):
            yield self.checks.run(section.__name__, section)

    @inlineCallbacks
    def write(self, hash_key, rows, ttl=0):
        code, _ = yield self.c.multi_set(hash_key, rows, ttl)
        self.must(code, OK, 'multi_set of %d rows to %r' % (len(rows), hash_key))

    @inlineCallbacks
    def drain(self, scanner):
        rows = []
        while True:
            row = yield scanner.get_next()
            if row is None:
                scanner.close()
                return rows
            rows.append((row[0][0], row[0][1], row[1]))

    def scan_empty(self):
        for scanner in self.c.get_unordered_scanners(3, ScanOptions()):
            rows = yield self.drain(scanner)
            self.same(rows, [], 'rows of an empty table')
        self.same(self.c.get_unordered_scanners(0, ScanOptions()), None, 'no scanners')

    def point_ops(self):
        c = self.c
        self.same((yield c.get('point', 'absent'))[0], NOT_FOUND, 'get of an absent row')
        self.same((yield c.exist('point', 'absent'))[0], NOT_FOUND, 'exist of an absent row')
        self.same((yield c.ttl('point', 'absent'))[0], NOT_FOUND, 'ttl of an absent row')
        self.same((yield c.remove('point', 'absent'))[0], OK, 'remove of an absent row')
        for value in ('1', '2'):
            self.must((yield c.set('point', 'a', value))[0], OK, 'set')
            self.same((yield c.get('point', 'a')), (OK, value.encode()), 'get')
        self.same((yield c.exist('point', 'a'))[0], OK, 'exist')
        self.same((yield c.ttl('point', 'a')), (OK, -1), 'ttl of a row without one')
        self.must((yield c.remove('point', 'a'))[0], OK, 'remove')
        self.same((yield c.get('point', 'a'))[0], NOT_FOUND, 'get of a removed row')

    def edges(self):
        c = self.c
        big = b'0123456789abcdef' * (400 * 1024 // 16)
        long_key = 'k' * 1024
        for hash_key, sort_key, value in (('edge', '', b'empty sort key'), ('edge', 'empty value', b''),
                                          ('', 'empty hash key', b'v'), (long_key, long_key, b'long keys'),
                                          ('\u00e9\u4e16\u754c', '\u00e9', '\u4e16\u754c'.encode()),
                                          ('edge', 'nul', b'\x00\xff\x00'), ('edge', '400 KiB', big)):
            self.must((yield c.set(hash_key, sort_key, value, 0, 5000))[0], OK, 'set %.20r %.20r' % (hash_key, sort_key))
            self.same((yield c.get(hash_key, sort_key, 5000)), (OK, value), 'get %.20r %.20r' % (hash_key, sort_key))
        self.same((yield c.get('edge', 'nu'))[0], NOT_FOUND, 'a prefix of a sort key is another key')

    def ttl(self):
        c = self.c
        self.must((yield c.set('ttl', '100', 'v', 100))[0], OK, 'set with ttl 100 s')
        code, ttl = yield c.ttl('ttl', '100')
        self.that(code == OK and 97 <= ttl <= 100, 'ttl of a fresh row with 100 s is %s' % ttl)
        self.must((yield c.set('ttl', '2', 'v', 2))[0], OK, 'set with ttl 2 s')
        yield self.write('ttl multi', {'a': '1', 'b': '2'}, 2)
        start = pgclient.reactor.seconds()
        self.same((yield c.get('ttl', '2')), (OK, b'v'), 'value before it expires')
        gone = None
        while gone is None and pgclient.reactor.seconds() - start < 6:
            if (yield c.get('ttl', '2'))[0] == NOT_FOUND:
                gone = pgclient.reactor.seconds() - start
            yield sleep(0.05)
        self.that(gone is not None and 0.9 < gone < 4, 'a row with ttl 2 s was gone after %s s' % gone)
        self.same((yield c.exist('ttl', '2'))[0], NOT_FOUND, 'exist of an expired row')
        self.same((yield c.multi_get('ttl multi', None)), (OK, {}), 'multi_get of expired rows')
        self.same((yield c.sort_key_count('ttl multi')), (OK, 0), 'sort_key_count of expired rows')

    def multi_ops(self):
        c = self.c
        self.same((yield c.multi_get('multi', None)), (OK, {}), 'multi_get of an absent hash key')
        self.same((yield c.sort_key_count('multi')), (OK, 0), 'sort_key_count of an absent hash key')
        yield self.write('multi', {'': 'empty', 'a': '1', 'b': '', 'c': '3'})
        self.same((yield c.sort_key_count('multi')), (OK, 4), 'sort_key_count')
        # Without a range the client sends start_inclusive=false, which leaves the empty sort key out.
        self.same((yield c.multi_get('multi', None)), (OK, {b'a': b'1', b'b': b'', b'c': b'3'}), 'all rows but that of the empty sort key')
        self.same((yield c.multi_get('multi', {''})), (OK, {b'': b'empty'}), 'the empty sort key asked for')
        self.same((yield c.multi_get('multi', {'c', 'no', 'a'})), (OK, {b'a': b'1', b'c': b'3'}), 'some sort keys, one absent')
        self.same((yield c.multi_get('multi', {'a', 'c'}, no_value=True)), (OK, {b'a': b'', b'c': b''}), 'without values')
        self.same(c.multi_get('multi', ['a'])[0], error_types.ERR_INVALID_PARAMETERS.value, 'a list is refused by the client')
        self.same((yield c.multi_del('multi', {'a', 'no', ''})), (OK, 3), 'multi_del counts the keys asked for')
        self.same((yield c.multi_get('multi', None)), (OK, {b'b': b'', b'c': b'3'}), 'rows after multi_del')
        self.same((yield c.multi_set('multi', {})), (INVALID_ARGUMENT, None), 'multi_set of nothing')
        self.same((yield c.multi_del('multi', set()))[0], INVALID_ARGUMENT, 'multi_del of nothing')
        self.same(c.multi_del('multi', ['a'])[0], error_types.ERR_INVALID_PARAMETERS.value, 'a list is refused by the client')

    def multi_get_limits(self):
        c = self.c
        yield self.write('limits', {'k%d' % i: 'v%d' % i for i in range(6)})
        code, rows = yield c.multi_get('limits', None, max_kv_count=2)
        self.same((code, sorted(rows)), (PARTIAL, [b'k0', b'k1']), 'two rows at most')
        code, rows = yield c.multi_get('limits', None, max_kv_count=-1, max_kv_size=8)
        self.that(code == PARTIAL and 0 < len(rows) < 6, 'eight bytes at most: %r' % rows)
        code, rows = yield c.multi_get('limits', None, max_kv_count=-1, max_kv_size=-1)
        self.same((code, len(rows)), (OK, 6), 'no limits')

    def options(self, **changes):
        options = MultiGetOptions()
        for name, value in changes.items():
            setattr(options, name, value)
        return options

    def multi_get_ranges(self):
        keys = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2']
        yield self.write('range', {k: k for k in keys})
        for start, stop, options, want in (
                ('a2', 'c1', {}, keys[1:4]),
                ('a2', 'c1', {'start_inclusive': False, 'stop_inclusive': True}, keys[2:5]),
                ('a2', 'a2', {'stop_inclusive': True}, ['a2']),
                ('a2', 'a2', {}, []),
                ('c', 'a', {}, []),
                ('b', '', {}, keys[2:]),
                ('', 'b', {}, keys[:2]),
                ('x', 'z', {}, [])):
            got = yield self.c.multi_get_opt('range', start, stop, self.options(**options))
            self.same(got, (OK, {k.encode(): k.encode() for k in want}), 'range %r..%r %r' % (start, stop, options))
        code, rows = yield self.c.multi_get_opt('range', '', '', self.options(reverse=True), 2)
        self.same((code, sorted(rows)), (PARTIAL, [b'c1', b'c2']), 'the last two rows')
        code, rows = yield self.c.multi_get_opt('range', '', '', self.options(no_value=True))
        self.same((code, set(rows.values())), (OK, {b''}), 'without values')

    def multi_get_filters(self):
        for kind, pattern, want in (
                (filter_type.FT_MATCH_PREFIX, 'b', {b'b1', b'b2'}),
                (filter_type.FT_MATCH_POSTFIX, '2', {b'a2', b'b2', b'c2'}),
                (filter_type.FT_MATCH_ANYWHERE, '1', {b'a1', b'b1', b'c1'}),
                (filter_type.FT_MATCH_ANYWHERE, 'zz', set()),
                (filter_type.FT_MATCH_PREFIX, '', {b'a1', b'a2', b'b1', b'b2', b'c1', b'c2'})):
            options = self.options(sortkey_filter_type=kind, sortkey_filter_pattern=pattern)
            code, rows = yield self.c.multi_get_opt('range', '', '', options)
            self.same((code, set(rows)), (OK, want), 'filter %s %r' % (kind, pattern))
        got = yield self.c.multi_get_opt('range', '', '', self.options(sortkey_filter_type=9, sortkey_filter_pattern='x'))
        self.same(got[0], INVALID_ARGUMENT, 'an unknown filter')

    def sort_keys(self):
        self.same((yield self.c.get_sort_keys('no such hash key')), (OK, {}), 'sort keys of an absent hash key')
        code, rows = yield self.c.get_sort_keys('range')
        self.same((code, sorted(rows)), (OK, [b'a1', b'a2', b'b1', b'b2', b'c1', b'c2']), 'sort keys')
        code, rows = yield self.c.get_sort_keys('range', 3)
        self.same((code, sorted(rows)), (PARTIAL, [b'a1', b'a2', b'b1']), 'three sort keys at most')

    def ordered_scans(self):
        keys = ['%04d' % i for i in range(1500)]
        for at in range(0, len(keys), 500):
            yield self.write('scan', {k: k for k in keys[at:at + 500]})
        yield self.write('scam', {'x': 'x'})
        want = [('scan', k, k.encode()) for k in keys]
        for batch in (1000, 7, 5000):
            options = ScanOptions()
            options.batch_size = batch
            self.same((yield self.drain(self.c.get_scanner('scan', '\x00', '\x7f', options))), want, 'all rows in batches of %d' % batch)
        for start, stop, inclusive, rows in (('0010', '0020', (True, False), want[10:20]),
                                             ('0010', '0020', (False, True), want[11:21]),
                                             ('0010', '0010', (True, True), want[10:11]),
                                             ('b', 'c', (True, False), []),
                                             ('c', 'b', (True, False), [])):
            options = ScanOptions()
            options.start_inclusive, options.stop_inclusive = inclusive
            got = yield self.drain(self.c.get_scanner('scan', start, stop, options))
            self.same(got, rows, 'scan %s..%s %r' % (start, stop, inclusive))
        options = ScanOptions()
        options.batch_size = 10
        scanner = self.c.get_scanner('scan', '\x00', '\x7f', options)
        yield scanner.get_next()
        scanner.close()
        self.same((yield self.c.get('scan', '0000')), (OK, b'0000'), 'the connection lives on after clear_scanner')

    def unordered_scans(self):
        for i in range(100):
            self.must((yield self.c.set('unordered %03d' % i, 's', 'v'))[0], OK, 'set')
        seen = {}
        for split, batch in ((1, 1000), (3, 50), (100, 1000)):
            options = ScanOptions()
            options.batch_size = batch
            scanners = self.c.get_unordered_scanners(split, options)
            self.that(len(scanners) <= split, 'at most %d scanners' % split)
            rows = []
            for scanner in scanners:
                rows += yield self.drain(scanner)
            seen[split] = sorted(rows)
            self.same(len({row[:2] for row in rows}), len(rows), 'each row is seen once by %d scanners' % split)
        self.that(len(seen[1]) > 1600, 'a full scan sees all rows: %d' % len(seen[1]))
        self.that(seen[1] == seen[3] == seen[100], 'the number of scanners makes no difference')

    def many_at_once(self):
        keys = ['many %d' % i for i in range(300)]
        done = yield defer.gatherResults([self.c.set(k, k, k) for k in keys])
        self.same({d[0] for d in done}, {OK}, '300 writes on one connection')
        done = yield defer.gatherResults([self.c.get(k, k) for k in keys])
        self.same(done, [(OK, k.encode()) for k in keys], '300 reads on one connection')


@inlineCallbacks
def main(reactor, mode, metas, table, options=''):
    client = Pegasus(metas.split(','), table)
    if not (yield client.init()):
        print('FAILED: init')
        raise SystemExit(1)
    if mode == 'load':
        raise SystemExit((yield run_load(reactor, client)))
    if mode == 'history':
        raise SystemExit((yield run_history(reactor, client, options)))
    suite = Suite(client)
    yield suite.run()
    absent = Pegasus(metas.split(','), 'no_such_table', 500)
    suite.same((yield absent.init()), None, 'init for an absent table')
    absent.close()
    client.close()
    raise SystemExit(suite.checks.exit_code())


if __name__ == '__main__':
    task.react(main, sys.argv[1:])
