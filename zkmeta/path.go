package zkmeta

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Join puts components under a path: Join("/a", "b", "c") is "/a/b/c".
func Join(path string, components ...string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(path, "/"))
	for _, c := range components {
		b.WriteByte('/')
		b.WriteString(c)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// CheckPath reports why a path is not acceptable to both backends. The rules are
// ZooKeeper's own: valid UTF-8, no control or private characters, no "." or "..".
func CheckPath(path string) error {
	switch {
	case len(path) > PathBytesMax:
		return fmt.Errorf("%w: path of %d bytes, at most %d", ErrTooLarge, len(path), PathBytesMax)
	case path == "/":
		return nil
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("%w: path %q does not begin with a slash", ErrInvalid, path)
	case !utf8.ValidString(path):
		return fmt.Errorf("%w: path %q is not UTF-8", ErrInvalid, path)
	}
	for _, c := range strings.Split(path[1:], "/") {
		if c == "" || c == "." || c == ".." {
			return fmt.Errorf("%w: path %q has a component %q", ErrInvalid, path, c)
		}
		for _, r := range c {
			if r < 0x20 || (r >= 0x7f && r <= 0x9f) || (r >= 0xd800 && r <= 0xf8ff) || r >= 0xfff0 {
				return fmt.Errorf("%w: path %q has the character %U", ErrInvalid, path, r)
			}
		}
	}
	return nil
}

// parentOf returns "/" for "/a" and "/a" for "/a/b".
func parentOf(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

// ancestors returns the path's own prefixes from the top, itself last and the
// root left out: "/a/b" gives "/a", "/a/b".
func ancestors(path string) []string {
	if path == "/" {
		return nil
	}
	var out []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			out = append(out, path[:i])
		}
	}
	return append(out, path)
}

// checkTxn validates the shape and the size of a transaction.
func checkTxn(ops []Op) error {
	size := 0
	for i, op := range ops {
		if err := checkOp(op); err != nil {
			return &TxnError{Index: i, Op: op, Err: err}
		}
		size += opBytes(op)
	}
	if size > TxnBytesMax {
		return fmt.Errorf("%w: transaction of %d bytes in %d operations, at most %d", ErrTooLarge, size, len(ops), TxnBytesMax)
	}
	return nil
}

func checkOp(op Op) error {
	if op.Kind < OpCreate || op.Kind > OpDelete {
		return fmt.Errorf("%w: %s", ErrInvalid, op.Kind)
	}
	if err := CheckPath(op.Path); err != nil {
		return err
	}
	if op.Path == "/" && op.Kind != OpSet {
		return fmt.Errorf("%w: %s of the root", ErrInvalid, op.Kind)
	}
	if len(op.Data) > DataBytesMax {
		return fmt.Errorf("%w: data of %d bytes, at most %d", ErrTooLarge, len(op.Data), DataBytesMax)
	}
	return nil
}

func opBytes(op Op) int { return len(op.Path) + len(op.Data) + opOverheadBytes }
