package page

import "net/http"

// againBody is what again.html sees.
type againBody struct {
	subBody
	Action, Back string
}

// Again writes the page on which somebody who is logged in proves again who they
// are, on their way to the target.
func (p *Renderer) Again(w http.ResponseWriter, r *http.Request, status int, v Sub) {
	_, locale, sub := p.below(r, "", "again", v)
	here := p.at(r, "prove", v.Target)
	body := againBody{subBody: sub, Action: p.own(here, "prove"), Back: p.Text(locale, "link.back", "brand", p.options.Brand.Name)}
	p.finish(w, here, status, "again", p.Text(locale, "cause.fresh_proof_required.title"), v, sub, body)
}
