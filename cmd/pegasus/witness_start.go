package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
)

// farewell is what a server writes to its witness when it ends with the whole cluster and nobody is to replace it.
const farewell = "."

// witnessPipe holds the pipes to witnesses. They must stay reachable as long as the process lives, or the garbage collector
// would close them.
var witnessPipe []*os.File

// witnessed is a server that wants a witness.
type witnessed interface {
	testimony() (testimony, bool)
}

// startWitnesses gives a witness to each server that wants one. A server can do without: then silence tells of its death.
// The result takes leave of them.
func startWitnesses(servers []server, logger *slog.Logger) (dismiss func()) {
	var pipes []*os.File
	for _, s := range servers {
		w, ok := s.(witnessed)
		if !ok {
			continue
		}
		t, ok := w.testimony()
		if !ok {
			continue
		}
		pipe, err := startWitness(t, logger)
		if err != nil {
			logger.Warn("no witness: the meta servers will learn of a crash from the silence", "err", err)
			continue
		}
		pipes = append(pipes, pipe)
	}
	witnessPipe = append(witnessPipe, pipes...)
	return func() {
		for _, p := range pipes {
			_, _ = p.WriteString(farewell) // a witness that is gone needs none
		}
	}
}

func startWitness(t testimony, logger *slog.Logger) (pipe *os.File, err error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("testimony: %w", err)
	}
	in, pipe, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	defer in.Close()
	cmd := exec.Command(executable, "witness")
	cmd.Stdin = in
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=20")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends the server's group or terminal leaves it alone
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, pipe.Close())
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			logger.Warn("the witness ended: the meta servers will learn of a crash from the silence", "err", err)
		}
	}()
	if _, err := pipe.Write(append(text, '\n')); err != nil {
		return nil, errors.Join(err, pipe.Close())
	}
	return pipe, nil
}
