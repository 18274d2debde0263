// Package shell is the operators' command line of a cluster: `pegasus shell`.
//
// It reads commands from a terminal (history, completion), from a pipe, or takes them from one
// string, and prints what the established shell prints: the same commands, options, tables, JSON
// and trailing blanks, because runbooks and scripts parse them (spec ops.md 1 and 2). Data commands
// write to Err, tables of administration to Out.
//
// How it is laid out: run.go and session.go hold the loop and its state; lex.go splits a line into
// words, args.go those into options; catalogue.go lists every command with its usage and handler;
// table.go renders; cmd_*.go are the commands by subject. A handler gets parsed arguments and
// returns an error; the loop decides how that is told and what the exit code is.
//
// The package never talks to servers except through package client and, for figures, GET /metrics.
package shell
