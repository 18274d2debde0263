package conf

import (
	"bytes"
	"encoding/json"
	"errors"
)

// The bodies of HTTP's /config, /configs and /updateConfig. All answer with
// status 200, errors too; upstream's tools read the text.

// flagJSON has upstream's fields in upstream's order.
type flagJSON struct {
	Name        string `json:"name"`
	Section     string `json:"section"`
	Type        string `json:"type"`
	Tags        string `json:"tags"`
	Description string `json:"description"`
	Value       string `json:"value"`
}

func (e *Entry) json() flagJSON {
	f := flagJSON{Name: e.Name, Section: e.Section, Type: e.Type, Description: e.Doc, Value: e.Value()}
	if e.Mutable {
		f.Tags = "flag_tag::FT_MUTABLE"
	}
	return f
}

// compactJSON leaves <, > and & alone, as upstream's writer does.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("conf: " + err.Error()) // strings and maps of them always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// ConfigJSON is the body of /config?name=<name>.
func (c *Config) ConfigJSON(name string) []byte {
	e, ok := c.Lookup(name)
	if !ok {
		return []byte("ERR_OBJECT_NOT_FOUND: '" + name + "' is not found")
	}
	return compactJSON(e.json())
}

// ConfigsJSON is the body of /configs: all keys by flat name, sorted.
func (c *Config) ConfigsJSON() []byte {
	all := map[string]flagJSON{}
	for _, e := range c.All() {
		all[e.Name] = e.json()
	}
	return compactJSON(all)
}

// UpdateJSON does /updateConfig?<name>=<value> and returns its body. The caller
// passes the whole query; upstream wants exactly one pair.
func (c *Config) UpdateJSON(query map[string]string) []byte {
	status := "ERR_OK"
	if len(query) != 1 {
		status = "ERR_INVALID_PARAMETERS: there should be exactly one config to be updated once"
	}
	for name, value := range query {
		if status != "ERR_OK" {
			break
		}
		if err := c.Set(name, value); err != nil {
			var se *SetError
			if !errors.As(err, &se) {
				panic("conf: " + err.Error()) // Set returns nothing else
			}
			status = se.Error()
		}
	}
	return compactJSON(struct {
		UpdateStatus string `json:"update_status"`
	}{status})
}
