package page_test

import (
	"net/http"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

func secondStates() []state {
	return append(passkeyStates(),
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
		security("security", page.Security{Target: "/clients", On: true, Cards: cards(false)}),
		security("security-required", page.Security{Required: true, Target: "/clients", Cards: cards(true)}),
		security("security-required-by", page.Security{Required: true, By: april, Target: "/clients", Cards: cards(true)}),
		steps("second-off", http.StatusOK, page.SecondSecurity{
			Sub: page.Sub{Target: "/clients", Prove: page.Prove{Password: true, Mail: true}}, Required: true,
		}),
		steps("second-off-keys", http.StatusOK, page.SecondSecurity{
			Sub: page.Sub{Prove: page.Prove{Form: "keys", Password: true, Mail: true, Passkey: true, NoApp: true, Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Reason: "alone"}}, Keys: true,
		}),
		steps("second-on-keys", http.StatusOK, page.SecondSecurity{
			Sub: page.Sub{Prove: page.Prove{Form: "off", Password: true, Mail: true, Code: true, Passkey: true, NoApp: true, Cause: cause.SecondStepFailed, Reference: "K7Q-4MD"}},
			On:  true, Since: april, CodesLeft: 9, Keys: true,
		}),
		steps("second-required", http.StatusOK, page.SecondSecurity{
			Sub: page.Sub{Done: "cancelled", Prove: page.Prove{Password: true}}, Required: true, By: april, Setup: true,
		}),
		steps("second-nothing", http.StatusOK, page.SecondSecurity{}),
		steps("second-no-password", http.StatusOK, page.SecondSecurity{Sub: page.Sub{Prove: page.Prove{Mail: true, Email: "anna@praktijk.test"}}}),
		steps("second-mailed", http.StatusUnauthorized, page.SecondSecurity{Sub: page.Sub{Prove: page.Prove{
			Form: "start", Mail: true, Mailed: true, Email: "anna@praktijk.test", Cause: cause.FreshProofRequired,
		}}}),
		steps("second-mailed-wrong", http.StatusUnauthorized, page.SecondSecurity{On: true, CodesLeft: 9, Sub: page.Sub{Prove: page.Prove{
			Form: "codes", Password: true, Mail: true, Mailed: true, Code: true, Email: "anna@praktijk.test", Cause: cause.WrongPassword, Reference: "K7Q-4MD",
		}}}),
		steps("second-wrong-password", http.StatusUnauthorized, page.SecondSecurity{Sub: page.Sub{Prove: page.Prove{
			Form: "start", Password: true, Mail: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD",
		}}}),
		steps("second-on", http.StatusOK, page.SecondSecurity{
			Sub: page.Sub{Done: "on", Prove: page.Prove{Password: true, Mail: true, Code: true}},
			On:  true, Since: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC), CodesLeft: 10, Devices: []page.TrustedDevice{
				{ID: "a", Agent: "Firefox op Linux", Network: "192.0.2.1/32", Here: true},
				{ID: "b", Agent: "", Network: "2001:db8::/64"},
			},
		}),
		steps("second-few", http.StatusUnauthorized, page.SecondSecurity{
			Sub: page.Sub{Prove: page.Prove{
				Form: "off", Password: true, Mail: true, Code: true, Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Reason: "clock", Off: time.Minute,
			}},
			On: true, CodesLeft: 1,
		}),
		setup("setup-app", http.StatusOK, page.SecondSetup{
			Key: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", URL: "otpauth://totp/Cliendo:anna?secret=GEZD", QRPath: "M4 4h7v1h-7zM4 5h1v1h-1z", QRSide: 45,
		}),
		setup("setup-wrong", http.StatusUnauthorized, page.SecondSetup{
			Key: "GEZD GNBV", URL: "otpauth://totp/Cliendo:anna?secret=GEZD", Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Reason: "wrong",
		}),
		setup("setup-keys", http.StatusOK, page.SecondSetup{Keys: true}),
		setup("setup-keys-refused", http.StatusUnauthorized, page.SecondSetup{Keys: true, Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Reason: "late"}),
		setup("setup-codes", http.StatusOK, page.SecondSetup{Codes: tenCodes()}),
		setup("setup-not-stored", http.StatusBadRequest, page.SecondSetup{
			Codes: tenCodes(), OnlyCodes: true, Cause: cause.BadRequest, NotStored: true,
		}),
		secondStep("second-empty", http.StatusBadRequest, page.SecondStep{Cause: cause.BadRequest, Reference: "K7Q-4MD", Name: "Anna de Wit"}),
	)
}

func secondStep(name string, status int, v page.SecondStep) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondStep(w, r, status, v) }}
}

func security(name string, v page.Security) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Security(w, r, http.StatusOK, v) }}
}

func steps(name string, status int, v page.SecondSecurity) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondSecurity(w, r, status, v) }}
}

var april = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)

func cards(warn bool) []page.SecurityCard {
	return []page.SecurityCard{
		{Key: "second", Title: "Extra stap bij het inloggen", Text: "De extra stap staat uit.", URL: "second-step", Warn: warn},
		{Key: "password", Title: "Wachtwoord", Text: "Je gebruikt het wachtwoord dat wij voor je maakten.", URL: "password"},
	}
}

func setup(name string, status int, v page.SecondSetup) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondSetup(w, r, status, v) }}
}

func tenCodes() []string { return slices.Repeat([]string{"abcd efgh jkmn pqrs"}, 10) }

func passwordStates() []state {
	march := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	show := func(name string, status int, v page.PasswordSecurity) state {
		v.Suggestion, v.Since = "Kq7Wm3tRzPdv4F", march
		return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.PasswordSecurity(w, r, status, v) }}
	}
	prove := page.Prove{Password: true, Mail: true, Code: true, Email: "anna@praktijk.test"}
	wrong, mailed := prove, prove
	wrong.Form, wrong.Cause, wrong.Reference = "own", cause.BadRequest, "K7Q-4MD"
	mailed.Form, mailed.Cause, mailed.Mailed = "own", cause.FreshProofRequired, true
	none := page.Prove{Form: "generate", Mail: true, Email: "anna@praktijk.test"}
	return []state{
		show("password-generated", http.StatusOK, page.PasswordSecurity{State: "generated", Sub: page.Sub{Prove: page.Prove{Password: true, Mail: true}}}),
		show("password-none", http.StatusOK, page.PasswordSecurity{State: "none", Sub: page.Sub{Prove: none}}),
		show("password-own", http.StatusOK, page.PasswordSecurity{State: "own", May: true, Sub: page.Sub{Prove: prove, Done: "own", Target: "/clients"}}),
		show("password-refused", http.StatusBadRequest, page.PasswordSecurity{State: "chosen", May: true, Why: "common", New: "welkom01", Sub: page.Sub{Prove: wrong}}),
		show("password-mailed", http.StatusUnauthorized, page.PasswordSecurity{State: "own", May: true, New: "fiets koe boom", Sub: page.Sub{Prove: mailed}}),
		steps("second-off-own", http.StatusOK, page.SecondSecurity{
			On: true, Since: march, CodesLeft: 10, OwnPassword: true, Sub: page.Sub{Prove: page.Prove{Form: "off", Password: true, Mail: true, Code: true}},
		}),
	}
}
