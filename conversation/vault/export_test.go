package vault

// DecodeEnvelope is what reads the inside of a file, for the fuzz target.
func DecodeEnvelope(text []byte) (kind string, value []byte, err error) {
	e, err := decodeEnvelope(text)
	return e.Kind, e.Value, err
}
