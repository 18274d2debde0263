package check

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"
)

// refusedByServer runs a call whose answer is a data error. The client takes that for a broken replica and tries again
// until its context ends, so the deadline is short and only the failure itself is claimed.
func refusedByServer(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	return f(ctx)
}

func (s *Suite) add(i Incrementer, hash, sort string, by int64) int64 {
	var v int64
	s.Must(In(func(ctx context.Context) (err error) { v, err = i.Incr(ctx, b(hash), b(sort), by); return }), "incr %q %q by %d", hash, sort, by)
	return v
}

func (s *Suite) incr(i Incrementer) {
	s.Section("incr", func() {
		s.Same(s.add(i, "incr", "new", 7), int64(7), "incr of an absent row")
		s.Same(s.add(i, "incr", "new", -10), int64(-3), "incr by a negative number")
		s.Same(s.add(i, "incr", "new", 0), int64(-3), "incr by zero reads")
		s.Same(s.get("incr", "new"), b("-3"), "the stored value is decimal text")
		s.set("incr", "empty", "")
		s.Same(s.add(i, "incr", "empty", 5), int64(5), "an empty value counts as zero")
		s.set("incr", "max", strconv.FormatInt(math.MaxInt64, 10))
		s.That(refusedByServer(func(ctx context.Context) error { _, err := i.Incr(ctx, b("incr"), b("max"), 1); return err }) != nil, "overflow is refused")
		s.Same(s.get("incr", "max"), b(strconv.FormatInt(math.MaxInt64, 10)), "the value before an overflow stays")
		s.set("incr", "text", "12a")
		s.That(refusedByServer(func(ctx context.Context) error { _, err := i.Incr(ctx, b("incr"), b("text"), 1); return err }) != nil, "incr of a text is refused")
		s.Same(s.get("incr", "text"), b("12a"), "the text stays")
		s.Must(In(func(ctx context.Context) error { return s.tb.SetTTL(ctx, b("incr"), b("ttl"), b("1"), 100*time.Second) }), "set with ttl")
		s.Same(s.add(i, "incr", "ttl", 1), int64(2), "incr of a row with ttl")
		s.That(s.ttlOf("incr", "ttl") > 90, "incr keeps the ttl")
	})
	s.Section("concurrent incr", func() {
		var wg sync.WaitGroup
		for g := 0; g < 16; g++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for n := 0; n < 25; n++ {
					_ = In(func(ctx context.Context) error { _, err := i.Incr(ctx, b("incr"), b("many"), 1); return err })
				}
			}()
		}
		wg.Wait()
		s.Same(s.get("incr", "many"), b("400"), "16 goroutines add 25 each")
	})
}

func (s *Suite) cas(check string, t CheckType, operand, set, value string, ttlSeconds int, returnValue bool) CheckAndSetResult {
	var r CheckAndSetResult
	s.Must(In(func(ctx context.Context) (err error) {
		r, err = s.tb.CheckAndSet(ctx, b("cas"), b(check), t, b(operand), b(set), b(value), ttlSeconds, returnValue)
		return
	}), "check_and_set type %d operand %q", t, operand)
	return r
}

