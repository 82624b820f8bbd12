package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// Reader makes a reader of a session's records: of the agent's own, and of what its
// holder tells whatever runs there: ports that are listened on, and limits.
func (a Agent) Reader() Reader { return &machine{Reader: a.Read(), open: map[int]bool{}} }

type machine struct {
	Reader
	open map[int]bool // ports
}

func (p *machine) Read(r hold.Record) []Update {
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
	case hold.RecordLimit:
		var d hold.LimitData
		if json.Unmarshal(r.Data, &d) != nil {
			return nil
		}
		text := fmt.Sprintf("A program could not start another one: the session's %d processes were there.", d.Most)
		if d.Limit == "memory" {
			text = fmt.Sprintf("A program was ended: the session's %.1f GiB of memory were full.", float64(d.Most)/(1<<30))
		}
		return []Update{{Card: card.New("limit-"+d.Limit, card.KindNotice, "Limit", text, card.NoticeData{Level: "warning"})}}
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
