package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// statuses gives the HTTP status of each class of errors.
var statuses = map[model.Class]int{
	model.ClassInvalid:     http.StatusBadRequest,
	model.ClassNotFound:    http.StatusNotFound,
	model.ClassConflict:    http.StatusConflict,
	model.ClassForbidden:   http.StatusForbidden,
	model.ClassUnavailable: http.StatusServiceUnavailable,
	model.ClassTimeout:     http.StatusGatewayTimeout,
	model.ClassInternal:    http.StatusInternalServerError,
}

// statusesByCode are the codes that have another status than their class. Clients of the original take 502 for "try another
// master", so nothing else may have it.
var statusesByCode = map[model.Code]int{
	model.CodeUnavailable:         http.StatusBadGateway,
	model.CodeTooLarge:            http.StatusRequestEntityTooLarge,
	model.CodeVersionIncompatible: http.StatusUpgradeRequired,
}

func statusOf(code model.Code) int {
	if status, ok := statusesByCode[code]; ok {
		return status
	}
	return statuses[code.Class()]
}

// operation is a change whose refusals the original fixed.
type operation int

const (
	opCreateJob operation = iota
	opRemoveJob
	opRegisterHost
	opDeregisterHost
	opDeploy
	opSetGoal
	opUndeploy
	opCreateGroup
	opRemoveGroup
	opRollingUpdate
)

// verdict is the status and the word with which the original refuses an operation.
type verdict struct {
	status int
	word   model.Code
}

// verdicts are the original's statuses and words where clients depend on them. A refused deploy is 400 where others are 404, and
// some words name another thing than the code. HOST_CONFLICT is ours: the original failed with 500, and its clients look at no
// more than the status.
var verdicts = map[operation]map[model.Code]verdict{
	opCreateJob: {
		model.CodeInvalidJob:       {http.StatusBadRequest, model.CodeInvalidJob},
		model.CodeJobAlreadyExists: {http.StatusBadRequest, model.CodeJobAlreadyExists},
	},
	opRemoveJob: {
		model.CodeJobNotFound:   {http.StatusNotFound, model.CodeJobNotFound},
		model.CodeForbidden:     {http.StatusForbidden, model.CodeForbidden},
		model.CodeJobStillInUse: {http.StatusBadRequest, model.CodeJobStillInUse},
	},
	opRegisterHost: {
		model.CodeInvalidID:    {http.StatusBadRequest, model.CodeInvalidID},
		model.CodeHostConflict: {http.StatusConflict, model.CodeHostConflict},
	},
	opDeregisterHost: {
		model.CodeHostNotFound: {http.StatusNotFound, model.CodeNotFound},
	},
	opDeploy: {
		model.CodeInvalidID:          {http.StatusBadRequest, model.CodeInvalidID},
		model.CodeJobNotFound:        {http.StatusBadRequest, model.CodeJobNotFound},
		model.CodeForbidden:          {http.StatusForbidden, model.CodeForbidden},
		model.CodeJobAlreadyDeployed: {http.StatusBadRequest, model.CodeJobAlreadyDeployed},
		model.CodeHostNotFound:       {http.StatusBadRequest, model.CodeHostNotFound},
		model.CodeHostDrained:        {http.StatusForbidden, model.CodeForbidden},
		model.CodePortConflict:       {http.StatusBadRequest, model.CodePortConflict},
	},
	opSetGoal: {
		model.CodeIDMismatch:     {http.StatusBadRequest, model.CodeIDMismatch},
		model.CodeJobNotFound:    {http.StatusNotFound, model.CodeJobNotDeployed},
		model.CodeForbidden:      {http.StatusForbidden, model.CodeForbidden},
		model.CodeHostNotFound:   {http.StatusNotFound, model.CodeHostNotFound},
		model.CodeJobNotDeployed: {http.StatusNotFound, model.CodeJobNotDeployed},
	},
	opUndeploy: {
		model.CodeInvalidID:      {http.StatusBadRequest, model.CodeInvalidID},
		model.CodeHostNotFound:   {http.StatusNotFound, model.CodeHostNotFound},
		model.CodeJobNotDeployed: {http.StatusNotFound, model.CodeJobNotFound},
		model.CodeJobNotFound:    {http.StatusNotFound, model.CodeJobNotFound},
		model.CodeForbidden:      {http.StatusForbidden, model.CodeForbidden},
	},
	// Of groups the original says no with 200. It took any group for removed, also one that there was not.
	opCreateGroup: {
		model.CodeGroupConflict: {http.StatusOK, model.CodeGroupConflict},
	},
	opRemoveGroup: {
		model.CodeGroupNotFound: {http.StatusOK, model.CodeGroupNotFound},
	},
	opRollingUpdate: {
		model.CodeGroupNotFound: {http.StatusOK, model.CodeGroupNotFound},
		model.CodeJobNotFound:   {http.StatusOK, model.CodeJobNotFound},
	},
}

