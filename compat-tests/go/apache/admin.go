package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/apache/incubator-pegasus/go-client/admin"
	"github.com/apache/incubator-pegasus/go-client/pegasus"
	"github.com/apache/incubator-pegasus/go-client/session"
	"github.com/pegasus-go/pegasus/compat-tests/go/check"
)

// adminSuite drives what tools use: the admin package and the sessions below it.
type adminSuite struct {
	check.Checks
	metas, replicas []string
	table           string
}

const createTimeout = 40 * time.Second

func (s *adminSuite) tableNames(a admin.Client) []string {
	var names []string
	s.Must(check.In(func(ctx context.Context) error {
		tables, err := a.ListTables(ctx)
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return err
	}), "list tables")
	sort.Strings(names)
	return names
}

// admin drives the three calls of the admin package and the remote command client.
func (s *adminSuite) admin() {
	s.Section("create, list and drop tables", func() {
		a := admin.NewClient(admin.Config{MetaServers: s.metas})
		name := fmt.Sprintf("admin_%d", time.Now().UnixNano())
		before := s.tableNames(a)
		ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
		defer cancel()
		s.Must(a.DropTable(ctx, name), "drop of an absent table")
		s.Must(a.CreateTable(ctx, name, 4), "create table")
		s.Same(len(s.tableNames(a)), len(before)+1, "tables after create")
		s.Must(a.CreateTable(ctx, name+"_single", 1), "create a table with one partition")
		s.usable(name)
		err := a.CreateTable(ctx, name, 4)
		s.Refused(err, "ERR_APP_EXIST", "create a table twice")
		err = a.CreateTable(ctx, name+"_zero", 0)
		s.Refused(err, "ERR_INVALID_PARAMETERS", "create a table without partitions")
		s.Must(a.DropTable(ctx, name+"_single"), "drop table")
		s.Must(a.DropTable(ctx, name), "drop table")
		s.Same(s.tableNames(a), before, "tables after drop")
		c := pegasus.NewClient(pegasus.Config{MetaServers: s.metas})
		defer c.Close()
		_, err = c.OpenTable(ctx, name)
		s.Refused(err, "ERR_OBJECT_NOT_FOUND", "open a dropped table")
	})
	s.Section("a dead meta first in the list", func() {
		c := pegasus.NewClient(pegasus.Config{MetaServers: append([]string{"127.0.0.1:1"}, s.metas...)})
		s.Must(check.In(func(ctx context.Context) error { _, err := c.OpenTable(ctx, s.table); return err }), "open a table")
		_ = c.Close()
	})
	s.Section("remote commands", func() {
		for node, kind := range map[string]session.NodeType{s.replicas[0]: session.NodeTypeReplica, s.metas[0]: session.NodeTypeMeta} {
			c := admin.NewRemoteCmdClient(node, kind)
			for _, cmd := range []string{"help", "server-info", "no-such-command"} {
				s.Must(check.In(func(ctx context.Context) error {
					out, err := c.Call(ctx, cmd, []string{})
					s.That(err != nil || strings.TrimSpace(out) != "", "%s of a %s says something", cmd, kind)
					return err
				}), "remote command %s of a %s", cmd, kind)
			}
		}
	})
}

// usable claims that a table just created takes writes at once.
func (s *adminSuite) usable(table string) {
	c := pegasus.NewClient(pegasus.Config{MetaServers: s.metas})
	defer c.Close()
	s.Must(check.In(func(ctx context.Context) error {
		tb, err := c.OpenTable(ctx, table)
		if err != nil {
			return err
		}
		for i := 0; i < 16 && err == nil; i++ {
			k := []byte(fmt.Sprint(i))
			if err = tb.Set(ctx, k, []byte{}, k); err == nil {
				_, err = tb.Get(ctx, k, []byte{})
			}
		}
		return err
	}), "write to the new table %s", table)
}
