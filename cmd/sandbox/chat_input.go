package main

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
)

// maxLine is the longest line of input, in bytes; more than the service takes, so
// that it is the service that says no.
const maxLine = 4 << 20

// Keys and certificates come as blocks of lines. The first and the last line name
// what it is; PEM has five dashes, what ssh.com writes has four and a space.
var (
	blockBegin = regexp.MustCompile(`-{4,5} ?BEGIN [A-Z0-9 ]+?-{4,5}`)
	blockEnd   = regexp.MustCompile(`-{4,5} ?END [A-Z0-9 ]+?-{4,5}`)
	// blockLine is a line between them: base64, also quoted as in a program's text or
	// a letter, a header ("Proc-Type: 4,ENCRYPTED"), an empty one, or whatever has
	// something as long in it as no word is.
	blockLine = regexp.MustCompile(`^[\s>|"'+]*[A-Za-z0-9+/=]*(?:\\[nr])*["'+,;\\\s]*$|^\s*[A-Za-z][A-Za-z0-9-]*: |[A-Za-z0-9+/=]{24,}`)
)

// input reads what a person, or a program, says: a line is a message. Only a block
// that begins with a BEGIN line is one message up to its END line, so that a key
// that is pasted is caught as the one thing that it is, and not line by line.
type input struct {
	lines *bufio.Reader
	// gathering is called where a message goes on in the next line.
	gathering func()
	// dropping is true in the rest of a block that was refused.
	dropping bool
	// ended is how the reading ended, once it did.
	ended error
}

func newInput(r io.Reader, gathering func()) *input {
	return &input{lines: bufio.NewReaderSize(r, 64<<10), gathering: gathering}
}

// next gives the next message. A [fault.Error] is a message that cannot be sent;
// others are the end, io.EOF among them.
func (in *input) next() (string, error) {
	for {
		line, err := in.line()
		switch {
		case err != nil:
			return "", err
		case in.dropping && blockLine.MatchString(line):
		case in.dropping && blockEnd.MatchString(line):
			in.dropping = false
		case line != "":
			in.dropping = false
			return in.block(line)
		}
	}
}

// block gathers what belongs to a line: the line alone, where it begins no block.
func (in *input) block(line string) (string, error) {
	if _, ok := pressOf(line); ok || !opens(line) {
		return line, nil
	}
	in.gathering()
	text := line
	for {
		more, err := in.line()
		if err != nil { // what began as a key is treated as one
			return text, nil
		}
		if len(text)+len(more) >= conversation.MaxText {
			in.dropping = !blockEnd.MatchString(more)
			return "", fault.New(fault.Limited, "what begins with a BEGIN line has more than %d bytes, so nothing of it was sent", conversation.MaxText).
				Do("Paste one key, whole, with its END line.").At("text")
		}
		text += "\n" + more
		// A line that cannot be of a block ends one that has no END.
		if blockEnd.MatchString(more) || !blockLine.MatchString(more) {
			if !opens(more) { // the next one follows at once
				return text, nil
			}
		}
	}
}

// opens is true for a line with a block that goes on in the next one.
func opens(line string) bool {
	begins := blockBegin.FindAllStringIndex(line, -1)
	if len(begins) == 0 {
		return false
	}
	last := begins[len(begins)-1]
	return !blockEnd.MatchString(line[last[1]:])
}

// line reads a line without its end. A blank one is empty.
func (in *input) line() (string, error) {
	if in.ended != nil {
		return "", in.ended
	}
	line, err := readLine(in.lines, maxLine)
	if err != nil {
		if in.ended = err; line == "" {
			return "", err
		}
	}
	if strings.TrimSpace(line) == "" {
		return "", nil
	}
	return line, nil
}

// readLine reads a line without its end; one longer than most is cut, as the
// service refuses it anyway.
func readLine(r *bufio.Reader, most int) (string, error) {
	var b strings.Builder
	for {
		piece, err := r.ReadSlice('\n')
		if b.Len() < most {
			b.Write(piece)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return strings.TrimRight(b.String(), "\r\n"), err
	}
}
