//go:build pocketsphinx

// Command sandbox-ear is embedded speech recognition as a child process: frames
// of sound come in by standard input, words go out by standard output (see
// package voice/speech). It is the only program of the house with C in it, so
// that a crash of the engine costs one utterance.
//
//	sandbox-ear MODEL-DIRECTORY DOMAIN.arpa DOMAIN.dict
//
// MODEL-DIRECTORY holds en-us/, en-us.lm.bin and cmudict-en-us.dict, as Debian's
// pocketsphinx-en-us installs them. DOMAIN.dict has pronunciations that are
// added to the dictionary, a word and its sounds a line.
package main

/*
#cgo pkg-config: pocketsphinx sphinxbase
#include <stdlib.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>

// cmd_ln_init takes a variable number of arguments, which cgo cannot pass.
static cmd_ln_t *ear_config(const char *hmm, const char *dict) {
	return cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-dict", dict, "-logfn", "/dev/null", "-remove_noise", "yes", NULL);
}

static ngram_model_t *ear_mix(ps_decoder_t *ps, cmd_ln_t *config, const char *general, const char *domain) {
	logmath_t *lmath = ps_get_logmath(ps);
	ngram_model_t *models[2];
	char *names[2] = {"general", "domain"};
	float32 weights[2] = {0.4f, 0.6f};
	ngram_model_t *set;
	models[0] = ngram_model_read(config, general, NGRAM_AUTO, lmath);
	models[1] = ngram_model_read(config, domain, NGRAM_AUTO, lmath);
	if (models[0] == NULL || models[1] == NULL)
		return NULL;
	set = ngram_model_set_init(config, models, names, NULL, 2);
	if (set != NULL)
		ngram_model_set_interp(set, (const char **)names, weights);
	return set;
}
*/
import "C"

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/openova-io/sandbox/voice/speech"
)

const (
	anything = "anything"
	answer   = "answer"
	// partialEvery is after how much sound the words so far are looked at, in samples.
	partialEvery = speech.Rate / 10
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sandbox-ear MODEL-DIRECTORY DOMAIN.arpa DOMAIN.dict")
		os.Exit(2)
	}
	out := os.Stdout
	e, err := open(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = e.serve(bufio.NewReaderSize(os.Stdin, 64<<10), out)
	}
	if err != nil {
		_ = speech.WriteFrame(out, speech.FrameError, []byte(err.Error()))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ear is one decoder.
type ear struct {
	ps      *C.ps_decoder_t
	words   int
	grammar string // that the search "answer" has
}

func open(dir, arpa, dict string) (*ear, error) {
	str := func(s string) *C.char { return C.CString(s) } // lives as long as the process
	config := C.ear_config(str(filepath.Join(dir, "en-us")), str(filepath.Join(dir, "cmudict-en-us.dict")))
	if config == nil {
		return nil, errors.New("the recogniser refused its configuration")
	}
	ps := C.ps_init(config)
	if ps == nil {
		return nil, errors.New("the recogniser's model cannot be loaded")
	}
	e := &ear{ps: ps}
	added, err := os.ReadFile(dict)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(added), "\n")
	for _, p := range speech.Phones {
		lines = append(lines, speech.OtherPrefix+strings.ToLower(p)+" "+p)
	}
	lines = append(lines, speech.Unsayable+" ZH TH ZH TH ZH TH ZH TH ZH TH ZH TH")
	for _, line := range lines {
		word, phones, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || e.knows(word) {
			continue
		}
		if C.ps_add_word(ps, str(word), str(phones), 0) < 0 {
			return nil, fmt.Errorf("the sounds of the word %q are not English phones", word)
		}
		e.words++
	}
	lm := C.ear_mix(ps, config, str(filepath.Join(dir, "en-us.lm.bin")), str(arpa))
	if lm == nil || C.ps_set_lm(ps, str(anything), lm) != 0 || C.ps_set_search(ps, str(anything)) != 0 {
		return nil, errors.New("the recogniser's language model cannot be loaded")
	}
	return e, nil
}

func (e *ear) knows(word string) bool {
	w := C.CString(word)
	defer C.free(unsafe.Pointer(w))
	phones := C.ps_lookup_word(e.ps, w)
	if phones == nil {
		return false
	}
	C.free(unsafe.Pointer(phones))
	return true
}

// serve hears until the input ends.
func (e *ear) serve(in io.Reader, out io.Writer) error {
	send := func(kind speech.FrameKind, v any) error {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return speech.WriteFrame(out, kind, raw)
	}
	if err := send(speech.FrameReady, speech.EarReady{Version: speech.EarVersion, Words: e.words}); err != nil {
		return err
	}
	var u speech.EarBegin
	var partial string
	running, since := false, 0
	end := func() {
		if running {
			C.ps_end_utt(e.ps)
			running = false
		}
	}
	for {
		kind, payload, err := speech.ReadFrame(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind {
		case speech.FrameBegin:
			end()
			u = speech.EarBegin{}
			if err := json.Unmarshal(payload, &u); err != nil {
				return err
			}
			if err := e.expect(u.Grammar); err != nil {
				return err
			}
			if C.ps_start_utt(e.ps) != 0 {
				return errors.New("the recogniser cannot begin an utterance")
			}
			running, partial, since = true, "", 0
		case speech.FrameAudio:
			if !running || len(payload) < 2 {
				continue
			}
			if C.ps_process_raw(e.ps, (*C.int16)(unsafe.Pointer(&payload[0])), C.size_t(len(payload)/2), 0, 0) < 0 {
				return errors.New("the recogniser failed")
			}
			if since += len(payload) / 2; since < partialEvery {
				continue
			}
			since = 0
			if text, _ := e.heard(); text != partial {
				partial = text
				if err := speech.WriteFrame(out, speech.FramePartial, []byte(text)); err != nil {
					return err
				}
			}
		case speech.FrameEnd:
			if !running {
				continue
			}
			end()
			text, confidence := e.heard()
			if err := send(speech.FrameFinal, speech.EarFinal{Utterance: u.Utterance, Text: text, Confidence: confidence}); err != nil {
				return err
			}
		case speech.FrameCancel:
			end()
		default:
			return fmt.Errorf("a frame of the unknown kind %q", kind)
		}
	}
}

// expect chooses what can be heard: the phrases of a grammar, or anything.
func (e *ear) expect(grammar string) error {
	name := C.CString(anything)
	if grammar != "" {
		C.free(unsafe.Pointer(name))
		name = C.CString(answer)
		if grammar != e.grammar {
			g := C.CString(grammar)
			defer C.free(unsafe.Pointer(g))
			if C.ps_set_jsgf_string(e.ps, name, g) != 0 {
				C.free(unsafe.Pointer(name))
				return errors.New("the grammar of the question is not understood")
			}
			e.grammar = grammar
		}
	}
	defer C.free(unsafe.Pointer(name))
	if C.ps_set_search(e.ps, name) != 0 {
		return errors.New("the recogniser cannot change what it expects")
	}
	return nil
}

// heard gives the words so far.
func (e *ear) heard() (string, float64) {
	hyp := C.ps_get_hyp(e.ps, nil)
	if hyp == nil {
		return "", 0
	}
	text := speech.Heard(C.GoString(hyp))
	lmath := C.ps_get_logmath(e.ps)
	// Of the whole utterance it is the less the more words there are; a word's share
	// can be compared.
	confidence := float64(C.logmath_exp(lmath, C.int(C.ps_get_prob(e.ps))))
	words := max(1, len(strings.Fields(text)))
	return text, math.Max(0, math.Min(1, math.Pow(confidence, 1/float64(words))))
}
