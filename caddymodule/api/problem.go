package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// Problem is the answer to whatever was not done, as RFC 9457 has it.
type Problem struct {
	Type   string `json:"type" doc:"always about:blank; reason says which problem it is"`
	Title  string `json:"title" doc:"the same for every problem of this reason"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"what is the matter with this request"`
	Reason string `json:"reason" doc:"stable code of the problem"`
	Why    string `json:"why,omitempty" doc:"stable code of why it is forbidden, with the reason forbidden"`
	// Errors are the fields that are not acceptable.
	Errors []FieldProblem `json:"errors,omitempty"`

	retry time.Duration
}

// FieldProblem says what is wrong with one field. It never repeats what was given.
type FieldProblem struct {
	Location string `json:"location" doc:"where: body.name, query.limit, path.account, header.If-Match"`
	Message  string `json:"message"`
}

// Error, GetStatus and ContentType have huma write it.
func (p *Problem) Error() string { return p.Reason + ": " + p.Detail }

// GetStatus is the status of the answer.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of a problem document.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders says when to come again.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	return h
}

// The reasons. Those of the first group are causes of the gateway; the rest are
// met only here.
const (
	reasonNotLoggedIn = string(cause.NotLoggedIn)
	reasonForbidden   = string(cause.Forbidden)
	reasonBadRequest  = string(cause.BadRequest)
	reasonAttempts    = string(cause.TooManyAttempts)
	reasonMails       = string(cause.TooManyMails)
	reasonBusy        = string(cause.Busy)
	reasonStore       = string(cause.StoreUnavailable)

	reasonNotFound   = "not_found"
	reasonMethod     = "method_not_allowed"
	reasonInvalid    = "invalid"
	reasonTaken      = "taken"
	reasonInvited    = "invited"
	reasonNotInvited = "not_invited"
	reasonNoMail     = "no_mail"
	reasonChanged    = "changed"
	reasonIfMatch    = "if_match_required"
	reasonTooLarge   = "too_large"
	reasonMediaType  = "media_type"
	reasonInProgress = "in_progress"
	reasonReused     = "idempotency_key_reused"
	reasonLapsed     = "cursor_lapsed"
	reasonFailed     = "failed"
)

// titles are all reasons, with their status and their sentence.
var titles = map[string]struct {
	status int
	title  string
}{
	reasonNotLoggedIn: {401, "A valid API key is needed"},
	reasonForbidden:   {403, "This key may not do that"},
	reasonBadRequest:  {400, "The request is not readable"},
	reasonAttempts:    {429, "Too many wrong keys from this network"},
	reasonMails:       {429, "Too many mails were asked for"},
	reasonBusy:        {503, "Too busy at the moment"},
	reasonStore:       {503, "The store does not answer"},
	reasonNotFound:    {404, "There is no such thing here"},
	reasonMethod:      {405, "This cannot be done to it"},
	reasonInvalid:     {422, "Something in the request is not acceptable"},
	reasonTaken:       {409, "The address or id is taken"},
	reasonInvited:     {409, "This user was invited and has not come yet"},
	reasonNotInvited:  {409, "This user was not invited, or has come already"},
	reasonNoMail:      {409, "No mail is configured"},
	reasonChanged:     {412, "It was changed meanwhile"},
	reasonIfMatch:     {428, "The header If-Match is needed"},
	reasonTooLarge:    {413, "The request is too large"},
	reasonMediaType:   {415, "The body must be application/json"},
	reasonInProgress:  {409, "The same request is still being carried out"},
	reasonReused:      {422, "This Idempotency-Key came with another request"},
	reasonLapsed:      {410, "What came after this cursor is not kept any more"},
	reasonFailed:      {500, "It failed"},
}

// Reasons lists all reasons with their status, sorted.
func Reasons() []string {
	list := make([]string, 0, len(titles))
	for reason, t := range titles {
		list = append(list, fmt.Sprintf("%s %d", reason, t.status))
	}
	slices.Sort(list)
	return list
}

