package page_test

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

func secondStates() []state {
	return []state{
		secondStep("second", http.StatusUnauthorized, page.SecondStep{
			Cause: cause.SecondStepRequired, Reference: "K7Q-4MD", Name: "Anna de Wit", Target: "/clients?x=1",
		}),
		secondStep("second-wrong", http.StatusUnauthorized, page.SecondStep{
			Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Name: "Anna de Wit", Reason: "wrong", Trust: true, Login: "a",
		}),
		secondStep("second-used", http.StatusUnauthorized, page.SecondStep{
			Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Name: "Anna de Wit", Reason: "used", Login: "a",
		}),
		secondStep("second-clock", http.StatusUnauthorized, page.SecondStep{
			Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Name: "Anna de Wit", Reason: "clock", Off: -90 * time.Second, Login: "a",
		}),
		secondStep("second-wait", http.StatusTooManyRequests, page.SecondStep{
			Cause: cause.TooManyAttempts, Reference: "K7Q-4MD", Name: "Anna de Wit", RetryAfter: 4 * time.Minute, Login: "a",
		}),
		secondStep("second-empty", http.StatusBadRequest, page.SecondStep{Cause: cause.BadRequest, Reference: "K7Q-4MD", Name: "Anna de Wit"}),
	}
}

func secondStep(name string, status int, v page.SecondStep) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondStep(w, r, status, v) }}
}
