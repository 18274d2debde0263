package disk

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// The info files carry a checksum where readers that know nothing of it skip it: .init-info as a JSON key of its own,
// .app-info as a field of the table's description that no version of it has. A flipped bit in a ballot would otherwise be
// believed. Files without one, of a C++ server for example, are read as they are.
const (
	initInfoSeal = `"checksum":"`
	appInfoSeal  = `"10000":{"str":"`
	sealZeros    = "00000000"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal fills in the checksum of b, which has zeros in its place.
func seal(b []byte, mark string) []byte {
	i := bytes.LastIndex(b, []byte(mark+sealZeros+`"`))
	sum := crc32.Checksum(b, castagnoli)
	return append(fmt.Appendf(b[:i+len(mark):i+len(mark)], "%08x", sum), b[i+len(mark)+len(sealZeros):]...)
}

// checkSeal compares the checksum in b, when there is one.
func checkSeal(b []byte, mark string) error {
	i := bytes.LastIndex(b, []byte(mark))
	if i < 0 {
		return nil
	}
	at := i + len(mark)
	if len(b) < at+len(sealZeros) {
		return fmt.Errorf("checksum is cut off")
	}
	text := string(b[at : at+len(sealZeros)])
	zeroed := bytes.Clone(b)
	copy(zeroed[at:], sealZeros)
	if want := fmt.Sprintf("%08x", crc32.Checksum(zeroed, castagnoli)); text != want {
		return fmt.Errorf("checksum is %s, the file says %s", want, text)
	}
	return nil
}
