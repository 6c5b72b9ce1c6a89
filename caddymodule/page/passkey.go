package page

// passkeyHint says what is the matter with a passkey that was not accepted, where
// there is more to say than that it was not. A stranger learns nothing by it: what
// is said follows from what their own browser sent.
func (p *Renderer) passkeyHint(locale, reason string) string {
	if id := PasskeyHint(reason); id != "" && p.words.has(locale, id) {
		return p.Text(locale, id)
	}
	return ""
}

// PasskeyHint is the word id of a hint for a reason of *factor.Denied, empty where
// there is none to give.
func PasskeyHint(reason string) string {
	switch reason {
	case "late", "answered", "copied", "unverified", "foreign", "twice", "too_many", "last_step", "last_way", "alone":
		return "passkey.hint_" + reason
	}
	return ""
}
