package page_test

import (
	"net/http"
	"slices"
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
		security("security-off", http.StatusOK, page.Security{HasPassword: true, Target: "/clients", Required: true}),
		security("security-required", http.StatusOK, page.Security{
			HasPassword: true, Required: true, By: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC), Done: "cancelled", Setup: true,
		}),
		security("security-no-password", http.StatusOK, page.Security{}),
		security("security-wrong", http.StatusUnauthorized, page.Security{
			HasPassword: true, Form: "start", Cause: cause.WrongPassword, Reference: "K7Q-4MD",
		}),
		security("security-on", http.StatusOK, page.Security{
			HasPassword: true, On: true, Since: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC), CodesLeft: 10, Done: "on", Devices: []page.TrustedDevice{
				{ID: "a", Agent: "Firefox op Linux", Network: "192.0.2.1/32", Here: true},
				{ID: "b", Agent: "", Network: "2001:db8::/64"},
			},
		}),
		security("security-few", http.StatusUnauthorized, page.Security{
			HasPassword: true, On: true, CodesLeft: 1, Form: "off", Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Reason: "clock", Off: time.Minute,
		}),
		setup("setup-app", http.StatusOK, page.SecondSetup{
			Key: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", URL: "otpauth://totp/Cliendo:anna?secret=GEZD", QRPath: "M4 4h7v1h-7zM4 5h1v1h-1z", QRSide: 45,
		}),
		setup("setup-wrong", http.StatusUnauthorized, page.SecondSetup{
			Key: "GEZD GNBV", URL: "otpauth://totp/Cliendo:anna?secret=GEZD", Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Reason: "wrong",
		}),
		setup("setup-codes", http.StatusOK, page.SecondSetup{Codes: tenCodes()}),
		setup("setup-not-stored", http.StatusBadRequest, page.SecondSetup{
			Codes: tenCodes(), OnlyCodes: true, Cause: cause.BadRequest, NotStored: true,
		}),
		secondStep("second-empty", http.StatusBadRequest, page.SecondStep{Cause: cause.BadRequest, Reference: "K7Q-4MD", Name: "Anna de Wit"}),
	}
}

func secondStep(name string, status int, v page.SecondStep) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondStep(w, r, status, v) }}
}

func security(name string, status int, v page.Security) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Security(w, r, status, v) }}
}

func setup(name string, status int, v page.SecondSetup) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondSetup(w, r, status, v) }}
}

func tenCodes() []string { return slices.Repeat([]string{"abcd efgh jkmn pqrs"}, 10) }
