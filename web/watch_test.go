package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
)

// get opens a stream after a cursor.
func get(url, cursor string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Last-Event-ID", cursor)
	res, err := http.DefaultClient.Do(req)
	if err == nil && res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		err = fmt.Errorf("%s answered %d: %s", url, res.StatusCode, raw)
	}
	return res, err
}

func showsCard(e journal.Event, id string) bool {
	var d conversation.CardShown
	return e.Type == "conversation.card.shown" && e.Decode(&d) == nil && d.Card.ID == id
}

// readEvents reads the events of a conversation to its last card, and is cut off
// after at most `most` events again and again. It gives the sequences as they came.
func readEvents(url string, random *rand.Rand, most int, cursor func([]uint64) uint64) ([]uint64, error) {
	var got []uint64
	for {
		after := ""
		if len(got) > 0 {
			after = strconv.FormatUint(cursor(got), 10)
		}
		res, err := get(url+"/events?follow=true", after)
		if err != nil {
			return got, err
		}
		lines := bufio.NewReader(res.Body)
		for left := random.IntN(most); left >= 0; left-- {
			line, err := lines.ReadBytes('\n')
			var e journal.Event
			if err == nil {
				err = json.Unmarshal(line, &e)
			}
			if err != nil {
				_ = res.Body.Close()
				return got, err
			}
			if got = append(got, e.Seq); showsCard(e, theEnd) {
				return got, res.Body.Close()
			}
		}
		_ = res.Body.Close()
	}
}

// TestEventsComeOnceInOrder: while everything is written to, readers that are cut
// off at any moment and come back with the last sequence that they have get each
// event once and in the journal's order.
func TestEventsComeOnceInOrder(t *testing.T) {
	b := newBusy(t, nil)
	const readers = 6
	var got [readers][]uint64
	var work sync.WaitGroup
	for r := range readers {
		work.Go(func() {
			var err error
			last := func(s []uint64) uint64 { return s[len(s)-1] }
			if got[r], err = readEvents(b.url, rand.New(rand.NewPCG(11, uint64(r))), 1+8*r, last); err != nil {
				t.Errorf("reader %d: %v", r, err)
			}
		})
	}
	b.write(40, false)
	work.Wait()
	var want []uint64
	for _, e := range b.all() {
		want = append(want, e.Seq)
	}
	for r := range got {
		if !slices.Equal(got[r], want) {
			t.Errorf("reader %d got %v, want %v", r, got[r], want)
		}
	}
}

// TestALateLinkLosesNothing: of a deployment that is linked when much of it has
// happened, readers get the past with the link. Who is cut off in its midst and
// comes back with the greatest sequence they have gets it again, whole.
func TestALateLinkLosesNothing(t *testing.T) {
	b := newBusy(t, nil)
	const readers = 6
	var got [readers][]uint64
	var work sync.WaitGroup
	for r := range readers {
		work.Go(func() {
			var err error
			if got[r], err = readEvents(b.url, rand.New(rand.NewPCG(13, uint64(r))), 60+8*r, slices.Max[[]uint64]); err != nil {
				t.Errorf("reader %d: %v", r, err)
			}
		})
	}
	b.write(40, true)
	work.Wait()
	for r := range got {
		for _, e := range b.all() {
			if !slices.Contains(got[r], e.Seq) {
				t.Errorf("reader %d never got %d, %s of %s", r, e.Seq, e.Type, e.Aggregate)
			}
		}
	}
}

// page is a browser's page: what it got by the stream. It takes messages in when
// their id comes, and forgets them when the connection breaks before.
type page struct {
	cursor  string
	waiting []sent
	ids     []uint64
	taken   []sent
	// cards and draft are what is shown; history has the cards at every id.
	cards   map[string]card.Card
	draft   provisioner.Draft
	history map[uint64]map[string]card.Card
}

type sent struct{ event, data string }

func newPage() *page {
	return &page{cards: map[string]card.Card{}, history: map[uint64]map[string]card.Card{}}
}

// take takes in a message; true when it was the last card.
func (p *page) take(m sent, id string) (over bool, err error) {
	if m.event != "heartbeat" && m.event != "delta" {
		p.waiting = append(p.waiting, m)
	}
	if id == "" {
		return false, nil
	}
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || len(p.ids) > 0 && n < p.ids[len(p.ids)-1] {
		return false, fmt.Errorf("the id %q came after %v", id, p.ids)
	}
	p.cursor, p.ids = id, append(p.ids, n)
	for _, w := range p.waiting {
		switch w.event {
		case "card":
			var c struct{ Card card.Card }
			if err := json.Unmarshal([]byte(w.data), &c); err != nil {
				return false, err
			}
			p.cards[c.Card.ID] = c.Card
			over = over || c.Card.ID == theEnd
		case "draft":
			if err := json.Unmarshal([]byte(w.data), &p.draft); err != nil {
				return false, err
			}
		}
	}
	p.taken = append(p.taken, p.waiting...)
	p.waiting = nil
	p.history[n] = maps.Clone(p.cards)
	return over, nil
}

// errCut ends a connection in the middle.
var errCut = errors.New("cut off")

