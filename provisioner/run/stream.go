package run

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxLine is the longest record that is passed on; tofu's own records are a
	// few hundred bytes, diagnostics some kilobytes.
	maxLine   = 1 << 20
	maxBatch  = 64
	pollEvery = 100 * time.Millisecond
)

// Record is one line of a run's stream.
type Record struct {
	// Offset is where the line begins in the stream; with the run it identifies
	// the record.
	Offset int64
	// Next is the offset behind the line: where to go on reading.
	Next int64
	// Line is the line without its newline; nil where it was longer than 1 MiB.
	Line []byte
}

// Read gives the complete records of the stream in dir from offset on, at most
// 64. A line that is not ended yet, or was torn by a crash, is not a record.
func Read(dir string, offset int64) ([]Record, error) {
	f, err := os.Open(filepath.Join(dir, streamFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the run's stream: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seek in the run's stream: %w", err)
	}
	r := bufio.NewReaderSize(f, 64<<10)
	var records []Record
	for len(records) < maxBatch {
		line, length, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return records, fmt.Errorf("read the run's stream: %w", err)
		}
		records = append(records, Record{Offset: offset, Next: offset + length, Line: line})
		offset += length
	}
	return records, nil
}

// readLine reads up to a newline; a line that is too long is read to its end
// and given as nil, so that offsets stay right.
func readLine(r *bufio.Reader) (line []byte, length int64, err error) {
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		length += int64(len(part))
		if !tooLong {
			line = append(line, part...)
		}
		if len(line) > maxLine {
			tooLong, line = true, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		if !tooLong {
			line = line[:len(line)-1]
		}
		return line, length, nil
	}
}

// Follow passes the records of the run in dir from offset on to fn, in batches
// and in order, until the run is over and everything was passed on, ctx ends
// or fn fails. It gives how the run stands then: Finished, Lost, or Absent.
func Follow(ctx context.Context, dir string, offset int64, fn func([]Record) error) (Status, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		// The state is read before the stream: if the run is over now, what is read
		// afterwards is all there is.
		status, err := Inspect(dir)
		if err != nil {
			return status, err
		}
		for {
			records, err := Read(dir, offset)
			if err != nil {
				return status, err
			}
			if len(records) == 0 {
				break
			}
			if err := fn(records); err != nil {
				return status, err
			}
			offset = records[len(records)-1].Next
			if err := ctx.Err(); err != nil {
				return status, err
			}
		}
		if status.State != Running {
			return status, nil
		}
		select {
		case <-ctx.Done():
			return status, ctx.Err()
		case <-ticker.C:
		}
	}
}
