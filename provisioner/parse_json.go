package provisioner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// node is a JSON value that remembers the order and the repetition of fields.
type node struct {
	scalar any // nil, bool, string or json.Number, where it is neither of the two
	object []member
	list   []node
	kind   byte // '{', '[' or 0
}

type member struct {
	name  string
	value node
}

// read gives the tree of a body; false where it is no JSON document.
func (p *parser) read(body []byte) (node, bool) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // some editors begin a file with it
	switch {
	case len(body) > maxRequest:
		p.violate("", "size", "", fmt.Sprintf("The request has %d bytes; %d is the most.", len(body), maxRequest), "Send one Sovereign's request only.")
		return node{}, false
	case len(bytes.TrimSpace(body)) == 0:
		p.violate("", "json", "", "The request is empty.", `Send a JSON object, for example {"orgName":"Acme",...}.`)
		return node{}, false
	case !utf8.Valid(body):
		p.violate("", "json", "", "The request is not UTF-8 text.", "Save it as UTF-8 and send it again.")
		return node{}, false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	root, err := decodeNode(dec, 1)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return root, true
		}
		p.violate("", "json", "", "There is more text after the end of the request, at "+place(body, trailing(body, dec.InputOffset()))+".", "Send one JSON object and nothing behind it.")
		return node{}, false
	}
	var deep tooDeep
	var syntax *json.SyntaxError
	at := dec.InputOffset()
	switch {
	case errors.As(err, &deep):
		p.violate("", "depth", "", fmt.Sprintf("The request nests more than %d levels deep, at %s.", maxDepth, place(body, at)), "No field of a request is that deep; the schema is in /api/v1/openapi.json.")
		return node{}, false
	case errors.As(err, &syntax) && syntax.Offset > 0:
		at = trailing(body, syntax.Offset-1) // it may count the blank before the mistake
	}
	what := "The request is not valid JSON at " + place(body, at) + "."
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		what = "The request ends in the middle, at " + place(body, int64(len(body))) + "."
	}
	p.violate("", "json", near(body, at), what, "Look for a missing comma, quote or bracket there.")
	return node{}, false
}

// tooDeep ends the reading of a document that nests without end.
type tooDeep struct{}

func (tooDeep) Error() string { return "too deep" }

func decodeNode(dec *json.Decoder, depth int) (node, error) {
	token, err := dec.Token()
	if err != nil {
		return node{}, err
	}
	delim, composed := token.(json.Delim)
	if !composed {
		return node{scalar: token}, nil
	}
	if depth > maxDepth {
		return node{}, tooDeep{}
	}
	n := node{kind: byte(delim)}
	for dec.More() {
		var name string
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return n, err
			}
			name, _ = key.(string)
		}
		v, err := decodeNode(dec, depth+1)
		if err != nil {
			return n, err
		}
		if delim == '{' {
			n.object = append(n.object, member{name, v})
		} else {
			n.list = append(n.list, v)
		}
	}
	_, err = dec.Token() // the closing bracket
	return n, err
}

// trailing is where the text behind an offset begins.
func trailing(body []byte, at int64) int64 {
	rest := body[min(at, int64(len(body))):]
	return at + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n")))
}

// place is an offset as a person counts: from 1, in characters.
func place(body []byte, at int64) string {
	before := body[:max(0, min(at, int64(len(body))))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// near is the text around an offset.
func near(body []byte, at int64) string {
	from := max(0, min(at, int64(len(body)))-20)
	return strings.ToValidUTF8(strings.TrimSpace(string(body[from:min(int64(len(body)), from+40)])), "")
}

// kindOf is a value's JSON type in words.
func kindOf(n node) string {
	switch n.kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	switch n.scalar.(type) {
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	return "null"
}

// describeNode is a value to show. What is composed may hold anything, secrets
// too, so only its size is shown.
func describeNode(n node) string {
	switch n.kind {
	case '{':
		return fmt.Sprintf("{…} with %s", plural(len(n.object), "field", "fields"))
	case '[':
		return fmt.Sprintf("[…] with %s", plural(len(n.list), "entry", "entries"))
	}
	if n.scalar == nil {
		return "null"
	}
	return fmt.Sprint(n.scalar)
}
