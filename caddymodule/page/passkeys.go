package page

import (
	"net/http"
	"time"
)

// Passkey is one passkey or security key, for its owner to see.
type Passkey struct {
	ID, Name, Maker, Agent string
	Created, Used, Copied  time.Time
	Login                  bool // it logs in by itself
	Synced                 bool // its maker copies it to other devices
	Elsewhere              bool // it was made for another address
}

// Passkeys is the page on which people manage their passkeys.
type Passkeys struct {
	Sub
	Keys []Passkey
	// Possible: passkeys can be made at this address. If not, Host is where they can;
	// empty where that is nowhere, with IP telling that the address is a number.
	Possible bool
	Host     string
	IP       bool
	Name     string // typed for a new one
}

// passkeyLine is one as the template sees it.
type passkeyLine struct {
	ID, Name, Made, Used, Copied, Edit, Label string
	Login, Synced, Elsewhere                  bool
}

// passkeysBody is what passkeys.html sees.
type passkeysBody struct {
	subBody
	Lines              []passkeyLine
	Add, Name, Trouble string
	One                bool
}

// Passkeys writes the page with the given status.
func (p *Renderer) Passkeys(w http.ResponseWriter, r *http.Request, status int, v Passkeys) {
	here, locale, sub := p.below(r, "passkeys", "passkeys", v.Sub)
	body := passkeysBody{subBody: sub, Add: p.own(here, "security/passkeys/add"), Name: v.Name, One: len(v.Keys) == 1}
	switch {
	case v.Possible:
	case v.Host != "":
		body.Trouble = p.Text(locale, "passkeys.other_host", "host", v.Host)
	case v.IP:
		body.Trouble = p.Text(locale, "passkeys.ip")
	default:
		body.Trouble = p.Text(locale, "passkeys.off")
	}
	for _, k := range v.Keys {
		body.Lines = append(body.Lines, p.passkeyLine(here, locale, k))
	}
	p.subPage(w, here, status, "passkeys", p.Text(locale, "security.passkeys"), v.Sub, sub, body, v.Possible)
}

func (p *Renderer) passkeyLine(here *http.Request, locale string, k Passkey) passkeyLine {
	l := passkeyLine{
		ID: k.ID, Name: p.passkeyName(locale, k), Login: k.Login, Synced: k.Synced, Elsewhere: k.Elsewhere,
		Made: p.Text(locale, "passkeys.made", "date", p.Day(locale, k.Created)), Used: p.Text(locale, "passkeys.never"),
		Edit: p.own(here, "security/passkeys/"+k.ID),
	}
	if k.Agent != "" {
		l.Made = p.Text(locale, "passkeys.made_with", "date", p.Day(locale, k.Created), "agent", p.agent(locale, k.Agent))
	}
	if !k.Used.IsZero() {
		l.Used = p.Text(locale, "passkeys.used", "date", p.Day(locale, k.Used))
	}
	if !k.Copied.IsZero() {
		l.Copied = p.Text(locale, "passkeys.copied", "date", p.Day(locale, k.Copied))
	}
	l.Label = p.Text(locale, "passkeys.manage_of", "name", l.Name)
	return l
}

// passkeyName is how a passkey is called: as its owner did, else by its maker.
func (p *Renderer) passkeyName(locale string, k Passkey) string {
	switch {
	case k.Name != "":
		return k.Name
	case k.Maker != "":
		return k.Maker
	}
	return p.Text(locale, "passkeys.unnamed")
}

// PasskeyEdit is the page of one passkey.
type PasskeyEdit struct {
	Sub
	Key Passkey
}

// passkeyEditBody is what passkey_edit.html sees.
type passkeyEditBody struct {
	subBody
	Line           passkeyLine
	Heading, Name  string
	Rename, Remove string
}

// PasskeyEdit writes the page with the given status.
func (p *Renderer) PasskeyEdit(w http.ResponseWriter, r *http.Request, status int, v PasskeyEdit) {
	name := "passkeys/" + v.Key.ID
	here, locale, sub := p.below(r, name, "passkeys", v.Sub)
	body := passkeyEditBody{
		subBody: sub, Line: p.passkeyLine(here, locale, v.Key), Name: v.Key.Name,
		Rename: p.own(here, "security/"+name+"/rename"), Remove: p.own(here, "security/"+name+"/remove"),
	}
	body.Home = p.own(here, "security/passkeys")
	body.Heading = p.Text(locale, "passkeys.edit_title", "name", body.Line.Name)
	p.subPage(w, here, status, "passkey_edit", body.Heading, v.Sub, sub, body, v.Prove.Passkey)
}

// PasskeyNew is the page on which a browser makes a passkey.
type PasskeyNew struct {
	Sub
	Name    string // that it will have
	Options string // what the browser is asked, as JSON
}

// passkeyNewBody is what passkey_new.html sees.
type passkeyNewBody struct {
	subBody
	Name, Options, Post string
}

// PasskeyNew writes the page.
func (p *Renderer) PasskeyNew(w http.ResponseWriter, r *http.Request, v PasskeyNew) {
	here, locale, sub := p.below(r, "passkeys", "passkeys", v.Sub)
	body := passkeyNewBody{subBody: sub, Name: v.Name, Options: v.Options, Post: p.own(here, "security/passkeys/new")}
	body.Home = p.own(here, "security/passkeys")
	p.subPage(w, here, http.StatusOK, "passkey_new", p.Text(locale, "passkeys.make_title"), v.Sub, sub, body, true)
}

// subPage is finish, with the script of passkeys where they are used.
func (p *Renderer) subPage(w http.ResponseWriter, here *http.Request, status int, template, title string, v Sub, b subBody, body any, passkeys bool) {
	v.passkeys = passkeys || v.Prove.Passkey
	p.finish(w, here, status, template, title, v, b, body)
}
