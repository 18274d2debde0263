// Package nfs copies files between replica servers: checkpoints for learners, and whatever else lies
// in a replica's directory. The requests are those of the C++ servers (replica.md section 14); a
// third one, with the same structs, asks for checksums and is left out when the peer does not know it.
//
// The server side serves only files below the directories it was given, reads and sends with a bounded
// number of requests in progress, and answers a short read as what it is. The client side copies in
// blocks, several at a time, and returns only when every file and directory is synced and has the size,
// and the checksum, that the peer stated. It does not remove what an interrupted copy left behind.
package nfs
