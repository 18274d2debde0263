package thft

import (
	"fmt"
	"time"
)

// Replica is what a replica server says about one of its replicas.
type Replica struct {
	Ballot int64
	Status int32
}

// Statuses of a replica.
const (
	StatusPrimary   = 3
	StatusSecondary = 4
)

const queryReplicaInfo = "RPC_QUERY_REPLICA_INFO"

// Replicas asks a replica server what it holds, by gpid.
func Replicas(server string) (map[string]Replica, error) {
	c, err := Dial(server, callTimeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := c.Call(queryReplicaInfo, Header{}, Wrap(func(*Args) {}))
	if err == nil && r.Err != okText {
		err = FrameError(r.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("replicas of %s: %w", server, err)
	}
	v, err := Result(r.Body, Results[queryReplicaInfo])
	if err != nil {
		return nil, fmt.Errorf("replicas of %s: %w", server, err)
	}
	out := map[string]Replica{}
	list, _ := v.(map[int16]any)[2].([]any)
	for _, one := range list {
		f := one.(map[int16]any)
		out[f[1].(string)] = Replica{f[2].(int64), f[3].(int32)}
	}
	return out, nil
}

// Serving says what is missing for every member of a healthy table to be what the configuration says, with its ballot; nil:
// nothing. The configuration alone may name a server that died just now.
func (c Config) Serving() error {
	held := map[string]map[string]Replica{}
	for i, p := range c.Partitions {
		gpid := fmt.Sprintf("%d.%d", c.AppID, i)
		for _, member := range append([]string{p.Primary}, p.Secondaries...) {
			if held[member] == nil {
				list, err := Replicas(member)
				if err != nil {
					return err
				}
				held[member] = list
			}
			want := Replica{p.Ballot, StatusSecondary}
			if member == p.Primary {
				want.Status = StatusPrimary
			}
			if is := held[member][gpid]; is != want {
				return fmt.Errorf("%s of %s: the configuration says %+v, the server %+v", gpid, member, want, is)
			}
		}
	}
	return nil
}

// AwaitServing waits until a table has 1+2 members everywhere and all of them know that.
func AwaitServing(metas []string, table string, within time.Duration) (Config, error) {
	var last error
	end := time.Now().Add(within)
	for {
		c, err := AwaitHealthy(metas, table, time.Until(end))
		if err == nil {
			if err = c.Serving(); err == nil {
				return c, nil
			}
			last = err
		} else if last != nil {
			err = fmt.Errorf("%w; before that: %w", err, last)
		}
		if time.Now().After(end) {
			return c, err
		}
		time.Sleep(retryPause)
	}
}
