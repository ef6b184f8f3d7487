package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/model"
)

// codesByStatus gives the code of an answer whose body has none.
var codesByStatus = map[int]model.Code{
	http.StatusBadRequest:            model.CodeInvalid,
	http.StatusUnauthorized:          model.CodeForbidden,
	http.StatusForbidden:             model.CodeForbidden,
	http.StatusNotFound:              model.CodeNotFound,
	http.StatusMethodNotAllowed:      model.CodeInvalid,
	http.StatusRequestEntityTooLarge: model.CodeTooLarge,
	http.StatusUnsupportedMediaType:  model.CodeInvalid,
	http.StatusUnprocessableEntity:   model.CodeInvalid,
	http.StatusUpgradeRequired:       model.CodeVersionIncompatible,
	http.StatusBadGateway:            model.CodeUnavailable,
	http.StatusServiceUnavailable:    model.CodeUnavailable,
	http.StatusGatewayTimeout:        model.CodeTimeout,
}

// refusal is every form in which masters say no: our own {"code","message","details"}, the original's {"status"} with "errors" on
// a refused job, and the original's bare {"message"}.
type refusal struct {
	Code    model.Code `json:"code"`
	Status  model.Code `json:"status"`
	Message string     `json:"message"`
	Details []string   `json:"details"`
	Errors  []string   `json:"errors"`
}

// failure makes the error of an answer that is no success.
func (r *request) failure(a *answer) *model.Error {
	code, known := codesByStatus[a.status]
	if !known {
		code = model.CodeInternal
	}
	said := bytes.TrimSpace(a.body)
	if a.status >= 300 && a.status < 400 {
		return notAMaster(r, a, "with a redirection")
	}
	if len(said) == 0 {
		if a.status == http.StatusNotFound && r.absent != nil {
			return r.absent
		}
		return model.Errorf(code, "%s answered %s %s with status %d", a.endpoint.label, r.method, r.path, a.status)
	}
	var no refusal
	if err := json.Unmarshal(said, &no); err != nil {
		return textFailure(code, r, a, said)
	}
	switch {
	case no.Code != "":
		code = no.Code
	case no.Status != "":
		code = r.codeOf(no.Status)
	}
	e := &model.Error{Code: code, Message: no.Message, Details: append(no.Details, no.Errors...)}
	if e.Message == "" {
		e.Message = r.describe(e, a)
	}
	return e
}

// codeOf turns a status word into a code. They are the same, except where a word depends on what was asked for.
func (r *request) codeOf(word model.Code) model.Code {
	if word == model.CodeNotFound && r.absent != nil {
		return r.absent.Code
	}
	return word
}

// describe words an error that came without a message.
func (r *request) describe(e *model.Error, a *answer) string {
	switch {
	case len(e.Details) > 0:
		return strings.Join(e.Details, "; ")
	case r.absent != nil && e.Code == r.absent.Code:
		return r.absent.Message
	case e.Code == model.CodeForbidden:
		return "the token is not the job's: give the one that the job was created with"
	}
	return fmt.Sprintf("%s refused %s %s: %s", a.endpoint.label, r.method, r.path, e.Code)
}

// textFailure makes the error of an answer that is not one of our JSON objects: the original's bare texts, or something that is
// not from a master at all.
func textFailure(code model.Code, r *request, a *answer, said []byte) *model.Error {
	const limit = 200
	switch {
	case isPage(said) && (code == model.CodeNotFound || code == model.CodeInternal): // masters of the original may have such pages
		return model.Errorf(code, "%s answered %s %s with status %d and a web page", a.endpoint.label, r.method, r.path, a.status)
	case isPage(said):
		return notAMaster(r, a, "with a web page")
	case a.status == http.StatusBadRequest && bytes.Contains(said, []byte("HTTPS")):
		return model.Errorf(model.CodeUnavailable, "%s speaks https; give its address as https://", a.endpoint.label)
	}
	text := oneLine(strings.ToValidUTF8(string(said[:min(len(said), limit)]), string(utf8.RuneError)))
	if a.status == http.StatusBadRequest && strings.HasPrefix(text, "Invalid id") {
		return model.Errorf(model.CodeInvalidID, "%s: a full job id such as name:version:hash is needed", strings.ToLower(text[:1])+text[1:])
	}
	return model.Errorf(code, "%s answered %s %s with status %d: %s", a.endpoint.label, r.method, r.path, a.status, text)
}

// oneLine is text without line ends, and without what terminals act upon.
func oneLine(text string) string {
	unwanted := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return strings.Join(strings.FieldsFunc(text, unwanted), " ")
}

// isPage tells whether an answer is HTML, or something like it.
func isPage(said []byte) bool { return bytes.HasPrefix(said, []byte("<")) }

// notAMaster makes the error of an answer that no master gives.
func notAMaster(r *request, a *answer, what string) *model.Error {
	return model.Errorf(model.CodeUnavailable, "%s answered %s %s %s (status %d), so it is no master: check the address, and whether there is a proxy before it",
		a.endpoint.label, r.method, r.path, what, a.status)
}

