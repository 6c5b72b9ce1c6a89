package assertion

import (
	"crypto"
	_ "crypto/sha256" // thumbprints are made with it
	"net/http"
)

// thumbprint is what names of keys are made with (RFC 7638).
const thumbprint = crypto.SHA256

// keysFresh is how long apps may keep the document: a rotated secret has its old
// keys published for as long as it stands among the old ones.
const keysFresh = "public, max-age=300"

// Mount adds the route of the document with the keys, which is public.
func (s *Signer) Mount(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", keysFresh)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(s.set)
	})
}
