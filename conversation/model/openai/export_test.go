package openai

// EncodeName and DecodeName are tested by a fuzz target from outside.
var (
	EncodeName = encodeName
	DecodeName = decodeName
)
