package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/rpc"
)

// Times of a witness.
const (
	witnessOrphanPoll = time.Millisecond       // between looks whether the parent is gone, once its pipe has ended
	witnessAskTimeout = 500 * time.Millisecond // of one question to one meta server
	witnessAskPause   = 50 * time.Millisecond
	witnessTellMax    = 20 * time.Second // after that the meta servers know from the silence
)

// testimony is what a witness will say when its parent has ended. The parent writes it as the first line of the witness's
// standard input, which it then holds open; anything that follows means that there is nothing to tell.
type testimony struct {
	Pid         int      // of the server
	Address     string   // that its beacons come from
	StartUnixMs int64    // that its beacons carry
	Metas       []string // ip:port
}

func newWitnessCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "witness",
		Short:  "Tell the meta servers when the server that started this process has ended (started by the server itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM) // it ends when its server ends
			return witness(os.Stdin, os.Getppid, tell)
		},
	}
}

// witness waits for the end of its parent. That the pipe ends is the signal to look, not the proof: the proof is to have
// another parent, which the kernel gives a process only after every thread of the old one has begun to exit and can
// execute none of its code any more. A server that lost the pipe in another way is never declared dead.
func witness(in io.Reader, parent func() int, tell func(testimony) error) error {
	lines := bufio.NewReader(in)
	text, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("witness: nothing to tell: %w", err)
	}
	var t testimony
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if _, err := lines.ReadByte(); err == nil {
		return nil // the server takes its leave
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("witness: %w", err)
	}
	for parent() == t.Pid {
		time.Sleep(witnessOrphanPoll)
	}
	return tell(t)
}

// tell repeats the news until the leading meta server has nothing left to do about it.
func tell(t testimony) error {
	from, err := base.ParseAddress(t.Address)
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	var metas []base.RPCAddress
	for _, text := range t.Metas {
		address, err := base.ParseAddress(text)
		if err != nil {
			return fmt.Errorf("witness: %w", err)
		}
		metas = append(metas, address)
	}
	pool := rpc.NewPool(rpc.PoolOptions{Logger: slog.New(slog.DiscardHandler)})
	defer pool.Close()
	for end := time.Now().Add(witnessTellMax); time.Now().Before(end); time.Sleep(witnessAskPause) {
		for _, to := range metas {
			if told(pool, to, from, t.StartUnixMs) {
				return nil
			}
		}
	}
	return errors.New("witness: no meta server knows the process")
}

func told(pool *rpc.Pool, to, from base.RPCAddress, startMs int64) bool {
	ctx, cancel := context.WithTimeout(context.Background(), witnessAskTimeout)
	defer cancel()
	msg := &fd.BeaconMsg{Time: time.Now().UnixMilli(), FromNode: from.Ptr(), ToNode: to.Ptr(), StartTime: &startMs}
	var ack fd.BeaconAck
	err := pool.Call(ctx, to, rpc.Call{Name: "RPC_FD_PROCESS_ENDED", Body: rpc.AppendValue(nil, rpc.FieldNative, msg)}, &ack)
	return err == nil && ack.IsMaster && ack.Allowed
}
