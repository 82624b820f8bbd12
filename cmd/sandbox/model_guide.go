//go:build guide_only

package main

import (
	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
)

// remoteModel refuses: the first build of a fresh checkout is made for the guide,
// so that the chat is there sooner, and a full one follows it by itself.
func remoteModel(name, _, _ string) (conversation.Model, error) {
	return nil, fault.New(fault.Unavailable, "--model is openai:%s, and this build has the guide alone; `make build` makes one with the driver", name)
}

func remoteEars(name, _, _ string) (speech.Recognizer, error) {
	return nil, fault.New(fault.Unavailable, "--speech-to-text is openai:%s, and this build has the embedded engines alone; `make build` makes one with the driver", name)
}

func remoteMouth(name, _, _, _ string) (speech.Synthesizer, error) {
	return nil, fault.New(fault.Unavailable, "--text-to-speech is openai:%s, and this build has the embedded engines alone; `make build` makes one with the driver", name)
}