// refusal is the body of the original's answers to refused changes; pointers because each has other members. The message is ours, and
// so is the code, for what the original has no word of its own.
type refusal struct {
	Status  model.Code `json:"status"`
	Code    model.Code `json:"code,omitempty"`
	Errors  *[]string  `json:"errors,omitempty"`
	ID      *string    `json:"id,omitempty"`
	Job     *string    `json:"job,omitempty"`
	Host    *string    `json:"host,omitempty"`
	Message string     `json:"message,omitempty"`
}

// answered is an error whose answer is fixed.
type answered struct {
	status int
	body   any    // sent as JSON when not nil
	text   string // otherwise
}

func (a *answered) Error() string {
	return http.StatusText(a.status)
}

// refuse turns err into the original's refusal of an operation where it has one. The members of body besides the status and the
// message are the caller's.
func refuse(op operation, body refusal, err error) error {
	v, ok := verdicts[op][model.CodeOf(err)]
	if !ok {
		return err
	}
	body.Status, body.Message = v.word, err.Error()
	if code := model.CodeOf(err); code.Class() != v.word.Class() {
		body.Code = code
	}
	return &answered{status: v.status, body: body}
}

// errNoSuchThing is the original's empty 404.
func errNoSuchThing() error {
	return &answered{status: http.StatusNotFound}
}

// absent makes an empty 404 of an error that says that something is not there.
func absent(err error) error {
	if model.CodeOf(err).Class() == model.ClassNotFound {
		return errNoSuchThing()
	}
	return err
}

// errInvalidID is the original's answer to an id that is not fully qualified: bare text, though labelled as JSON.
func errInvalidID() error {
	return &answered{status: http.StatusBadRequest, text: "Invalid id"}
}

// errNoBody is the original's answer to an empty body, or null, where one is needed.
func errNoBody() error {
	return &answered{status: http.StatusUnprocessableEntity, body: struct {
		Errors []string `json:"errors"`
	}{[]string{}}}
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, body := http.StatusInternalServerError, any(nil)
	var fixed *answered
	var coded *model.Error
	switch {
	case errors.As(err, &fixed):
		if fixed.body == nil {
			// Bare text is labelled as JSON too, as the original does.
			s.write(w, r, fixed.status, "application/json", []byte(fixed.text))
			return
		}
		status, body = fixed.status, fixed.body
	case errors.As(err, &coded):
		status, body = statusOf(coded.Code), coded
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		status = statusOf(model.CodeTimeout)
		body = model.Errorf(model.CodeTimeout, "the request took too long; a change may or may not have been made")
	default:
		id := w.Header().Get(headerRequestID)
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err, "request_id", id)
		body = model.Errorf(model.CodeInternal, "internal error; the master's log tells more under request id %s", id)
	}
	data, err := encode(body)
	if err != nil {
		s.log.Error("an error cannot be encoded", "error", err)
	}
	s.write(w, r, status, "application/json", data)
}
