//go:build !guide_only

package main

import (
	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/model/openai"
)

// remoteModel is the driver of an OpenAI-compatible endpoint. Its SDK costs a
// third of all that compiling this program costs, which is why the build tag guide_only exists.
func remoteModel(name, baseURL, key string) (conversation.Model, error) {
	return openai.New(openai.Options{Name: name, BaseURL: baseURL, Key: key})
}
