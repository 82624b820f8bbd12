//go:build !guide_only

package main

import (
	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/model/openai"
	"github.com/openova-io/sandbox/voice/speech"
	speechapi "github.com/openova-io/sandbox/voice/speech/openai"
)

// remoteModel is the driver of an OpenAI-compatible endpoint. Its SDK costs a
// third of all that compiling this program costs, which is why the build tag guide_only exists.
func remoteModel(name, baseURL, key string) (conversation.Model, error) {
	return openai.New(openai.Options{Name: name, BaseURL: baseURL, Key: key})
}

// remoteEars and remoteMouth are the same for speech.
func remoteEars(name, baseURL, key string) (speech.Recognizer, error) {
	return speechapi.NewEars(speechapi.Options{Model: name, BaseURL: baseURL, Key: key})
}

func remoteMouth(name, voice, baseURL, key string) (speech.Synthesizer, error) {
	return speechapi.NewMouth(speechapi.Options{Model: name, Voice: voice, BaseURL: baseURL, Key: key})
}