// unreadable makes the error of a successful answer that cannot be decoded.
func (r *request) unreadable(a *answer, err error) *model.Error {
	var kind *json.UnmarshalTypeError
	switch {
	case isPage(bytes.TrimSpace(a.body)):
		return notAMaster(r, a, "with a web page")
	case errors.As(err, &kind) && kind.Field == "":
		return notAMaster(r, a, "with other JSON than was asked for")
	case errors.As(err, &kind):
		err = fmt.Errorf("%s in field %s is not what belongs there", kind.Value, kind.Field)
	}
	return model.Errorf(model.CodeInternal, "cannot read the answer of %s to %s %s: %s", a.endpoint.label, r.method, r.path, err)
}

// garbledError is an answer that is no HTTP.
type garbledError struct {
	error
}

// garbled marks the error of an exchange on an open connection that none of the usual causes explains: then what came is no HTTP.
func garbled(err error) error {
	var network net.Error
	var system *os.SyscallError
	var call *url.Error
	cause := err
	if errors.As(err, &call) {
		cause = call.Err // the error around it is one of the network always
	}
	for _, known := range []error{errSilent, io.EOF, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, http.ErrSchemeMismatch} {
		if errors.Is(cause, known) {
			return err
		}
	}
	if errors.As(cause, &network) || errors.As(cause, &system) {
		return err
	}
	return &garbledError{err}
}

// again tells whether another endpoint may give a better answer.
func again(a *answer) bool {
	switch a.status {
	case http.StatusBadGateway:
		return true
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		var no refusal
		if json.Unmarshal(a.body, &no) != nil || no.Code == "" {
			return a.status == http.StatusServiceUnavailable || lost(a)
		}
		return no.Code == model.CodeUnavailable || no.Code == model.CodeOutcomeUnknown
	}
	return false
}

// lost tells whether an answer is that of a proxy which may have lost a master's answer.
func lost(a *answer) bool {
	gateway := a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout
	return gateway && isPage(bytes.TrimSpace(a.body))
}

// failures collects why no endpoint served a request.
type failures struct {
	order   []string          // labels, in the order first tried
	reasons map[string]string // the last one, by label; silence says less than what was said before
	unknown bool              // the request may have taken effect
	said    bool              // a master answered, though not usefully
}

func (f *failures) tried(ep *endpoint) bool {
	_, ok := f.reasons[ep.label]
	return ok
}

func (f *failures) add(ep *endpoint, r *request, a *answer, err error) {
	if !f.tried(ep) {
		f.order = append(f.order, ep.label)
	}
	if f.reasons == nil {
		f.reasons = map[string]string{}
	}
	if err != nil {
		if _, said := f.reasons[ep.label]; !said || !errors.Is(err, errSilent) {
			f.reasons[ep.label] = reason(err)
		}
		var sent *sentError
		f.unknown = f.unknown || (r.writes() && errors.As(err, &sent))
		return
	}
	e := r.failure(a)
	f.said = true
	f.unknown = f.unknown || e.Code == model.CodeOutcomeUnknown || r.writes() && lost(a)
	f.reasons[ep.label] = strings.TrimPrefix(e.Message, ep.label+" ")
}

func (f *failures) err() *model.Error {
	tries := make([]string, len(f.order))
	for i, label := range f.order {
		tries[i] = label + ": " + f.reasons[label]
	}
	all := strings.Join(tries, "; ")
	switch {
	case f.unknown:
		return model.Errorf(model.CodeOutcomeUnknown, "the change may or may not have been made; look before trying again (%s)", all)
	case f.said:
		return model.Errorf(model.CodeUnavailable, "no master can serve this now (%s); try again in a moment", all)
	}
	return model.Errorf(model.CodeUnavailable, "no master answers (%s); check the addresses and that a master is running", all)
}

// reason words an error of the network in a few words.
func reason(err error) string {
	var call *url.Error
	var garbled *garbledError
	if !errors.As(err, &garbled) && errors.As(err, &call) {
		err = call.Err // without the URL, in which there may be a token
	}
	var dns *net.DNSError
	var system *os.SyscallError
	var timeout net.Error
	switch {
	case errors.As(err, &garbled):
		return "what answers there speaks no HTTP; is that the right port, and https where it should be?"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks http; give its address as http://"
	case errors.Is(err, errSilent):
		return "no answer in time"
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return "its answer is said to be compressed, and cannot be inflated"
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &system):
		return system.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// interrupted makes the error of a call whose context ended; where it has not, err is returned.
func interrupted(ctx context.Context, err error) error {
	switch ctx.Err() {
	case nil:
		return err
	case context.DeadlineExceeded:
		return fmt.Errorf("%w: %w", model.Errorf(model.CodeTimeout, "no master answered in the time given"), ctx.Err())
	}
	return fmt.Errorf("%w: %w", model.Errorf(model.CodeUnavailable, "the call was interrupted"), ctx.Err())
}
