package openai

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/tidwall/gjson"

	"github.com/openova-io/sandbox/conversation/fault"
)

// providerFault is the fault for an error of the SDK. What the provider said is
// quoted, so that nobody takes it for the service's own words.
func (m *Model) providerFault(err error) error {
	var api *sdk.Error
	var broken *ssestream.StreamError
	switch {
	case errors.As(err, &api):
		f := fault.New(fault.Unavailable, "the model %s refused with status %d%s", m.Name(), api.StatusCode, m.quoted(api.Message))
		switch api.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return f.Do("Check the key of the model's endpoint.")
		case http.StatusNotFound:
			return f.Do("Check the model's name and the endpoint's address.")
		case http.StatusTooManyRequests:
			return f.Do("Wait a little, or raise the limit at the provider.")
		}
		return f
	case errors.As(err, &broken):
		said := gjson.GetBytes(broken.Event.Data, "error.message").String()
		return fault.New(fault.Unavailable, "the model %s broke off%s", m.Name(), m.quoted(said))
	}
	// The cause may hold the endpoint's address, never the key: it goes to the log.
	return fault.Wrap(errors.New(m.clean(err.Error())), fault.Unavailable, "the model %s cannot be reached or its answer cannot be read", m.Name())
}

// quotedRunes is how much of the provider's words is kept.
const quotedRunes = 200

// quoted gives ": " and the provider's words in quotes, or nothing.
func (m *Model) quoted(said string) string {
	said = m.clean(said)
	if said == "" {
		return ""
	}
	if r := []rune(said); len(r) > quotedRunes {
		said = string(r[:quotedRunes-1]) + "…"
	}
	return fmt.Sprintf(", saying %s", strconv.Quote(said))
}

// clean puts text on one line, without what cannot be seen, and without the key.
func (m *Model) clean(said string) string {
	if m.key != "" {
		said = strings.ReplaceAll(said, m.key, "•••")
	}
	said = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(said, "?"))
	return strings.Join(strings.Fields(said), " ")
}
