package letter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// Renderer writes letters. It is safe for use by many goroutines.
type Renderer struct {
	options Options
	set     *set
}

// New reads templates and words, ours and the operator's, and writes every kind
// once, so that whatever is broken is known at start.
func New(o Options) (*Renderer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("preparing mails: %w", err)
	}
	r := &Renderer{options: o}
	if r.options.Locale = spoken(o.Locale); r.options.Locale == "" {
		return nil, fmt.Errorf("preparing mails: no words for locale %q: choose one of %s", o.Locale, strings.Join(locales, ", "))
	}
	ours, err := r.ours()
	if err != nil {
		return nil, fmt.Errorf("preparing mails: %w", err)
	}
	if r.set, err = r.override(ours); err != nil {
		return nil, fmt.Errorf("preparing mails: %w", err)
	}
	return r, nil
}

// Errors of letters that cannot be written. They name no secret.
var (
	errKind = errors.New("no such kind of letter")
	errLack = errors.New("something that the letter is about is missing or malformed")
)

// Render writes a letter in its language. What others may have chosen (names,
// devices) is left out where it would make a link or a second line.
func (r *Renderer) Render(l Letter) (Rendered, error) { return r.write(r.set, l) }

// spoken maps a tag like nl-BE to a language of ours, or to nothing.
func spoken(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	for _, locale := range locales {
		if base == locale {
			return locale
		}
	}
	return ""
}

// needs checks that the letter has what it is about.
func needs(l Letter) error {
	var lacks bool
	switch l.Kind {
	case Magic, RevealPassword:
		lacks = l.Link == ""
	case NewPassword:
		lacks = l.Password == ""
	case Secured:
		lacks = l.Password == "" && l.Link == ""
	case ProofCode:
		lacks = l.Code == ""
	case PasswordChanged, SecondStepOff, SecondStepOn, SecondStepApp, RecoveryCodes, IdentityLinked, IdentityUnlinked, NewDevice, LimitReached, PasskeyAdded, PasskeyRemoved, PasskeyCopied, AddressChanged, AddressAsked, AddressYours, AddressToProve,
		Invited, Nobody:
	default:
		return fmt.Errorf("letter %q: %w", l.Kind, errKind)
	}
	for _, link := range []string{l.Link, l.NotMe, l.LoginURL} {
		lacks = lacks || link != "" && !web(link)
	}
	for _, text := range []string{l.Code, l.Password} {
		lacks = lacks || text != "" && !typed(text)
	}
	if lacks {
		return fmt.Errorf("letter %q: %w", l.Kind, errLack)
	}
	return nil
}

// view is what the templates see. Its texts are clean.
type view struct {
	Locale, Brand, Colour, Ink    string
	Subject, Title, Greeting      string
	Link, NotMe, LoginURL         string
	Code, CodeUntil               string
	Password, Until               string
	OneTime                       bool
	Address, By                   string
	Asked, Device, Network, Place string
	Reference                     string
	Facts                         []row
	Support                       *support
}

// row is a line of the table about the request.
type row struct{ Label, Text string }

// support is how to reach a person.
type support struct{ Phone, Mail, URL string }

