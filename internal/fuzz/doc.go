// Package fuzz is what the fuzz tests of all packages share: the claim that decoding allocates no more
// than a multiple of what there is to decode. Only tests import it.
package fuzz
