package guide

import (
	"context"
	"errors"
	"strings"

	"github.com/openova-io/sandbox/conversation"
)

// Guide is the built-in concierge. It holds only the words of its languages,
// which never change, so one Guide serves any number of conversations at once.
type Guide struct {
	languages map[string]*language
	fallback  *language
}

// defaultTag is the language that is spoken where the asked one has no data.
const defaultTag = "en"

// New reads the languages' data. An error is a mistake in the embedded data,
// which the package's tests exclude.
func New() (*Guide, error) {
	g := &Guide{languages: map[string]*language{}}
	for _, tag := range languages() {
		l, err := loadLanguage(tag)
		if err != nil {
			return nil, err
		}
		g.languages[tag] = l
	}
	g.fallback = g.languages[defaultTag]
	if g.fallback == nil {
		return nil, errors.New("guide: there is no data for language " + defaultTag)
	}
	return g, nil
}

// Name implements conversation.Model.
func (g *Guide) Name() string { return "guide" }

// language gives the words for a BCP 47 tag: the tag itself, its first part, or
// English.
func (g *Guide) language(tag string) *language {
	tag = strings.ToLower(tag)
	if l := g.languages[tag]; l != nil {
		return l
	}
	if i := strings.IndexAny(tag, "-_"); i > 0 {
		if l := g.languages[tag[:i]]; l != nil {
			return l
		}
	}
	return g.fallback
}

// Respond implements conversation.Model. It works the turn out from its
// beginning with the tool results that the request holds; where the next result
// is not there yet, its call is the step, and otherwise the text is.
func (g *Guide) Respond(ctx context.Context, req conversation.Request, say func(piece string)) (conversation.Response, error) {
	if err := ctx.Err(); err != nil {
		return conversation.Response{}, err
	}
	t := newTurn(g.language(req.Language), req)
	text, err := t.run()
	var next *pendingCall
	if errors.As(err, &next) {
		return conversation.Response{Calls: []conversation.ToolCall{next.call}}, nil
	}
	if err != nil {
		return conversation.Response{}, err
	}
	text = strings.TrimSpace(text)
	if text == "" {
		text = t.reply("notunderstoodhint")
	}
	for _, piece := range pieces(text) {
		if say != nil {
			say(piece)
		}
	}
	return conversation.Response{Text: text}, nil
}

// pieces cuts a text after each sentence and line, so that it can be shown and
// spoken while it comes. The pieces add up to the text.
func pieces(text string) []string {
	var out []string
	start := 0
	for i := 0; i < len(text); i++ {
		end := text[i] == '\n' || (text[i] == ' ' && i > 0 && strings.IndexByte(".!?:", text[i-1]) >= 0)
		if end && i+1 > start {
			out = append(out, text[start:i+1])
			start = i + 1
		}
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}