func (r *Renderer) view(s *set, l Letter) (*view, error) {
	locale := spoken(l.Locale)
	if locale == "" {
		locale = r.options.Locale
	}
	b, now, zone := r.options.Brand, r.options.Now(), r.options.Location
	moment := func(at time.Time, day bool) string { return s.words.moment(locale, at, now, zone, day) }
	v := &view{
		Locale: locale, Brand: b.Name, Colour: b.Colour, Ink: ink(b.Colour),
		Link: l.Link, NotMe: l.NotMe, LoginURL: l.LoginURL, Code: l.Code, CodeUntil: moment(l.CodeUntil, false),
		Password: l.Password, OneTime: l.OneTime, Until: moment(l.Until, false), Address: address(l.Address), By: by(l.By),
		Asked: moment(l.Asked, true), Device: s.words.device(locale, fact(l.Device)), Network: fact(strings.TrimSuffix(l.Network, "/32")), Place: fact(l.Place), Reference: fact(l.Reference),
	}
	var failed error
	say := func(id string, pairs ...string) string {
		text, err := s.words.text(locale, id, append(pairs, "brand", b.Name)...)
		failed = errors.Join(failed, err)
		return text
	}
	v.Subject, v.Title = say(l.Kind+".subject"), say(l.Kind+".title")
	if v.Greeting = say("greeting.nobody"); name(l.Name) != "" && l.Kind != Nobody {
		v.Greeting = say("greeting", "name", name(l.Name))
	}
	for _, f := range []row{
		{"asked", v.Asked}, {"device", v.Device}, {"network", v.Network}, {"place", v.Place}, {"reference", v.Reference},
	} {
		if f.Text != "" {
			v.Facts = append(v.Facts, row{say("facts." + f.Label), f.Text})
		}
	}
	if b.SupportPhone != "" || b.SupportMail != "" || b.SupportURL != "" {
		v.Support = &support{line(b.SupportPhone, maxFact), line(b.SupportMail, maxAddress), b.SupportURL}
	}
	return v, failed
}

// link is a button, input what is to be typed.
type (
	link  struct{ URL, Text, Colour, Ink string }
	input struct {
		Text       string
		Size, Line int
	}
)

// funcs are what templates can call, next to what is built in.
func (r *Renderer) funcs(w words, locale string) template.FuncMap {
	b := r.options.Brand
	return template.FuncMap{
		"t": func(id string, pairs ...string) (string, error) {
			return w.text(locale, id, append(pairs, "brand", b.Name)...)
		},
		"button":   func(url, text string) link { return link{url, text, b.Colour, ink(b.Colour)} },
		"notme":    func(url, text string) link { return link{URL: url, Text: text} },
		"code":     func(text string) input { return input{text, 34, 42} },
		"password": func(text string) input { return input{text, 22, 32} },
	}
}

// write makes the parts of a letter with the given set.
func (r *Renderer) write(s *set, l Letter) (Rendered, error) {
	if err := needs(l); err != nil {
		return Rendered{}, err
	}
	v, err := r.view(s, l)
	if err != nil {
		return Rendered{}, fmt.Errorf("letter %q: %w", l.Kind, err)
	}
	var text, html bytes.Buffer
	if err := s.text[v.Locale][l.Kind].Execute(&text, v); err != nil {
		return Rendered{}, fmt.Errorf("letter %q, text: %w", l.Kind, err)
	}
	if err := s.html[v.Locale][l.Kind].Execute(&html, v); err != nil {
		return Rendered{}, fmt.Errorf("letter %q, HTML: %w", l.Kind, err)
	}
	return Rendered{Subject: v.Subject, Text: wrap(text.String()), HTML: tidy(html.String())}, nil
}

const width = 72

// wrap folds sentences, keeps what has no blank in one piece, and leaves one
// empty line where templates left many.
func wrap(text string) string {
	var out []string
	for raw := range strings.Lines(text) {
		words := strings.Fields(raw)
		if len(words) == 0 {
			if len(out) > 0 && out[len(out)-1] != "" {
				out = append(out, "")
			}
			continue
		}
		now, long := words[0], len([]rune(words[0]))
		for _, word := range words[1:] {
			n := len([]rune(word))
			if long+1+n > width {
				out, now, long = append(out, now), word, n
				continue
			}
			now, long = now+" "+word, long+1+n
		}
		out = append(out, now)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
}

// tidy takes out the empty lines that templates leave.
func tidy(html string) string {
	var out strings.Builder
	for l := range strings.Lines(html) {
		if strings.TrimSpace(l) != "" {
			out.WriteString(l)
		}
	}
	return out.String()
}
