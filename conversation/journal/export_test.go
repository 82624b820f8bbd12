package journal

// Parse is what reads a stored body, for the fuzz target.
func Parse(body []byte) (Event, []byte, error) { return parse(body) }
