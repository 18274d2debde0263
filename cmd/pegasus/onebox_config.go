package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// settings are the keys of one configuration file, by section.
type settings map[string]any

// section returns a section, nested by the dots in its name, made when needed.
func (s settings) section(name string) (settings, error) {
	at := s
	for _, part := range strings.Split(name, ".") {
		if at[part] == nil {
			at[part] = settings{}
		}
		next, ok := at[part].(settings)
		if !ok {
			return nil, fmt.Errorf("%s: %s is a key, not a section", name, part)
		}
		at = next
	}
	return at, nil
}

// set stores one key of a section.
func (s settings) set(section, key string, value any) error {
	at, err := s.section(section)
	if err != nil {
		return err
	}
	at[key] = value
	return nil
}

// setText applies "section.key=value", where the value is TOML or, failing that, a plain string.
func (s settings) setText(text string) error {
	name, value, ok := strings.Cut(text, "=")
	section, key, dotted := cutLast(name, ".")
	if !ok || !dotted || key == "" || section == "" {
		return fmt.Errorf("--set %q: want section.key=value", text)
	}
	var parsed struct{ V any }
	if _, err := toml.Decode("V = "+value, &parsed); err != nil {
		parsed.V = value
	}
	if err := s.set(section, key, parsed.V); err != nil {
		return fmt.Errorf("--set %q: %w", text, err)
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// settingsOf is the configuration of one server of the plan.
func (p *plan) settingsOf(m member) (settings, error) {
	s := settings{}
	var failed error
	set := func(section, key string, value any) {
		if err := s.set(section, key, value); err != nil && failed == nil {
			failed = err
		}
	}
	set("apps."+m.Role, "ports", m.Port)
	set("core", "data_dir", m.Dir)
	set("network", "explicit_host_address", "127.0.0.1")
	set("meta_server", "server_list", strings.Join(p.addresses(roleMeta), ","))
	set("replication", "cluster_name", "onebox")
	if m.Role == roleMeta {
		if p.ZooKeeper != "" {
			set("meta_server", "meta_state_service_type", "meta_state_service_zookeeper")
			set("zookeeper", "hosts_list", p.ZooKeeper)
		} else {
			set("meta_server", "meta_state_service_type", "meta_state_service_embedded")
			set("meta_server", "meta_state_service_parameters", filepath.Join(p.Dir, metaStateName))
		}
		// A onebox is restarted at will: quick restarts say nothing about its servers' health.
		set("meta_server", "stable_rs_min_running_seconds", 0)
		for i, t := range p.Tables {
			// The ids of the tables follow the order of the sections in the file, which is that of their names.
			section := fmt.Sprintf("meta_server.apps.%03d-%s", i+1, strings.ReplaceAll(t.Name, ".", "-"))
			set(section, "app_name", t.Name)
			set(section, "app_type", "pegasus")
			set(section, "partition_count", t.Partitions)
			set(section, "max_replica_count", t.Replicas)
		}
	} else {
		set("replication", "data_dirs", "data:"+filepath.Join(m.Dir, "data"))
		set("replication", "plog_sync", p.PlogSync)
		if p.MemoryBytes > 0 {
			set("pegasus.server", "memory_bytes_max", p.MemoryBytes)
		}
	}
	if failed != nil {
		return nil, failed
	}
	for _, text := range p.Sets {
		if err := s.setText(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// write stores the configuration of every server, and removes that of servers which the plan has no more. Their data stays.
func (p *plan) write() error {
	known := map[string]bool{}
	for _, m := range p.Members {
		known[m.Config] = true
		s, err := p.settingsOf(m)
		if err != nil {
			return err
		}
		var text bytes.Buffer
		fmt.Fprintf(&text, "# %s of a onebox. Written at every start: pass --set section.key=value to change a key.\n\n", m.Name)
		if err := toml.NewEncoder(&text).Encode(s); err != nil {
			return fmt.Errorf("configuration of %s: %w", m.Name, err)
		}
		if err := os.MkdirAll(m.Dir, 0o755); err != nil {
			return fmt.Errorf("configuration of %s: %w", m.Name, err)
		}
		if err := os.WriteFile(m.Config, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("configuration of %s: %w", m.Name, err)
		}
	}
	old, err := filepath.Glob(filepath.Join(p.Dir, "*", "config.toml"))
	if err != nil {
		return err
	}
	for _, config := range old {
		if !known[config] {
			if err := os.Remove(config); err != nil {
				return err
			}
		}
	}
	return nil
}
