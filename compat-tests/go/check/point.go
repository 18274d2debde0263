package check

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
)

func (s *Suite) set(hash, sort, value string) {
	s.Must(In(func(ctx context.Context) error { return s.tb.Set(ctx, b(hash), b(sort), b(value)) }), "set %q %q", hash, sort)
}

func (s *Suite) get(hash, sort string) []byte {
	var v []byte
	s.Must(In(func(ctx context.Context) (err error) { v, err = s.tb.Get(ctx, b(hash), b(sort)); return }), "get %q %q", hash, sort)
	return v
}

func (s *Suite) del(hash, sort string) {
	s.Must(In(func(ctx context.Context) error { return s.tb.Del(ctx, b(hash), b(sort)) }), "del %q %q", hash, sort)
}

func (s *Suite) exists(hash, sort string) bool {
	var ok bool
	s.Must(In(func(ctx context.Context) (err error) { ok, err = s.tb.Exist(ctx, b(hash), b(sort)); return }), "exist %q %q", hash, sort)
	return ok
}

func (s *Suite) ttlOf(hash, sort string) int {
	var ttl int
	s.Must(In(func(ctx context.Context) (err error) { ttl, err = s.tb.TTL(ctx, b(hash), b(sort)); return }), "ttl %q %q", hash, sort)
	return ttl
}

func (s *Suite) pointOps() {
	s.Section("set, get, exist, del", func() {
		s.That(s.get("point", "absent") == nil, "an absent row reads as nil")
		s.That(!s.exists("point", "absent"), "an absent row does not exist")
		s.Same(s.ttlOf("point", "absent"), -2, "ttl of an absent row")
		s.set("point", "a", "1")
		s.Same(s.get("point", "a"), b("1"), "value")
		s.That(s.exists("point", "a"), "a written row exists")
		s.set("point", "a", "2")
		s.Same(s.get("point", "a"), b("2"), "value after overwriting")
		s.del("point", "a")
		s.That(s.get("point", "a") == nil, "a deleted row reads as nil")
		s.del("point", "a")
		s.Same(s.ttlOf("point", "a"), -2, "ttl of a deleted row")
	})
	s.Section("edges of keys and values", func() {
		s.set("point", "", "empty sort key")
		s.Same(s.get("point", ""), b("empty sort key"), "value under the empty sort key")
		s.set("point", "empty value", "")
		s.Same(s.get("point", "empty value"), b(""), "empty value")
		s.That(s.exists("point", "empty value"), "a row with an empty value exists")
		s.set("\x00\xff\x00", "\xff\xff\x00", "\x00\xff")
		s.Same(s.get("\x00\xff\x00", "\xff\xff\x00"), b("\x00\xff"), "binary key and value")
		s.set("hash key é世界", "sort key é世界", "value é世界")
		s.Same(s.get("hash key é世界", "sort key é世界"), b("value é世界"), "UTF-8 key and value")
		long := string(bytes.Repeat([]byte("k"), 1024))
		s.set(long, long, "long keys")
		s.Same(s.get(long, long), b("long keys"), "value under keys of 1 KiB")
		big := string(bytes.Repeat([]byte("0123456789abcdef"), 400<<10/16))
		s.set("point", "400 KiB", big)
		s.Same(s.get("point", "400 KiB"), b(big), "value of 400 KiB")
		for _, h := range []string{"long" + long, "\x00\xff\x00"} {
			s.That(s.get(h, "other") == nil, "another sort key of %q stays absent", h[:3])
		}
	})
}

