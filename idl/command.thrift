// Remote commands.
// Field numbers, names and types: wire protocol. Argument wrappers are written by package rpc.


namespace go command

struct command {
  1: string cmd;
  2: list<string> arguments;
}
