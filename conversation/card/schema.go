package card

import (
	"bytes"
	_ "embed" // for schema.json
	"encoding/json"

	"github.com/openova-io/sandbox/conversation/fault"
)

//go:generate go test -run TestSchemaIsCurrent -update .

// schemaJSON is generated from the types and comments of this package by
// internal/schemagen; a test fails when it is not what they say.
//
//go:embed schema.json
var schemaJSON []byte

// Schema gives the JSON Schema (2020-12) of a card. Every type of this package
// has its definition under $defs, and the schema says which of them a kind's
// data is, both as conditions for a validator and as the list "x-kinds" for a
// generator of code. A card of an unknown kind is valid with any data: clients
// show its text. The caller owns the bytes.
func Schema() ([]byte, error) {
	if !json.Valid(schemaJSON) {
		return nil, fault.New(fault.Internal, "the schema of cards is damaged in this build")
	}
	return bytes.Clone(schemaJSON), nil
}
