package guide_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/provisioner"
)

// TestUtterances checks what one message does to a draft. A line is
//
//	what the person says => checks
//
// and runs against an empty draft, or, after "* ", against one that is complete.
func TestUtterances(t *testing.T) {
	lines := readLines(t, "testdata/utterances.txt")
	if len(lines) < 150 {
		t.Fatalf("only %d utterances", len(lines))
	}
	for _, line := range lines {
		text, checks, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("no checks in %q", line)
		}
		t.Run(strings.ReplaceAll(text, "/", "|"), func(t *testing.T) {
			c := newChat(t)
			if rest, found := strings.CutPrefix(text, "* "); found {
				text = rest
				c.complete()
			}
			c.say(text)
			c.check(checks)
		})
	}
}

// complete makes the draft one that could be planned.
func (c *chat) complete() {
	c.t.Helper()
	c.say("We are Al Noor Clinic in Muscat, 12 people, founder@alnoor.om. We need Nextcloud and Cal.com.")
	c.check("name=Al Noor Clinic; email=founder@alnoor.om; hq=Muscat, Oman; n=12; apps=cal-com,nextcloud; cards=1")
}

// TestConversations runs whole conversations:
//
//	> what the person says     ! what is pressed
//	= checks of the draft      ~ a part of the reply, or of it not with !~
//	@ status                   the deployment moves on
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range files {
		var c *chat
		name := ""
		var steps []string
		run := func() {
			if name == "" {
				return
			}
			ran++
			t.Run(name, func(t *testing.T) {
				c = newChat(t)
				if strings.HasSuffix(name, "hetzner") {
					c = newChatIn(t, provisioner.Hetzner)
				}
				for _, s := range steps {
					c.step(s)
				}
			})
		}
		for _, line := range readLines(t, file) {
			if title, ok := strings.CutPrefix(line, "--- "); ok {
				run()
				name, steps = title, nil
				continue
			}
			steps = append(steps, line)
		}
		run()
	}
	if ran < 25 {
		t.Fatalf("only %d conversations", ran)
	}
}

func (c *chat) step(line string) {
	c.t.Helper()
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case ">":
		c.say(rest)
	case "!":
		c.press(rest)
	case "=":
		c.check(rest)
	case "~":
		if !strings.Contains(strings.ToLower(c.reply), strings.ToLower(rest)) {
			c.t.Errorf("the reply has no %q:\n%s", rest, c.reply)
		}
	case "!~":
		if strings.Contains(strings.ToLower(c.reply), strings.ToLower(rest)) {
			c.t.Errorf("the reply has %q:\n%s", rest, c.reply)
		}
	case "@":
		c.status(provisioner.Status(rest))
	default:
		c.t.Fatalf("unknown step %q", line)
	}
}

// check compares the draft with "key=value; key=value". An empty value says that
// the field is not set.
func (c *chat) check(checks string) {
	c.t.Helper()
	s := c.draft.Spec
	for _, part := range strings.Split(checks, ";") {
		key, want, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			c.t.Fatalf("no value in the check %q", part)
		}
		var got string
		switch key {
		case "name":
			got = s.OrgName
		case "email":
			got = s.OrgEmail
		case "hq":
			got = s.OrgHeadquarters
		case "industry":
			got = s.OrgIndustry
		case "n":
			got = number(s.OrgSize)
		case "apps":
			got = sorted(s.Apps)
		case "components":
			got = sorted(s.Components)
		case "compliance":
			got = sorted(s.OrgCompliance)
		case "region":
			got = s.Region
		case "source":
			got = string(c.draft.Fields["regions[0].cloudRegion"].Source)
		case "workers":
			if s.WorkerCount != nil {
				got = strconv.Itoa(*s.WorkerCount)
			}
		case "said":
			got = string(c.draft.Fields[want].Source)
			want = "said"
		case "size":
			got = s.WorkerSize
		case "cp":
			got = s.ControlPlaneSize
		case "ha":
			got = strconv.FormatBool(s.HAEnabled != nil && *s.HAEnabled)
		case "fqdn":
			got = s.SovereignFQDN
		case "mode":
			got = s.SovereignDomainMode
		case "plans":
			got = strconv.Itoa(c.plans)
		case "cards":
			got = strconv.Itoa(len(c.cards))
		case "account":
			got = strconv.FormatBool(c.draft.SimulatedAccount)
		default:
			c.t.Fatalf("unknown check %q", key)
		}
		if got != want {
			c.t.Errorf("%s is %q, want %q\nreply: %s", key, got, want, c.reply)
		}
	}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func sorted(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ",")
}

func readLines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if l := strings.TrimSpace(lines.Text()); l != "" && !strings.HasPrefix(l, "#") {
			out = append(out, l)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return out
}
