package cluster

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// MaxUserData is Hetzner's limit, in bytes.
	MaxUserData = 32768
	// maxUnpacked bounds what gzip may grow to, over all files together.
	maxUnpacked = 8 << 20
)

// File is one file that cloud-init writes.
type File struct {
	Path        string
	Permissions string
	Content     []byte
}

// ReadUserData reads user_data as cloud-init's write_files module does and
// gives the files by path. Of two entries for one path the later wins, unless
// it appends. Text that is no cloud-config (a shell script, nothing at all)
// holds no files and is no error: a server may be booted with it.
//
// The encodings are cloud-init's: none, base64 (b64), gzip (gz), and gzip in
// base64 (gz+base64, gzip+base64, gz+b64, gzip+b64). User data as a whole may be
// gzipped.
func ReadUserData(userData string) (map[string]File, error) {
	if len(userData) > MaxUserData {
		return nil, fault.New(fault.Limited, "user_data has %d bytes; at most %d are accepted", len(userData), MaxUserData).At("user_data")
	}
	left := int64(maxUnpacked)
	text := []byte(userData)
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		plain, err := gunzip(text, &left)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "user_data is broken gzip")
		}
		text = plain
	}
	files := map[string]File{}
	first, _, _ := strings.Cut(string(text), "\n")
	if strings.TrimRight(first, " \t\r") != "#cloud-config" {
		return files, nil
	}
	var doc struct {
		WriteFiles []struct {
			Path        string `json:"path"`
			Content     any    `json:"content"`
			Encoding    string `json:"encoding"`
			Permissions any    `json:"permissions"`
			Append      bool   `json:"append"`
		} `json:"write_files"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		// The decoder's words may quote the file, which holds secrets.
		return nil, fault.New(fault.Invalid, "the cloud-config is no YAML that cloud-init could read").At("user_data")
	}
	for i, w := range doc.WriteFiles {
		if !path.IsAbs(w.Path) {
			return nil, fault.New(fault.Invalid, "write_files[%d] has no absolute path", i).At("user_data")
		}
		raw, ok := w.Content.(string)
		if !ok && w.Content != nil {
			return nil, fault.New(fault.Invalid, "the content of %s is no text", w.Path).At("user_data")
		}
		content, err := decodeContent(raw, w.Encoding, &left)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the content of %s does not have the encoding %q", w.Path, w.Encoding)
		}
		f := File{Path: path.Clean(w.Path), Permissions: "0644", Content: content}
		if p, ok := w.Permissions.(string); ok && p != "" {
			f.Permissions = p
		}
		if old, ok := files[f.Path]; ok && w.Append {
			f.Content = append(bytes.Clone(old.Content), f.Content...)
		}
		files[f.Path] = f
	}
	return files, nil
}

// decodeContent undoes one of cloud-init's encodings. An encoding that
// cloud-init does not know is taken as plain text, as it does.
func decodeContent(raw, encoding string, left *int64) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gz", "gzip":
		return gunzip([]byte(raw), left)
	case "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		b, err := unbase64(raw)
		if err != nil {
			return nil, err
		}
		return gunzip(b, left)
	case "b64", "base64":
		return unbase64(raw)
	}
	return []byte(raw), nil
}

// unbase64 ignores white space, which YAML's block style brings.
func unbase64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, s))
}

func gunzip(b []byte, left *int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, *left+1))
	if err != nil {
		return nil, err
	}
	if *left -= int64(len(out)); *left < 0 {
		return nil, fault.New(fault.Limited, "the files unpack to more than %d bytes", maxUnpacked)
	}
	return out, nil
}
