package shell

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// cmdKeyToHex shows the stored form of a key.
func cmdKeyToHex(s *session, p *parsed) error {
	raw := base.EncodeKey([]byte(p.arg(0)), []byte(p.arg(1)))
	fmt.Fprintf(s.errw, "\"%s\"\n", strings.ToUpper(hex.EncodeToString(raw)))
	return nil
}

func cmdHexToKey(s *session, p *parsed) error {
	raw, err := parseHex(p.arg(0))
	if err != nil {
		return err
	}
	hashKey, sortKey, err := base.DecodeKey(raw)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errw, "\nhash key: %s\n\nsort key: %s\n", s.bytes(hashKey), s.bytes(sortKey))
	return nil
}

// cmdHexToValue reads the oldest form of a value: when it expires, then the data.
func cmdHexToValue(s *session, p *parsed) error {
	raw, err := parseHex(p.arg(0))
	if err != nil {
		return err
	}
	if len(raw) < 4 {
		return fmt.Errorf("a value has at least 4 bytes")
	}
	expire := time.Unix(base.EpochUnix+int64(binary.BigEndian.Uint32(raw)), 0).UTC()
	fmt.Fprintf(s.errw, "\nWhen to expire:\n  %s\nuser_data:\n  %s\n", expire.Format(time.DateTime), s.bytes(raw[4:]))
	return nil
}

func parseHex(text string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X"))
	if err != nil {
		return nil, fmt.Errorf("invalid hex string %s", text)
	}
	return raw, nil
}
