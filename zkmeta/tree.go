package zkmeta

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nodeOverheadBytes is what a node costs in memory beside its name and data.
const nodeOverheadBytes = 160

type node struct {
	data     []byte
	children map[string]*node
}

// tree is the embedded store's state in memory. It has no lock of its own.
//
// Invariant: nodes counts all nodes but the root, and bytes is the root's data
// plus name + data + nodeOverheadBytes of each of them.
type tree struct {
	root     *node
	nodes    int
	bytes    int64
	bytesMax int64
}

func newTree(bytesMax int64) *tree {
	return &tree{root: &node{}, bytesMax: bytesMax}
}

func (t *tree) find(path string) *node {
	n := t.root
	if path == "/" {
		return n
	}
	for _, c := range strings.Split(path[1:], "/") {
		if n = n.children[c]; n == nil {
			return nil
		}
	}
	return n
}

func (t *tree) get(path string) ([]byte, error) {
	n := t.find(path)
	if n == nil {
		return nil, ErrNotExist
	}
	return append([]byte{}, n.data...), nil
}

func (t *tree) list(path string) ([]string, error) {
	n := t.find(path)
	if n == nil {
		return nil, ErrNotExist
	}
	return slices.Sorted(maps.Keys(n.children)), nil
}

// apply does one operation and returns the operation that takes it back.
func (t *tree) apply(op Op) (undo Op, err error) {
	switch op.Kind {
	case OpCreate:
		return t.create(op)
	case OpSet:
		return t.set(op)
	case OpDelete:
		return t.remove(op)
	}
	return Op{}, fmt.Errorf("%w: %s", ErrInvalid, op.Kind)
}

func (t *tree) create(op Op) (Op, error) {
	parent := t.find(parentOf(op.Path))
	if parent == nil {
		return Op{}, ErrNotExist
	}
	name := op.Path[strings.LastIndexByte(op.Path, '/')+1:]
	if name == "" || parent.children[name] != nil {
		return Op{}, ErrExists
	}
	size := int64(len(name) + len(op.Data) + nodeOverheadBytes)
	if err := t.grow(size); err != nil {
		return Op{}, err
	}
	if parent.children == nil {
		parent.children = make(map[string]*node)
	}
	parent.children[name] = &node{data: slices.Clone(op.Data)}
	t.nodes++
	return Op{Kind: OpDelete, Path: op.Path}, nil
}

func (t *tree) set(op Op) (Op, error) {
	n := t.find(op.Path)
	if n == nil {
		return Op{}, ErrNotExist
	}
	if err := t.grow(int64(len(op.Data) - len(n.data))); err != nil {
		return Op{}, err
	}
	undo := Op{Kind: OpSet, Path: op.Path, Data: n.data}
	n.data = slices.Clone(op.Data)
	return undo, nil
}

func (t *tree) remove(op Op) (Op, error) {
	parent := t.find(parentOf(op.Path))
	name := op.Path[strings.LastIndexByte(op.Path, '/')+1:]
	if parent == nil || parent.children[name] == nil {
		return Op{}, ErrNotExist
	}
	n := parent.children[name]
	if len(n.children) > 0 {
		return Op{}, ErrNotEmpty
	}
	delete(parent.children, name)
	t.nodes--
	t.bytes -= int64(len(name) + len(n.data) + nodeOverheadBytes)
	return Op{Kind: OpCreate, Path: op.Path, Data: n.data}, nil
}

// grow accounts for more bytes, or refuses. Shrinking is never refused.
func (t *tree) grow(by int64) error {
	if by > 0 && t.bytes+by > t.bytesMax {
		return fmt.Errorf("%w: state of %d bytes, at most %d", ErrTooLarge, t.bytes+by, t.bytesMax)
	}
	t.bytes += by
	return nil
}

// applyAll does all operations or none.
func (t *tree) applyAll(ops []Op) error {
	undo := make([]Op, 0, len(ops))
	for i, op := range ops {
		u, err := t.apply(op)
		if err == nil {
			undo = append(undo, u)
			continue
		}
		for j := len(undo) - 1; j >= 0; j-- {
			if _, uerr := t.apply(undo[j]); uerr != nil {
				panic(fmt.Sprintf("zkmeta: cannot take back %s %s: %v", ops[j].Kind, ops[j].Path, uerr))
			}
		}
		return &TxnError{Index: i, Op: op, Err: err}
	}
	return nil
}

// walk visits every node but the root, parents before children, siblings sorted.
func (t *tree) walk(visit func(path string, data []byte) error) error {
	return walkNode("", t.root, visit)
}

func walkNode(path string, n *node, visit func(string, []byte) error) error {
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		child := n.children[name]
		childPath := path + "/" + name
		if err := visit(childPath, child.data); err != nil {
			return err
		}
		if err := walkNode(childPath, child, visit); err != nil {
			return err
		}
	}
	return nil
}

// deletions lists what DeleteAll has to delete, leaves first.
func (t *tree) deletions(path string) []Op {
	n := t.find(path)
	if n == nil {
		return nil
	}
	ops := []Op{{Kind: OpDelete, Path: path}}
	walkNode(path, n, func(p string, _ []byte) error {
		ops = append(ops, Op{Kind: OpDelete, Path: p})
		return nil
	})
	slices.Reverse(ops)
	return ops
}
