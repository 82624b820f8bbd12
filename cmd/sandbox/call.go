package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/voice/speech"
)

// speechModel is where Debian's pocketsphinx-en-us is.
const speechModel = "/usr/share/pocketsphinx/model/en-us"

// openCalls makes the calls, if this machine has ears and a mouth. A service
// without them works, and says so where somebody wants to call.
func (s *service) openCalls() error {
	ears, mouth, err := s.engines()
	if err != nil {
		if fault.CodeOf(err) == fault.Invalid { // of the configuration
			return err
		}
		s.noCalls = err
		return nil
	}
	if s.recordings, err = s.openRecordings(); err != nil {
		return err
	}
	udp, tcp, err := listenCalls(s.c.CallListen)
	if err != nil {
		_ = ears.Close()
		return err
	}
	s.calls, err = voice.New(voice.Options{
		Dialogue: dialogue{s}, Recognizer: ears, Synthesizer: mouth, Recordings: s.recordings, UDP: udp, TCP: tcp, PublicIPs: list(s.c.CallPublicIPs),
		Loopback: true, Most: int(s.c.Calls), Logger: s.logger,
	})
	return err
}

// engines are who hears and who speaks: the embedded ones, or a speech service, with
// those for when it fails, where this machine has them.
func (s *service) engines() (speech.Recognizer, speech.Synthesizer, error) {
	mouth, err := speech.NewEspeak("")
	var voice speech.Synthesizer = mouth
	if name, ok := strings.CutPrefix(s.c.TextToSpeech, "openai:"); ok {
		model, as, _ := strings.Cut(name, ":")
		url, key, problem := s.speechService()
		if problem != nil {
			return nil, nil, problem
		}
		remote, problem := remoteMouth(model, as, url, key)
		if problem != nil {
			return nil, nil, problem
		}
		if voice = remote; err == nil {
			voice = speech.NewFallbackVoice(remote, mouth, s.logger)
		}
	} else if s.c.TextToSpeech != "espeak-ng" {
		return nil, nil, fault.New(fault.Invalid, "--text-to-speech is %q; it is espeak-ng or openai:MODEL", s.c.TextToSpeech)
	} else if err != nil {
		return nil, nil, err
	}
	name, remote := strings.CutPrefix(s.c.SpeechToText, "openai:")
	if !remote && s.c.SpeechToText != "pocketsphinx" {
		return nil, nil, fault.New(fault.Invalid, "--speech-to-text is %q; it is pocketsphinx or openai:MODEL", s.c.SpeechToText)
	}
	path, _ := tools{s.c}.ear()
	ear, err := speech.NewEar(speech.EarOptions{
		Path: path, Model: speechModel, Dir: filepath.Join(s.c.DataDir, "speech"),
		Sentences: append(speech.Corpus("en", s.speechSlots()), s.conversations.Consenting("en")...), Pronunciations: speech.Pronunciations(), Most: int(s.c.Calls), Logger: s.logger,
	})
	if !remote {
		return ear, voice, err
	}
	url, key, problem := s.speechService()
	if problem != nil {
		return nil, nil, problem
	}
	ears, problem := remoteEars(name, url, key)
	if problem != nil {
		return nil, nil, problem
	}
	if err == nil {
		ears = speech.NewFallback(ears, ear, s.logger)
	}
	return ears, voice, nil
}

// speechService gives the address and the key of the speech service. The key of the
// models' endpoint is for that endpoint alone.
func (s *service) speechService() (url, key string, err error) {
	if key, err = keyFrom(s.c.SpeechKeyFile, "speech-key-file", "SPEECH_API_KEY"); key == "" && err == nil && s.c.SpeechBaseURL == "" {
		key, err = keyFrom(s.c.OpenAIKeyFile, "openai-key-file", "OPENAI_API_KEY")
	}
	return cmp.Or(s.c.SpeechBaseURL, s.c.OpenAIBaseURL), key, err
}

// relay are the servers that callers may come through.
func (s *service) relay() (voice.Relay, error) {
	r := voice.Relay{URLs: list(s.c.CallTURN)}
	var err error
	if s.c.CallTURNSecretFile != "" {
		if r.Secret, err = keyFrom(s.c.CallTURNSecretFile, "call-turn-secret-file", ""); err != nil {
			return r, err
		}
	}
	return r, fault.Wrap(r.Check(), fault.Invalid, "--call-turn")
}

// openRecordings opens what keeps recorded calls; nil where nobody wants it.
func (s *service) openRecordings() (*recording.Store, error) {
	if s.c.RecordingsKeep <= 0 {
		return nil, nil
	}
	return recording.Open(recording.Options{
		Dir: filepath.Join(s.c.DataDir, "recordings"), Sealer: s.vault, Keep: s.c.RecordingsKeep, MostTime: s.c.RecordingsTime,
		MostBytes: int64(s.c.RecordingsSize * (1 << 30)), Logger: s.logger,
	})
}