// read reads one connection until the last card, or until it is cut off after some
// lines.
func (p *page) read(url string, lines int) error {
	p.waiting = nil
	res, err := get(url+"/stream", p.cursor)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	var m sent
	id := ""
	for ; lines > 0; lines-- {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		case "":
			over, err := p.take(m, id)
			if over || err != nil {
				return err
			}
			m, id = sent{}, ""
		}
	}
	return errCut
}

// TestThePageIsAsItsCursorSays: a page that is cut off at any moment, also between
// the lines of a message, and comes back with the last id shows at every id exactly
// what has happened up to there, and took nothing in twice.
func TestThePageIsAsItsCursorSays(t *testing.T) {
	for name, late := range map[string]bool{"linked first": false, "linked late": true} {
		t.Run(name, func(t *testing.T) {
			b := newBusy(t, nil)
			const pages = 4
			var all [pages]*page
			var work sync.WaitGroup
			for i := range all {
				all[i] = newPage()
				work.Go(func() {
					random := rand.New(rand.NewPCG(17, uint64(i)))
					err := errCut
					for errors.Is(err, errCut) {
						// What has happened has to fit in, or no connection gets any further.
						err = all[i].read(b.url, 500+random.IntN(1+300*i)-490*random.IntN(2))
					}
					if err != nil {
						t.Errorf("page %d: %v", i, err)
					}
				})
			}
			b.write(40, late)
			work.Wait()
			for i, p := range all {
				b.check(i, p)
			}
		})
	}
}

// check compares a page with what happened.
func (b *busy) check(i int, p *page) {
	b.t.Helper()
	events := b.load("conversation." + b.id)
	deployment := b.load("deployment." + b.dep)
	var linked uint64
	for _, e := range events {
		if e.Type == "conversation.deployment.linked" {
			linked = e.Seq
		}
	}
	times := map[string]int{}
	for _, m := range p.taken {
		if m.event == "card" || m.event == "turn" {
			times[m.event+m.data]++
		}
	}
	for m, n := range times {
		if n != 1 {
			b.t.Errorf("page %d took this in %d times: %s", i, n, m)
		}
	}
	for at, cards := range p.history {
		want := map[string]string{}
		for _, e := range events {
			var d conversation.CardShown
			if e.Seq <= at && e.Type == "conversation.card.shown" && e.Decode(&d) == nil {
				want[d.Card.ID] = d.Card.Text
			}
		}
		n, _ := slices.BinarySearchFunc(deployment, at+1, func(e journal.Event, seq uint64) int { return int(int64(e.Seq) - int64(seq)) })
		if linked <= at && n > 0 {
			d, err := provisioner.FoldDeployment(deployment[:n])
			if err != nil {
				b.t.Fatal(err)
			}
			for _, c := range provisioner.ProgressCards(d) {
				want[c.ID] = c.Text
			}
			if d.Approval != nil && d.Approval.State != "pending" {
				for _, c := range provisioner.PlanCards(d) {
					if c.Kind == card.KindApproval {
						want[c.ID] = c.Text
					}
				}
			}
		}
		got := map[string]string{}
		for id, c := range cards {
			got[id] = c.Text
		}
		// In the moment of a late link its past comes under the cursor before it.
		if !maps.Equal(got, want) && (linked <= at || len(got) < len(want)) {
			b.t.Errorf("page %d has at %d\n%v\nand not\n%v", i, at, got, want)
			return
		}
	}
	if _, ok := p.cards[theEnd]; !ok || p.draft.DeploymentStatus != provisioner.StatusReady || p.draft.Spec.OrgName != "Clinic 39" {
		b.t.Errorf("page %d ends with the draft of %q, %s", i, p.draft.Spec.OrgName, p.draft.DeploymentStatus)
	}
}

// TestACursorFromBeforeARestore: a cursor beyond the journal's end gives a page
// everything, and tells a program to begin anew.
func TestACursorFromBeforeARestore(t *testing.T) {
	b := newBusy(t, nil)
	b.write(1, false)
	p := newPage()
	p.cursor = "1000000"
	if err := p.read(b.url, 1000); err != nil || len(p.cards) < 4 {
		t.Errorf("the page has %d cards: %v", len(p.cards), err)
	}
	res, err := http.Get(b.url + "/events?after=1000000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	wantProblem(t, res, http.StatusConflict, "conflict")
}

// TestSilentStreamsShowThatTheyLive: where nothing happens, heartbeats come; those
// of the live part do not move the cursor.
func TestSilentStreamsShowThatTheyLive(t *testing.T) {
	b := newBusy(t, func(o *web.Options) { o.Heartbeat = 2 * time.Millisecond })
	b.write(1, false)
	for path, beat := range map[string]string{"/stream": "event: heartbeat\ndata: {}\n\n", "/events?follow=true": "\n\n\n"} {
		res, err := get(b.url+path, "")
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for piece := make([]byte, 4096); bytes.Count(all, []byte(beat)) < 4; {
			n, err := res.Body.Read(piece)
			if all = append(all, piece[:n]...); err != nil {
				t.Fatal(err)
			}
		}
		_ = res.Body.Close()
		if path == "/stream" {
			if n := bytes.Count(all, []byte("id: ")); n != 1 {
				t.Errorf("%d messages have an id; nothing happened after the past", n)
			}
		}
	}
}