func (s *Suite) argumentErrors() {
	s.Section("arguments the client refuses", func() {
		err := In(func(ctx context.Context) error { return s.tb.Set(ctx, nil, b("s"), b("v")) })
		s.Refused(err, "hashkey must not be nil", "set without a hash key")
		err = In(func(ctx context.Context) error { return s.tb.Set(ctx, b("h"), nil, b("v")) })
		s.Refused(err, "sortkey must not be nil", "set without a sort key")
		err = In(func(ctx context.Context) error { _, err := s.tb.Get(ctx, b(""), b("s")); return err })
		s.Refused(err, "hashkey must not be empty", "get with an empty hash key")
		if s.modern {
			err = In(func(ctx context.Context) error { return s.tb.SetTTL(ctx, b("h"), b("s"), b("v"), -time.Second) })
			s.Refused(err, "TTL", "negative ttl")
		}
		err = In(func(ctx context.Context) error { return s.tb.MultiSet(ctx, b("h"), nil, nil) })
		s.Refused(err, "InvalidParameter", "multi_set of nothing")
		err = In(func(ctx context.Context) error { return s.tb.MultiDel(ctx, b("h"), nil) })
		s.Refused(err, "InvalidParameter", "multi_del of nothing")
	})
	s.Section("a value over the write limit", func() {
		tooBig := bytes.Repeat([]byte("x"), 2<<20)
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		s.That(s.tb.Set(ctx, b("point"), b("2 MiB"), tooBig) != nil, "a value of 2 MiB is refused")
		s.That(!s.exists("point", "2 MiB"), "the refused value was not written")
	})
}

func (s *Suite) ttl() {
	s.Section("time to live", func() {
		s.Must(In(func(ctx context.Context) error { return s.tb.SetTTL(ctx, b("ttl"), b("100"), b("v"), 100*time.Second) }), "set with ttl 100 s")
		ttl := s.ttlOf("ttl", "100")
		s.That(ttl >= 97 && ttl <= 100, "ttl of a fresh row with 100 s is %d", ttl)
		s.set("ttl", "100", "w")
		s.Same(s.ttlOf("ttl", "100"), -1, "ttl after overwriting without one")
		s.Must(In(func(ctx context.Context) error { return s.tb.SetTTL(ctx, b("ttl"), b("2"), b("v"), 2*time.Second) }), "set with ttl 2 s")
		s.Must(In(func(ctx context.Context) error {
			return s.tb.MultiSetOpt(ctx, b("ttl multi"), bs("a", "b"), bs("1", "2"), 2*time.Second)
		}), "multi_set with ttl 2 s")
		written := time.Now()
		s.Same(s.get("ttl", "2"), b("v"), "value before it expires")
		s.That(s.ttlOf("ttl multi", "b") >= 0, "rows of multi_set carry the ttl")
		gone := time.Duration(0)
		for gone == 0 && time.Since(written) < 6*time.Second {
			if s.get("ttl", "2") == nil {
				gone = time.Since(written)
			}
			time.Sleep(50 * time.Millisecond)
		}
		s.That(gone > 900*time.Millisecond && gone < 4*time.Second, "a row with ttl 2 s was gone after %v", gone)
		s.Same(s.ttlOf("ttl", "2"), -2, "ttl of an expired row")
		s.Same(s.multiGet("ttl multi"), map[string]string{}, "multi_get of expired rows")
		s.Same(s.count("ttl multi"), int64(0), "sortkey_count of expired rows")
		s.Same(s.get("ttl", "100"), b("w"), "a row without ttl stays")
	})
}

func (s *Suite) concurrent() {
	s.Section("one connection used by many goroutines", func() {
		var wg sync.WaitGroup
		errs := make(chan error, 64)
		for g := 0; g < 64; g++ {
			wg.Add(1)
			go func(g int) {
				defer wg.Done()
				for i := 0; i < 20; i++ {
					h, v := b(fmt.Sprintf("concurrent %d", g*31%17)), b(fmt.Sprintf("%d-%d", g, i))
					err := In(func(ctx context.Context) error { return s.tb.Set(ctx, h, v, v) })
					var got []byte
					if err == nil {
						err = In(func(ctx context.Context) (err error) { got, err = s.tb.Get(ctx, h, v); return })
					}
					if err == nil && !bytes.Equal(got, v) {
						err = fmt.Errorf("wrote %q, read %q", v, got)
					}
					if err != nil {
						errs <- err
						return
					}
				}
			}(g)
		}
		wg.Wait()
		close(errs)
		s.Must(<-errs, "64 goroutines, 20 writes and reads each")
	})
}
