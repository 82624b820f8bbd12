// Package audit keeps who did what, when, from where, with which token, and how it
// ended.
//
// An entry is an event of the journal, in the aggregate of its Organization, its
// day and the instance that wrote it: append-only, and on the disk before the
// caller has the answer. Its type names the capability that was used. Everything
// about the person is sealed with their key, as in the rest of the journal: once
// they are erased, the entry still says that something was done, when, in which
// Organization, and no more.
//
// # Invariants
//
//   - An entry has no content of what was done: no text, no value, no secret, no
//     token, only ids.
//   - An entry belongs to one Organization and is read by nobody outside it.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	noun       = "audit"
	typePrefix = "audit."
	// maxText is the longest text of an entry, in characters; callers send some.
	maxText = 200
)

// Entry is one thing that was done, or tried.
type Entry struct {
	// Seq is the entry's place in the journal, the cursor of a page.
	Seq uint64    `json:"seq"`
	At  time.Time `json:"at"`
	// Operation is the capability that was used.
	Operation string `json:"operation"`
	Subject   string `json:"subject,omitempty"`
	Email     string `json:"email,omitempty"`
	// Kind is human, model or system.
	Kind journal.ActorKind `json:"kind"`
	// Via is the surface: web, chat, mcp, api, call.
	Via string `json:"via,omitempty"`
	// From is the caller's address on the network.
	From string `json:"from,omitempty"`
	// TokenType is session, pat, or access for a program that was let in; TokenID is
	// the session's or the token's id.
	TokenType string `json:"tokenType,omitempty"`
	TokenID   string `json:"tokenId,omitempty"`
	// Target is the id of what it was done to, and Detail says it closer, such as the
	// purpose of a secret.
	Target string `json:"target,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Result is done, or the code of the fault.
	Result    string `json:"result"`
	RequestID string `json:"requestId,omitempty"`
	// Erased is true where the person was erased.
	Erased bool `json:"erased,omitempty"`
	// OrgID is the Organization that the entry belongs to.
	OrgID string `json:"orgId,omitempty"`
}

// Done is the result of what went well.
const Done = "done"

// Log writes and reads entries. It is safe for concurrent use.
type Log struct {
	journal  *journal.Journal
	instance string
	now      func() time.Time

	mu   sync.Mutex
	last map[string]uint64 // of the aggregates that this instance writes
}

// New makes the log of one running instance. now is the clock; nil is time.Now.
func New(j *journal.Journal, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{journal: j, instance: strings.ReplaceAll(uuid.NewString(), "-", "")[:12], now: now, last: map[string]uint64{}}
}

// stem begins the ids of an Organization's aggregates. Its id may be anything, and
// an aggregate's name may not.
func stem(org string) string {
	sum := sha256.Sum256([]byte(org))
	return hex.EncodeToString(sum[:10]) + "-"
}

// Record writes an entry, whose Seq, At and Erased are given by the log. Faults are
// those of the journal.
func (l *Log) Record(ctx context.Context, e Entry) error {
	for _, s := range []*string{&e.Subject, &e.Email, &e.Via, &e.From, &e.TokenID, &e.Target, &e.Detail, &e.RequestID} {
		if r := []rune(*s); len(r) > maxText {
			*s = string(r[:maxText])
		}
	}
	now := l.now().UTC()
	e.Seq, e.At, e.Erased = 0, time.Time{}, false
	stored := e
	stored.Operation, stored.Kind, stored.OrgID, stored.Email = "", "", "", ""
	event := journal.New(typePrefix+e.Operation, stored)
	event.Source, event.Timestamp, event.TenantID = "sandbox/audit", now, e.OrgID
	event = event.By(journal.Actor{Kind: e.Kind, Subject: e.Subject, Email: e.Email, OrgID: e.OrgID, Via: e.Via})
	if e.Subject != "" && e.Kind != journal.System {
		event = event.Of(e.Subject)
	}
	aggregate := noun + "." + stem(e.OrgID) + now.Format("20060102") + "-" + l.instance
	l.mu.Lock()
	defer l.mu.Unlock()
	made, err := l.journal.Append(ctx, aggregate, l.last[aggregate], event)
	if fault.CodeOf(err) == fault.NotFound { // they were erased by what they did just now
		event = event.Of("")
		event.Metadata.Actor = journal.Actor{Kind: e.Kind}
		event.Data = json.RawMessage(`{"erased":true}`)
		made, err = l.journal.Append(ctx, aggregate, l.last[aggregate], event)
	}
	if err != nil {
		return err
	}
	l.last[aggregate] = made[0].Seq
	return nil
}

// Page gives an Organization's entries before a sequence, the newest first, at most
// limit of them; before 0 is the end.
func (l *Log) Page(ctx context.Context, org string, before uint64, limit int) ([]Entry, error) {
	out := []Entry{}
	err := l.days(ctx, org, func(day []Entry) bool {
		for _, e := range day {
			if (before == 0 || e.Seq < before) && len(out) < limit {
				out = append(out, e)
			}
		}
		return len(out) < limit
	})
	return out, err
}

// days gives an Organization's entries a day at a time, the newest first, until
// each says no more.
func (l *Log) days(ctx context.Context, org string, each func([]Entry) bool) error {
	ids, err := l.journal.List(ctx, noun)
	if err != nil {
		return err
	}
	byDay := map[string][]string{}
	for _, id := range ids {
		if rest, ok := strings.CutPrefix(id, stem(org)); ok {
			day, _, _ := strings.Cut(rest, "-")
			byDay[day] = append(byDay[day], id)
		}
	}
	days := make([]string, 0, len(byDay))
	for d := range byDay {
		days = append(days, d)
	}
	slices.Sort(days)
	slices.Reverse(days)
	for _, d := range days {
		var all []Entry
		for _, id := range byDay[d] {
			events, err := l.journal.Load(ctx, noun+"."+id)
			if err != nil {
				return err
			}
			for _, e := range events {
				x, err := read(e)
				if err != nil {
					return err
				}
				if x.OrgID == org {
					all = append(all, x)
				}
			}
		}
		slices.SortFunc(all, func(a, b Entry) int { return int(int64(b.Seq) - int64(a.Seq)) })
		if !each(all) {
			return nil
		}
	}
	return nil
}

func read(e journal.Event) (Entry, error) {
	var x Entry
	if e.Erased() {
		x.Erased = true
	} else if err := e.Decode(&x); err != nil {
		return x, fault.Wrap(err, fault.Internal, "the audit entry %d cannot be read", e.Seq)
	}
	x.Seq, x.At, x.Operation, x.OrgID = e.Seq, e.Timestamp, strings.TrimPrefix(e.Type, typePrefix), e.TenantID
	x.Kind, x.Email = e.Metadata.Actor.Kind, e.Metadata.Actor.Email
	if x.Erased {
		x.Subject, x.Email = "", ""
	}
	return x, nil
}

// WriteLines writes all of an Organization's entries as JSON Lines, the newest
// first.
func (l *Log) WriteLines(ctx context.Context, org string, w io.Writer) error {
	out := json.NewEncoder(w)
	var failed error
	err := l.days(ctx, org, func(day []Entry) bool {
		for _, e := range day {
			if failed = out.Encode(e); failed != nil {
				return false
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}

// WriteCSV writes all of an Organization's entries as CSV (RFC 4180), the newest
// first. No field is a formula to a spreadsheet.
func (l *Log) WriteCSV(ctx context.Context, org string, w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write([]string{"seq", "at", "operation", "result", "kind", "subject", "email", "via", "from", "token_type", "token_id", "target", "detail", "request_id", "erased"})
	err := l.days(ctx, org, func(day []Entry) bool {
		for _, e := range day {
			row := []string{
				strconv.FormatUint(e.Seq, 10), e.At.Format("2006-01-02T15:04:05.000Z07:00"), e.Operation, e.Result, string(e.Kind), e.Subject, e.Email, e.Via,
				e.From, e.TokenType, e.TokenID, e.Target, e.Detail, e.RequestID, strconv.FormatBool(e.Erased),
			}
			for i := range row {
				row[i] = plain(row[i])
			}
			if out.Write(row) != nil {
				return false
			}
		}
		return true
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

// plain keeps a spreadsheet from reading a field as a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", []rune(s)[0]) {
		return "'" + s
	}
	return s
}
