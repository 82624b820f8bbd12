package main_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Credentials that are pasted into the chat are nowhere afterwards: not in the
// program's output, not in any file of the data directory. The vault's copy is
// encrypted, so it needs no exception.
func TestCredentialsLeaveNoTrace(t *testing.T) {
	dir := home(t)
	const (
		token  = "Zk3vQ9wLx7TbN2mRc8YpD4sHf6JgA1eUqW5oXiK0zBnMtVrCyGhSdFjLaPuE2b7Q"
		access = "AKIA7QZ3MB5TNXWLKC4R"
	)
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed([]byte("a seed of exactly 32 characters!")))
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	canaries := map[string]string{"token": token, "AWS key": access, "private key": base64.StdEncoding.EncodeToString(der)}
	// A key of many lines, of which none may be taken for a message.
	body := make([]byte, 1200)
	if _, err := rand.Read(body); err != nil {
		t.Fatal(err)
	}
	long := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: body}))
	for i, line := range strings.Split(strings.TrimSpace(long), "\n") {
		if !strings.HasPrefix(line, "-----") {
			canaries[fmt.Sprintf("line %d of the long key", i+1)] = line
		}
	}

	cmd := exec.Command(filepath.Join(binaries, "sandbox"), "chat", "--json", "--data-dir", dir, "--speed", storySpeed,
		"--listen", "127.0.0.1:0", "--log-level", "debug")
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"my hetzner token is " + token,
		token,
		"use " + access + " for the backups",
		"and this key: " + strings.ReplaceAll(strings.TrimSpace(key), "\n", " ") + " thanks",
		key + "that was it", // as a terminal pastes it: a line after the other
		"here it is\n" + long,
	}, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the chat ended with %v:\n%s", err, tail(string(out), 4000))
	}
	if n := bytes.Count(out, []byte(`"type":"conversation.secret.caught"`)); n < 6 {
		t.Errorf("%d credentials were caught, want at least 6", n)
	}
	if !bytes.Contains(out, []byte("my hetzner token is •••")) || !bytes.Contains(out, []byte("use ••• for the backups")) {
		t.Errorf("the text that is shown has no •••:\n%s", tail(string(out), 4000))
	}
	search := func(where string, raw []byte) {
		for name, canary := range canaries {
			if bytes.Contains(raw, []byte(canary)) {
				t.Errorf("the %s is in %s", name, where)
			}
		}
	}
	search("the output", out)

	// What a service writes when it ends counts as well.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := stop(ctx, dir); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		name, _ := filepath.Rel(dir, path)
		search(name, raw)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Errorf("only %d files were searched", files)
	}
}