func problem(reason, detail string) *Problem {
	t := titles[reason]
	return &Problem{Type: "about:blank", Title: t.title, Status: t.status, Reason: reason, Detail: detail}
}

func invalid(location, message string) *Problem {
	p := problem(reasonInvalid, "")
	p.Errors = []FieldProblem{{location, message}}
	return p
}

// storeRetry is what Retry-After says when somebody has to wait for us.
const storeRetry = 5 * time.Second

// known are the errors from below that have an answer of their own.
var known = []struct {
	is             error
	reason, detail string
}{
	{store.ErrNotFound, reasonNotFound, ""},
	{directory.ErrTaken, reasonTaken, ""},
	{manage.ErrInvited, reasonInvited, ""},
	{manage.ErrNotInvited, reasonNotInvited, ""},
	{manage.ErrNoMail, reasonNoMail, ""},
	{errChanged, reasonChanged, "Read it again, and decide anew."},
	{event.ErrLapsed, reasonLapsed, "Read all accounts and users anew, and begin without a cursor."},
	{event.ErrCursor, reasonInvalid, "The cursor is not one of this list."},
	{passhash.ErrBusy, reasonBusy, ""},
	{store.ErrConflict, reasonBusy, "Too many change the same thing at once."},
	{store.ErrUnavailable, reasonStore, ""},
	{context.DeadlineExceeded, reasonStore, ""},
	{context.Canceled, reasonStore, ""},
}

// problemOf says in the words of the API why something was not done.
func (r *Room) problemOf(err error) *Problem {
	var own *Problem
	var field *directory.FieldError
	var no *manage.Forbidden
	var mails *outbox.TooMany
	var keys *apikey.Refused
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &field):
		message := field.Problem
		if field.Fix != "" {
			message += "; " + field.Fix
		}
		return invalid("body."+field.Field, message)
	case errors.Is(err, story.ErrNothing):
		return invalid("query.who", story.ErrNothing.Error())
	case errors.As(err, &no):
		p := problem(reasonForbidden, "")
		p.Why = no.Why
		return p
	case errors.As(err, &mails):
		p := problem(reasonMails, "")
		p.retry = max(mails.Until.Sub(r.Now()), time.Second)
		return p
	case errors.As(err, &keys):
		p := problem(reasonAttempts, "")
		p.retry = max(keys.Until.Sub(r.Now()), time.Second)
		return p
	}
	for _, k := range known {
		if errors.Is(err, k.is) {
			p := problem(k.reason, k.detail)
			if p.Status == http.StatusServiceUnavailable {
				p.retry = storeRetry
			}
			return p
		}
	}
	r.Log.Error("the API failed", "error", err)
	return problem(reasonFailed, "The log of the gateway says why.")
}

// refuse writes a problem where huma is not at work.
func (r *Room) refuse(w http.ResponseWriter, req *http.Request, p *Problem) {
	r.count(p)
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if req.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p)
	}
}

func (r *Room) count(p *Problem) {
	c := cause.Cause(p.Reason)
	if _, known := c.Info(); r.Metrics != nil && known {
		r.Metrics.Refused(c)
	}
}

// translate makes problems of ours from what huma found, and leaves out the
// values it repeats: they may be secrets in the wrong field.
func (r *Room) translate(_ huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *huma.ErrorModel:
		p := problem(reasonOf(e.Status), "")
		for _, d := range e.Errors {
			p.Errors = append(p.Errors, FieldProblem{d.Location, d.Message})
		}
		p.Status = e.Status
		r.count(p)
		return p, nil
	case *Problem:
		r.count(e)
	}
	return v, nil
}

func reasonOf(status int) string {
	switch status {
	case http.StatusUnprocessableEntity:
		return reasonInvalid
	case http.StatusUnsupportedMediaType:
		return reasonMediaType
	case http.StatusRequestEntityTooLarge:
		return reasonTooLarge
	case http.StatusInternalServerError:
		return reasonFailed
	}
	return reasonBadRequest
}