// listenCalls opens one UDP and one TCP socket of the same number.
func listenCalls(address string) (net.PacketConn, net.Listener, error) {
	tcp, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "the address %s for calls cannot be listened on", address).(*fault.Error).Do("Name another with --call-listen.")
	}
	host, _, _ := net.SplitHostPort(address)
	udp, err := net.ListenPacket("udp4", net.JoinHostPort(host, strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)))
	if err != nil {
		_ = tcp.Close()
		return nil, nil, fault.Wrap(err, fault.Unavailable, "the address %s for calls cannot be listened on", address)
	}
	return udp, tcp, nil
}

// speechSlots are the names that the catalogue adds to what people say.
func (s *service) speechSlots() map[string][]string {
	slots := map[string][]string{}
	for _, r := range s.catalogue.Regions() {
		if r.Available {
			slots["region"] = append(slots["region"], r.City, r.Country)
		}
	}
	for _, p := range s.catalogue.Places() {
		slots["city"] = append(slots["city"], p.Name)
	}
	for _, a := range s.catalogue.Apps() {
		if !a.System {
			slots["app"] = append(slots["app"], a.Name)
		}
	}
	for _, i := range s.catalogue.Industries() {
		slots["business"] = append(append(slots["business"], i.Name), i.Aliases...)
	}
	return slots
}

// dialogue is a conversation as a call needs it.
type dialogue struct{ s *service }

func (d dialogue) State(ctx context.Context, actor journal.Actor, id string) (voice.State, error) {
	c, err := d.s.conversations.Get(ctx, actor, id)
	if err != nil {
		return voice.State{}, err
	}
	state := voice.State{Language: c.Language, Open: c.Open}
	if len(c.Turns) == 1 && c.Turns[0].Human == "" {
		state.Greeting = c.Turns[0].Text
	}
	return state, nil
}

func (d dialogue) Say(ctx context.Context, actor journal.Actor, id, text string, counts bool) error {
	actor.Via = "call"
	var options []conversation.TurnOption
	if !counts {
		options = append(options, conversation.Aside())
	}
	_, err := d.s.conversations.Say(ctx, actor, id, text, options...)
	return err
}

func (d dialogue) Cancel(ctx context.Context, actor journal.Actor, id string) error {
	return d.s.conversations.CancelTurn(ctx, actor, id)
}

func (d dialogue) Heard(ctx context.Context, actor journal.Actor, id, turnID, text string) error {
	return d.s.conversations.Heard(ctx, actor, id, turnID, text)
}

func (d dialogue) Answers(q card.Question, words, language string) voice.Completeness {
	switch conversation.Answers(q, words, language).Kind {
	case conversation.AnswerComplete:
		return voice.Wholly
	case conversation.AnswerPartial:
		return voice.Partly
	}
	return voice.Open
}

func (d dialogue) Consenting(language string) []string { return d.s.conversations.Consenting(language) }

func (d dialogue) Consents(words, language string) bool {
	return conversation.Answers(card.Question{Type: card.AskConsent}, words, language).Value == true
}

func (d dialogue) Refuses(words, language string) bool {
	return conversation.Answers(card.Question{Type: card.AskYesNo}, words, language).Value == false
}

func (d dialogue) Text(language, name string, args ...any) string {
	return d.s.conversations.Text(language, name, args...)
}

// Follow gives pieces as they are said, and what was journalled.
func (d dialogue) Follow(ctx context.Context, id string, fn func(voice.Utterance)) error {
	head, err := d.s.journal.Head(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// One goroutine calls fn, so that it sees one thing after the other.
	said := make(chan voice.Utterance, 64)
	ended := make(chan error, 2)
	put := func(u voice.Utterance) error {
		select {
		case said <- u:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() { // ends with ctx
		ended <- d.s.journal.Listen(ctx, "live."+id, func(raw []byte) {
			var p conversation.Piece
			if json.Unmarshal(raw, &p) == nil {
				_ = put(voice.Utterance{TurnID: p.TurnID, Piece: p.Text})
			}
		})
	}()
	go func() { // ends with ctx
		ended <- d.s.journal.Follow(ctx, head, []string{"conversation." + id}, func(e journal.Event) error {
			switch e.Type {
			case conversation.EventTurnFinished:
				var t conversation.TurnFinished
				if e.Decode(&t) == nil {
					return put(voice.Utterance{TurnID: t.TurnID, Whole: t.Text})
				}
			case conversation.EventCardShown:
				var shown conversation.CardShown
				if e.Decode(&shown) == nil {
					return put(voice.Utterance{TurnID: shown.TurnID, Card: &shown.Card})
				}
			}
			return nil
		})
	}()
	for {
		select {
		case u := <-said:
			fn(u)
		case err := <-ended:
			cancel()
			<-ended
			return err
		}
	}
}
