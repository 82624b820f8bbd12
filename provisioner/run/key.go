package run

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxMeta is how much tofu may send; it sends null or a small object.
const maxMeta = 64 << 10

// Key answers tofu's external key provider protocol: it prints the header,
// reads tofu's metadata, and answers with the data key of one deployment. The
// key is in wrappedFile, wrapped by the vault's master key; unwrap opens it.
// The same key encrypts and decrypts, since it belongs to one deployment only.
func Key(wrappedFile string, unwrap func(wrapped []byte) ([]byte, error), stdin io.Reader, stdout io.Writer) error {
	header := struct {
		Magic   string `json:"magic"`
		Version int    `json:"version"`
	}{"OpenTofu-External-Key-Provider", 1}
	if err := json.NewEncoder(stdout).Encode(header); err != nil {
		return fmt.Errorf("write the key header: %w", err)
	}
	// What tofu remembers about the key is not needed: one deployment, one key.
	if _, err := io.Copy(io.Discard, io.LimitReader(stdin, maxMeta)); err != nil {
		return fmt.Errorf("read the key request: %w", err)
	}
	wrapped, err := os.ReadFile(wrappedFile)
	if err != nil {
		return fmt.Errorf("read the wrapped key: %w", err)
	}
	dek, err := unwrap(wrapped)
	if err != nil {
		return fmt.Errorf("open the wrapped key: %w", err)
	}
	if len(dek) != 32 {
		return errors.New("the wrapped key is not 32 bytes long")
	}
	encoded := base64.StdEncoding.EncodeToString(dek)
	answer := map[string]any{
		"keys": map[string]string{"encryption_key": encoded, "decryption_key": encoded},
		"meta": map[string]any{"external_data": map[string]any{}},
	}
	if err := json.NewEncoder(stdout).Encode(answer); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}
