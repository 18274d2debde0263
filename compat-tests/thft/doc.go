// Package thft is a second, small reading of the client protocol (THFT, versions 0 and 1), written from the wire alone.
// The compat tests send with it what no client library sends: single frames with odd headers, broken bodies, recorded bytes.
// It shares no code with the server, so that a mistake in the server's codec is not made twice, and its decoder is as easily
// broken as that of the released clients: a special type in a field that they do not know is an error.
package thft
