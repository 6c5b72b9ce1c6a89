package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule/provider"
)

// What stands in the block of every provider:
//
//	client_id      <text>
//	client_secret  <text>
//	label          <text>
//	scopes         <scope>...
//	accept_issuers <url>...
//	client_auth    auto|basic|post
//	nonce          on|off
//	pkce           on|off
//	second_step_by amr|acr <value>...
func (c *ProviderClient) words() words {
	return words{
		"client_id":      textWord("<text>", &c.ClientID, nil),
		"client_secret":  textWord("<text>", &c.ClientSecret, nil),
		"label":          textWord("<text>", &c.Label, nil),
		"scopes":         filledWord("<scope>...", &c.Scopes),
		"accept_issuers": filledWord("<url>...", &c.AcceptIssuers),
		"client_auth": textWord("auto|basic|post", &c.ClientAuth, func(text string) error {
			switch provider.ClientAuth(text) {
			case provider.AuthAuto, provider.AuthBasic, provider.AuthPost:
				return nil
			}
			return fmt.Errorf("%q: write auto, basic or post", text)
		}),
		"nonce":          switchWord(&c.Nonce),
		"pkce":           switchWord(&c.PKCE),
		"second_step_by": c.secondStepWord(),
	}
}

func (c *ProviderClient) secondStepWord() word {
	return word{usage: "amr|acr <value>...", min: 2, max: -1, repeats: true, set: func(args []string) error {
		to := &c.SecondStepBy.Amr
		switch args[0] {
		case "amr":
		case "acr":
			to = &c.SecondStepBy.Acr
		default:
			return fmt.Errorf("%q: write amr or acr, and the values that are enough", args[0])
		}
		if slices.Contains(args, "") {
			return errors.New("has an empty value, which every login would fit")
		}
		*to = append(*to, args[1:]...)
		return nil
	}}
}

// filledWord takes texts that may be spread over several lines.
func filledWord(usage string, to *[]string) word {
	return listWord(usage, to, func(text string) error {
		if text == "" {
			return errors.New("is empty: leave the word out instead")
		}
		return nil
	})
}

// with adds what one kind has beside the words of all.
func (c *ProviderClient) with(more words) words {
	table := c.words()
	maps.Copy(table, more)
	return table
}

// need is a word that must be there, and what to say where it is not.
type need struct {
	value *string
	what  string
}

// parseProvider reads the rest of the line and the block.
func (c *ProviderClient) parseProvider(d *caddyfile.Dispenser, in string, w word, more ...need) error {
	d.Next()
	needs := append([]need{
		{&c.ClientID, "client_id; the provider gives one when you register the gateway there"},
		{&c.ClientSecret, "client_secret; the provider gives one when you register the gateway there"},
	}, more...)
	w.late = func([]string) error {
		for _, n := range needs {
			if *n.value == "" {
				return errors.New("has no " + n.what)
			}
		}
		return nil
	}
	late, err := w.parse(d, in)
	if err != nil {
		return err
	}
	return late()
}

// UnmarshalCaddyfile reads what stands after `provider`.
//
//	google {
//		base_url <url>
//		domains  <domain>...
//	}
func (p *GoogleProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return p.parseProvider(d, "provider google", word{block: func([]string) words { return p.with(p.words()) }})
}

func (p *GoogleProvider) words() words {
	return words{"base_url": textWord("<url>", &p.BaseURL, nil), "domains": filledWord("<domain>...", &p.Domains)}
}

// UnmarshalCaddyfile reads what stands after `provider`.
//
//	microsoft {
//		base_url <url>
//		tenants  <id>...
//		personal on|off
//	}
func (p *MicrosoftProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return p.parseProvider(d, "provider microsoft", word{block: func([]string) words { return p.with(p.words()) }})
}

func (p *MicrosoftProvider) words() words {
	return words{
		"base_url": textWord("<url>", &p.BaseURL, nil),
		"tenants":  filledWord("<id>...", &p.Tenants),
		"personal": switchWord(&p.Personal),
	}
}

// UnmarshalCaddyfile reads what stands after `provider`.
//
//	linkedin {
//		base_url <url>
//	}
func (p *LinkedInProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return p.parseProvider(d, "provider linkedin", word{block: func([]string) words { return p.with(p.words()) }})
}

func (p *LinkedInProvider) words() words {
	return words{"base_url": textWord("<url>", &p.BaseURL, nil)}
}

// UnmarshalCaddyfile reads what stands after `provider`.
//
//	oidc <name> {
//		issuer <url>
//	}
func (p *OIDCProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	w := textWord("<name>", &p.Name, provider.CheckName)
	w.block = func([]string) words { return p.with(p.words()) }
	return p.parseProvider(d, "provider oidc", w, need{&p.Issuer, "issuer; write the address of the provider, as in its discovery document"})
}

func (p *OIDCProvider) words() words { return words{"issuer": textWord("<url>", &p.Issuer, nil)} }
