package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
)

// A line is a message; a key or a certificate is one, however many lines it has.
func TestWhatIsOneMessage(t *testing.T) {
	const (
		begin = "-----BEGIN RSA PRIVATE KEY-----"
		end   = "-----END RSA PRIVATE KEY-----"
		body  = "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgwMbRvI0MBZhpI"
	)
	for name, x := range map[string]struct {
		in   string
		want []string
	}{
		"lines":                 {"a\nb\r\n\n  \nc", []string{"a", "b", "c"}},
		"a key":                 {"hello\n" + begin + "\n" + body + "\n" + body + "\nAb=\n" + end + "\nthanks\n", []string{"hello", begin + "\n" + body + "\n" + body + "\nAb=\n" + end, "thanks"}},
		"a key in a sentence":   {"take " + begin + "\n" + body + "\n" + end + " please\nbye\n", []string{"take " + begin + "\n" + body + "\n" + end + " please", "bye"}},
		"a key on one line":     {begin + " " + body + " " + end + "\nbye\n", []string{begin + " " + body + " " + end, "bye"}},
		"a key with headers":    {begin + "\nProc-Type: 4,ENCRYPTED\n\n" + body + "\n" + end + "\n", []string{begin + "\nProc-Type: 4,ENCRYPTED\n\n" + body + "\n" + end}},
		"two keys":              {begin + "\n" + body + "\n" + end + "\n" + begin + "\n" + body + "\n" + end + "\n", []string{begin + "\n" + body + "\n" + end, begin + "\n" + body + "\n" + end}},
		"no end, and the input": {begin + "\n" + body, []string{begin + "\n" + body}},
		"no end, but words":     {begin + "\n" + body + "\nsorry, that is not all of it\nbye\n", []string{begin + "\n" + body + "\nsorry, that is not all of it", "bye"}},
		"a word about a key":    {"what is a BEGIN line?\nbye\n", []string{"what is a BEGIN line?", "bye"}},
		"a press":               {`{"press":"c","value":"` + begin + `"}` + "\nbye\n", []string{`{"press":"c","value":"` + begin + `"}`, "bye"}},
	} {
		t.Run(name, func(t *testing.T) {
			in, got := newInput(strings.NewReader(x.in), func() {}), []string(nil)
			for {
				m, err := in.next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, m)
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("got  %q\nwant %q", got, x.want)
			}
		})
	}
}

// Of a block that is too long nothing is sent, its rest least of all.
func TestBlockTooLongIsDroppedWhole(t *testing.T) {
	line := strings.Repeat("A", 64) + "\n"
	in := newInput(strings.NewReader("-----BEGIN PRIVATE KEY-----\n"+strings.Repeat(line, 2*conversation.MaxText/len(line))+"-----END PRIVATE KEY-----\nhello\n"), func() {})
	_, err := in.next()
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.Limited {
		t.Fatalf("the long block: %v", err)
	}
	if m, err := in.next(); m != "hello" || err != nil {
		t.Fatalf("after it: %q, %v", m, err)
	}
	if _, err := in.next(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}
