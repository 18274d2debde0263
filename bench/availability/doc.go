// Command availability shows what clients see when a server is harmed. It writes and reads every partition of a table, a
// writer and a reader each, runs a command that harms a server, and later one that brings it back, as often as
// asked. For partitions that lost their primary, that lost a secondary, and that lost nothing it tells the longest time without
// an acknowledged operation, the latency, and how long it took until every partition had all members again.
//
//	go run ./bench/availability -metas 127.0.0.1:34601 -repeat 5 \
//	    -harm 'pegasus onebox kill replica{n}' -restore 'pegasus onebox start replica{n}'
//
// {n} is the number of the harmed server among the replica servers by address; it is the one that is primary of most
// partitions at that moment.
package main
