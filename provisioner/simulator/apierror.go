package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// apiError is an error as the API answers it: an HTTP status and the error
// envelope {code, message, details}.
type apiError struct {
	status  int
	code    hcloud.ErrorCode
	message string
	details any
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%s)", e.message, e.code) }

// response is the wire form of the error.
func (e *apiError) response() schema.ErrorResponse {
	out := schema.ErrorResponse{Error: schema.Error{Code: string(e.code), Message: e.message}}
	if e.details != nil {
		// The details are structs of this package: they always marshal.
		out.Error.DetailsRaw, _ = json.Marshal(e.details)
	}
	return out
}

// fieldError is one entry of details.fields.
type fieldError struct {
	Name     string   `json:"name"`
	Messages []string `json:"messages,omitempty"`
}

type fieldDetails struct {
	Fields []fieldError `json:"fields"`
}

type limitDetails struct {
	Limits []struct {
		Name string `json:"name"`
	} `json:"limits"`
}

// refuse makes an error with a status and a code of the API.
func refuse(status int, code hcloud.ErrorCode, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// invalid is the 422 invalid_input of one field.
func invalid(field, format string, args ...any) *apiError {
	message := fmt.Sprintf(format, args...)
	return &apiError{
		status: http.StatusUnprocessableEntity, code: hcloud.ErrorCodeInvalidInput,
		message: fmt.Sprintf("invalid input in field '%s': %s", field, message),
		details: fieldDetails{Fields: []fieldError{{Name: field, Messages: []string{message}}}},
	}
}

// notFound is the 404 of a resource.
func notFound(noun string, id int64) *apiError {
	return refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "%s with ID '%d' not found", noun, id)
}

// taken is the 409 uniqueness_error of a field.
func taken(noun, field string) *apiError {
	return &apiError{
		status: http.StatusConflict, code: hcloud.ErrorCodeUniquenessError,
		message: fmt.Sprintf("%s %s is already used", noun, field),
		details: fieldDetails{Fields: []fieldError{{Name: field}}},
	}
}

// overLimit is the 403 resource_limit_exceeded of a quota.
func overLimit(limit string) *apiError {
	details := limitDetails{}
	details.Limits = append(details.Limits, struct {
		Name string `json:"name"`
	}{limit})
	return &apiError{
		status: http.StatusForbidden, code: hcloud.ErrorCodeResourceLimitExceeded,
		message: fmt.Sprintf("%s exceeded", limit), details: details,
	}
}

// protected is the 403 of a resource with delete or rebuild protection.
func protected(noun string) *apiError {
	return refuse(http.StatusForbidden, hcloud.ErrorCodeProtected, "%s deletion is protected", noun)
}

// asAPIError finds the API error in err; anything else is a server_error that
// tells nothing about its cause.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return refuse(http.StatusInternalServerError, hcloud.ErrorCodeServerError, "the simulated cloud could not do this; see its log")
}
