package guide_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/provisioner"
)

var transcript = flag.String("transcript", "", "print the conversations of these files (a glob) as a person would read them")

// TestTranscript prints whole conversations for reading, in the format of
// TestConversations, with what each turn changed in the draft:
//
//	go test ./conversation/model/guide -run TestTranscript -v -transcript '/tmp/talk/*.txt'
func TestTranscript(t *testing.T) {
	if *transcript == "" {
		t.Skip("-transcript names no files to print")
	}
	files, err := filepath.Glob(*transcript)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var c *chat
		turn := 0
		for _, line := range readLines(t, file) {
			if title, ok := strings.CutPrefix(line, "--- "); ok {
				c, turn = newChat(t), 0
				if strings.HasSuffix(title, "hetzner") {
					c = newChatIn(t, provisioner.Hetzner)
				}
				fmt.Printf("\n=== %s\n", title)
				continue
			}
			if c == nil {
				t.Fatalf("%s: a line before the first title: %s", file, line)
			}
			kind, rest, _ := strings.Cut(line, " ")
			if kind == "=" || kind == "~" || kind == "!~" {
				continue
			}
			before := c.facts()
			turn++
			fmt.Printf("%d %s %s\n", turn, kind, rest)
			c.step(line)
			if kind == "@" {
				continue
			}
			fmt.Printf("    %s\n", strings.ReplaceAll(c.reply, "\n", "\n    "))
			for _, card := range c.cards {
				var asked []string
				for _, q := range card.Questions {
					asked = append(asked, q.Field)
				}
				fmt.Printf("    [card: %s]\n", strings.Join(asked, ", "))
			}
			var changed []string
			for _, f := range c.facts() {
				if !slices.Contains(before, f) {
					changed = append(changed, f)
				}
			}
			if len(changed) > 0 {
				fmt.Printf("    {%s}\n", strings.Join(changed, "; "))
			}
		}
	}
}

// facts lists the draft as the checks of TestConversations name it.
func (c *chat) facts() []string {
	s := c.draft.Spec
	workers := ""
	if s.WorkerCount != nil {
		workers = strconv.Itoa(*s.WorkerCount)
	}
	out := []string{
		"name=" + s.OrgName, "email=" + s.OrgEmail, "hq=" + s.OrgHeadquarters, "industry=" + s.OrgIndustry,
		"n=" + number(s.OrgSize), "apps=" + sorted(s.Apps), "components=" + sorted(s.Components), "compliance=" + sorted(s.OrgCompliance),
		"region=" + s.Region, "source=" + string(c.draft.Fields["regions[0].cloudRegion"].Source), "workers=" + workers,
		"size=" + s.WorkerSize, "cp=" + s.ControlPlaneSize, "ha=" + strconv.FormatBool(s.HAEnabled != nil && *s.HAEnabled),
		"fqdn=" + s.SovereignFQDN, "mode=" + s.SovereignDomainMode, "plans=" + strconv.Itoa(c.plans), "account=" + strconv.FormatBool(c.draft.SimulatedAccount),
	}
	return out
}
