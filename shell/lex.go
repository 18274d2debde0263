package shell

import (
	"errors"
	"strings"
)

var errLex = errors.New("Invalid argument(s)") // the text scripts of old know

// splitWords splits a line at blanks. "…" understands \xHH \n \r \t \b \a and \c for any other c;
// '…' understands only \'. A closing quote must be followed by a blank or the end.
func splitWords(line string) ([]string, error) {
	var words []string
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		word, next, err := oneWord(line, i)
		if err != nil {
			return nil, err
		}
		words, i = append(words, word), next
	}
}

// oneWord reads the word that starts at i and returns where it ended.
func oneWord(line string, i int) (string, int, error) {
	var w []byte
	for i < len(line) && !isBlank(line[i]) {
		if c := line[i]; c != '"' && c != '\'' {
			w = append(w, c)
			i++
			continue
		}
		quoted, next, err := quotedPart(line, i)
		if err != nil {
			return "", 0, err
		}
		w, i = append(w, quoted...), next
		if i < len(line) && !isBlank(line[i]) {
			return "", 0, errLex
		}
	}
	return string(w), i, nil
}

// quotedPart reads from the quote at i to its partner.
func quotedPart(line string, i int) ([]byte, int, error) {
	quote := line[i]
	var out []byte
	for i++; i < len(line); i++ {
		switch c := line[i]; {
		case c == quote:
			return out, i + 1, nil
		case c != '\\' || i+1 == len(line):
			out = append(out, c)
		case quote == '\'':
			if line[i+1] == '\'' {
				i++
			}
			out = append(out, line[i])
		default:
			b, used := unescape(line[i+1:])
			out = append(out, b)
			i += used
		}
	}
	return nil, 0, errLex
}

// unescape decodes what follows a backslash within double quotes, and how much of it was used.
func unescape(s string) (byte, int) {
	if s[0] == 'x' && len(s) >= 3 {
		if hi, ok := hexDigit(s[1]); ok {
			if lo, ok := hexDigit(s[2]); ok {
				return hi<<4 | lo, 3
			}
		}
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'
}

// splitCommands cuts the text of -c into commands: at line ends, and at a semicolon outside quotes
// that is followed by a blank or the end ("use temp; get a b").
func splitCommands(text string) []string {
	var out []string
	var quote byte
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == '"' && c == '\\', quote == '\'' && strings.HasPrefix(text[i:], `\'`):
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '\n', c == ';' && (i+1 == len(text) || isBlank(text[i+1])):
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return append(out, text[min(start, len(text)):])
}

const hexUpper = "0123456789ABCDEF"

// escape renders bytes for the terminal so that splitWords reads them back: printable ASCII as it
// is, the rest as \n, \t or \xHH. With all, every byte becomes \xHH.
func escape(b []byte, all bool) string {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		switch {
		case all:
			out = append(out, '\\', 'x', hexUpper[c>>4], hexUpper[c&15])
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\r':
			out = append(out, '\\', 'r')
		case c == '\t':
			out = append(out, '\\', 't')
		case c == '"', c == '\\':
			out = append(out, '\\', c)
		case c >= 0x20 && c < 0x7F:
			out = append(out, c)
		default:
			out = append(out, '\\', 'x', hexUpper[c>>4], hexUpper[c&15])
		}
	}
	return string(out)
}
