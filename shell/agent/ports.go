package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// Reader makes a reader of a session's records: the agent's own, and of the ports
// that are listened on in the session, whatever runs there.
func (a Agent) Reader() Reader { return &ports{Reader: a.Read(), open: map[int]bool{}} }

type ports struct {
	Reader
	open map[int]bool
}

func (p *ports) Read(r hold.Record) []Update {
	switch r.Kind {
	case hold.RecordPort:
		var d hold.PortData
		if json.Unmarshal(r.Data, &d) != nil || d.Port == 0 {
			return nil
		}
		if d.Open {
			p.open[d.Port] = true
		} else {
			delete(p.open, d.Port)
		}
		return []Update{previewLink(d.Port, d.Open)}
	case hold.RecordExit: // all end with it
		out := p.Reader.Read(r)
		for _, port := range slices.Sorted(maps.Keys(p.open)) {
			out = append(out, previewLink(port, false))
		}
		clear(p.open)
		return out
	}
	return p.Reader.Read(r)
}

func previewLink(port int, open bool) Update {
	data, text := card.PreviewLinkData{Port: port, State: "closed"}, "nothing listens there any more"
	if open {
		data.State, text = "open", "something listens there"
	}
	title := fmt.Sprintf("Port %d", port)
	return Update{Card: card.New(fmt.Sprintf("port-%d", port), card.KindPreviewLink, title, title+"\n"+text, data)}
}
