// Command availability writes to every partition of a table, one writer each, runs a command that
// harms a server, and prints the longest time without an acknowledged write for each partition.
//
//	go run ./bench/availability -metas 127.0.0.1:34601 -victim 127.0.0.1:34802 -- pegasus onebox kill replica2
package main
