package pacifica

import "strings"

type script struct{ out strings.Builder }

func (s *script) carry(m message) {}
