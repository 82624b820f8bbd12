package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
)

// serveFor starts a service for a benchmark and gives its socket's client.
func serveFor(b *testing.B) (*http.Client, string) {
	b.Helper()
	dir := home(b)
	cmd := exec.Command(filepath.Join(binaries, "sandbox"), "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--log-level", "error")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := stop(context.Background(), dir); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait()
	})
	_, _ = bufio.NewReader(out).ReadString('/') // it prints its address when it listens
	i, ok := serviceInfo(b.Context(), dir)
	if !ok {
		b.Fatal("the service does not answer")
	}
	c := local(dir)
	c.Timeout = 0
	return c, i.URL
}

func post(b *testing.B, c *http.Client, path string, body, into any) {
	b.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	res, err := c.Post("http://sandbox"+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		text, _ := io.ReadAll(res.Body)
		b.Fatalf("%s answered %d: %s", path, res.StatusCode, text)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGuideTurn is a turn as a person sees it: from the message on the
// socket to the end of the guide's answer on the stream, with every event synced
// to disk.
func BenchmarkGuideTurn(b *testing.B) {
	c, _ := serveFor(b)
	said := []string{
		"We are a dental clinic in Muscat with 12 people", "we want to share files and book online", "what is a worker?",
		"actually make it Helsinki, and two workers", "what does it cost?", "what happens to my data?", "our name is Al Noor Dental", "no high availability please",
	}
	var turns []time.Duration
	var events *bufio.Reader
	var id string
	for i := 0; b.Loop(); i++ {
		if i%len(said) == 0 {
			var made struct{ ID string }
			post(b, c, "/api/v1/conversations", map[string]string{"channel": "chat"}, &made)
			id = made.ID
			res, err := c.Get("http://sandbox/api/v1/conversations/" + id + "/events?follow=true")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = res.Body.Close() })
			events = bufio.NewReader(res.Body)
		}
		began := time.Now()
		var turn struct {
			TurnID string `json:"turnId"`
		}
		post(b, c, "/api/v1/conversations/"+id+"/turns", map[string]string{"text": said[i%len(said)]}, &turn)
		for {
			line, err := events.ReadBytes('\n')
			if err != nil {
				b.Fatal(err)
			}
			var e journal.Event
			var d struct {
				TurnID string `json:"turnId"`
			}
			if json.Unmarshal(line, &e) == nil && e.Type == "conversation.turn.finished" && e.Decode(&d) == nil && d.TurnID == turn.TurnID {
				break
			}
		}
		turns = append(turns, time.Since(began))
	}
	slices.Sort(turns)
	at := func(q float64) float64 {
		return float64(turns[int(q*float64(len(turns)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

var linked = regexp.MustCompile(`(?:src|href)="([^"]+\.(?:js|css))"`)

// BenchmarkStartPage is what a browser loads of /start before the graph is opened,
// as it is sent.
func BenchmarkStartPage(b *testing.B) {
	_, url := serveFor(b)
	transport := &http.Transport{DisableCompression: true}
	get := func(path string) []byte {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip, br")
		res, err := transport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%s: %v, %d", path, err, res.StatusCode)
		}
		if res.Header.Get("Content-Encoding") == "" && len(raw) > 4096 {
			b.Errorf("%s comes without compression", path)
		}
		return raw
	}
	for b.Loop() {
		page, err := http.Get(url + "/start") // plain, to read what it links
		if err != nil {
			b.Fatal(err)
		}
		html, err := io.ReadAll(page.Body)
		_ = page.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		total, files := len(get("/start")), linked.FindAllSubmatch(html, -1)
		if len(files) < 2 {
			b.Fatalf("the page links only %d files; is the app built?", len(files))
		}
		for _, f := range files {
			path := string(f[1])
			if path[0] != '/' {
				path = "/" + path
			}
			total += len(get(path))
		}
		b.ReportMetric(float64(total)/1024, "KiB")
	}
}
