package thft

import (
	"fmt"
	"regexp"
	"time"
)

const remoteTimeout = 30 * time.Second

var digestLine = regexp.MustCompile(`(\d+\.\d+)\D.*?"decree":(\d+).*?"digest":"([^"]+)"`)

// RemoteCommand runs an operator's command on one server and returns what it says.
func RemoteCommand(server, name string, args ...string) (string, error) {
	c, err := Dial(server, remoteTimeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Call("RPC_CLI_CLI_CALL", Header{TimeoutMs: int32(remoteTimeout.Milliseconds())},
		Wrap(func(a *Args) { a.Str(1, name).Strings(2, args...) }))
	if err == nil && r.Err != okText {
		err = FrameError(r.Err)
	}
	if err != nil {
		return "", fmt.Errorf("%s at %s: %w", name, server, err)
	}
	v, err := Result(r.Body, Str)
	if err != nil {
		return "", fmt.Errorf("%s at %s: %w", name, server, err)
	}
	return v.(string), nil
}

// Digests asks replica servers for the digests of a table: gpid to server to "decree digest".
func Digests(servers []string, app int32) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	for _, server := range servers {
		text, err := RemoteCommand(server, "replica.digest", fmt.Sprint(app))
		if err != nil {
			return nil, err
		}
		for _, m := range digestLine.FindAllStringSubmatch(text, -1) {
			gpid, decree, sum := m[1], m[2], m[3]
			if out[gpid] == nil {
				out[gpid] = map[string]string{}
			}
			out[gpid][server] = decree + " " + sum
		}
	}
	return out, nil
}
