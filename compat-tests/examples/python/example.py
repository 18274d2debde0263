# pip install pypegasus3
from twisted.internet import task
from twisted.internet.defer import inlineCallbacks

from pypegasus.pgclient import Pegasus

METAS = ['127.0.0.1:34601', '127.0.0.1:34602', '127.0.0.1:34603']


@inlineCallbacks
def main(reactor, metas=METAS):
    client = Pegasus(metas, 'temp')
    if not (yield client.init()):
        raise SystemExit('no cluster at %s' % metas)
    code, _ = yield client.set('user_1', 'name', 'Ada')
    print('set:', code)
    code, value = yield client.get('user_1', 'name')
    print('get:', code, value.decode())
    yield client.multi_set('user_1', {'born': '1815', 'city': 'London'})
    code, rows = yield client.multi_get('user_1', None)
    print('multi_get:', {k.decode(): v.decode() for k, v in sorted(rows.items())})
    client.close()


if __name__ == '__main__':
    task.react(main)
