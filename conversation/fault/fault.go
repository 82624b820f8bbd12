package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code is the kind of a fault. There are eight, and every surface maps all of
// them.
type Code string

const (
	// Invalid: the input breaks a rule; sending it again unchanged fails again.
	Invalid Code = "invalid"
	// Unauthenticated: nobody is signed in, or the proof of identity is not good.
	Unauthenticated Code = "unauthenticated"
	// Denied: the caller is known and may not do this.
	Denied Code = "denied"
	// NotFound: there is no such thing, or the caller may not know of it.
	NotFound Code = "not-found"
	// Conflict: the thing exists or has moved on; reload and decide again.
	Conflict Code = "conflict"
	// Limited: too much, too large or too often.
	Limited Code = "limited"
	// Unavailable: a part that is needed is away; trying later may work.
	Unavailable Code = "unavailable"
	// Internal: our own mistake; the message is generic, the cause is logged.
	Internal Code = "internal"
)

// Violation is one broken rule of a validated document.
type Violation struct {
	// Path is the JSON path of the value, e.g. "regions[0].workerCount".
	Path string `json:"path"`
	// Rule is a stable slug of the broken rule, e.g. "range" or "orderable".
	Rule string `json:"rule"`
	// Value is the offending value as text, cut to 80 characters; secrets are
	// never echoed.
	Value string `json:"value,omitempty"`
	// Message says what is wrong, in one sentence.
	Message string `json:"message"`
	// Suggestion says what to do, or is a value that would pass.
	Suggestion string `json:"suggestion,omitempty"`
}

// Error is a fault.
type Error struct {
	Code Code `json:"code"`
	// Message says what was wrong in one sentence that a person understands.
	Message string `json:"message"`
	// Path is where: a JSON path, a field, or empty.
	Path string `json:"path,omitempty"`
	// Hint is what to do next, or empty.
	Hint string `json:"hint,omitempty"`
	// Violations lists every broken rule when a document was validated.
	Violations []Violation `json:"violations,omitempty"`

	cause error
}

// New makes a fault with a message that is formatted as fmt.Sprintf does.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault that keeps err as its cause. The cause is logged and never
// shown. Wrap of a nil error is nil.
func Wrap(err error, code Code, format string, args ...any) error {
	if err == nil {
		return nil
	}
	f := New(code, format, args...)
	f.cause = err
	return f
}

// Violated makes an [Invalid] fault from violations, or returns nil when there
// are none.
func Violated(what string, violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	f := New(Invalid, "%s has a problem", what)
	if n := len(violations); n > 1 {
		f = New(Invalid, "%s has %d problems", what, n)
	}
	f.Violations = violations
	return f
}

// At sets where the fault was found and returns the same fault.
func (e *Error) At(path string) *Error { e.Path = path; return e }

// Do sets the hint, what to do next, and returns the same fault.
func (e *Error) Do(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error is the log form: code, message, place and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Path != "" {
		fmt.Fprintf(&b, " (at %s)", e.Path)
	}
	for _, v := range e.Violations {
		fmt.Fprintf(&b, "; %s: %s", v.Path, v.Message)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, &Error{Code: c}) true for every fault of code c.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == ""
}

// From gives the fault in err's chain. An error without one becomes an
// [Internal] fault with a generic message and err as its cause. From(nil) is
// nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Code: Internal, Message: "something went wrong on our side", Hint: "try again; if it stays, send us the request id", cause: err}
}

// CodeOf gives the code of err, [Internal] for an error that is no fault, and
// the empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// HTTPStatus is the status of the problem+json answer (RFC 9457). It is a number
// here and not a name of net/http, so that programs without a network, which have
// faults too, are not linked with one.
func (e *Error) HTTPStatus() int {
	switch e.Code {
	case Invalid:
		return 422
	case Unauthenticated:
		return 401
	case Denied:
		return 403
	case NotFound:
		return 404
	case Conflict:
		return 409
	case Limited:
		return 429
	case Unavailable:
		return 503
	default:
		return 500
	}
}

// Text is the complete fault for a terminal or an MCP client: message, place,
// violations and hint, without the cause.
func (e *Error) Text() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Path != "" {
		fmt.Fprintf(&b, " (at %s)", e.Path)
	}
	for _, v := range e.Violations {
		fmt.Fprintf(&b, "\n- %s: %s", v.Path, v.Message)
		if v.Suggestion != "" {
			fmt.Fprintf(&b, " %s", v.Suggestion)
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n%s", e.Hint)
	}
	return b.String()
}

// Speech is the fault as one or two sentences to be said aloud: without paths,
// and with at most the first violation.
func (e *Error) Speech() string {
	if len(e.Violations) > 0 {
		v := e.Violations[0]
		s := v.Message
		if n := len(e.Violations) - 1; n > 0 {
			s += fmt.Sprintf(" And %d more, which are on your screen.", n)
		}
		return s
	}
	if e.Hint != "" {
		return e.Message + ". " + e.Hint
	}
	return e.Message
}