func (s *Suite) checkAndSet() {
	s.Section("check_and_set types", func() {
		s.set("cas", "five", "5")
		s.set("cas", "text", "abcde")
		s.set("cas", "empty", "")
		for i, c := range []struct {
			row     string
			t       CheckType
			operand string
			pass    bool
		}{
			{"no", NoCheck, "", true}, {"five", NoCheck, "", true},
			{"no", ValueNotExist, "", true}, {"empty", ValueNotExist, "", false},
			{"no", ValueNotExistOrEmpty, "", true}, {"empty", ValueNotExistOrEmpty, "", true}, {"five", ValueNotExistOrEmpty, "", false},
			{"no", ValueExist, "", false}, {"empty", ValueExist, "", true},
			{"no", ValueNotEmpty, "", false}, {"empty", ValueNotEmpty, "", false}, {"five", ValueNotEmpty, "", true},
			{"text", ValueMatchAnywhere, "bcd", true}, {"text", ValueMatchAnywhere, "bd", false}, {"no", ValueMatchAnywhere, "", false}, {"text", ValueMatchAnywhere, "", true},
			{"text", ValueMatchPrefix, "ab", true}, {"text", ValueMatchPrefix, "bc", false},
			{"text", ValueMatchPostfix, "de", true}, {"text", ValueMatchPostfix, "cd", false},
			{"text", BytesLess, "abcdf", true}, {"text", BytesLess, "abcde", false}, {"no", BytesLess, "z", false},
			{"text", BytesLessOrEqual, "abcde", true}, {"text", BytesLessOrEqual, "abcd", false},
			{"text", BytesEqual, "abcde", true}, {"text", BytesEqual, "abcd", false},
			{"text", BytesGreaterOrEqual, "abcde", true}, {"text", BytesGreaterOrEqual, "abcdef", false},
			{"text", BytesGreater, "abcd", true}, {"text", BytesGreater, "abcde", false},
			{"five", IntLess, "10", true}, {"five", IntLess, "5", false}, {"no", IntLess, "5", false},
			{"five", IntLessOrEqual, "5", true}, {"five", IntLessOrEqual, "-6", false},
			{"five", IntEqual, "5", true}, {"five", IntEqual, "6", false},
			{"five", IntGreaterOrEqual, "5", true}, {"five", IntGreaterOrEqual, "10", false},
			{"five", IntGreater, "-10", true}, {"five", IntGreater, "10", false},
		} {
			into := "into " + strconv.Itoa(i)
			r := s.cas(c.row, c.t, c.operand, into, "v", 0, false)
			s.That(r.SetSucceed == c.pass, "check type %d of row %q with operand %q: expected %v", c.t, c.row, c.operand, c.pass)
			s.That(s.exists("cas", into) == c.pass, "check type %d of row %q with operand %q: the row is written when it passed", c.t, c.row, c.operand)
			s.That(!r.CheckValueReturned, "no value comes back unasked")
		}
	})
	s.Section("check_and_set details", func() {
		r := s.cas("text", BytesEqual, "zzz", "text", "new", 0, true)
		s.That(!r.SetSucceed && r.CheckValueReturned && r.CheckValueExist, "a failed check returns the value: %+v", r)
		s.Same(r.CheckValue, b("abcde"), "the returned value")
		r = s.cas("text", BytesEqual, "abcde", "text", "new", 0, true)
		s.That(r.SetSucceed && r.CheckValueExist, "a passed check returns the value too: %+v", r)
		s.Same(r.CheckValue, b("abcde"), "the returned value is the old one")
		s.Same(s.get("cas", "text"), b("new"), "the same sort key is set")
		r = s.cas("no", ValueNotExist, "", "with ttl", "v", 100, true)
		s.That(r.SetSucceed && r.CheckValueReturned && !r.CheckValueExist, "the check row is absent: %+v", r)
		ttl := s.ttlOf("cas", "with ttl")
		s.That(ttl > 95 && ttl <= 100, "ttl of the set row is %d", ttl)
		r = s.cas("", ValueNotExist, "", "", "v", 0, false)
		s.That(r.SetSucceed, "empty sort key checked and set")
		s.Same(s.get("cas", ""), b("v"), "value under the empty sort key")
	})
	s.Section("check_and_set data errors", func() {
		for _, operand := range []string{"abc", "", "99999999999999999999"} {
			err := refusedByServer(func(ctx context.Context) error {
				_, err := s.tb.CheckAndSet(ctx, b("cas"), b("five"), IntLess, b(operand), b("bad operand"), b("v"), 0, false)
				return err
			})
			s.That(err != nil, "operand %q is no integer", operand)
		}
		s.That(!s.exists("cas", "bad operand"), "nothing was written")
		s.Same(s.get("cas", "five"), b("5"), "the table still answers")
	})
}
